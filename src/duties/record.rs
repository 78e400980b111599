//! The bounded store of what was published, for `explain`.

use std::collections::VecDeque;

use serde::Serialize;

use super::publication::{Kind, Publication, Votes};
use crate::model::{BeaconId, ClientId, Slot, ValidatorIndex};

/// How many validators a record names.
pub const SAMPLE: usize = 4;

/// The first validators of a publication; the rest is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    list: [ValidatorIndex; SAMPLE],
    len: u8,
}

impl Sample {
    /// The first of `validators`.
    pub fn of(validators: &[ValidatorIndex]) -> Self {
        let mut out = Self::default();
        for (kept, given) in out.list.iter_mut().zip(validators) {
            *kept = *given;
            out.len += 1;
        }
        out
    }

    /// Those kept.
    pub fn as_slice(&self) -> &[ValidatorIndex] {
        &self.list[..usize::from(self.len)]
    }
}

impl Serialize for Sample {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize(serializer)
    }
}

/// One publication that passed: what, from whom, answered by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DutyRecord {
    /// Number of the trace it belongs to.
    pub trace: u64,
    /// The slot it is about.
    pub slot: Slot,
    /// The client that sent it.
    pub client: ClientId,
    /// What it is.
    pub kind: Kind,
    /// How many messages or votes it held.
    pub count: u32,
    /// The first validators, as far as known.
    pub sample: Sample,
    /// What was voted for.
    pub votes: Option<Votes>,
    /// The beacon whose answer the client got; none: no beacon took it.
    pub beacon: Option<BeaconId>,
    /// Arrival relative to the due point in `slot`, in milliseconds (negative: before).
    pub due_ms: i32,
}

impl DutyRecord {
    /// The record of a publication.
    pub fn of(
        trace: u64,
        publication: &Publication,
        client: ClientId,
        beacon: Option<BeaconId>,
        due_ms: i32,
    ) -> Self {
        Self {
            trace,
            slot: publication.slot,
            client,
            kind: publication.kind,
            count: publication.count,
            sample: Sample::of(&publication.validators),
            votes: publication.votes,
            beacon,
            due_ms,
        }
    }
}

/// A ring of records; the oldest give way.
#[derive(Debug)]
pub struct Records {
    ring: VecDeque<DutyRecord>,
    limit: usize,
}

impl Records {
    /// A ring of `limit` records, at least one.
    pub fn new(limit: usize) -> Self {
        Self { ring: VecDeque::new(), limit: limit.max(1) }
    }

    /// Keeps a record.
    pub fn push(&mut self, record: DutyRecord) {
        if self.ring.len() == self.limit {
            self.ring.pop_front();
        }
        self.ring.push_back(record);
    }

    /// The records about a slot, oldest first.
    pub fn by_slot(&self, slot: Slot) -> impl Iterator<Item = &DutyRecord> {
        self.ring.iter().filter(move |record| record.slot == slot)
    }

    /// The records of a trace, oldest first.
    pub fn by_trace(&self, trace: u64) -> impl Iterator<Item = &DutyRecord> {
        self.ring.iter().filter(move |record| record.trace == trace)
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(slot: u64, validators: u64) -> Publication {
        Publication {
            slot: Slot(slot),
            kind: Kind::Attestation,
            validators: (0..validators).map(ValidatorIndex).collect(),
            count: validators as u32,
            votes: None,
            block: None,
        }
    }

    #[test]
    fn the_oldest_give_way() {
        let mut records = Records::new(3);
        assert!(records.is_empty());
        for slot in [1, 1, 2, 2, 2] {
            let beacon = Some(BeaconId(records.len() as u16));
            records.push(DutyRecord::of(7, &publication(slot, 1), ClientId(1), beacon, -20));
        }
        assert_eq!(records.len(), 3);
        assert_eq!(records.by_slot(Slot(1)).count(), 0);
        let beacons: Vec<_> = records.by_slot(Slot(2)).map(|record| record.beacon.unwrap().0).collect();
        assert_eq!(beacons, [2, 3, 3], "oldest first");
        assert_eq!(Records::new(0).limit, 1);
    }

    #[test]
    fn a_record_names_the_first_and_counts_all() {
        for validators in [0, 1, SAMPLE as u64, 500] {
            let record = DutyRecord::of(7, &publication(1, validators), ClientId(0), None, 0);
            assert_eq!(u64::from(record.count), validators);
            let expected: Vec<_> = (0..validators.min(SAMPLE as u64)).map(ValidatorIndex).collect();
            assert_eq!(record.sample.as_slice(), expected);
        }
    }
}
