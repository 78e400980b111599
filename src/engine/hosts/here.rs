//! The checks of this machine, again and again.

use std::time::Duration;

use tokio::sync::watch;

use super::limits;
use crate::engine::common::Common;
use crate::host::Reading;
use crate::host::durable::Durable;

/// After the start, when caches are filled and validators wait, nothing is looked at for so long.
const FIRST: Duration = Duration::from_secs(15);
/// Time between two looks.
const EVERY: Duration = Duration::from_secs(60);

/// Looks until `cancel`, by the thresholds in force.
pub async fn run(probed: watch::Receiver<Option<Reading>>, common: Common) {
    let machine = &common.machine;
    let (mut wait, mut looker) = (FIRST, machine.looker());
    loop {
        tokio::select! {
            () = common.cancel.cancelled() => return,
            () = machine.asked() => {}
            () = tokio::time::sleep(wait) => {}
        }
        wait = EVERY;
        let (limits, probed, clock) = (limits(&common), probed.borrow().clone(), common.clock.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let had = probed.map(|reading| (Durable::ask(), reading));
            let looked = looker.look(&limits, had, &|| clock().wall);
            (looker, looked)
        });
        tokio::select! {
            () = common.cancel.cancelled() => return,
            looked = looked => match looked {
                Ok((again, looked)) => {
                    looker = again;
                    machine.looked(looked);
                }
                Err(error) => {
                    looker = machine.looker();
                    tracing::warn!(%error, "this machine could not be looked at");
                }
            },
        }
    }
}
