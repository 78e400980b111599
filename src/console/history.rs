//! The last half hour of snapshots: what freeze and scrubbing show, and what sparklines are drawn from. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{FleetStatus, Slot, UnixMs};

/// How far back it goes.
pub const KEPT_MS: i64 = 30 * 60_000;
/// Snapshots younger than this are all kept.
const FINE_MS: i64 = 2 * 60_000;
/// Of older ones, one in so long: a hundred beacons' half hour must not cost more memory than the program.
const COARSE_MS: i64 = 10_000;

/// Snapshots, oldest first.
#[derive(Debug, Clone, Default)]
pub struct History(VecDeque<Arc<FleetStatus>>);

impl History {
    /// Takes a snapshot; what was not before it goes, for then clocks were set back, or a recording was.
    pub fn push(&mut self, status: Arc<FleetStatus>) {
        while self.0.back().is_some_and(|last| last.at >= status.at) {
            self.0.pop_back();
        }
        self.0.push_back(status);
        self.thin();
    }

    fn thin(&mut self) {
        let Some(newest) = self.0.back().map(|last| last.at) else { return };
        while self.0.front().is_some_and(|first| newest.since(first.at) > KEPT_MS) {
            self.0.pop_front();
        }
        // At most one snapshot a push crosses the border between fine and coarse; it goes if its elder is near.
        let Some(border) = self.0.iter().rposition(|status| newest.since(status.at) > FINE_MS) else {
            return;
        };
        let near = |place: usize| {
            let elder = place.checked_sub(1).and_then(|elder| self.0.get(elder));
            let older = place.checked_sub(2).and_then(|older| self.0.get(older));
            // The one before goes if the two around it are near to each other.
            elder.is_some() && older.is_some_and(|older| self.0[place].at.since(older.at) < COARSE_MS)
        };
        if near(border) {
            self.0.remove(border - 1);
        }
    }

    /// The newest.
    pub fn newest(&self) -> Option<&Arc<FleetStatus>> {
        self.0.back()
    }

    /// The one that was shown at a moment: the youngest that is not younger.
    pub fn at(&self, moment: UnixMs) -> Option<&Arc<FleetStatus>> {
        let after = self.0.partition_point(|status| status.at <= moment);
        self.0.get(after.saturating_sub(1))
    }

    /// The neighbour of the one shown at a moment, so many further; no further than the ends.
    pub fn step(&self, moment: UnixMs, by: isize) -> Option<UnixMs> {
        let here = self.0.partition_point(|status| status.at <= moment).saturating_sub(1);
        let there = here.saturating_add_signed(by).min(self.0.len().checked_sub(1)?);
        Some(self.0[there].at)
    }

    /// The last moment of a slot, of those that are kept; of a slot that none is of, the last before it.
    ///
    /// # Errors
    /// One sentence: it has not come, or is no longer kept.
    pub fn of_slot(&self, slot: Slot) -> Result<UnixMs, String> {
        let first = self.0.iter().find_map(|status| status.slot);
        let last = self.newest().and_then(|newest| newest.slot);
        match (first, last) {
            (Some(first), _) if slot < first => Err(format!(
                "slot {slot} is no longer kept: the last 30 minutes begin with slot {first} here"
            )),
            (Some(_), Some(last)) if slot > last => {
                Err(format!("slot {slot} has not come yet: it is slot {last} now"))
            }
            (Some(_), Some(_)) => {
                let of = self.0.iter().rev().find(|status| status.slot.is_some_and(|of| of <= slot));
                of.map(|status| status.at).ok_or_else(|| format!("nothing is kept of slot {slot}"))
            }
            _ => Err("no slot is known yet".to_owned()),
        }
    }

    /// Whether the one shown at a moment is the newest.
    pub fn is_newest(&self, moment: UnixMs) -> bool {
        self.0.back().is_none_or(|last| last.at <= moment)
    }

    /// The snapshots up to a moment, oldest first.
    pub fn until(&self, moment: UnixMs) -> impl DoubleEndedIterator<Item = &Arc<FleetStatus>> {
        self.0.range(..self.0.partition_point(|status| status.at <= moment))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::fleet;

    fn at(seconds: u64) -> Arc<FleetStatus> {
        Arc::new(FleetStatus { at: UnixMs(1_000_000 + seconds * 1_000), ..fleet(Vec::new()) })
    }

    fn moment(seconds: u64) -> UnixMs {
        UnixMs(1_000_000 + seconds * 1_000)
    }

    #[test]
    fn half_an_hour_is_kept_finely_first_then_coarsely() {
        let mut history = History::default();
        for second in 0..4_000 {
            history.push(at(second));
        }
        assert!(history.len() < 400, "{}", history.len());
        let moments: Vec<u64> =
            history.until(moment(4_000)).map(|status| status.at.0 / 1_000 - 1_000).collect();
        assert!(moments[0] <= 4_000 - 1_790 && moments[0] >= 4_000 - 1_802, "{}", moments[0]);
        let fine = moments.iter().filter(|second| **second > 4_000 - 120).count();
        assert_eq!(fine, 119);
        let widest = moments.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(widest <= 10, "{widest}");
    }

    #[test]
    fn a_moment_finds_what_was_shown_then() {
        let mut history = History::default();
        assert_eq!((history.at(moment(0)).cloned(), history.step(moment(0), -1)), (None, None));
        for second in [0, 1, 5] {
            history.push(at(second));
        }
        assert_eq!(history.at(moment(4)).unwrap().at, moment(1));
        assert_eq!(history.at(UnixMs(0)).unwrap().at, moment(0));
        assert_eq!(history.step(moment(4), -1), Some(moment(0)));
        assert_eq!(history.step(moment(4), 9), Some(moment(5)));
        assert!(history.is_newest(moment(5)) && !history.is_newest(moment(4)));
        assert_eq!(history.until(moment(4)).count(), 2);
    }

    #[test]
    fn where_time_is_set_back_what_was_later_goes() {
        let mut history = History::default();
        for second in [10, 100, 110, 50] {
            history.push(at(second));
        }
        assert_eq!((history.len(), history.newest().unwrap().at), (2, moment(50)));
        assert_eq!(history.step(moment(50), -1), Some(moment(10)));
        history.push(at(50));
        assert_eq!(history.len(), 2, "a moment is told once");
    }
}
