//! Duties as beacons answer them, and the committees learned from them.
//!
//! To read another kind of duty, add its row type and a function beside [`proposer_duties`].

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::ParseError;
use super::json::{Answer, Quoted, read};
use crate::model::{Epoch, Root, Slot, ValidatorIndex};

/// How many epochs of committees are kept.
pub const KEPT_EPOCHS: usize = 3;
/// How many committee members are kept for one epoch; more than one fleet has.
pub const MAX_MEMBERS: usize = 1 << 18;

/// One validator's attestation duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttesterDuty {
    /// Who attests.
    pub validator: ValidatorIndex,
    /// When.
    pub slot: Slot,
    /// Index of the committee within the slot.
    pub committee: u64,
    /// Place in the committee.
    pub position: u64,
}

/// An answer to `duties/attester/{epoch}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttesterDuties {
    /// The block root the shuffling depends on.
    pub dependent_root: Option<Root>,
    /// The duties of the validators that were asked for.
    pub duties: Vec<AttesterDuty>,
}

/// One block to propose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposerDuty {
    /// Who proposes.
    pub validator: ValidatorIndex,
    /// When.
    pub slot: Slot,
}

/// One validator's seats in the sync committee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncDuty {
    /// Who signs.
    pub validator: ValidatorIndex,
    /// Places in the sync committee.
    pub positions: Vec<u64>,
}

/// One validator's seat in the payload timeliness committee of a slot (Gloas).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadDuty {
    /// Who attests.
    pub validator: ValidatorIndex,
    /// When.
    pub slot: Slot,
}

#[derive(Deserialize)]
struct AttesterJson {
    validator_index: Quoted,
    committee_index: Quoted,
    validator_committee_index: Quoted,
    slot: Quoted,
}

/// A row of proposer duties, and of duties in payload timeliness committees.
#[derive(Deserialize)]
struct SlotJson {
    validator_index: Quoted,
    slot: Quoted,
}

#[derive(Deserialize)]
struct SyncJson {
    validator_index: Quoted,
    validator_sync_committee_indices: Vec<Quoted>,
}

/// Reads an answer to `duties/attester/{epoch}` (JSON; the API has no other form).
pub fn attester_duties(body: &[u8]) -> Result<AttesterDuties, ParseError> {
    let answer: Answer<Vec<AttesterJson>> = read("attester duties", body)?;
    let duty = |row: AttesterJson| AttesterDuty {
        validator: ValidatorIndex(row.validator_index.0),
        slot: Slot(row.slot.0),
        committee: row.committee_index.0,
        position: row.validator_committee_index.0,
    };
    let duties = answer.data.into_iter().map(duty).collect();
    Ok(AttesterDuties { dependent_root: answer.dependent_root, duties })
}

/// Reads an answer to `duties/proposer/{epoch}` (JSON).
pub fn proposer_duties(body: &[u8]) -> Result<Vec<ProposerDuty>, ParseError> {
    of_slots("proposer duties", body, |validator, slot| ProposerDuty { validator, slot })
}

/// Reads an answer to `duties/ptc/{epoch}` (JSON; Gloas).
pub fn payload_duties(body: &[u8]) -> Result<Vec<PayloadDuty>, ParseError> {
    of_slots("payload duties", body, |validator, slot| PayloadDuty { validator, slot })
}

fn of_slots<T>(
    what: &'static str,
    body: &[u8],
    duty: impl Fn(ValidatorIndex, Slot) -> T,
) -> Result<Vec<T>, ParseError> {
    let answer: Answer<Vec<SlotJson>> = read(what, body)?;
    let rows = answer.data.into_iter();
    Ok(rows.map(|row| duty(ValidatorIndex(row.validator_index.0), Slot(row.slot.0))).collect())
}

/// Reads an answer to `duties/sync/{epoch}` (JSON).
pub fn sync_duties(body: &[u8]) -> Result<Vec<SyncDuty>, ParseError> {
    let answer: Answer<Vec<SyncJson>> = read("sync duties", body)?;
    let duty = |row: SyncJson| SyncDuty {
        validator: ValidatorIndex(row.validator_index.0),
        positions: row.validator_sync_committee_indices.iter().map(|place| place.0).collect(),
    };
    Ok(answer.data.into_iter().map(duty).collect())
}

#[derive(Debug, Default)]
struct Known {
    dependent_root: Option<Root>,
    members: HashMap<(Slot, u64, u64), ValidatorIndex>,
}

/// Who sits where, as far as duties told. Bounded by [`KEPT_EPOCHS`] and [`MAX_MEMBERS`].
#[derive(Debug, Default)]
pub struct Committees {
    epochs: BTreeMap<Epoch, Known>,
}

impl Committees {
    /// Learns the duties of an epoch. Another dependent root means another shuffling: what was known of the epoch goes.
    pub fn learn(&mut self, epoch: Epoch, answer: &AttesterDuties) {
        let known = self.epochs.entry(epoch).or_default();
        if known.dependent_root != answer.dependent_root {
            *known = Known { dependent_root: answer.dependent_root, members: HashMap::new() };
        }
        for duty in &answer.duties {
            let seat = (duty.slot, duty.committee, duty.position);
            if known.members.len() < MAX_MEMBERS || known.members.contains_key(&seat) {
                known.members.insert(seat, duty.validator);
            }
        }
        while self.epochs.len() > KEPT_EPOCHS {
            self.epochs.pop_first();
        }
    }

    /// Forgets what is not of the epoch before `now`, `now`, or the one after.
    pub fn prune(&mut self, now: Epoch) {
        self.epochs.retain(|epoch, _| epoch.0.abs_diff(now.0) <= 1);
    }

    /// Who sits at a place of a committee.
    pub fn member(&self, slot: Slot, committee: u64, position: u64) -> Option<ValidatorIndex> {
        let seat = (slot, committee, position);
        self.epochs.values().rev().find_map(|known| known.members.get(&seat).copied())
    }

    /// How many seats are known.
    pub fn len(&self) -> usize {
        self.epochs.values().map(|known| known.members.len()).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ATTESTER: &str = r#"{"dependent_root":"0xabababababababababababababababababababababababababababababababab",
        "execution_optimistic":false,"data":[{"pubkey":"0x93","validator_index":"1","committee_index":"2",
        "committee_length":"128","committees_at_slot":"64","validator_committee_index":"5","slot":"33"}]}"#;

    fn duties(root: u8, slot: u64, validator: u64) -> AttesterDuties {
        AttesterDuties {
            dependent_root: Some(Root([root; 32])),
            duties: vec![AttesterDuty {
                validator: ValidatorIndex(validator),
                slot: Slot(slot),
                committee: 2,
                position: 5,
            }],
        }
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(attester_duties(ATTESTER.as_bytes()).unwrap(), duties(0xab, 33, 1));
        let proposer =
            br#"{"dependent_root":"0x0000000000000000000000000000000000000000000000000000000000000001",
            "data":[{"pubkey":"0x93","validator_index":"7","slot":"64"}]}"#;
        assert_eq!(
            proposer_duties(proposer).unwrap(),
            [ProposerDuty { validator: ValidatorIndex(7), slot: Slot(64) }]
        );
        assert_eq!(
            payload_duties(proposer).unwrap(),
            [PayloadDuty { validator: ValidatorIndex(7), slot: Slot(64) }]
        );
        let sync = br#"{"execution_optimistic":false,"data":[{"pubkey":"0x93","validator_index":"7",
            "validator_sync_committee_indices":["0","511"]}]}"#;
        assert_eq!(
            sync_duties(sync).unwrap(),
            [SyncDuty { validator: ValidatorIndex(7), positions: vec![0, 511] }]
        );
        assert!(attester_duties(br#"{"data":[{"slot":"1"}]}"#).is_err());
        assert!(proposer_duties(b"[]").is_err());
    }

    #[test]
    fn committees_learn_forget_and_stay_bounded() {
        let mut committees = Committees::default();
        committees.learn(Epoch(1), &duties(1, 33, 1));
        assert_eq!(committees.member(Slot(33), 2, 5), Some(ValidatorIndex(1)));
        assert_eq!(committees.member(Slot(33), 2, 6), None);
        committees.learn(Epoch(1), &duties(1, 34, 2));
        assert_eq!(committees.len(), 2, "the same shuffling adds up");
        committees.learn(Epoch(1), &duties(2, 35, 3));
        assert_eq!((committees.member(Slot(33), 2, 5), committees.len()), (None, 1), "another one replaces");

        for epoch in 2..10 {
            committees.learn(Epoch(epoch), &duties(1, epoch * 32, epoch));
        }
        assert_eq!(committees.len(), KEPT_EPOCHS);
        assert_eq!(committees.member(Slot(9 * 32), 2, 5), Some(ValidatorIndex(9)));
        committees.prune(Epoch(10));
        assert_eq!(committees.len(), 1);
        committees.prune(Epoch(50));
        assert!(committees.is_empty());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(body: Vec<u8>, cut in 0..ATTESTER.len()) {
            for body in [body.as_slice(), &ATTESTER.as_bytes()[..cut]] {
                prop_assert!(attester_duties(body).is_err());
                let _ = (proposer_duties(body), sync_duties(body));
            }
        }
    }
}
