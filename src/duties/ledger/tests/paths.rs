//! By which path duties went, and what is told of those that the chain does not decide by votes.

use std::collections::BTreeMap;

use super::super::sums::PayloadTally;
use super::super::{Ask, Block, Fate, Given, Ledger, Passage, PayloadVotes, Row};
use super::chain::SHAPE;
use crate::duties::{AttesterDuty, Kind, PayloadDuty, ProposerDuty, SyncDuty};
use crate::model::{BeaconId, BeaconSet, ClientId, Epoch, Root, Slot, Step, ValidatorIndex};

const CLIENT: ClientId = ClientId(2);
const ME: ValidatorIndex = ValidatorIndex(7);

fn block(number: u8, slot: u64, parent: u8, proposer: u64, sync: &[u8]) -> Block {
    Block {
        root: Root([number; 32]),
        slot: Slot(slot),
        proposer: ValidatorIndex(proposer),
        parent: Root([parent; 32]),
        state: Root([100 + number; 32]),
        votes: Vec::new(),
        sync: sync.into(),
        payload: Vec::new(),
    }
}

fn rows(ledger: &Ledger, kind: Kind) -> Vec<Row> {
    let all = ledger.duties(&Ask { limit: 1_000, ..Ask::default() });
    all.into_iter().filter(|row| row.kind == kind).collect()
}

fn passage(client: ClientId, via: u128, after_due_ms: i32) -> Passage {
    Passage { client, via: BeaconSet(via), after_due_ms }
}

#[test]
fn each_step_is_known_with_its_beacon_and_time() {
    let mut ledger = Ledger::new(SHAPE);
    ledger.advance(Slot(2));
    let duty = AttesterDuty { validator: ME, slot: Slot(2), committee: 0, position: 0 };
    ledger.attester_duties(&[duty], CLIENT, Some(BeaconId(3)));
    ledger.served(Slot(2), Step::Attest, CLIENT, Given { beacon: BeaconId(1), after_due_ms: 40 });
    ledger.published(Slot(2), Kind::Attestation, &[ME], passage(CLIENT, 0, 90));
    ledger.published(Slot(2), Kind::Attestation, &[ME], passage(CLIENT, 0b110, 120));
    ledger.published(Slot(2), Kind::Attestation, &[ME], passage(CLIENT, 0b1000, 500));
    ledger.published(Slot(2), Kind::Attestation, &[ME], passage(ClientId(9), 1, 20));
    let [row] = rows(&ledger, Kind::Attestation)[..] else { panic!("one duty") };
    assert_eq!((row.slot, row.validator, row.fate), (Slot(2), ME, Fate::Unknown));
    assert_eq!(row.path.client, Some(CLIENT), "a second client changes nothing");
    assert_eq!(row.path.duties, Some(BeaconId(3)));
    assert_eq!(row.path.data, Some(Given { beacon: BeaconId(1), after_due_ms: 40 }));
    assert_eq!(row.path.published_ms, Some(120), "the first that a beacon took");
    assert_eq!(row.path.via, BeaconSet(0b1110));
    let ask = |ask: Ask| ledger.duties(&Ask { limit: 9, ..ask }).len();
    assert_eq!(ask(Ask { beacon: Some(BeaconId(1)), ..Ask::default() }), 1);
    assert_eq!(ask(Ask { beacon: Some(BeaconId(0)), ..Ask::default() }), 0);
    assert_eq!(ask(Ask { client: Some(CLIENT), slot: Some(Slot(2)), ..Ask::default() }), 1);
    assert_eq!(ask(Ask { validator: Some(ValidatorIndex(8)), ..Ask::default() }), 0);
    assert_eq!(ask(Ask { epoch: Some(Epoch(1)), ..Ask::default() }), 0);
}

#[test]
fn a_duty_of_which_nothing_was_published_keeps_the_data_its_client_got() {
    let mut ledger = Ledger::new(SHAPE);
    ledger.advance(Slot(1));
    ledger.attester_duties(
        &[AttesterDuty { validator: ME, slot: Slot(1), committee: 0, position: 0 }],
        CLIENT,
        None,
    );
    ledger.served(Slot(1), Step::Attest, CLIENT, Given { beacon: BeaconId(5), after_due_ms: 9_000 });
    let [row] = rows(&ledger, Kind::Attestation)[..] else { panic!("one duty") };
    assert_eq!((row.path.published_ms, row.path.data.map(|data| data.beacon)), (None, Some(BeaconId(5))));
}

#[test]
fn a_block_is_proposed_missed_or_orphaned_as_the_branch_says() {
    let mut ledger = Ledger::new(SHAPE);
    ledger.advance(Slot(4));
    ledger.named(&[ME], CLIENT);
    let duties: Vec<ProposerDuty> =
        (1..=4).map(|slot| ProposerDuty { validator: ME, slot: Slot(slot) }).collect();
    ledger.proposer_duties(&duties, Some(BeaconId(1)));
    let other = ProposerDuty { validator: ValidatorIndex(8), slot: Slot(5) };
    ledger.proposer_duties(&[other], Some(BeaconId(1)));
    assert_eq!([3, 5, 6].map(|slot| ledger.proposer_of(Slot(slot))), [Some(CLIENT), None, None]);
    for made in
        [block(1, 0, 0, 0, &[]), block(2, 1, 1, 7, &[]), block(3, 2, 2, 7, &[]), block(4, 4, 2, 8, &[])]
    {
        ledger.block(made);
    }
    ledger.head(Root([3; 32]));
    let fates =
        |ledger: &Ledger| rows(ledger, Kind::Block).iter().rev().map(|row| row.fate).collect::<Vec<_>>();
    assert_eq!(fates(&ledger), [Fate::Proposed, Fate::Proposed, Fate::Unknown, Fate::Unknown]);
    ledger.head(Root([4; 32]));
    assert_eq!(fates(&ledger), [Fate::Proposed, Fate::Orphaned, Fate::Missed, Fate::Missed]);
    assert_eq!(
        [0, 2, 4, 5].map(|slot| ledger.has_block(Slot(slot))),
        [Some(true), Some(false), Some(true), None]
    );
}

#[test]
fn a_sync_message_is_in_the_next_slots_block_or_nowhere() {
    let mut ledger = Ledger::new(SHAPE);
    ledger.advance(Slot(3));
    let duty = SyncDuty { validator: ME, positions: vec![1, 9] };
    ledger.sync_duties(Epoch(0), &[duty], CLIENT, Some(BeaconId(2)));
    ledger.published(Slot(0), Kind::SyncMessage, &[ME], passage(CLIENT, 1, -5));
    for made in [
        block(1, 0, 0, 0, &[]),
        block(2, 1, 1, 0, &[2, 2]),
        block(3, 2, 2, 0, &[2, 0]),
        block(4, 4, 3, 0, &[]),
    ] {
        ledger.block(made);
    }
    ledger.head(Root([4; 32]));
    let found: Vec<_> = rows(&ledger, Kind::SyncMessage)
        .iter()
        .rev()
        .map(|row| (row.slot.0, row.fate, row.path.published_ms))
        .collect();
    let expected = [
        (0, Fate::Synced, Some(-5)),
        (1, Fate::Missed, None),
        (2, Fate::Missed, None),
        (3, Fate::Missed, None),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_payload_attestation_is_in_the_next_slots_block_or_nowhere() {
    let mut ledger = Ledger::new(SHAPE);
    ledger.advance(Slot(6));
    let duties: Vec<PayloadDuty> =
        (1..=6).map(|slot| PayloadDuty { validator: ME, slot: Slot(slot) }).collect();
    ledger.payload_duties(&duties, CLIENT, Some(BeaconId(2)));
    ledger.published(Slot(1), Kind::PayloadAttestation, &[ME], passage(CLIENT, 1, -5));
    // It sits at places 1 and 3; one at place 8 is none of the committee.
    let votes =
        |present: bool, bits: u16| PayloadVotes { present, blobs: present, bits: bits.to_le_bytes().into() };
    for (number, slot, payload) in [
        (1, 1, vec![]),
        (2, 2, vec![votes(true, 0b1010), votes(false, 0b1_0000_0001)]),
        (3, 3, vec![votes(true, 0b0101), votes(false, 0b1000)]),
        (4, 4, vec![votes(true, 0b0101)]),
        (5, 6, vec![]),
    ] {
        ledger.block(Block { payload, ..block(number, slot, number - 1, 0, &[]) });
    }
    ledger.head(Root([5; 32]));
    let fates = |ledger: &Ledger| -> Vec<Fate> {
        rows(ledger, Kind::PayloadAttestation).iter().rev().map(|row| row.fate).collect()
    };
    assert_eq!(fates(&ledger)[..3], [Fate::Unknown; 3], "who sits where is not known");
    let others = [ValidatorIndex(20), ValidatorIndex(21)];
    let mut asked = Vec::new();
    while let Some((slot, decided)) = ledger.wanted_payload_committee() {
        asked.push(slot.0);
        ledger.payload_committee(slot, decided, vec![others[0], ME, others[1], ME]);
    }
    assert_eq!(asked, [1, 2, 3, 4], "of slots with a block, once the chain went on");
    let expected = [
        Fate::PayloadAttested { agrees: true },
        Fate::PayloadAttested { agrees: false },
        Fate::Missed,
        Fate::Missed,
        Fate::Untold,
        Fate::Unknown,
    ];
    assert_eq!(fates(&ledger), expected);
    let tally = PayloadTally { included: 2, missed: 2, disagree: 1 };
    assert_eq!(ledger.payload_sums(Slot(1), Slot(6)), BTreeMap::from([(CLIENT, tally)]));
    let first = rows(&ledger, Kind::PayloadAttestation)[5];
    assert_eq!((first.path.published_ms, first.path.duties), (Some(-5), Some(BeaconId(2))));
}

#[test]
fn what_lies_behind_or_far_ahead_is_not_kept() {
    let mut ledger = Ledger::new(SHAPE);
    ledger.advance(Slot(100));
    let duty = |slot| AttesterDuty { validator: ME, slot: Slot(slot), committee: 0, position: 0 };
    ledger.attester_duties(&[duty(3), duty(100), duty(1 << 50), duty(u64::MAX)], CLIENT, None);
    ledger.published(Slot(u64::MAX), Kind::Aggregate, &[ValidatorIndex(u64::MAX)], passage(CLIENT, 1, 0));
    assert_eq!(ledger.duties(&Ask { limit: 9, ..Ask::default() }).len(), 1);
    assert_eq!(ledger.validators(), 1);
    ledger.advance(Slot(100 + 4 * 4));
    assert!(ledger.duties(&Ask { limit: 9, ..Ask::default() }).is_empty(), "forgotten");
}
