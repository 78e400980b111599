//! Attestation data: what an attester signs, in the two forms beacons speak. What a beacon said is read, and written in the other form.

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

/// `data` of an answer, or of a published attestation.
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

    /// As SSZ.
    pub fn ssz(&self) -> Vec<u8> {
        let mut out = [self.slot.0.to_le_bytes(), self.index.to_le_bytes()].concat();
        out.extend(self.head.0);
        for point in [self.source, self.target] {
            out.extend(point.epoch.0.to_le_bytes());
            out.extend(point.root.0);
        }
        out
    }

    /// As an answer in JSON, byte for byte as beacons write it.
    pub fn json(&self) -> String {
        let point = |point: Checkpoint| format!(r#"{{"epoch":"{}","root":"{}"}}"#, point.epoch, point.root);
        format!(
            r#"{{"data":{{"slot":"{}","index":"{}","beacon_block_root":"{}","source":{},"target":{}}}}}"#,
            self.slot,
            self.index,
            self.head,
            point(self.source),
            point(self.target)
        )
    }

    /// What the first of published attestations says; none if it cannot be read. `single` is the form of Electra and later
    /// in SSZ, where each has the same size.
    pub fn of_published(body: &[u8], ssz: bool, single: bool) -> Option<Self> {
        if ssz {
            let first = if single { 16 } else { Ssz(body).offset(0)? as usize + 4 };
            return Self::at(Ssz(body).from(first)?);
        }
        let list = body.trim_ascii_start().strip_prefix(b"[")?;
        let mut items = serde_json::Deserializer::from_slice(list).into_iter::<Answer>();
        items.next()?.ok().map(|first| first.data.into())
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

    prop_compose! {
        fn any_data()(slot: u64, index: u64, head: [u8; 32], source: (u64, [u8; 32]), target: (u64, [u8; 32])) -> AttestationData {
            let point = |(epoch, root)| Checkpoint { epoch: Epoch(epoch), root: Root(root) };
            AttestationData { slot: Slot(slot), index, head: Root(head), source: point(source), target: point(target) }
        }
    }

    proptest! {
        #[test]
        fn both_forms_say_the_same(data in any_data()) {
            prop_assert_eq!(AttestationData::of(&data.ssz(), true), Some(data));
            prop_assert_eq!(AttestationData::of(data.json().as_bytes(), false), Some(data));
        }

        #[test]
        fn what_is_published_is_read_in_each_form(data in any_data(), rest: [u8; 96]) {
            let single = [&[0; 16][..], &data.ssz(), &rest].concat();
            prop_assert_eq!(AttestationData::of_published(&single, true, true), Some(data));
            let before = [&4_u32.to_le_bytes()[..], &228_u32.to_le_bytes(), &data.ssz(), &rest, &[1]].concat();
            prop_assert_eq!(AttestationData::of_published(&before, true, false), Some(data));
            let json = data.json();
            let list = format!(" [ {json},{json}]");
            prop_assert_eq!(AttestationData::of_published(list.as_bytes(), false, true), Some(data));
        }

        #[test]
        fn garbage_is_none_and_never_panics(body: Vec<u8>, ssz: bool) {
            prop_assume!(body.len() != AttestationData::SSZ);
            prop_assert_eq!(AttestationData::of(&body, ssz), None);
        }
    }
}
