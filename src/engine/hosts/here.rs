//! The checks of this machine, again and again.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::host::clock::ClockVerdict;
use crate::host::{self, Finding, Live, Overrides};
use crate::model::{Clock, Fleet, UnixMs};

/// After the start, when caches are filled and validators wait, nothing is looked at for so long.
const FIRST: Duration = Duration::from_secs(15);
/// Time between two looks, and between the two halves of one: counters are seen to move.
const EVERY: Duration = Duration::from_secs(60);
const MOVES: Duration = Duration::from_secs(5);

/// What was found here.
#[derive(Debug, Clone)]
pub struct Found {
    /// When.
    pub at: UnixMs,
    /// What each check says.
    pub findings: Arc<Vec<Finding>>,
    /// What is to be thought of the clock; none if nobody says anything of it.
    pub clock: Option<ClockVerdict>,
}

/// Looks until `cancel`, by the thresholds of the fleet file in force.
pub async fn run(
    found: watch::Sender<Option<Found>>,
    fleet: Arc<ArcSwap<Fleet>>,
    clock: Clock,
    cancel: CancellationToken,
) {
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = EVERY;
        let limits = fleet.load().host.limits.clone();
        let looked = tokio::task::spawn_blocking(move || look(&limits));
        tokio::select! {
            () = cancel.cancelled() => return,
            looked = looked => match looked {
                Ok((findings, verdict)) => {
                    let at = clock().wall;
                    found.send_replace(Some(Found { at, findings: Arc::new(findings), clock: verdict }));
                }
                Err(error) => tracing::warn!(%error, "this machine could not be looked at"),
            },
        }
    }
}

fn look(limits: &Overrides) -> (Vec<Finding>, Option<ClockVerdict>) {
    let live = Live::new(Path::new("/"));
    let record = host::collect(&live, || thread::sleep(MOVES));
    (host::audit_as(&record, &[], limits), host::clock_of(&record, limits))
}
