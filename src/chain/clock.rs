//! The slot clock: where slots and due points lie on the wall clock.
//!
//! Piecewise, because forks may change slot time and due points. Never reads a clock itself: wall time is handed in.

use std::sync::Arc;

use super::era::{Era, Eras};
use super::identity::Genesis;
use super::spec::{Spec, SpecError};
use super::timing::{Timing, forks};
use crate::model::{Epoch, Slot, Step, UnixMs};

/// The end of the year 9999 in seconds since the Unix epoch; no genesis lies beyond.
const LAST_GENESIS: u64 = 253_402_300_799;

/// Where slots lie in time. Cheap to clone; every method is total.
///
/// Far beyond the range of real chains (slots near 2^64) moments saturate instead of wrapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotClock(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    slots_per_epoch: u64,
    /// Ordered by first slot, strictly; the first one starts at slot 0.
    pieces: Vec<Piece>,
    eras: Eras,
}

/// A stretch of slots of one length.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    first: u64,
    start: u64,
    timing: Timing,
}

impl SlotClock {
    /// A clock from what a beacon serves.
    ///
    /// Needs `SLOTS_PER_EPOCH` and `SLOT_DURATION_MS` or `SECONDS_PER_SLOT`. Due points come from the `*_DUE_BPS` keys and
    /// fall back to thirds of a slot; `SLOT_DURATION_MS_<FORK>` and `*_DUE_BPS_<FORK>` hold from `<FORK>_FORK_EPOCH` on.
    ///
    /// # Errors
    /// When a key is missing without which there is no clock, is no number or lies outside what any chain could mean. A due
    /// point beyond the slot is such an error, not a fallback: a clock that is silently wrong costs duties.
    pub fn new(genesis: &Genesis, spec: &Spec) -> Result<SlotClock, SpecError> {
        if genesis.time > LAST_GENESIS {
            return Err(SpecError::Genesis { time: genesis.time });
        }
        let slots_per_epoch = spec
            .ranged("SLOTS_PER_EPOCH", 1..=1_024)?
            .ok_or(SpecError::Missing { key: "SLOTS_PER_EPOCH" })?;
        let mut last = Piece { first: 0, start: genesis.time * 1_000, timing: Timing::genesis(spec)? };
        let mut pieces = Vec::new();
        for (epoch, fork) in forks(spec)? {
            let timing = last.timing.clone().after(spec, &fork)?;
            // A fork so far away that its start does not fit in 64 bits never comes.
            let Some((first, start)) = epoch
                .checked_mul(slots_per_epoch)
                .and_then(|first| Some((first, last.checked_start(first)?)))
            else {
                break;
            };
            let piece = Piece { first, start, timing };
            let before = std::mem::replace(&mut last, piece);
            if before.first < first {
                pieces.push(before);
            }
        }
        pieces.push(last);
        Ok(SlotClock(Arc::new(Inner { slots_per_epoch, pieces, eras: Eras::of(spec)? })))
    }

    /// The slot at a moment; none before genesis.
    pub fn slot_at(&self, wall: UnixMs) -> Option<Slot> {
        let after = self.0.pieces.partition_point(|piece| piece.start <= wall.0);
        let piece = self.0.pieces.get(after.checked_sub(1)?)?;
        Some(Slot(piece.first + (wall.0 - piece.start) / piece.timing.slot_ms))
    }

    /// When a slot starts.
    pub fn start_of(&self, slot: Slot) -> UnixMs {
        UnixMs(self.piece(slot).checked_start(slot.0).unwrap_or(u64::MAX))
    }

    /// How long a slot is, in milliseconds.
    pub fn slot_ms(&self, slot: Slot) -> u64 {
        self.piece(slot).timing.slot_ms
    }

    /// When a step's message of a slot is due; within the slot, or at its very end.
    pub fn due(&self, slot: Slot, step: Step) -> UnixMs {
        let timing = &self.piece(slot).timing;
        UnixMs(self.start_of(slot).0.saturating_add(timing.due(step).of(timing.slot_ms)))
    }

    /// Slots in an epoch.
    pub fn slots_per_epoch(&self) -> u64 {
        self.0.slots_per_epoch
    }

    /// The epoch of a slot.
    pub fn epoch_of(&self, slot: Slot) -> Epoch {
        slot.epoch(self.0.slots_per_epoch)
    }

    /// The first slot of an epoch.
    pub fn first_slot(&self, epoch: Epoch) -> Slot {
        Slot(epoch.0.saturating_mul(self.0.slots_per_epoch))
    }

    /// What an attestation's index means in a slot.
    pub fn era_of(&self, slot: Slot) -> Era {
        self.0.eras.at(self.epoch_of(slot))
    }

    /// When slot 0 starts.
    pub fn genesis(&self) -> UnixMs {
        self.start_of(Slot(0))
    }

    fn piece(&self, slot: Slot) -> &Piece {
        let after = self.0.pieces.partition_point(|piece| piece.first <= slot.0);
        // The first piece starts at slot 0, so at least one lies at or before any slot.
        &self.0.pieces[after.max(1) - 1]
    }
}

impl Piece {
    /// Start of a slot at or after this piece's first; none when it does not fit.
    fn checked_start(&self, slot: u64) -> Option<u64> {
        slot.checked_sub(self.first)?.checked_mul(self.timing.slot_ms)?.checked_add(self.start)
    }
}

#[cfg(test)]
impl SlotClock {
    /// Slots of so many seconds, 32 an epoch, from so many seconds since the Unix epoch on.
    pub fn plain(genesis_s: u64, slot_s: u64) -> Self {
        let validators_root = crate::model::Root::default();
        let genesis = Genesis { time: genesis_s, validators_root, fork_version: [0; 4] };
        let spec = [("SECONDS_PER_SLOT", slot_s.to_string()), ("SLOTS_PER_EPOCH", "32".to_owned())];
        let spec = spec.iter().map(|(key, value)| (*key, value.as_str())).collect();
        Self::new(&genesis, &spec).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::model::Root;

    const GENESIS: u64 = 1_606_824_023;
    const NEVER: &str = "18446744073709551615";

    fn clock(time: u64, pairs: &[(&str, &str)]) -> Result<SlotClock, SpecError> {
        let genesis = Genesis { time, validators_root: Root::default(), fork_version: [0; 4] };
        SlotClock::new(&genesis, &pairs.iter().copied().collect())
    }

    fn into_slot(clock: &SlotClock, slot: u64, step: Step) -> i64 {
        clock.due(Slot(slot), step).since(clock.start_of(Slot(slot)))
    }

    /// What Lodestar of early 2023 serves of timing.
    const OLD: [(&str, &str); 3] =
        [("SECONDS_PER_SLOT", "12"), ("SLOTS_PER_EPOCH", "32"), ("INTERVALS_PER_SLOT", "3")];

    /// What clients of 2026 serve of timing; epochs are appended.
    const NEW: [(&str, &str); 12] = [
        ("SECONDS_PER_SLOT", "12"),
        ("SLOT_DURATION_MS", "12000"),
        ("SLOTS_PER_EPOCH", "32"),
        ("ATTESTATION_DUE_BPS", "3333"),
        ("AGGREGATE_DUE_BPS", "6667"),
        ("SYNC_MESSAGE_DUE_BPS", "3333"),
        ("CONTRIBUTION_DUE_BPS", "6667"),
        ("ATTESTATION_DUE_BPS_GLOAS", "2500"),
        ("AGGREGATE_DUE_BPS_GLOAS", "5000"),
        ("SYNC_MESSAGE_DUE_BPS_GLOAS", "2500"),
        ("CONTRIBUTION_DUE_BPS_GLOAS", "5000"),
        ("PAYLOAD_ATTESTATION_DUE_BPS", "7500"),
    ];

    #[test]
    fn an_old_spec_falls_back_to_thirds() {
        let clock = clock(GENESIS, &OLD).unwrap();
        assert_eq!(clock.genesis(), UnixMs(GENESIS * 1_000));
        assert_eq!(Step::ALL.map(|step| into_slot(&clock, 7, step)), [0, 3_999, 3_999, 8_000, 8_000, 9_000]);
    }

    #[test]
    fn gloas_due_points_hold_from_its_epoch_only() {
        let spec = [NEW.as_slice(), &[("GLOAS_FORK_EPOCH", "10")]].concat();
        let clock = clock(GENESIS, &spec).unwrap();
        assert_eq!(
            Step::ALL.map(|step| into_slot(&clock, 319, step)),
            [0, 3_999, 3_999, 8_000, 8_000, 9_000]
        );
        assert_eq!(
            Step::ALL.map(|step| into_slot(&clock, 320, step)),
            [0, 3_000, 3_000, 6_000, 6_000, 9_000]
        );
    }

    #[rstest]
    #[case::far_future(&[("GLOAS_FORK_EPOCH", NEVER)])]
    #[case::no_epoch(&[])]
    #[case::beyond_time(&[("GLOAS_FORK_EPOCH", "18446744073709551614")])]
    fn a_served_key_does_not_activate_its_fork(#[case] fork: &[(&str, &str)]) {
        let clock = clock(GENESIS, &[NEW.as_slice(), fork].concat()).unwrap();
        assert_eq!(into_slot(&clock, 1 << 40, Step::Attest), 3_999);
    }

    #[test]
    fn a_fork_at_genesis_leaves_no_trace_of_what_it_replaced() {
        let spec = [NEW.as_slice(), &[("GLOAS_FORK_EPOCH", "0")]].concat();
        assert_eq!(into_slot(&clock(GENESIS, &spec).unwrap(), 0, Step::Attest), 3_000);
    }

    #[test]
    fn a_later_fork_at_the_same_epoch_wins() {
        let spec = [
            NEW.as_slice(),
            &[("GLOAS_FORK_EPOCH", "4"), ("HEZE_FORK_EPOCH", "4"), ("ATTESTATION_DUE_BPS_HEZE", "2000")],
        ]
        .concat();
        let clock = clock(GENESIS, &spec).unwrap();
        assert_eq!(into_slot(&clock, 128, Step::Attest), 2_400);
        assert_eq!(into_slot(&clock, 128, Step::Aggregate), 6_000);
    }

    #[test]
    fn slot_time_changes_at_its_fork() {
        let spec = [
            NEW.as_slice(),
            &[("GLOAS_FORK_EPOCH", "2"), ("HEZE_FORK_EPOCH", "3"), ("SLOT_DURATION_MS_HEZE", "6000")],
        ]
        .concat();
        let clock = clock(GENESIS, &spec).unwrap();
        let boundary = (GENESIS + 96 * 12) * 1_000;
        assert_eq!(clock.start_of(Slot(96)), UnixMs(boundary));
        assert_eq!((clock.slot_ms(Slot(95)), clock.slot_ms(Slot(96))), (12_000, 6_000));
        assert_eq!(clock.slot_at(UnixMs(boundary - 1)), Some(Slot(95)));
        assert_eq!(clock.slot_at(UnixMs(boundary + 5_999)), Some(Slot(96)));
        assert_eq!(clock.start_of(Slot(98)), UnixMs(boundary + 12_000));
        assert_eq!(into_slot(&clock, 96, Step::Attest), 1_500, "Gloas' share of Heze's slot");
    }

    #[test]
    fn milliseconds_win_over_seconds() {
        let spec = [("SECONDS_PER_SLOT", "12"), ("SLOT_DURATION_MS", "5500"), ("SLOTS_PER_EPOCH", "8")];
        let clock = clock(0, &spec).unwrap();
        assert_eq!(clock.slot_ms(Slot(3)), 5_500);
        assert_eq!(clock.first_slot(Epoch(3)), Slot(24));
        assert_eq!(clock.epoch_of(Slot(23)), Epoch(2));
    }

    #[test]
    fn before_genesis_there_is_no_slot() {
        let clock = clock(GENESIS, &OLD).unwrap();
        assert_eq!(clock.slot_at(UnixMs(GENESIS * 1_000 - 1)), None);
        assert_eq!(clock.slot_at(UnixMs(0)), None);
        assert_eq!(clock.slot_at(UnixMs(GENESIS * 1_000)), Some(Slot(0)));
    }

    #[rstest]
    #[case::no_slot_time(&[("SLOTS_PER_EPOCH", "32")], "SECONDS_PER_SLOT")]
    #[case::no_epoch(&[("SECONDS_PER_SLOT", "12")], "SLOTS_PER_EPOCH")]
    #[case::zero_slot(&[("SECONDS_PER_SLOT", "0"), ("SLOTS_PER_EPOCH", "32")], "SECONDS_PER_SLOT")]
    #[case::tiny_slot(&[("SLOT_DURATION_MS", "99"), ("SLOTS_PER_EPOCH", "32")], "SLOT_DURATION_MS")]
    #[case::huge_slot(&[("SLOT_DURATION_MS", "600001"), ("SLOTS_PER_EPOCH", "32")], "SLOT_DURATION_MS")]
    #[case::zero_epoch(&[("SECONDS_PER_SLOT", "12"), ("SLOTS_PER_EPOCH", "0")], "SLOTS_PER_EPOCH")]
    #[case::huge_epoch(&[("SECONDS_PER_SLOT", "12"), ("SLOTS_PER_EPOCH", "1025")], "SLOTS_PER_EPOCH")]
    #[case::text(&[("SECONDS_PER_SLOT", "twelve"), ("SLOTS_PER_EPOCH", "32")], "twelve")]
    #[case::due_beyond_slot(&[("SECONDS_PER_SLOT", "12"), ("SLOTS_PER_EPOCH", "32"), ("ATTESTATION_DUE_BPS", "10001")], "10001")]
    #[case::fork_epoch(&[("SECONDS_PER_SLOT", "12"), ("SLOTS_PER_EPOCH", "32"), ("ATTESTATION_DUE_BPS_GLOAS", "1"), ("GLOAS_FORK_EPOCH", "soon")], "GLOAS_FORK_EPOCH")]
    fn a_spec_without_a_clock_says_which_key_is_wrong(#[case] spec: &[(&str, &str)], #[case] word: &str) {
        let text = clock(GENESIS, spec).unwrap_err().to_string();
        assert!(text.contains(word), "{text}");
    }

    #[test]
    fn a_genesis_beyond_time_is_refused() {
        assert_eq!(clock(u64::MAX / 1_000, &OLD), Err(SpecError::Genesis { time: u64::MAX / 1_000 }));
    }

    fn any_clock() -> impl Strategy<Value = SlotClock> {
        let forks =
            (0_u64..200, 0_u64..200, 100_u64..=20_000, 100_u64..=20_000, 0_u64..=10_000, 0_u64..=10_000);
        (1_u64..=1_024, 100_u64..=600_000, 0..LAST_GENESIS, forks).prop_map(
            |(per_epoch, slot_ms, time, (gloas, heze, gloas_ms, heze_ms, attest, aggregate))| {
                let pairs = [
                    ("SLOTS_PER_EPOCH", per_epoch),
                    ("SLOT_DURATION_MS", slot_ms),
                    ("GLOAS_FORK_EPOCH", gloas),
                    ("HEZE_FORK_EPOCH", heze),
                    ("SLOT_DURATION_MS_GLOAS", gloas_ms),
                    ("SLOT_DURATION_MS_HEZE", heze_ms),
                    ("ATTESTATION_DUE_BPS_GLOAS", attest),
                    ("AGGREGATE_DUE_BPS_HEZE", aggregate),
                ];
                let genesis = Genesis { time, validators_root: Root::default(), fork_version: [0; 4] };
                SlotClock::new(&genesis, &pairs.into_iter().collect()).unwrap()
            },
        )
    }

    proptest! {
        #[test]
        fn slots_tile_time(clock in any_clock(), far in 0_u64..300_000, near in 0_usize..3, off in 0_u64..4) {
            // Half of the cases lie around a piece's first slot, where an error would be.
            let first = clock.0.pieces[near % clock.0.pieces.len()].first;
            let slot = if far % 2 == 0 { far } else { (first + off).saturating_sub(2) };
            let (start, next) = (clock.start_of(Slot(slot)), clock.start_of(Slot(slot + 1)));
            prop_assert_eq!(next.0 - start.0, clock.slot_ms(Slot(slot)));
            prop_assert_eq!(clock.slot_at(start), Some(Slot(slot)));
            prop_assert_eq!(clock.slot_at(UnixMs(next.0 - 1)), Some(Slot(slot)));
            for step in Step::ALL {
                let due = clock.due(Slot(slot), step);
                prop_assert!(start <= due && due <= next, "{:?}", step);
            }
        }

        #[test]
        fn later_is_never_an_earlier_slot(clock in any_clock(), a in 0_u64..1 << 38, b in 0_u64..1 << 38) {
            let at = |ms: u64| clock.slot_at(UnixMs(clock.genesis().0 + ms));
            prop_assert!(at(a.min(b)) <= at(a.max(b)));
        }

        #[test]
        fn no_slot_and_no_moment_is_out_of_range(clock in any_clock(), any in any::<u64>()) {
            clock.slot_at(UnixMs(any));
            let epoch = clock.epoch_of(Slot(any));
            prop_assert!(clock.first_slot(epoch) <= Slot(any));
            prop_assert!(clock.start_of(Slot(any)) <= clock.due(Slot(any), Step::Aggregate));
        }
    }
}
