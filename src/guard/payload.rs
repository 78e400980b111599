//! Payload attestation data: what a member of the payload timeliness committee signs (Gloas), in the two forms beacons speak.

use serde::Deserialize;

use crate::chain::Ssz;
use crate::model::{Quoted, Root, Slot};

/// What is said of a block's payload (consensus spec, `PayloadAttestationData`): 42 bytes of SSZ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadData {
    /// The block.
    pub head: Root,
    /// Its slot.
    pub slot: Slot,
    /// Whether its payload was seen.
    pub present: bool,
    /// Whether its blobs were.
    pub blobs: bool,
}

#[derive(Deserialize)]
struct Answer {
    data: Written,
}

#[derive(Deserialize)]
struct Written {
    beacon_block_root: Root,
    slot: Quoted,
    payload_present: bool,
    blob_data_available: bool,
}

impl PayloadData {
    /// Bytes of its SSZ.
    pub const SSZ: usize = 42;

    /// Reads an answer; none if it is not one.
    pub fn of(body: &[u8], ssz: bool) -> Option<Self> {
        if ssz {
            let flag = |at: usize| match body.get(at)? {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            };
            let (head, slot) = (Ssz(body).root(0)?, Slot(Ssz(body).number(32)?));
            let data = Self { head, slot, present: flag(40)?, blobs: flag(41)? };
            return (body.len() == Self::SSZ).then_some(data);
        }
        let Written { beacon_block_root, slot, payload_present, blob_data_available } =
            serde_json::from_slice::<Answer>(body).ok()?.data;
        let slot = Slot(slot.0);
        Some(Self { head: beacon_block_root, slot, present: payload_present, blobs: blob_data_available })
    }

    /// Whether nothing that comes later changes it.
    pub fn is_complete(&self) -> bool {
        self.present && self.blobs
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_forms_say_the_same(head: [u8; 32], slot: u64, present: bool, blobs: bool) {
            let data = PayloadData { head: Root(head), slot: Slot(slot), present, blobs };
            let ssz = [&head[..], &slot.to_le_bytes(), &[u8::from(present), u8::from(blobs)]].concat();
            prop_assert_eq!(PayloadData::of(&ssz, true), Some(data));
            prop_assert_eq!(PayloadData::of(&ssz[..41], true), None);
            let json = format!(
                r#"{{"version":"gloas","data":{{"beacon_block_root":"{}","slot":"{slot}","payload_present":{present},"blob_data_available":{blobs}}}}}"#,
                data.head
            );
            prop_assert_eq!(PayloadData::of(json.as_bytes(), false), Some(data));
            prop_assert_eq!(data.is_complete(), present && blobs);
        }

        #[test]
        fn garbage_never_panics(body: Vec<u8>, ssz: bool) {
            let _ = PayloadData::of(&body, ssz);
        }
    }

    #[test]
    fn a_flag_is_zero_or_one() {
        assert!(PayloadData::of(&[1; 42], true).is_some());
        assert_eq!(PayloadData::of(&[2; 42], true), None);
    }
}
