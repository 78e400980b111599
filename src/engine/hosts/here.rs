//! The checks of this machine, again and again.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Machine;
use crate::host::durable::Durable;
use crate::host::{Overrides, Reading};
use crate::model::Clock;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(60);

/// Who looks, and when.
pub struct Here<L> {
    /// The machine.
    pub machine: std::sync::Arc<Machine>,
    /// The clock.
    pub clock: Clock,
    /// The thresholds in force.
    pub limits: L,
    /// Time before the first look.
    pub first: Duration,
    /// Ends it.
    pub cancel: CancellationToken,
}

impl<L: Fn() -> Overrides> Here<L> {
    /// Looks until the end; what the probe measured is judged with the rest.
    pub async fn run(self, probed: watch::Receiver<Option<Reading>>) {
        let Self { machine, clock, limits, first, cancel } = self;
        let (mut wait, mut looker) = (first, machine.looker());
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = machine.asked() => {}
                () = tokio::time::sleep(wait) => {}
            }
            wait = EVERY;
            let writes = machine.writes();
            let (limits, probed, clock) = (limits(), probed.borrow().clone(), clock.clone());
            let looked = tokio::task::spawn_blocking(move || {
                let had = probed.map(|reading| (Durable::ask(), reading));
                let looked = looker.look(&limits, had, &|| clock().wall);
                (looker, looked)
            });
            tokio::select! {
                () = cancel.cancelled() => return,
                looked = looked => match looked {
                    Ok((again, looked)) => {
                        looker = again;
                        // It is looked at anew at once then.
                        if machine.writes() == writes {
                            machine.looked(looked);
                        }
                    }
                    Err(error) => {
                        looker = machine.looker();
                        tracing::warn!(%error, "this machine could not be looked at");
                    }
                },
            }
        }
    }
}
