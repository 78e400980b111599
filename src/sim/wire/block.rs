//! Blocks on the wire: full block contents and blinded blocks of Fulu, empty but well shaped, in JSON and SSZ.

use serde_json::{Value, json};

use super::super::chain;
use super::{hex, le32, le64, number, root, root_at, signature};
use crate::model::{Root, Slot, ValidatorIndex};

/// Bytes of a block before its body: slot, proposer, parent, state, offset of the body.
const HEADER: usize = 84;
/// Where the offset of the execution payload (header) lies in the body: behind randao reveal 96, eth1 data 72, graffiti
/// 32, five offsets 20 and sync aggregate 160.
const PAYLOAD_OFFSET: usize = 380;
/// Bytes of the body's fixed part.
const BODY_FIXED: usize = 396;
/// Bytes of an execution payload's fixed part (Deneb).
const PAYLOAD_FIXED: usize = 528;
/// Bytes of an execution payload header's fixed part (Deneb).
const PAYLOAD_HEADER_FIXED: usize = 584;
/// Where a signed block's message starts: offset 4, signature 96.
const MESSAGE: usize = 100;

/// What the simulation reads and writes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockWire {
    /// Its slot.
    pub(crate) slot: Slot,
    /// Its proposer.
    pub(crate) proposer: ValidatorIndex,
    /// Its parent's root.
    pub(crate) parent: Root,
    /// Its state root.
    pub(crate) state: Root,
    /// Whom the execution payload pays.
    pub(crate) fee_recipient: [u8; 20],
}

/// The members of both objects.
pub(super) fn joined(mut object: Value, more: Value) -> Value {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}

impl BlockWire {
    /// Its root: of the four members that identify it.
    pub(crate) fn block_root(&self) -> Root {
        let mut parts = vec![self.slot.0, self.proposer.0];
        for root in [self.parent, self.state] {
            parts.extend(root.0.chunks_exact(8).map(|c| c.iter().fold(0, |n, b| n << 8 | u64::from(*b))));
        }
        chain::root(&parts)
    }

    /// The unsigned answer of block production: block contents, or the bare blinded block.
    pub(crate) fn to_json(self, blinded: bool) -> Value {
        let block = json!({
            "slot": self.slot.to_string(),
            "proposer_index": self.proposer.to_string(),
            "parent_root": self.parent,
            "state_root": self.state,
            "body": self.body_json(blinded),
        });
        if blinded { block } else { json!({"block": block, "kzg_proofs": [], "blobs": []}) }
    }

    fn body_json(self, blinded: bool) -> Value {
        let zero = Root::default();
        let lists = if blinded {
            json!({"transactions_root": zero, "withdrawals_root": zero})
        } else {
            json!({"transactions": [], "withdrawals": []})
        };
        let rest = json!({
            (if blinded { "execution_payload_header" } else { "execution_payload" }): joined(self.payload_start(), lists),
            "blob_kzg_commitments": [],
            "execution_requests": {"deposits": [], "withdrawals": [], "consolidations": []},
        });
        joined(self.body_start(), rest)
    }

    /// What the bodies of all forks have in common.
    pub(super) fn body_start(self) -> Value {
        let zero = Root::default();
        json!({
            "randao_reveal": hex(&signature(&[self.slot.0])),
            "eth1_data": {"deposit_root": zero, "deposit_count": "0", "block_hash": zero},
            "graffiti": zero,
            "proposer_slashings": [], "attester_slashings": [], "attestations": [], "deposits": [],
            "voluntary_exits": [],
            "sync_aggregate": {
                "sync_committee_bits": hex(&[0; 64]), "sync_committee_signature": hex(&[0; 96]),
            },
            "bls_to_execution_changes": [],
        })
    }

    /// What the payloads of all forks and their headers have in common.
    pub(super) fn payload_start(self) -> Value {
        let zero = Root::default();
        json!({
            "parent_hash": zero, "fee_recipient": hex(&self.fee_recipient), "state_root": self.state,
            "receipts_root": zero, "logs_bloom": hex(&[0; 256]), "prev_randao": zero,
            "block_number": self.slot.to_string(), "gas_limit": "60000000", "gas_used": "0", "timestamp": "0",
            "extra_data": "0x", "base_fee_per_gas": "7", "block_hash": self.state,
            "blob_gas_used": "0", "excess_blob_gas": "0",
        })
    }

    /// The same in SSZ.
    pub(crate) fn to_ssz(self, blinded: bool) -> Vec<u8> {
        let mut block = Vec::new();
        block.extend(self.slot.0.to_le_bytes());
        block.extend(self.proposer.0.to_le_bytes());
        block.extend(self.parent.0);
        block.extend(self.state.0);
        block.extend((HEADER as u32).to_le_bytes());
        block.extend(self.body_ssz(blinded));
        if blinded { block } else { contents(&block) }
    }

    fn body_ssz(self, blinded: bool) -> Vec<u8> {
        let payload = self.payload_ssz(blinded);
        let behind = (BODY_FIXED + payload.len()) as u32;
        let mut body = signature(&[self.slot.0]).to_vec();
        body.extend([0; 72 + 32]);
        for _ in 0..5 {
            body.extend((BODY_FIXED as u32).to_le_bytes());
        }
        body.extend([0; 160]);
        for offset in [BODY_FIXED as u32, behind, behind, behind] {
            body.extend(offset.to_le_bytes());
        }
        body.extend(payload);
        // Execution requests: three empty lists behind three offsets.
        for _ in 0..3 {
            body.extend(12_u32.to_le_bytes());
        }
        body
    }

    fn payload_ssz(self, blinded: bool) -> Vec<u8> {
        let fixed = if blinded { PAYLOAD_HEADER_FIXED } else { PAYLOAD_FIXED };
        let offset = (fixed as u32).to_le_bytes();
        let mut out = vec![0; 32];
        out.extend(self.fee_recipient);
        out.extend(self.state.0);
        out.extend([0; 32 + 256 + 32]);
        for number in [self.slot.0, 60_000_000, 0, 0] {
            out.extend(number.to_le_bytes());
        }
        out.extend(offset);
        out.extend([0; 32]);
        out.extend(self.state.0);
        if blinded {
            out.extend([0; 64]);
        } else {
            out.extend(offset);
            out.extend(offset);
        }
        out.extend([0; 16]);
        out
    }
}

/// Block contents: three offsets, the block, no proofs, no blobs.
fn contents(block: &[u8]) -> Vec<u8> {
    let end = (12 + block.len()) as u32;
    let mut out = Vec::with_capacity(12 + block.len());
    for offset in [12, end, end] {
        out.extend(offset.to_le_bytes());
    }
    out.extend(block);
    out
}

/// Signs what block production answered in JSON.
pub(crate) fn sign_json(unsigned: &Value, blinded: bool) -> Option<Value> {
    let block = if blinded { unsigned } else { unsigned.get("block")? };
    let signature = hex(&signature(&[number(block, "slot")?, number(block, "proposer_index")?]));
    let signed = json!({"message": block, "signature": signature});
    Some(if blinded { signed } else { json!({"signed_block": signed, "kzg_proofs": [], "blobs": []}) })
}

/// Signs what block production answered in SSZ.
pub(crate) fn sign_ssz(unsigned: &[u8], blinded: bool) -> Option<Vec<u8>> {
    let block = if blinded { unsigned } else { unsigned.get(le32(unsigned, 0)?..le32(unsigned, 4)?)? };
    let mut signed = (MESSAGE as u32).to_le_bytes().to_vec();
    signed.extend(signature(&[le64(block, 0)?, le64(block, 8)?]));
    signed.extend(block);
    Some(if blinded { signed } else { contents(&signed) })
}

/// Reads a published block in JSON.
pub(crate) fn parse_json(signed: &Value, blinded: bool) -> Option<BlockWire> {
    let signed = if blinded { signed } else { signed.get("signed_block")? };
    let message = signed.get("message")?;
    let payload =
        message.get("body")?.get(if blinded { "execution_payload_header" } else { "execution_payload" })?;
    Some(BlockWire {
        slot: Slot(number(message, "slot")?),
        proposer: ValidatorIndex(number(message, "proposer_index")?),
        parent: root(message, "parent_root")?,
        state: root(message, "state_root")?,
        fee_recipient: super::unhex(payload.get("fee_recipient")?.as_str()?)?.try_into().ok()?,
    })
}

/// Reads a published block in SSZ.
pub(crate) fn parse_ssz(signed: &[u8], blinded: bool) -> Option<BlockWire> {
    let signed = if blinded { signed } else { signed.get(le32(signed, 0)?..le32(signed, 4)?)? };
    let message = signed.get(le32(signed, 0)?..)?;
    let body = message.get(le32(message, 80)?..)?;
    let payload = body.get(le32(body, PAYLOAD_OFFSET)?..)?;
    Some(BlockWire {
        slot: Slot(le64(message, 0)?),
        proposer: ValidatorIndex(le64(message, 8)?),
        parent: root_at(message, 16)?,
        state: root_at(message, 48)?,
        fee_recipient: payload.get(32..52)?.try_into().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(false)]
    #[case(true)]
    fn a_signed_block_reads_the_same_in_both_encodings(#[case] blinded: bool) {
        let wire = BlockWire {
            slot: Slot(77),
            proposer: ValidatorIndex(5),
            parent: Root([1; 32]),
            state: Root([2; 32]),
            fee_recipient: [3; 20],
        };
        let json = sign_json(&wire.to_json(blinded), blinded).unwrap();
        assert_eq!(parse_json(&json, blinded), Some(wire));
        let unsigned = wire.to_ssz(blinded);
        let ssz = sign_ssz(&unsigned, blinded).unwrap();
        assert_eq!(parse_ssz(&ssz, blinded), Some(wire));
        // The identifying 80 bytes lie where the specification's layouts put them.
        let (at_unsigned, at_signed) = if blinded { (0, 100) } else { (12, 112) };
        assert_eq!(unsigned[at_unsigned..at_unsigned + 80], ssz[at_signed..at_signed + 80]);
        assert_eq!(le64(&ssz, at_signed), Some(77));
        assert_eq!(
            wire.payload_ssz(blinded).len(),
            if blinded { PAYLOAD_HEADER_FIXED } else { PAYLOAD_FIXED }
        );
        assert_eq!(le32(&unsigned, at_unsigned + 80), Some(HEADER));
    }
}
