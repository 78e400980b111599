//! Blocks and committees as beacons answer them.

use serde_json::{Value, json};

use super::super::{Included, PayloadVotes, read_block, read_committees, read_payload_committee};
use crate::model::{Root, Slot, ValidatorIndex};

fn root(byte: u8) -> Root {
    Root([byte; 32])
}

fn attestation(index: u64, bits: &str, committees: Option<&str>) -> Value {
    let mut out = json!({
        "aggregation_bits": bits,
        "data": {
            "slot": "30", "index": index.to_string(), "beacon_block_root": root(1),
            "source": {"epoch": "0", "root": root(2)}, "target": {"epoch": "3", "root": root(3)},
        },
        "signature": "0x00",
    });
    if let Some(bits) = committees {
        out["committee_bits"] = bits.into();
    }
    out
}

fn answer(attestations: &Value) -> Vec<u8> {
    let body = json!({
        "attestations": attestations,
        "sync_aggregate": {"sync_committee_bits": "0x05", "sync_committee_signature": "0x"},
        "execution_payload": {"transactions": ["0x00"]},
    });
    let message = json!({
        "slot": "31", "proposer_index": "9", "parent_root": root(4), "state_root": root(5), "body": body,
    });
    json!({"version": "x", "data": {"message": message, "signature": "0x"}}).to_string().into_bytes()
}

fn votes(attestations: &Value) -> Vec<Included> {
    read_block(root(8), &answer(attestations)).unwrap().votes
}

#[test]
fn votes_are_read_in_the_form_of_every_fork() {
    let list = json!([attestation(6, "0x0d01", None), attestation(0, "0x19", Some("0x0500000000000080"))]);
    let block = read_block(root(8), &answer(&list)).unwrap();
    assert_eq!((block.root, block.slot, block.proposer), (root(8), Slot(31), ValidatorIndex(9)));
    assert_eq!((block.parent, block.state, &*block.sync), (root(4), root(5), &[5_u8][..]));
    let [before, since] = block.votes.as_slice() else { panic!("two votes") };
    assert_eq!(
        (before.committees, before.members, since.committees, since.members),
        (1 << 6, 8, 5 | 1 << 63, 4)
    );
    let set = |votes: &Included| (0..10).filter(|place| votes.has(*place)).collect::<Vec<_>>();
    assert_eq!((set(before), set(since)), (vec![0, 2, 3], vec![0, 3]), "the last bit is the length's");
    assert_eq!((since.slot, since.head, since.target), (Slot(30), root(1), root(3)));
}

#[test]
fn bits_that_are_none_are_no_votes() {
    for bits in ["0x", "0x00", "0xff00", "0xzz", ""] {
        assert_eq!(votes(&json!([attestation(0, bits, None)])), [], "{bits}");
    }
    assert_eq!(votes(&json!([attestation(64, "0x03", None), attestation(0, "0x03", Some("0x01"))])), []);
    assert!(read_block(root(8), b"{}").is_err());
}

#[test]
fn committees_are_read_with_their_members_in_order() {
    let body = json!({"data": [{"index": "1", "slot": "4", "validators": ["7", "3"]}]}).to_string();
    let [committee] = &read_committees(body.as_bytes()).unwrap()[..] else { panic!("one committee") };
    assert_eq!((committee.slot, committee.index), (Slot(4), 1));
    assert_eq!(committee.members, [ValidatorIndex(7), ValidatorIndex(3)]);
    assert!(read_committees(b"[]").is_err());
}

#[test]
fn payload_attestations_are_read_with_what_they_say() {
    let mut answer: Value = serde_json::from_slice(&answer(&json!([]))).unwrap();
    let attestation = |bits: &str, present: bool, blobs: bool| {
        json!({
            "aggregation_bits": bits, "signature": "0x",
            "data": {
                "beacon_block_root": root(4), "slot": "30", "payload_present": present, "blob_data_available": blobs,
            },
        })
    };
    answer["data"]["message"]["body"]["payload_attestations"] =
        json!([attestation("0x0180", true, false), attestation("none", true, true)]);
    let read = read_block(root(8), answer.to_string().as_bytes()).unwrap();
    assert_eq!(read.payload, [PayloadVotes { present: true, blobs: false, bits: [1, 0x80].into() }]);
    let committee = br#"{"execution_optimistic":false,"data":{"slot":"30","validators":["7","3","7"]}}"#;
    assert_eq!(read_payload_committee(committee).unwrap(), [7, 3, 7].map(ValidatorIndex));
    assert!(read_payload_committee(b"[]").is_err());
}
