//! A client's memory of what it signed (EIP-3076, minimal form).

use std::collections::HashMap;

use crate::model::{Epoch, Root, Slot, ValidatorIndex};
use crate::sim::wire::AttestationData;

/// Why something is not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Another attestation for the same target.
    Double,
    /// It would surround a signed one, or lie within or before one.
    Surround,
}

/// Highest source and target a validator signed, and what it signed for that target.
#[derive(Debug, Clone, Copy)]
struct Signed {
    source: Epoch,
    target: Epoch,
    root: Root,
}

/// What was signed by whom.
#[derive(Debug, Default)]
pub(super) struct Protection {
    votes: HashMap<ValidatorIndex, Signed>,
    blocks: HashMap<ValidatorIndex, Slot>,
}

impl Protection {
    /// Remembers the vote, or says why it must not be signed.
    pub(super) fn vote(&mut self, validator: ValidatorIndex, data: &AttestationData) -> Result<(), Refused> {
        let next = Signed { source: data.source.0, target: data.target.0, root: data.root() };
        if let Some(last) = self.votes.get(&validator) {
            if next.target == last.target {
                return if next.root == last.root { Ok(()) } else { Err(Refused::Double) };
            }
            if next.target < last.target || next.source < last.source {
                return Err(Refused::Surround);
            }
        }
        self.votes.insert(validator, next);
        Ok(())
    }

    /// Remembers a block; false when it must not be signed.
    pub(super) fn block(&mut self, validator: ValidatorIndex, slot: Slot) -> bool {
        let fresh = self.blocks.get(&validator).is_none_or(|last| slot > *last);
        if fresh {
            self.blocks.insert(validator, slot);
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn data(source: u64, target: u64, head: u8) -> AttestationData {
        AttestationData {
            slot: Slot(target * 8),
            head: Root([head; 32]),
            source: (Epoch(source), Root::default()),
            target: (Epoch(target), Root::default()),
        }
    }

    #[rstest]
    #[case(data(3, 4, 1), Ok(()))]
    #[case(data(3, 4, 2), Err(Refused::Double))]
    #[case(data(2, 5, 1), Err(Refused::Surround))]
    #[case(data(2, 3, 1), Err(Refused::Surround))]
    #[case(data(3, 5, 9), Ok(()))]
    #[case(data(4, 5, 9), Ok(()))]
    fn after_signing_three_to_four(#[case] next: AttestationData, #[case] expected: Result<(), Refused>) {
        let mut protection = Protection::default();
        protection.vote(ValidatorIndex(1), &data(3, 4, 1)).unwrap();
        assert_eq!(protection.vote(ValidatorIndex(1), &next), expected);
        assert_eq!(protection.vote(ValidatorIndex(2), &next), Ok(()));
    }

    #[test]
    fn one_block_a_slot_and_none_before() {
        let mut protection = Protection::default();
        assert!(protection.block(ValidatorIndex(1), Slot(5)));
        assert!(!protection.block(ValidatorIndex(1), Slot(5)));
        assert!(!protection.block(ValidatorIndex(1), Slot(4)));
        assert!(protection.block(ValidatorIndex(1), Slot(6)));
    }
}
