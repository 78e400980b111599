//! Blocks and payload envelopes of Gloas in JSON: a block carries a bid, its payload follows in an envelope of its own.

use serde_json::{Value, json};

use super::block::joined;
use super::{BlockWire, hex, number, root, signature, unhex};
use crate::model::{Root, Slot, ValidatorIndex};

impl BlockWire {
    /// What v4 of block production answers: the bare block, or block contents with the payload's envelope.
    pub(crate) fn to_gloas(self, root: Root, with_payload: bool) -> Value {
        let zero = Root::default();
        let block = json!({
            "slot": self.slot.to_string(),
            "proposer_index": self.proposer.to_string(),
            "parent_root": self.parent,
            "state_root": self.state,
            "body": joined(self.body_start(), json!({
                "signed_execution_payload_bid": {
                    "message": {
                        "parent_block_hash": zero, "parent_block_root": self.parent, "block_hash": self.state,
                        "prev_randao": zero, "fee_recipient": hex(&self.fee_recipient),
                        "gas_limit": "60000000", "builder_index": u64::MAX.to_string(),
                        "slot": self.slot.to_string(), "value": "0", "execution_payment": "0",
                        "blob_kzg_commitments": [],
                    },
                    "signature": hex(&[0; 96]),
                },
                "payload_attestations": [],
            })),
        });
        if with_payload {
            let envelope = self.to_envelope(root);
            json!({"block": block, "execution_payload_envelope": envelope, "kzg_proofs": [], "blobs": []})
        } else {
            block
        }
    }

    /// The envelope of its payload, for the block of this root.
    pub(crate) fn to_envelope(self, root: Root) -> Value {
        json!({
            "payload": joined(self.payload_start(), json!({
                "transactions": [], "withdrawals": [], "block_access_list": "0x",
                "slot_number": self.slot.to_string(),
            })),
            "execution_requests": {"deposits": [], "withdrawals": [], "consolidations": []},
            "builder_index": u64::MAX.to_string(),
            "beacon_block_root": root,
            "parent_beacon_block_root": self.parent,
        })
    }
}

/// `PayloadAttestation`: what these members of a slot's committee say of the payload of its block, and of its blobs.
pub(crate) fn payload_attestation(root: Root, slot: Slot, says: (bool, bool), bits: &[u8]) -> Value {
    json!({
        "aggregation_bits": hex(bits),
        "data": {
            "beacon_block_root": root, "slot": slot.to_string(),
            "payload_present": says.0, "blob_data_available": says.1,
        },
        "signature": hex(&signature(&[slot.0, u64::from(says.0), u64::from(says.1)])),
    })
}

/// Reads a published block.
pub(crate) fn parse_gloas(signed: &Value) -> Option<BlockWire> {
    let message = signed.get("message")?;
    let bid = message.get("body")?.get("signed_execution_payload_bid")?.get("message")?;
    Some(BlockWire {
        slot: Slot(number(message, "slot")?),
        proposer: ValidatorIndex(number(message, "proposer_index")?),
        parent: root(message, "parent_root")?,
        state: root(message, "state_root")?,
        fee_recipient: unhex(bid.get("fee_recipient")?.as_str()?)?.try_into().ok()?,
    })
}

/// The slot and block root of a published envelope, with its blobs or without.
pub(crate) fn parse_envelope(signed: &Value) -> Option<(Slot, Root)> {
    let signed = signed.get("signed_execution_payload_envelope").unwrap_or(signed);
    let message = signed.get("message")?;
    Some((Slot(number(message.get("payload")?, "slot_number")?), root(message, "beacon_block_root")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_and_its_envelope_read_the_same() {
        let wire = BlockWire {
            slot: Slot(77),
            proposer: ValidatorIndex(5),
            parent: Root([1; 32]),
            state: Root([2; 32]),
            fee_recipient: [3; 20],
        };
        let root = Root([9; 32]);
        let bare = wire.to_gloas(root, false);
        assert_eq!(parse_gloas(&json!({"message": bare, "signature": "0x"})), Some(wire));
        let contents = wire.to_gloas(root, true);
        assert_eq!(contents["block"], bare);
        let signed = json!({"message": contents["execution_payload_envelope"], "signature": "0x"});
        assert_eq!(parse_envelope(&signed), Some((Slot(77), root)));
        let with_blobs = json!({"signed_execution_payload_envelope": signed, "blobs": [], "kzg_proofs": []});
        assert_eq!(parse_envelope(&with_blobs), Some((Slot(77), root)));
    }
}
