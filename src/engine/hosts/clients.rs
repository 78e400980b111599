//! Pauses of beacons, wherever they run, by the metrics they tell.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;

use super::limits;
use crate::engine::common::Common;
use crate::host::pauses::{self, Scraper};
use crate::host::{self, Finding, Overrides, Reading, Record};
use crate::model::{Beacon, BeaconName, UnixMs};

/// Time between two looks: what a counter did between them is what is judged. After the first one the second comes sooner, so
/// that something is known.
const FIRST: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_secs(60);
/// The check that judges it.
const CHECK: &str = "proc.gc_pause";

/// What was found, and when, by beacon.
pub type Found = BTreeMap<BeaconName, (UnixMs, Finding)>;

/// Looks until `cancel`.
pub async fn run(found: watch::Sender<Found>, common: Common) {
    let scraper = match Scraper::new() {
        Ok(scraper) => scraper,
        Err(error) => return tracing::warn!(%error, "metrics of beacons are not looked at"),
    };
    let (mut wait, mut before) = (Duration::ZERO, BTreeMap::new());
    loop {
        tokio::select! {
            () = common.cancel.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = if before.is_empty() { FIRST } else { EVERY };
        let fleet = common.fleet.load_full();
        let told = read(&scraper, &fleet.beacons).await;
        let (at, limits) = ((common.clock)().wall, limits(&common));
        let finds = told.iter().filter_map(|(name, reading)| {
            warn(name, before.get(name), reading);
            Some((name.clone(), (at, judged(name, before.get(name), reading, &limits)?)))
        });
        let finds = finds.collect();
        found.send_replace(finds);
        before = told;
    }
}

async fn read(scraper: &Scraper, beacons: &[Beacon]) -> BTreeMap<BeaconName, Reading> {
    let asks = beacons.iter().filter_map(|beacon| {
        let url = beacon.metrics.as_deref()?;
        Some(async move { (beacon.name.clone(), scraper.read(url).await) })
    });
    futures_util::future::join_all(asks).await.into_iter().collect()
}

/// Says once that metrics cannot be read any more.
fn warn(name: &BeaconName, before: Option<&Reading>, now: &Reading) {
    if let Err(host::Unread::Failed(why)) = now
        && before != Some(now)
    {
        tracing::warn!(beacon = %name, %why, "pauses are not seen");
    }
}

/// What the check says of two looks; none before there are two.
fn judged(name: &BeaconName, before: Option<&Reading>, now: &Reading, limits: &Overrides) -> Option<Finding> {
    let mut record = Record::default();
    record.first.insert(pauses::whose(), Ok(name.to_string()));
    record.first.insert(pauses::of(name.as_str()), before?.clone());
    record.later.insert(pauses::of(name.as_str()), now.clone());
    host::audit_as(&record, &[], limits).into_iter().find(|finding| finding.id == CHECK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_looks_are_judged_and_one_is_not() {
        let name = BeaconName::new("a");
        let told = |at: u32, count: u32, sum: f64| {
            Ok(format!("# at {at}\ngo_gc_duration_seconds_sum {sum}\ngo_gc_duration_seconds_count {count}"))
        };
        let (first, second) = (told(10, 1, 0.1), told(70, 2, 1.0));
        assert_eq!(judged(&name, None, &first, &Overrides::new()), None);
        let finding = judged(&name, Some(&first), &second, &Overrides::new()).unwrap();
        assert_eq!(finding.verdict, host::Verdict::Bad, "{finding}");
        let lenient = Overrides::from([("proc.gc_pause.bad".to_owned(), 2_000.0)]);
        assert_eq!(judged(&name, Some(&first), &second, &lenient).unwrap().verdict, host::Verdict::Warn);
        let gone = Err(host::Unread::Failed("refused".to_owned()));
        let finding = judged(&name, Some(&second), &gone, &Overrides::new()).unwrap();
        assert!(matches!(finding.verdict, host::Verdict::Unknown(_)), "{finding}");
    }
}
