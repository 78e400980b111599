//! Rules of attestation data: which questions are answered, which answers are given.

use super::data::AttestationData;
use crate::chain::Era;
use crate::model::{Epoch, Slot};

/// Committees of a slot at most, on any preset (consensus spec, `MAX_COMMITTEES_PER_SLOT`).
const COMMITTEES: u64 = 64;

/// Why attestation data is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A question too far from now.
    #[error(
        "slot {asked} is not within one of the present slot {present} by this router's clock; compare the clocks"
    )]
    Far {
        /// The slot asked for.
        asked: Slot,
        /// The present one.
        present: Slot,
    },
    /// A question about no committee there is.
    #[error("committee_index {asked} is out of range: a slot has at most 64 committees")]
    Committee {
        /// The index asked for.
        asked: u64,
    },
    /// A question without what it needs before Electra.
    #[error(
        "committee_index is missing or not a number, and before Electra each committee has data of its own"
    )]
    NoCommittee,
    /// Not what was asked for.
    #[error("it is about slot {said}, not {asked}")]
    Slot {
        /// What it says.
        said: Slot,
        /// The slot asked for.
        asked: Slot,
    },
    /// An index this fork has not.
    #[error("its index {said} is out of range")]
    Index {
        /// What it says.
        said: u64,
    },
    /// The target is not of its slot.
    #[error("its target epoch {said} is not the slot's, {epoch}")]
    Target {
        /// What it says.
        said: Epoch,
        /// The slot's.
        epoch: Epoch,
    },
    /// The source is not before the target.
    #[error("its source epoch {source_epoch} is not before its target epoch {target_epoch}")]
    Link {
        /// The source's.
        source_epoch: Epoch,
        /// The target's.
        target_epoch: Epoch,
    },
    /// The source is older than one that was signed, or that two beacons said.
    #[error("its source epoch {said} is older than {given}, which was signed or said by two beacons before")]
    Back {
        /// The source's.
        said: Epoch,
        /// The newest before.
        given: Epoch,
    },
    /// The source is newer than one that was signed with a later target.
    #[error("its source epoch {said} is newer than {signed}, which was signed with a later target")]
    Within {
        /// The source's.
        said: Epoch,
        /// The oldest signed with a later target.
        signed: Epoch,
    },
    /// The question is closed, and the answer it closed with may be given no more.
    #[error(
        "the answer about slot {slot} stands since its time was over, and may not be signed after what was signed since"
    )]
    Over {
        /// The slot.
        slot: Slot,
    },
    /// A question behind what was signed.
    #[error(
        "slot {asked} lies behind slot {signed}, for which validators signed already; compare the clocks"
    )]
    Signed {
        /// The slot asked for.
        asked: Slot,
        /// The newest signed.
        signed: Slot,
    },
}

/// Whether a question may be answered at the present slot.
///
/// # Errors
/// It is too far from now, or about no committee.
pub fn question(slot: Slot, committee: Option<u64>, present: Slot, era: Era) -> Result<(), Refusal> {
    if slot.0.abs_diff(present.0) > 1 {
        return Err(Refusal::Far { asked: slot, present });
    }
    match committee {
        None if era == Era::Committee => Err(Refusal::NoCommittee),
        Some(asked) if asked >= COMMITTEES => Err(Refusal::Committee { asked }),
        _ => Ok(()),
    }
}

/// Whether an answer to a question about a slot and its committee may be given.
///
/// # Errors
/// It says something no honest beacon says.
pub fn answer(
    data: &AttestationData,
    (slot, epoch): (Slot, Epoch),
    committee: Option<u64>,
    era: Era,
) -> Result<(), Refusal> {
    if data.slot != slot {
        return Err(Refusal::Slot { said: data.slot, asked: slot });
    }
    let fits = match era {
        Era::Committee => Some(data.index) == committee,
        Era::Zero => data.index == 0,
        Era::Payload => data.index <= 1,
    };
    if !fits {
        return Err(Refusal::Index { said: data.index });
    }
    let (source_epoch, target_epoch) = (data.source.epoch, data.target.epoch);
    if target_epoch != epoch {
        return Err(Refusal::Target { said: target_epoch, epoch });
    }
    // In the first epoch of a chain both are genesis.
    if source_epoch >= target_epoch && target_epoch.0 > 0 || source_epoch > target_epoch {
        return Err(Refusal::Link { source_epoch, target_epoch });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::data::Checkpoint;
    use super::*;
    use crate::model::Root;

    fn data(slot: u64, index: u64, source: u64, target: u64) -> AttestationData {
        let point = |epoch| Checkpoint { epoch: Epoch(epoch), root: Root::default() };
        let (source, target) = (point(source), point(target));
        AttestationData { slot: Slot(slot), index, head: Root::default(), source, target }
    }

    #[rstest]
    #[case(9, Some(0), Era::Zero, Ok(()))]
    #[case(11, Some(63), Era::Zero, Ok(()))]
    #[case(10, None, Era::Zero, Ok(()))]
    #[case(10, None, Era::Payload, Ok(()))]
    #[case(8, Some(0), Era::Zero, Err(Refusal::Far { asked: Slot(8), present: Slot(10) }))]
    #[case(12, Some(0), Era::Zero, Err(Refusal::Far { asked: Slot(12), present: Slot(10) }))]
    #[case(u64::MAX, Some(0), Era::Zero, Err(Refusal::Far { asked: Slot(u64::MAX), present: Slot(10) }))]
    #[case(10, Some(64), Era::Zero, Err(Refusal::Committee { asked: 64 }))]
    #[case(10, None, Era::Committee, Err(Refusal::NoCommittee))]
    fn questions(
        #[case] slot: u64,
        #[case] committee: Option<u64>,
        #[case] era: Era,
        #[case] expected: Result<(), Refusal>,
    ) {
        assert_eq!(question(Slot(slot), committee, Slot(10), era), expected);
    }

    #[rstest]
    #[case::well(data(70, 0, 7, 8), Era::Zero, Ok(()))]
    #[case::payload_seen(data(70, 1, 7, 8), Era::Payload, Ok(()))]
    #[case::slot(data(71, 0, 7, 8), Era::Zero, Err(Refusal::Slot { said: Slot(71), asked: Slot(70) }))]
    #[case::index(data(70, 1, 7, 8), Era::Zero, Err(Refusal::Index { said: 1 }))]
    #[case::status(data(70, 2, 7, 8), Era::Payload, Err(Refusal::Index { said: 2 }))]
    #[case::its_committee(data(70, 2, 7, 8), Era::Committee, Ok(()))]
    #[case::other_committee(data(70, 3, 7, 8), Era::Committee, Err(Refusal::Index { said: 3 }))]
    #[case::target(data(70, 0, 7, 9), Era::Zero, Err(Refusal::Target { said: Epoch(9), epoch: Epoch(8) }))]
    #[case::link(data(70, 0, 8, 8), Era::Zero, Err(Refusal::Link { source_epoch: Epoch(8), target_epoch: Epoch(8) }))]
    fn answers(#[case] said: AttestationData, #[case] era: Era, #[case] expected: Result<(), Refusal>) {
        assert_eq!(answer(&said, (Slot(70), Epoch(8)), Some(2), era), expected);
    }

    #[test]
    fn in_the_first_epoch_source_and_target_are_genesis() {
        assert_eq!(answer(&data(3, 0, 0, 0), (Slot(3), Epoch(0)), None, Era::Zero), Ok(()));
    }
}
