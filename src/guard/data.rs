//! Attestation data: what an attester signs, in the two forms beacons speak. It is read, never written.

use serde::Deserialize;

use crate::chain::Ssz;
use crate::model::{Epoch, Quoted, Root, Slot};

/// A checkpoint (consensus spec, `Checkpoint`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    /// Its epoch.
    pub epoch: Epoch,
    /// Root of its block.
    pub root: Root,
}

/// What an attester signs (consensus spec, `AttestationData`): 128 bytes of SSZ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttestationData {
    /// The slot.
    pub slot: Slot,
    /// What it means depends on the fork ([`crate::chain::Era`]).
    pub index: u64,
    /// Head vote.
    pub head: Root,
    /// Source vote.
    pub source: Checkpoint,
    /// Target vote.
    pub target: Checkpoint,
}

/// `data` of an answer.
#[derive(Deserialize)]
struct Answer {
    data: Written,
}

#[derive(Deserialize)]
struct Point {
    epoch: Quoted,
    root: Root,
}

/// Attestation data as the Beacon API writes it.
#[derive(Deserialize)]
struct Written {
    slot: Quoted,
    index: Quoted,
    beacon_block_root: Root,
    source: Point,
    target: Point,
}

impl From<Point> for Checkpoint {
    fn from(Point { epoch, root }: Point) -> Self {
        Self { epoch: Epoch(epoch.0), root }
    }
}

impl From<Written> for AttestationData {
    fn from(written: Written) -> Self {
        Self {
            slot: Slot(written.slot.0),
            index: written.index.0,
            head: written.beacon_block_root,
            source: written.source.into(),
            target: written.target.into(),
        }
    }
}

impl AttestationData {
    /// Bytes of its SSZ.
    pub const SSZ: usize = 128;

    /// Reads an answer; none if it is not one.
    pub fn of(body: &[u8], ssz: bool) -> Option<Self> {
        if ssz {
            return (body.len() == Self::SSZ).then(|| Self::at(Ssz(body)))?;
        }
        serde_json::from_slice::<Answer>(body).ok().map(|answer| answer.data.into())
    }

    /// Reads it where it begins.
    fn at(bytes: Ssz<'_>) -> Option<Self> {
        let point = |at| Some(Checkpoint { epoch: Epoch(bytes.number(at)?), root: bytes.root(at + 8)? });
        Some(Self {
            slot: Slot(bytes.number(0)?),
            index: bytes.number(8)?,
            head: bytes.root(16)?,
            source: point(48)?,
            target: point(88)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ssz(data: &AttestationData) -> Vec<u8> {
        let mut out = [data.slot.0.to_le_bytes(), data.index.to_le_bytes()].concat();
        out.extend(data.head.0);
        for point in [data.source, data.target] {
            out.extend(point.epoch.0.to_le_bytes());
            out.extend(point.root.0);
        }
        out
    }

    fn json(data: &AttestationData) -> String {
        let point = |point: Checkpoint| format!(r#"{{"epoch":"{}","root":"{}"}}"#, point.epoch, point.root);
        format!(
            r#"{{"data":{{"slot":"{}","index":"{}","beacon_block_root":"{}","source":{},"target":{}}}}}"#,
            data.slot,
            data.index,
            data.head,
            point(data.source),
            point(data.target)
        )
    }

    prop_compose! {
        fn any_data()(slot: u64, index: u64, head: [u8; 32], source: (u64, [u8; 32]), target: (u64, [u8; 32])) -> AttestationData {
            let point = |(epoch, root)| Checkpoint { epoch: Epoch(epoch), root: Root(root) };
            AttestationData { slot: Slot(slot), index, head: Root(head), source: point(source), target: point(target) }
        }
    }

    proptest! {
        #[test]
        fn both_forms_say_the_same(data in any_data()) {
            prop_assert_eq!(AttestationData::of(&ssz(&data), true), Some(data));
            prop_assert_eq!(AttestationData::of(json(&data).as_bytes(), false), Some(data));
        }

        #[test]
        fn garbage_is_none_and_never_panics(body: Vec<u8>, ssz: bool) {
            prop_assume!(body.len() != AttestationData::SSZ);
            prop_assert_eq!(AttestationData::of(&body, ssz), None);
        }
    }
}
