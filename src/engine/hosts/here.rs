//! The checks of this machine, again and again.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::host::durable::Durable;
use crate::host::{Found, Looker, Overrides, Reading, Role};
use crate::model::Clock;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(60);

/// How this machine is looked at.
pub struct Here<L> {
    /// What it is for; what runs there says if there is none.
    pub roles: Vec<Role>,
    /// Time before the first look.
    pub first: Duration,
    /// Thresholds in force.
    pub limits: L,
    /// The clock.
    pub clock: Clock,
    /// Ends it.
    pub cancel: CancellationToken,
}

impl<L: Fn() -> Overrides> Here<L> {
    /// Looks until it is ended; `probed` is what was measured of durable writes.
    pub async fn run(self, found: watch::Sender<Option<Found>>, probed: watch::Receiver<Option<Reading>>) {
        let (mut wait, mut looker) = (self.first, Looker::new(self.roles.clone()));
        loop {
            tokio::select! {
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = EVERY;
            let (limits, probed, clock) = ((self.limits)(), probed.borrow().clone(), self.clock.clone());
            let looked = tokio::task::spawn_blocking(move || {
                let had = probed.map(|reading| (Durable::ask(), reading));
                let looked = looker.look(&limits, had, &|| clock().wall);
                (looker, looked)
            });
            tokio::select! {
                () = self.cancel.cancelled() => return,
                looked = looked => match looked {
                    Ok((again, looked)) => {
                        looker = again;
                        found.send_replace(Some(looked));
                    }
                    Err(error) => {
                        looker = Looker::new(self.roles.clone());
                        tracing::warn!(%error, "this machine could not be looked at");
                    }
                },
            }
        }
    }
}
