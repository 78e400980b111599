//! When nothing is due: the time for what disturbs. Pure.

use super::SlotClock;
use crate::model::{Slot, Step, UnixMs};

impl SlotClock {
    /// When nothing is due: from a twelfth of a slot after the last due point of one to a twelfth before the next. The moment
    /// to wait for, if it is not now; none before genesis, too.
    pub fn free_from(&self, now: UnixMs) -> Option<UnixMs> {
        let slot = self.slot_at(now)?;
        let window = |slot: Slot| {
            let rest = self.slot_ms(slot) / 12;
            let last = Step::ALL.map(|step| self.due(slot, step).0).into_iter().max().unwrap_or(0);
            last + rest..self.start_of(Slot(slot.0 + 1)).0.saturating_sub(rest)
        };
        let this = window(slot);
        match now.0 {
            now if this.contains(&now) || this.is_empty() => None,
            now if now < this.start => Some(UnixMs(this.start)),
            _ => Some(UnixMs(window(Slot(slot.0 + 1)).start)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_disturbs_waits_for_the_end_of_a_slot() {
        let clock = SlotClock::plain(1_000, 12);
        let wait = |ms: u64| clock.free_from(UnixMs(1_000_000 + ms)).map(|at| at.0 - 1_000_000);
        let from = wait(0).unwrap();
        assert!((9_000..11_000).contains(&from), "{from}");
        assert_eq!((wait(from - 1), wait(from), wait(10_999)), (Some(from), None, None));
        assert_eq!((wait(11_000), wait(12_000)), (Some(12_000 + from), Some(12_000 + from)));
        assert_eq!(clock.free_from(UnixMs(1)), None);
    }
}
