//! Durable writes on this machine, measured once an hour where whoever owns it says so: `serve` by the fleet file, an agent by its
//! own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Machine;
use crate::chain::SlotClock;
use crate::engine::common::Common;
use crate::host::Reading;
use crate::host::durable::{IN_PHASE, Order, measure};
use crate::model::{Clock, Slot};
use crate::router::Router;

/// How often is looked whether it is time.
const LOOK: Duration = Duration::from_secs(10);
/// Time between two probes: 64 writes an hour are 6 MiB a day.
const EVERY: Duration = Duration::from_secs(3_600);
/// Slots before a block of ours in which the disk is left alone.
const BEFORE_BLOCK: u64 = 2;

/// Where and when is measured.
pub trait Probed: Send + Sync + 'static {
    /// The directory; none: nowhere.
    fn dir(&self) -> Option<PathBuf>;
    /// Where slots lie; none: nobody knows, and nothing is measured.
    fn slots(&self) -> Option<SlotClock>;
    /// Slots in which a block of ours is due.
    fn proposing(&self) -> Vec<Slot>;
    /// Validators whose signatures are recorded there, if somebody knows.
    fn validators(&self) -> Option<u32>;
}

/// By the fleet file, and what the router knows.
pub struct ByFleet {
    /// The fleet file, and duties.
    pub common: Common,
    /// The slots.
    pub router: Arc<ArcSwap<Router>>,
}

impl Probed for ByFleet {
    fn dir(&self) -> Option<PathBuf> {
        self.common.fleet.load().host.probe_dir.clone()
    }

    fn slots(&self) -> Option<SlotClock> {
        self.router.load().table.load().clock.clone()
    }

    fn proposing(&self) -> Vec<Slot> {
        self.common.eye.shown.load().proposing.clone()
    }

    fn validators(&self) -> Option<u32> {
        let seen = self.common.eye.shown.load().duties.as_ref().map(|duties| duties.validators);
        self.common.fleet.load().host.validators.or(seen)
    }
}

/// Measures until `cancel`. What is told is the last probe's reading; none where none was made.
pub async fn run(
    measured: watch::Sender<Option<Reading>>,
    of: Arc<impl Probed>,
    machine: Arc<Machine>,
    clock: Clock,
    cancel: CancellationToken,
) {
    let (mut looks, mut last) = (interval(LOOK), None::<(PathBuf, Instant)>);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = looks.tick() => {}
        }
        let Some(dir) = of.dir() else {
            (last, _) = (None, measured.send_replace(None));
            continue;
        };
        let done = last.as_ref().is_some_and(|(of, at)| *of == dir && at.elapsed() < EVERY);
        let Some(slots) = of.slots().filter(|_| !done) else { continue };
        last = Some((dir.clone(), Instant::now()));
        let (of, clock, cancel) = (of.clone(), clock.clone(), cancel.clone());
        let probe = move || {
            let now = || clock().wall;
            let mind = || unwelcome(cancel.is_cancelled(), &of.proposing(), slots.slot_at(now())?);
            let validators = of.validators();
            measure(Order { dir: &dir, plan: IN_PHASE, slots: Some(&slots), validators }, &now, &mind)
        };
        match tokio::task::spawn_blocking(probe).await {
            Ok(reading) => {
                measured.send_replace(Some(reading));
                machine.look_again();
            }
            Err(error) => tracing::warn!(%error, "durable writes could not be measured"),
        }
    }
}

/// Why a probe must stop, if so.
fn unwelcome(stops: bool, proposing: &[Slot], now: Slot) -> Option<String> {
    let near = |slot: &&Slot| (now.0..=now.0 + BEFORE_BLOCK).contains(&slot.0);
    match proposing.iter().find(near) {
        _ if stops => Some("this program stops".to_owned()),
        Some(slot) => Some(format!("a block is due in slot {slot}")),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_near_and_a_stop_end_it() {
        let proposing = [Slot(3), Slot(12)];
        let why = |stops, now| unwelcome(stops, &proposing, Slot(now));
        assert_eq!((why(false, 9), why(false, 13)), (None, None));
        assert_eq!(why(false, 10).as_deref(), Some("a block is due in slot 12"));
        assert_eq!(why(false, 12).as_deref(), Some("a block is due in slot 12"));
        assert_eq!(why(true, 9).as_deref(), Some("this program stops"));
    }
}
