//! Since when each beacon's process is known to be up: by its own word where it tells, else since it was first seen.
//!
//! Pure but for its lock. Whoever probes says what was seen, whoever reads signs of a restart says so, and what survives
//! this process is [`Tenures::changed`] and comes back by [`Tenures::restore`]. By name, so that it outlives fleet files.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::chain::SlotClock;
use crate::model::{BeaconName, Slot, UnixMs};

/// Epochs a beacon must have been up before its silence about a validator says anything: clients that look for
/// doppelgangers ask for the present epoch and the one before (Beacon API, `getLiveness`).
const EPOCHS: u64 = 2;

#[derive(Debug, Clone, Copy, Default)]
struct Tenure {
    /// Its own word.
    told: Option<UnixMs>,
    /// The first sight of this process of it.
    seen: Option<UnixMs>,
    /// When it may have restarted, of what this process of ours saw: what was known before is of another one.
    lost: Option<UnixMs>,
    /// Since when it could not be reached, while what it began to say before may still be said on.
    doubted: Option<UnixMs>,
    /// When it was last found to be the process it was.
    vouched: Option<UnixMs>,
    /// What is persisted.
    kept: Mark,
}

/// What is persisted of one beacon: a number that only rises. Twice the time since when it is up, or one more than twice the
/// time at which it was lost sight of.
pub type Mark = u64;

impl Tenure {
    /// What is in doubt is written as lost; once it is not, it is up since then for whoever reads it.
    fn mark(&self) -> Mark {
        let up = |seen: UnixMs| self.vouched.map_or(seen, |vouched| vouched.max(seen)).0 * 2;
        let lost = |at: UnixMs| at.0 * 2 + 1;
        self.doubted.map(lost).or(self.seen.map(up)).or(self.lost.map(lost)).unwrap_or_default()
    }

    fn is_sure(&mut self, now: UnixMs) {
        if self.doubted.take().is_some() {
            self.vouched = Some(now);
        }
    }
}

/// All beacons' tenures.
#[derive(Debug, Default)]
pub struct Tenures(Mutex<HashMap<BeaconName, Tenure>>);

impl Tenures {
    fn with<R>(&self, look: impl FnOnce(&mut HashMap<BeaconName, Tenure>) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// It answered.
    pub fn seen(&self, beacon: &BeaconName, now: UnixMs) {
        self.with(|all| match all.get_mut(beacon) {
            Some(tenure) => drop(tenure.seen.get_or_insert(now)),
            None => drop(all.insert(beacon.clone(), Tenure { seen: Some(now), ..Tenure::default() })),
        });
    }

    /// It says when its process started.
    pub fn told(&self, beacon: &BeaconName, started: UnixMs, now: UnixMs) {
        self.with(|all| {
            let tenure = all.entry(beacon.clone()).or_default();
            tenure.told = Some(started);
            if tenure.doubted.is_some() {
                tenure.seen = tenure.seen.map(|seen| seen.max(started));
                tenure.is_sure(now);
            }
        });
    }

    /// It may have restarted: it is up since it is seen or tells the next time.
    pub fn lost(&self, beacon: &BeaconName, now: UnixMs) {
        self.with(|all| {
            let tenure = all.entry(beacon.clone()).or_default();
            *tenure = Tenure { lost: Some(now), kept: tenure.kept, ..Tenure::default() };
        });
    }

    /// It cannot be reached, and what it began to say before is not broken off: nothing is known until it goes on
    /// ([`Tenures::vouch`]), breaks off ([`Tenures::lost`]) or tells when it started.
    pub fn doubt(&self, beacon: &BeaconName, now: UnixMs) {
        self.with(|all| {
            all.entry(beacon.clone()).or_default().doubted.get_or_insert(now);
        });
    }

    /// It went on with what it began to say before it was in doubt: it is the process it was.
    pub fn vouch(&self, beacon: &BeaconName, now: UnixMs) {
        self.with(|all| all.get_mut(beacon).into_iter().for_each(|tenure| tenure.is_sure(now)));
    }

    /// What a process of ours before this one knew. A sign of a restart seen by this one is newer.
    pub fn restore(&self, beacon: &BeaconName, mark: Mark) {
        self.with(|all| {
            let tenure = all.entry(beacon.clone()).or_default();
            tenure.kept = mark;
            if mark != 0 && mark.is_multiple_of(2) && tenure.lost.is_none() {
                let since = UnixMs(mark / 2);
                tenure.seen = Some(tenure.seen.map_or(since, |seen| seen.min(since)));
            }
        });
    }

    /// Since when it is known to be up.
    pub fn since(&self, beacon: &BeaconName) -> Option<UnixMs> {
        let sure = |tenure: &&Tenure| tenure.doubted.is_none();
        self.with(|all| all.get(beacon).filter(sure).and_then(|tenure| tenure.told.or(tenure.seen)))
    }

    /// Marks that are not persisted yet; they count as persisted from now on. One's own word is told again.
    pub fn changed(&self) -> Vec<(BeaconName, Mark)> {
        self.with(|all| {
            let mut changed = Vec::new();
            for (beacon, tenure) in all.iter_mut().filter(|(_, tenure)| tenure.kept < tenure.mark()) {
                tenure.kept = tenure.mark();
                changed.push((beacon.clone(), tenure.kept));
            }
            changed
        })
    }
}

/// A beacon that is up since then or longer has seen all that it is asked about. While the network is younger than two
/// epochs that is its genesis: before it there was nothing to see.
pub fn bound(clock: &SlotClock, now: UnixMs) -> UnixMs {
    let slot = clock.slot_at(now).unwrap_or_default();
    clock.start_of(Slot(slot.0.saturating_sub(EPOCHS * clock.slots_per_epoch())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chain::Genesis;
    use crate::model::Root;

    fn name() -> BeaconName {
        BeaconName::new("b")
    }

    #[test]
    fn the_first_sight_of_a_process_counts_and_its_own_word_counts_more() {
        let tenures = Tenures::default();
        assert_eq!(tenures.since(&name()), None);
        tenures.seen(&name(), UnixMs(50));
        tenures.seen(&name(), UnixMs(60));
        assert_eq!(tenures.since(&name()), Some(UnixMs(50)));
        tenures.told(&name(), UnixMs(10), UnixMs(60));
        assert_eq!(tenures.since(&name()), Some(UnixMs(10)));
        tenures.lost(&name(), UnixMs(65));
        assert_eq!(tenures.since(&name()), None, "the next process has told nothing");
        tenures.seen(&name(), UnixMs(70));
        assert_eq!(tenures.since(&name()), Some(UnixMs(70)));
    }

    #[test]
    fn what_was_known_before_comes_back_unless_a_restart_was_seen() {
        let tenures = Tenures::default();
        tenures.seen(&name(), UnixMs(50));
        tenures.restore(&name(), 10);
        assert_eq!(tenures.since(&name()), Some(UnixMs(5)));
        assert_eq!(tenures.changed(), [], "that is on disk");
        let tenures = Tenures::default();
        tenures.lost(&name(), UnixMs(40));
        tenures.restore(&name(), 10);
        assert_eq!(tenures.since(&name()), None);
        assert_eq!(tenures.changed(), [(name(), 81)]);
        tenures.seen(&name(), UnixMs(50));
        assert_eq!(tenures.changed(), [(name(), 100)]);
        assert_eq!(tenures.changed(), []);
    }

    #[test]
    fn who_goes_on_with_what_it_said_is_who_it_was_and_who_breaks_off_is_not() {
        let tenures = Tenures::default();
        tenures.seen(&name(), UnixMs(50));
        assert_eq!(tenures.changed(), [(name(), 100)]);
        tenures.doubt(&name(), UnixMs(70));
        assert_eq!(tenures.since(&name()), None, "nothing is known");
        assert_eq!(tenures.changed(), [(name(), 141)], "nor by the next process of ours");
        tenures.seen(&name(), UnixMs(80));
        assert_eq!(tenures.since(&name()), None, "it may be another one that answers");
        tenures.vouch(&name(), UnixMs(90));
        assert_eq!(tenures.since(&name()), Some(UnixMs(50)));
        assert_eq!(tenures.changed(), [(name(), 180)]);

        tenures.doubt(&name(), UnixMs(100));
        tenures.told(&name(), UnixMs(95), UnixMs(110));
        assert_eq!(tenures.since(&name()), Some(UnixMs(95)), "another one, by its own word");
        tenures.doubt(&name(), UnixMs(120));
        tenures.lost(&name(), UnixMs(130));
        tenures.vouch(&name(), UnixMs(140));
        assert_eq!(tenures.since(&name()), None);
        tenures.seen(&name(), UnixMs(150));
        assert_eq!(tenures.since(&name()), Some(UnixMs(150)));
    }

    #[test]
    fn two_epochs_are_wanted_and_no_more_than_the_network_has() {
        let genesis = Genesis { time: 1_000, validators_root: Root::default(), fork_version: [0; 4] };
        let pairs = [("SECONDS_PER_SLOT", "12"), ("SLOTS_PER_EPOCH", "32")];
        let clock = SlotClock::new(&genesis, &pairs.into_iter().collect()).unwrap();
        let epoch_ms = clock.slots_per_epoch() * clock.slot_ms(Slot(0));
        let at = |epochs: u64| UnixMs(clock.genesis().0 + epochs * epoch_ms);
        for young in [UnixMs(0), at(0), at(1), at(2)] {
            assert_eq!(bound(&clock, young), clock.genesis());
        }
        assert_eq!(bound(&clock, at(3)), at(1));
        assert_eq!(bound(&clock, at(100)), at(98));
    }

    #[derive(Debug, Clone, Copy)]
    enum Did {
        Answered,
        /// What it said broke off.
        Restarted,
        /// It could not be reached, whether it restarts then or not.
        Unreachable(bool),
        /// If it is the one that began it, it goes on with what it said.
        Speaks,
        Told,
        WeRestarted,
    }

    fn did() -> impl Strategy<Value = Did> {
        prop_oneof![
            Just(Did::Answered),
            Just(Did::Restarted),
            any::<bool>().prop_map(Did::Unreachable),
            Just(Did::Speaks),
            Just(Did::Told),
            Just(Did::WeRestarted)
        ]
    }

    proptest! {
        /// Whatever happens in whatever order, nobody is thought to be up longer than its process is.
        #[test]
        fn nobody_is_known_to_be_up_longer_than_it_is(
            steps in proptest::collection::vec(did(), 1..60)
        ) {
            let (mut tenures, mut started, mut disk) = (Tenures::default(), UnixMs(0), 0);
            // Whether what is listened to is of the present process, and what is listened to at all.
            let mut hears = Some(true);
            for (step, did) in steps.into_iter().enumerate() {
                let now = UnixMs(step as u64 + 1);
                match did {
                    Did::Answered => tenures.seen(&name(), now),
                    Did::Told => tenures.told(&name(), started, now),
                    Did::Restarted => {
                        started = now;
                        tenures.lost(&name(), now);
                        hears = Some(true);
                    }
                    Did::Unreachable(restarts) => {
                        match hears {
                            Some(_) => tenures.doubt(&name(), now),
                            None => tenures.lost(&name(), now),
                        }
                        if restarts {
                            started = now;
                            hears = hears.map(|_| false);
                        }
                    }
                    // Of one that is no more nothing comes, and that is found out some time.
                    Did::Speaks => match hears {
                        Some(true) => tenures.vouch(&name(), now),
                        Some(false) => {
                            tenures.lost(&name(), now);
                            hears = None;
                        }
                        None => hears = Some(true),
                    },
                    Did::WeRestarted => {
                        tenures = Tenures::default();
                        tenures.restore(&name(), disk);
                        hears = Some(true);
                    }
                }
                // Marks only rise.
                disk = tenures.changed().first().map_or(disk, |(_, mark)| disk.max(*mark));
                prop_assert!(tenures.since(&name()).is_none_or(|since| since >= started));
            }
        }
    }
}
