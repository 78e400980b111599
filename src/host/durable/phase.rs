//! When a probe writes: at the moments at which a signer does, and at which the disk has most to do besides. Pure.

use std::ops::Range;

use super::When;
use crate::chain::SlotClock;
use crate::model::{Epoch, Slot, Step, UnixMs};

/// Shares of a slot: what a window lasts before and behind the due point, and from an epoch's start.
const AROUND: u64 = 12;
const BEGINNING: u64 = 3;

/// The window that goes on at a moment, else the next; none where slots are not known.
pub fn window(clock: Option<&SlotClock>, when: When, now: UnixMs) -> Option<Range<UnixMs>> {
    let clock = clock?;
    let slot = clock.slot_at(now)?;
    let of = |slot: Slot| match when {
        When::Any => now..UnixMs(u64::MAX),
        When::Signing => {
            let (due, around) = (clock.due(slot, Step::Attest).0, clock.slot_ms(slot) / AROUND);
            UnixMs(due.saturating_sub(around))..UnixMs(due + around)
        }
        When::Epoch => {
            let start = clock.start_of(slot);
            start..UnixMs(start.0 + clock.slot_ms(slot) / BEGINNING)
        }
    };
    let first = clock.first_slot(clock.epoch_of(slot));
    let candidates = match when {
        When::Epoch => [first, clock.first_slot(Epoch(clock.epoch_of(slot).0 + 1))],
        When::Any | When::Signing => [slot, Slot(slot.0 + 1)],
    };
    candidates.into_iter().map(of).find(|window| now < window.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_lie_around_the_due_point_and_at_an_epochs_start() {
        let clock = SlotClock::plain(1_000, 12);
        let at = |when, ms: u64| {
            let window = window(Some(&clock), when, UnixMs(1_000_000 + ms)).unwrap();
            (window.start.0 - 1_000_000, window.end.0 - 1_000_000)
        };
        assert_eq!(at(When::Signing, 0), (2_999, 4_999), "the due point is at a third of a slot");
        assert_eq!(at(When::Signing, 4_998), (2_999, 4_999), "what is left of it is used");
        assert_eq!(at(When::Signing, 4_999), (14_999, 16_999));
        assert_eq!(at(When::Epoch, 3_999), (0, 4_000));
        assert_eq!(at(When::Epoch, 4_000), (384_000, 388_000));
        assert_eq!(at(When::Any, 7).0, 7);
        assert_eq!(window(None, When::Signing, UnixMs(1)), None);
        assert_eq!(window(Some(&clock), When::Signing, UnixMs(1)), None, "before genesis");
    }
}
