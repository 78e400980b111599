//! Since when beacons are up, across processes: a restart of ours leaves nobody without evidence of who is live.
//!
//! A beacon may restart while no process of ours looks, so what was known is taken back after a short absence only; what
//! a beacon says of its own start needs none of this.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::common::Common;
use crate::model::Beacon;
use crate::store::Write;

/// The mark that says when a process of ours looked last.
const LOOKED: &str = "looked";
/// How often it is raised, and what changed is written.
const EVERY: Duration = Duration::from_secs(5);
/// After a longer absence nothing is taken back: a start of ours takes seconds, an upgrade by hand a few minutes.
const ABSENCE: Duration = Duration::from_secs(300);

/// Takes back what is known, then keeps it; until `cancel`.
pub async fn keep(common: Common) {
    tokio::select! {
        () = common.cancel.cancelled() => {}
        () = keeping(&common) => {}
    }
    write(&common).await;
}

async fn keeping(common: &Common) {
    // In a successor this waits until the state is handed over.
    let looked = common.store.mark(LOOKED).await.unwrap_or_default();
    let away = (common.clock)().wall.0.checked_sub(looked);
    if away.is_some_and(|away| u128::from(away) <= ABSENCE.as_millis()) {
        for beacon in &common.fleet.load_full().beacons {
            let mark = common.store.mark(mark(beacon)).await.unwrap_or_default();
            common.tenures.restore(&beacon.name, mark);
        }
    } else if looked > 0 {
        tracing::info!("beacons may have restarted while no serve ran: they are up since they are seen now");
    }
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        write(common).await;
    }
}

async fn write(common: &Common) {
    let fleet = common.fleet.load_full();
    let mut writes = vec![Write::Raise { mark: LOOKED.to_owned(), to: (common.clock)().wall.0 }];
    for (name, to) in common.tenures.changed() {
        let beacon = fleet.beacons.iter().find(|beacon| beacon.name == name);
        writes.extend(beacon.map(|beacon| Write::Raise { mark: mark(beacon), to }));
    }
    if let Err(error) = common.store.write(writes).await {
        tracing::debug!(%error, "since when beacons are up is not on disk yet");
    }
}

/// Its name and where it is reached: under another address it is another one. A path may be a secret.
fn mark(beacon: &Beacon) -> String {
    let rest = beacon.url.rsplit("://").next().unwrap_or_default();
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    format!("up {} {authority}", beacon.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn a_mark_names_beacon_and_address_and_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fleet.yaml");
        let text = "fleet: t\nlisten: 127.0.0.1:0\nbeacons: [{name: b1, url: \"http://bn1:5052/token\"}]\n";
        std::fs::write(&file, text).unwrap();
        let fleet = config::load(&file).unwrap().fleet;
        assert_eq!(mark(&fleet.beacons[0]), "up b1 bn1:5052");
    }
}
