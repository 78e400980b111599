//! What became of the attestations of one slot, counted anew from the branch.

use super::branch::{Block, Branch, Included};
use super::shuffling::Shuffling;
use crate::model::{Epoch, Slot};

/// What the chain says of one attestation. Compact: one a validator and epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Slots from the duty to the first block that includes it; 0: in none so far.
    pub distance: u16,
    flags: u8,
}

/// Source within the square root of an epoch (altair spec, `get_attestation_participation_flag_indices`).
const TIMELY_SOURCE: u8 = 1;
/// Target right, at any distance that a block may include (deneb spec, EIP-7045).
const TARGET: u8 = 2;
/// Head and target right, included in the next slot.
const TIMELY_HEAD: u8 = 4;
/// Head right.
const HEAD: u8 = 8;
/// Included, but not in the first block that could.
const LATE: u8 = 16;

impl Verdict {
    /// Whether a block includes it.
    pub fn included(self) -> bool {
        self.distance > 0
    }

    /// Source flag: included soon enough. A source that is wrong is never included.
    pub fn timely_source(self) -> bool {
        self.flags & TIMELY_SOURCE != 0
    }

    /// Target flag: the target is the chain's.
    pub fn timely_target(self) -> bool {
        self.flags & TARGET != 0
    }

    /// Head flag: head and target are the chain's, included in the next slot.
    pub fn timely_head(self) -> bool {
        self.flags & TIMELY_HEAD != 0
    }

    /// Whether the head is the chain's.
    pub fn head(self) -> bool {
        self.flags & HEAD != 0
    }

    /// Whether a block before the including one could have included it.
    pub fn late(self) -> bool {
        self.flags & LATE != 0
    }

    /// One more inclusion, in a later block than those before: the first gives the distance, each may give flags.
    fn add(&mut self, distance: u16, flags: u8, late: bool) {
        if self.distance == 0 {
            self.distance = distance;
            self.flags |= if late { LATE } else { 0 };
        }
        self.flags |= flags;
    }
}

/// The greatest whole number whose square is not above `n` (phase0 spec, `integer_squareroot`).
pub(super) fn root_of(n: u64) -> u64 {
    n.isqrt()
}

/// The verdicts of a slot's seats, in the order of [`Shuffling::seats`]; none while the branch is not known that far back.
pub(super) fn judge(
    branch: &Branch,
    shuffling: &Shuffling,
    slot: Slot,
    slots_per_epoch: u64,
) -> Option<Vec<Verdict>> {
    let epoch = slot.epoch(slots_per_epoch);
    let head = branch.root_at(slot)?;
    let target = branch.root_at(Slot(epoch.0 * slots_per_epoch))?;
    let mut out = vec![Verdict::default(); shuffling.seats(slot).len()];
    let last = Slot(Epoch(epoch.0 + 2).0 * slots_per_epoch - 1);
    let mut first: Option<Slot> = None;
    for block in branch.after(slot, last) {
        let late = *first.get_or_insert(block.slot) < block.slot;
        let distance = (block.slot.0 - slot.0) as u16;
        for votes in votes(block, slot) {
            let right = (votes.head == head, votes.target == target);
            let flags = flags(right, distance, slots_per_epoch);
            let Some(places) = shuffling.places(slot, votes.committees) else { continue };
            if places.iter().map(ExactSizeIterator::len).sum::<usize>() != votes.members as usize {
                continue;
            }
            for (bit, seat) in places.into_iter().flatten().enumerate() {
                if votes.has(bit) {
                    out[seat].add(distance, flags, late);
                }
            }
        }
    }
    Some(out)
}

fn votes(block: &Block, slot: Slot) -> impl Iterator<Item = &Included> {
    block.votes.iter().filter(move |votes| votes.slot == slot)
}

fn flags((head, target): (bool, bool), distance: u16, slots_per_epoch: u64) -> u8 {
    let mut flags = 0;
    let mut set = |flag, when| flags |= if when { flag } else { 0 };
    set(TIMELY_SOURCE, u64::from(distance) <= root_of(slots_per_epoch));
    set(TARGET, target);
    set(HEAD, head);
    set(TIMELY_HEAD, head && target && distance == 1);
    flags
}
