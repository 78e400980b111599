//! Attestation data, single attestations and aggregates (consensus spec, Electra containers).

use serde_json::{Value, json};

use super::{hex, le64, number, root, root_at, signature};
use crate::model::{Epoch, Root, Slot, ValidatorIndex};
use crate::sim::chain;

/// What an attester signs: 128 bytes of SSZ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AttestationData {
    /// Its slot.
    pub(crate) slot: Slot,
    /// Head vote.
    pub(crate) head: Root,
    /// Source checkpoint.
    pub(crate) source: (Epoch, Root),
    /// Target checkpoint.
    pub(crate) target: (Epoch, Root),
}

impl AttestationData {
    /// SSZ: slot, index (0 since Electra), head, source, target.
    pub(crate) fn to_ssz(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        out.extend(self.slot.0.to_le_bytes());
        out.extend(0_u64.to_le_bytes());
        out.extend(self.head.0);
        for (epoch, root) in [self.source, self.target] {
            out.extend(epoch.0.to_le_bytes());
            out.extend(root.0);
        }
        out
    }

    /// The reverse.
    pub(crate) fn from_ssz(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            slot: Slot(le64(bytes, 0)?),
            head: root_at(bytes, 16)?,
            source: (Epoch(le64(bytes, 48)?), root_at(bytes, 56)?),
            target: (Epoch(le64(bytes, 88)?), root_at(bytes, 96)?),
        })
    }

    /// JSON.
    pub(crate) fn to_json(self) -> Value {
        let point = |(epoch, root): (Epoch, Root)| json!({"epoch": epoch.to_string(), "root": root});
        json!({
            "slot": self.slot.to_string(),
            "index": "0",
            "beacon_block_root": self.head,
            "source": point(self.source),
            "target": point(self.target),
        })
    }

    /// The reverse.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let point = |key| {
            let point = value.get(key)?;
            Some((Epoch(number(point, "epoch")?), root(point, "root")?))
        };
        Some(Self {
            slot: Slot(number(value, "slot")?),
            head: root(value, "beacon_block_root")?,
            source: point("source")?,
            target: point("target")?,
        })
    }

    /// Stands for `hash_tree_root`; equal on both sides of the simulation.
    pub(crate) fn root(self) -> Root {
        let words: Vec<u64> = self.to_ssz().chunks_exact(8).filter_map(|word| le64(word, 0)).collect();
        chain::root(&words)
    }
}

/// A signed vote of one validator: 240 bytes of SSZ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SingleAttestation {
    /// Its committee.
    pub(crate) committee: u64,
    /// Who votes.
    pub(crate) attester: ValidatorIndex,
    /// What it votes for.
    pub(crate) data: AttestationData,
}

impl SingleAttestation {
    /// Bytes of one.
    pub(crate) const SSZ: usize = 240;

    fn signature(self) -> [u8; 96] {
        signature(&[self.attester.0, self.data.slot.0, self.data.target.0.0])
    }

    /// SSZ.
    pub(crate) fn to_ssz(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::SSZ);
        out.extend(self.committee.to_le_bytes());
        out.extend(self.attester.0.to_le_bytes());
        out.extend(self.data.to_ssz());
        out.extend(self.signature());
        out
    }

    /// The reverse.
    pub(crate) fn from_ssz(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            committee: le64(bytes, 0)?,
            attester: ValidatorIndex(le64(bytes, 8)?),
            data: AttestationData::from_ssz(bytes.get(16..144)?)?,
        })
    }

    /// JSON.
    pub(crate) fn to_json(self) -> Value {
        json!({
            "committee_index": self.committee.to_string(),
            "attester_index": self.attester.to_string(),
            "data": self.data.to_json(),
            "signature": hex(&self.signature()),
        })
    }

    /// The reverse.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        Some(Self {
            committee: number(value, "committee_index")?,
            attester: ValidatorIndex(number(value, "attester_index")?),
            data: AttestationData::from_json(value.get("data")?)?,
        })
    }
}

/// The votes of members of one committee, summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Aggregate {
    /// What they vote for.
    pub(crate) data: AttestationData,
    /// Their committee.
    pub(crate) committee: u64,
    /// Which members, by position.
    pub(crate) bits: Vec<bool>,
}

impl Aggregate {
    fn bitlist(&self) -> Vec<u8> {
        let mut out = vec![0_u8; self.bits.len() / 8 + 1];
        // The bit behind the last marks the length (SSZ Bitlist).
        for (i, set) in self.bits.iter().copied().chain([true]).enumerate() {
            out[i / 8] |= u8::from(set) << (i % 8);
        }
        out
    }

    fn committee_bits(&self) -> [u8; 8] {
        (1_u64 << (self.committee % 64)).to_le_bytes()
    }

    /// SSZ: offset 4, data 128, signature 96, committee bits 8, then the bits.
    pub(crate) fn to_ssz(&self) -> Vec<u8> {
        let mut out = 236_u32.to_le_bytes().to_vec();
        out.extend(self.data.to_ssz());
        out.extend(signature(&[self.committee, self.data.slot.0]));
        out.extend(self.committee_bits());
        out.extend(self.bitlist());
        out
    }

    /// JSON.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "aggregation_bits": hex(&self.bitlist()),
            "data": self.data.to_json(),
            "signature": hex(&signature(&[self.committee, self.data.slot.0])),
            "committee_bits": hex(&self.committee_bits()),
        })
    }

    /// Data, committee and votes counted, of JSON.
    pub(crate) fn summary(value: &Value) -> Option<(AttestationData, u64, u64)> {
        let data = AttestationData::from_json(value.get("data")?)?;
        let committees = super::unhex(value.get("committee_bits")?.as_str()?)?;
        let bits = super::unhex(value.get("aggregation_bits")?.as_str()?)?;
        let votes: u32 = bits.iter().map(|byte| byte.count_ones()).sum();
        Some((data, u64::from(le64(&committees, 0)?.trailing_zeros()), u64::from(votes.checked_sub(1)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> AttestationData {
        AttestationData {
            slot: Slot(7),
            head: Root([1; 32]),
            source: (Epoch(2), Root([3; 32])),
            target: (Epoch(4), Root([5; 32])),
        }
    }

    #[test]
    fn json_and_ssz_say_the_same() {
        let one = SingleAttestation { committee: 3, attester: ValidatorIndex(9), data: data() };
        assert_eq!(one.to_ssz().len(), SingleAttestation::SSZ);
        assert_eq!(SingleAttestation::from_ssz(&one.to_ssz()), Some(one));
        assert_eq!(SingleAttestation::from_json(&one.to_json()), Some(one));
        assert_eq!(SingleAttestation::from_ssz(&one.to_ssz()[..100]), None);
    }

    #[test]
    fn an_aggregate_counts_its_votes_but_not_the_length_bit() {
        let aggregate = Aggregate { data: data(), committee: 5, bits: vec![true, false, true, true] };
        assert_eq!(Aggregate::summary(&aggregate.to_json()), Some((data(), 5, 3)));
        let ssz = aggregate.to_ssz();
        assert_eq!(ssz.len(), 237);
        assert_eq!(ssz[236], 0b1_1101);
        assert_eq!(ssz[228], 1 << 5);
    }
}
