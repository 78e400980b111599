//! What identifies a block or payload envelope without hashing it and without knowing its fork.
//!
//! A block message starts, in every fork, full or blinded, with slot, proposer, parent root and state root; the state
//! root commits to the rest, so these 80 bytes name the block (consensus spec, `BeaconBlock`). It never validates a
//! block. To read a new wrapper, add its key to [`UNSIGNED`] or [`SIGNED`], or its offsets to [`contents`].

use serde::{Deserialize, Serialize};

use crate::model::{Root, Slot, ValidatorIndex};

use super::scan::{all, scan};
use super::ssz::Ssz;

/// JSON wrappers around an unsigned block: the answer's `data`, and block contents.
const UNSIGNED: [&str; 3] = ["data", "block", "block_contents"];
/// JSON wrappers around a signed block: signed block contents, and the message.
const SIGNED: [&str; 4] = ["data", "signed_block", "signed_blinded_block", "message"];
/// JSON wrappers around a signed payload envelope.
const ENVELOPE: [&str; 5] =
    ["data", "signed_execution_payload_envelope", "message", "payload", "payload_header"];

/// Where the message of a signed container starts: behind its offset and the signature.
const SIGNED_MESSAGE: usize = 100;
/// Fixed part of a block message: the four fields and the offset of the body.
const BLOCK_FIXED: u32 = 84;

/// The identity of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockKey {
    /// Slot.
    pub slot: Slot,
    /// Proposer.
    pub proposer: ValidatorIndex,
    /// Parent block root.
    pub parent: Root,
    /// State root after the block.
    pub state: Root,
}

impl BlockKey {
    /// The key of a produced block: an answer of block production (v1 to v4), bare or with contents, full or blinded.
    pub fn of_unsigned(body: &[u8], ssz: bool) -> Option<Self> {
        if ssz { Self::of_ssz(contents(Ssz(body))) } else { Self::of_json(body, &UNSIGNED) }
    }

    /// The key of a signed block as it is published: bare or with contents, full or blinded.
    pub fn of_signed(body: &[u8], ssz: bool) -> Option<Self> {
        if ssz { Self::of_ssz(signed_message(Ssz(body))?) } else { Self::of_json(body, &SIGNED) }
    }

    fn of_ssz(block: Ssz<'_>) -> Option<Self> {
        if block.offset(80)? != BLOCK_FIXED {
            return None;
        }
        Some(Self {
            slot: Slot(block.number(0)?),
            proposer: ValidatorIndex(block.number(8)?),
            parent: block.root(16)?,
            state: block.root(48)?,
        })
    }

    fn of_json(body: &[u8], into: &[&str]) -> Option<Self> {
        let wanted = ["slot", "proposer_index", "parent_root", "state_root"];
        let [slot, proposer, parent, state] = scan(body, into, &wanted, all);
        Some(Self {
            slot: Slot(number(slot.as_deref()?)?),
            proposer: ValidatorIndex(number(proposer.as_deref()?)?),
            parent: parent?.parse().ok()?,
            state: state?.parse().ok()?,
        })
    }
}

/// The identity of an execution payload envelope (Gloas).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EnvelopeKey {
    /// Slot of its block.
    pub slot: Slot,
    /// Root of its block.
    pub beacon_block_root: Root,
}

impl EnvelopeKey {
    /// The key of a signed envelope as it is published, bare or with blobs.
    ///
    /// Where the slot stands has moved while Gloas was drafted: in the envelope at first, in its payload
    /// (`slot_number`, EIP-7843) since. All published shapes are read.
    pub fn of_signed(body: &[u8], ssz: bool) -> Option<Self> {
        if ssz { Self::of_ssz(signed_message(Ssz(body))?) } else { Self::of_json(body) }
    }

    fn of_ssz(envelope: Ssz<'_>) -> Option<Self> {
        // The first offset is the size of the fixed part, which tells the drafts apart.
        let fixed = envelope.offset(0)?;
        let slot = match fixed {
            80 => {
                // Payload and header both end their fixed part with the slot; `extra_data` comes right behind it.
                let payload = envelope.from(80)?;
                let end @ (540 | 624) = payload.offset(436)? else { return None };
                payload.number(end as usize - 8)?
            }
            88 | 92 => envelope.number(48)?,
            120 => envelope.number(80)?,
            _ => return None,
        };
        Some(Self { slot: Slot(slot), beacon_block_root: envelope.root(16)? })
    }

    fn of_json(body: &[u8]) -> Option<Self> {
        let wanted = ["beacon_block_root", "slot", "slot_number"];
        let [root, slot, slot_number] = scan(body, &ENVELOPE, &wanted, |[root, slot, number]| {
            root.is_some() && (slot.is_some() || number.is_some())
        });
        let slot = slot.or(slot_number)?;
        Some(Self { slot: Slot(number(&slot)?), beacon_block_root: root?.parse().ok()? })
    }
}

/// A decimal number and nothing else.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The first part of block contents, or the bytes themselves if they are no contents.
///
/// Contents start with two to eight offsets. A bare block starts with its slot, whose upper half, where contents have
/// their second offset, is zero for the next thousand years.
fn contents(body: Ssz<'_>) -> Ssz<'_> {
    match (body.offset(0), body.offset(4)) {
        (Some(first @ 8..=32), Some(second)) if first % 4 == 0 && second > first => {
            body.from(first as usize).unwrap_or(body)
        }
        _ => body,
    }
}

/// The message of a signed container, bare or first in contents.
fn signed_message(body: Ssz<'_>) -> Option<Ssz<'_>> {
    let signed = if body.offset(0)? as usize == SIGNED_MESSAGE { body } else { contents(body) };
    (signed.offset(0)? as usize == SIGNED_MESSAGE).then(|| signed.from(SIGNED_MESSAGE))?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn key() -> impl Strategy<Value = BlockKey> {
        (0..u64::from(u32::MAX), any::<u64>(), any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(
            |(s, p, a, b)| BlockKey {
                slot: Slot(s),
                proposer: ValidatorIndex(p),
                parent: Root(a),
                state: Root(b),
            },
        )
    }

    fn block_ssz(key: &BlockKey) -> Vec<u8> {
        let mut out = key.slot.0.to_le_bytes().to_vec();
        out.extend(key.proposer.0.to_le_bytes());
        out.extend(key.parent.0);
        out.extend(key.state.0);
        out.extend(84_u32.to_le_bytes());
        out.extend([7; 300]);
        out
    }

    fn signed_ssz(message: &[u8]) -> Vec<u8> {
        [&100_u32.to_le_bytes()[..], &[9; 96], message].concat()
    }

    /// A container of `parts` variable-size fields, the given one first.
    fn contents_ssz(first: &[u8], parts: u32) -> Vec<u8> {
        let mut out = Vec::new();
        for part in 0..parts {
            let skip = if part == 0 { 0 } else { first.len() as u32 + (part - 1) * 48 };
            out.extend((parts * 4 + skip).to_le_bytes());
        }
        out.extend(first);
        out.extend(vec![5; 48 * parts as usize]);
        out
    }

    fn block_json(key: &BlockKey) -> serde_json::Value {
        json!({
            "slot": key.slot.0.to_string(),
            "proposer_index": key.proposer.0.to_string(),
            "parent_root": key.parent,
            "state_root": key.state,
            "body": {"execution_payload": {"state_root": Root([1; 32]), "slot": "1"}, "attestations": [{"slot": "3"}]},
        })
    }

    fn bytes(value: &serde_json::Value) -> Vec<u8> {
        value.to_string().into_bytes()
    }

    proptest! {
        #[test]
        fn a_produced_block_has_one_key_in_every_form(key in key()) {
            let block = block_json(&key);
            for answer in [
                json!({"data": block}),
                json!({"version": "deneb", "execution_payload_blinded": false, "data": {"blobs": ["0x00"], "block": block}}),
                json!({"data": {"execution_payload_envelope": {"slot": "1"}, "block": block, "kzg_proofs": []}}),
            ] {
                prop_assert_eq!(BlockKey::of_unsigned(&bytes(&answer), false), Some(key));
            }
            let block = block_ssz(&key);
            for answer in [block.clone(), contents_ssz(&block, 3), contents_ssz(&block, 4)] {
                prop_assert_eq!(BlockKey::of_unsigned(&answer, true), Some(key));
            }
        }

        #[test]
        fn a_signed_block_has_the_key_it_was_produced_under(key in key()) {
            let signed = json!({"signature": "0x09", "message": block_json(&key)});
            for request in [signed.clone(), json!({"kzg_proofs": [], "signed_block": signed, "blobs": []})] {
                prop_assert_eq!(BlockKey::of_signed(&bytes(&request), false), Some(key));
            }
            let signed = signed_ssz(&block_ssz(&key));
            for request in [signed.clone(), contents_ssz(&signed, 3)] {
                prop_assert_eq!(BlockKey::of_signed(&request, true), Some(key));
            }
        }

        #[test]
        fn small_slots_are_not_taken_for_contents(slot in 0..64_u64, mut key in key()) {
            key.slot = Slot(slot);
            prop_assert_eq!(BlockKey::of_unsigned(&block_ssz(&key), true), Some(key));
        }

        #[test]
        fn what_is_cut_short_has_no_key(key in key(), cut in 0..84_usize) {
            let block = block_ssz(&key);
            prop_assert_eq!(BlockKey::of_unsigned(&block[..cut], true), None);
            prop_assert_eq!(BlockKey::of_signed(&signed_ssz(&block)[..100 + cut], true), None);
        }

        #[test]
        fn garbage_never_panics(body: Vec<u8>, text in "[{}\\[\\]\":,a-z0-9\\\\ ]{0,80}", ssz: bool) {
            for body in [body.as_slice(), text.as_bytes()] {
                let _ = BlockKey::of_unsigned(body, ssz);
                let _ = BlockKey::of_signed(body, ssz);
                let _ = EnvelopeKey::of_signed(body, ssz);
            }
        }

        #[test]
        fn an_envelope_has_one_key_in_every_draft(slot in 0..u64::from(u32::MAX), root: [u8; 32]) {
            let expected = Some(EnvelopeKey { slot: Slot(slot), beacon_block_root: Root(root) });
            let text = slot.to_string();
            let root_text = Root(root).to_string();
            for message in [
                json!({"payload": {"block_hash": "0x00", "slot_number": text}, "beacon_block_root": root_text}),
                json!({"beacon_block_root": root_text, "slot": text, "payload": {}}),
            ] {
                let signed = json!({"message": message, "signature": "0x"});
                let whole = json!({"blobs": [], "signed_execution_payload_envelope": signed});
                prop_assert_eq!(EnvelopeKey::of_signed(&bytes(&signed), false), expected);
                prop_assert_eq!(EnvelopeKey::of_signed(&bytes(&whole), false), expected);
            }
            for (fixed, at) in [(88_usize, 48), (92, 48), (120, 80), (80, 80 + 532), (80, 80 + 616)] {
                let mut message = vec![0; 80 + 700];
                message[..4].copy_from_slice(&(fixed as u32).to_le_bytes());
                message[16..48].copy_from_slice(&root);
                if fixed == 80 {
                    message[80 + 436..80 + 440].copy_from_slice(&((at - 80 + 8) as u32).to_le_bytes());
                }
                message[at..at + 8].copy_from_slice(&slot.to_le_bytes());
                let signed = signed_ssz(&message);
                prop_assert_eq!(EnvelopeKey::of_signed(&signed, true), expected);
                prop_assert_eq!(EnvelopeKey::of_signed(&contents_ssz(&signed, 3), true), expected);
                prop_assert_eq!(EnvelopeKey::of_signed(&signed[..100 + at], true), None);
            }
        }
    }

    #[test]
    fn a_document_without_a_block_has_no_key() {
        for text in ["", "null", "[]", "{}", r#"{"data":{"slot":"1"}}"#, r#"{"data":[{"slot":"1"}]}"#] {
            assert_eq!(BlockKey::of_unsigned(text.as_bytes(), false), None, "{text}");
        }
        let root = Root([3; 32]);
        let odd = json!({"slot": "+1", "proposer_index": "1", "parent_root": root, "state_root": root});
        assert_eq!(BlockKey::of_unsigned(&bytes(&odd), false), None);
        assert_eq!(BlockKey::of_unsigned(&[0; 200], true), None, "the body's offset is missing");
    }
}
