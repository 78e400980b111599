//! Both forms of each publication, built from the same values, must say the same.

use bytes::Bytes;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::duties::{AttesterDuties, AttesterDuty};

const SIGNATURE: [u8; 96] = [0xc0; 96];

#[derive(Debug, Clone, Copy)]
struct Vote {
    slot: u64,
    index: u64,
    validator: u64,
    head: Root,
    source: (u64, Root),
    target: (u64, Root),
}

fn vote() -> impl proptest::strategy::Strategy<Value = Vote> {
    // Few different roots and slots, so that groups form.
    let root = || (0..3_u8).prop_map(|byte| Root([byte; 32]));
    (0..3_u64, any::<u64>(), any::<u64>(), root(), (any::<u64>(), root()), (0..2_u64, root())).prop_map(
        |(slot, index, validator, head, source, target)| Vote {
            slot,
            index,
            validator,
            head,
            source: (source.0 % 2, source.1),
            target,
        },
    )
}

impl Vote {
    fn data_json(&self) -> Value {
        let point = |(epoch, root): (u64, Root)| json!({"epoch": epoch.to_string(), "root": root});
        json!({
            "slot": self.slot.to_string(), "index": self.index.to_string(), "beacon_block_root": self.head,
            "source": point(self.source), "target": point(self.target),
        })
    }

    fn data_ssz(&self) -> Vec<u8> {
        let point = |(epoch, root): (u64, Root)| [&epoch.to_le_bytes()[..], &root.0].concat();
        [
            &self.slot.to_le_bytes()[..],
            &self.index.to_le_bytes(),
            &self.head.0,
            &point(self.source),
            &point(self.target),
        ]
        .concat()
    }

    fn json(&self, inspect: Inspect) -> Value {
        let (slot, validator) = (self.slot.to_string(), self.validator.to_string());
        let proof = |message: Value| json!({"message": message, "signature": "0x"});
        match inspect {
            Inspect::Attestations => json!({
                "committee_index": "1", "attester_index": validator, "data": self.data_json(), "signature": "0x"
            }),
            Inspect::Aggregates => proof(json!({"aggregator_index": validator, "selection_proof": "0x",
                "aggregate": {"aggregation_bits": "0xff01", "data": self.data_json(), "committee_bits": "0x01"}})),
            Inspect::SyncMessages => json!({
                "slot": slot, "beacon_block_root": self.head, "validator_index": validator, "signature": "0x"
            }),
            Inspect::Contributions => proof(json!({"aggregator_index": validator, "selection_proof": "0x",
                "contribution": {"slot": slot, "beacon_block_root": self.head, "subcommittee_index": "1"}})),
            _ => json!({"validator_index": validator, "signature": "0x", "data":
                {"beacon_block_root": self.head, "slot": slot, "payload_present": true}}),
        }
    }

    fn ssz(&self, inspect: Inspect) -> Vec<u8> {
        let (slot, validator) = (self.slot.to_le_bytes(), self.validator.to_le_bytes());
        let committee = 1_u64.to_le_bytes();
        match inspect {
            Inspect::Attestations => [&committee[..], &validator, &self.data_ssz(), &SIGNATURE].concat(),
            Inspect::Aggregates => {
                let bits = [0xff, 0x01];
                let aggregate =
                    [&236_u32.to_le_bytes()[..], &self.data_ssz(), &SIGNATURE, &committee, &bits].concat();
                let message = [&validator[..], &108_u32.to_le_bytes(), &SIGNATURE, &aggregate].concat();
                [&100_u32.to_le_bytes()[..], &SIGNATURE, &message].concat()
            }
            Inspect::SyncMessages => [&slot[..], &self.head.0, &validator, &SIGNATURE].concat(),
            Inspect::Contributions => {
                let contribution = [&slot[..], &self.head.0, &committee, &[0xff; 16], &SIGNATURE].concat();
                [&validator[..], &contribution, &SIGNATURE, &SIGNATURE].concat()
            }
            _ => [&validator[..], &self.head.0, &slot, &[1, 1], &SIGNATURE].concat(),
        }
    }
}

const INSPECTED: [Inspect; 5] = [
    Inspect::Attestations,
    Inspect::Aggregates,
    Inspect::SyncMessages,
    Inspect::Contributions,
    Inspect::PayloadAttestations,
];

fn json_body(inspect: Inspect, votes: &[Vote]) -> Bytes {
    Value::from(votes.iter().map(|vote| vote.json(inspect)).collect::<Vec<_>>()).to_string().into()
}

fn ssz_body(inspect: Inspect, votes: &[Vote]) -> Bytes {
    let items: Vec<_> = votes.iter().map(|vote| vote.ssz(inspect)).collect();
    let mut out = Vec::new();
    if inspect == Inspect::Aggregates {
        let mut at = items.len() * 4;
        for item in &items {
            out.extend((at as u32).to_le_bytes());
            at += item.len();
        }
    }
    out.extend(items.concat());
    out.into()
}

fn read(inspect: Inspect, body: &Bytes, ssz: bool) -> Result<Vec<Publication>, ParseError> {
    parse(inspect, body, ssz, &Committees::default())
}

proptest! {
    #[test]
    fn both_forms_say_the_same_and_nobody_is_lost(votes in prop::collection::vec(vote(), 0..12)) {
        for inspect in INSPECTED {
            let from_json = read(inspect, &json_body(inspect, &votes), false).unwrap();
            let from_ssz = read(inspect, &ssz_body(inspect, &votes), true).unwrap();
            prop_assert_eq!(&from_json, &from_ssz);
            let total: u32 = from_json.iter().map(|publication| publication.count).sum();
            prop_assert_eq!(total as usize, votes.len());
            for vote in &votes {
                let linked = matches!(inspect, Inspect::Attestations | Inspect::Aggregates);
                let link = Link {
                    source: (Epoch(vote.source.0), vote.source.1),
                    target: (Epoch(vote.target.0), vote.target.1),
                };
                let expected = Votes { head: vote.head, link: linked.then_some(link) };
                let found: Vec<_> = from_json
                    .iter()
                    .filter(|publication| publication.slot == Slot(vote.slot) && publication.votes == Some(expected))
                    .collect();
                prop_assert_eq!(found.len(), 1, "one group a vote");
                prop_assert!(found[0].validators.contains(&ValidatorIndex(vote.validator)));
            }
        }
    }

    #[test]
    fn what_is_cut_short_is_refused(votes in prop::collection::vec(vote(), 1..4), cut in 1..64_usize) {
        for inspect in INSPECTED {
            for (body, ssz) in [(json_body(inspect, &votes), false), (ssz_body(inspect, &votes), true)] {
                // An aggregate's tail is its bits, which nobody reads here.
                let cut = if ssz && inspect == Inspect::Aggregates { cut + 110 } else { cut };
                prop_assert!(read(inspect, &body.slice(..body.len() - cut), ssz).is_err(), "{:?}", inspect);
            }
        }
    }

    #[test]
    fn garbage_never_panics(body: Vec<u8>, stride in 0..3_usize, text in "[{}\\[\\]\":,a-z0-9 ]{0,60}", ssz: bool) {
        let strided = Bytes::from([240, 144, 146].map(|size| vec![body.first().copied().unwrap_or(1); size])[stride].clone());
        for body in [Bytes::from(body), Bytes::from(text), strided] {
            for inspect in INSPECTED.into_iter().chain([Inspect::SignedBlock]) {
                let _ = read(inspect, &body, ssz);
            }
        }
    }
}

#[test]
fn attestations_of_before_electra_are_resolved_by_committee() {
    let mut committees = Committees::default();
    let duty = |validator, position| AttesterDuty {
        validator: ValidatorIndex(validator),
        slot: Slot(100),
        committee: 3,
        position,
    };
    let duties = vec![duty(70, 0), duty(71, 9), duty(72, 4)];
    committees.learn(Epoch(3), &AttesterDuties { dependent_root: None, duties });
    let root = Root([1; 32]);
    let vote =
        |index| Vote { slot: 100, index, validator: 0, head: root, source: (2, root), target: (3, root) };
    // Places 0, 3 and 9 of a committee of 12; place 3 is somebody else's.
    let body = json!([
        {"aggregation_bits": "0x0912", "data": vote(3).data_json(), "signature": "0x"},
        {"aggregation_bits": "0x03", "data": vote(2).data_json(), "signature": "0x"},
    ]);
    let body = Bytes::from(body.to_string());
    let [publication] = parse(Inspect::Attestations, &body, false, &committees).unwrap().try_into().unwrap();
    assert_eq!(publication.validators, [ValidatorIndex(70), ValidatorIndex(71)]);
    assert_eq!((publication.count, publication.slot), (4, Slot(100)));
}

#[rstest]
#[case(Inspect::AttesterDuties)]
#[case(Inspect::ProducedBlock)]
#[case(Inspect::Nothing)]
fn what_is_no_publication_is_refused(#[case] inspect: Inspect) {
    assert!(matches!(read(inspect, &Bytes::from("[]"), false), Err(ParseError::NoPublication(_))));
}

#[test]
fn a_block_names_its_proposer() {
    let root = Root([2; 32]);
    let body =
        json!({"message": {"slot": "9", "proposer_index": "77", "parent_root": root, "state_root": root}});
    let [block] =
        read(Inspect::SignedBlock, &Bytes::from(body.to_string()), false).unwrap().try_into().unwrap();
    assert_eq!((block.kind, block.slot, block.count, block.votes), (Kind::Block, Slot(9), 1, None));
    assert_eq!(block.validators, [ValidatorIndex(77)]);
    assert!(matches!(
        read(Inspect::SignedBlock, &Bytes::from("{}"), false),
        Err(ParseError::FindBlock { length: 2 })
    ));
}

#[test]
fn a_body_of_ever_different_votes_is_refused() {
    let root = Root([0; 32]);
    let vote = |slot| Vote { slot, index: 0, validator: 1, head: root, source: (0, root), target: (0, root) };
    let votes: Vec<_> = (0..=MAX_GROUPS as u64).map(vote).collect();
    let body = ssz_body(Inspect::SyncMessages, &votes);
    assert!(matches!(read(Inspect::SyncMessages, &body, true), Err(ParseError::GroupVotes { .. })));
    let body = body.slice(..MAX_GROUPS * 144);
    assert_eq!(read(Inspect::SyncMessages, &body, true).unwrap().len(), MAX_GROUPS);
}

#[test]
fn one_publication_names_no_more_than_it_may() {
    let root = Root([0; 32]);
    let vote = Vote { slot: 1, index: 0, validator: 1, head: root, source: (0, root), target: (0, root) };
    let body = Bytes::from(vote.ssz(Inspect::SyncMessages).repeat(MAX_VALIDATORS + 2));
    let [publication] = read(Inspect::SyncMessages, &body, true).unwrap().try_into().unwrap();
    assert_eq!(
        (publication.validators.len(), publication.count as usize),
        (MAX_VALIDATORS, MAX_VALIDATORS + 2)
    );
}
