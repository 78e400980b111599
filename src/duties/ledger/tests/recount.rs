//! The verdicts equal an independent recount, whatever the order in which the chain became known.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{Ask, Fate, Ledger, Passage, Turnout};
use super::chain::{Chain, PER_EPOCH, SHAPE, VALIDATORS, committees, plans};
use crate::duties::Kind;
use crate::model::{BeaconSet, ClientId, Epoch, Slot, ValidatorIndex};

/// What is known of an attestation: distance, source, target, head flags, head right, late.
type Count = (u64, bool, bool, bool, bool, bool);

/// Goes through the blocks of the branch, vote by vote, and asks of each who cast it.
fn recount(chain: &Chain, head: usize, epoch: Epoch) -> BTreeMap<(u64, Slot), Option<Count>> {
    let branch = chain.branch(head);
    let mut out = BTreeMap::new();
    for committee in committees(epoch, chain.decided(head, epoch)) {
        for member in committee.members {
            out.insert((member.0, committee.slot), None);
        }
    }
    for made in branch {
        for vote in &made.votes {
            for voter in &vote.voters {
                let Some(count) = out.get_mut(&(*voter, vote.slot)) else { continue };
                let distance = made.block.slot.0 - vote.slot.0;
                let first =
                    chain.branch(head).into_iter().find(|other| other.block.slot > vote.slot).unwrap();
                let right = vote.head == chain.root_at(head, vote.slot);
                let target = vote.target == chain.root_at(head, Slot(epoch.0 * PER_EPOCH));
                let new = (distance, distance <= 2, target, target && right && distance == 1, right);
                let (distance, source, target, timely, right) = new;
                let late = first.block.slot < made.block.slot;
                *count = Some(match *count {
                    None => (distance, source, target, timely, right, late),
                    Some((was, a, b, c, d, late)) => {
                        (was, a || source, b || target, c || timely, d || right, late)
                    }
                });
            }
        }
    }
    out
}

fn count(fate: Fate) -> Option<Count> {
    match fate {
        Fate::Attested(v) => Some((
            u64::from(v.distance),
            v.timely_source(),
            v.timely_target(),
            v.timely_head(),
            v.head(),
            v.late(),
        )),
        _ => None,
    }
}

/// One thing that becomes known.
#[derive(Debug, Clone, Copy)]
enum Step {
    Block(usize),
    Head(usize),
    Committees(usize, u64),
    Seen(u64),
    Settle,
    Advance(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..28_usize).prop_map(Step::Block),
        4 => (0..28_usize).prop_map(Step::Head),
        2 => (0..28_usize, 0..12_u64).prop_map(|(block, epoch)| Step::Committees(block, epoch)),
        2 => (0..VALIDATORS).prop_map(Step::Seen),
        2 => Just(Step::Settle),
        1 => (0..40_u64).prop_map(Step::Advance),
    ];
    prop::collection::vec(step, 0..60)
}

fn take(ledger: &mut Ledger, chain: &Chain, last: Slot, step: Step) {
    let block = |number: usize| &chain.0[number % chain.0.len()].block;
    match step {
        Step::Block(number) => ledger.block(block(number).clone()),
        Step::Head(number) => ledger.head(block(number).root),
        Step::Committees(number, epoch) => {
            let decided = chain.decided(number % chain.0.len(), Epoch(epoch));
            ledger.committees(Epoch(epoch), decided, committees(Epoch(epoch), decided)).unwrap();
        }
        Step::Seen(validator) => ledger.named(&[ValidatorIndex(validator)], ClientId(1)),
        Step::Settle => {
            ledger.settle();
        }
        Step::Advance(slot) => ledger.advance(Slot(slot.min(last.0))),
    }
}

/// Reads what the ledger misses, as the engine does.
fn complete(ledger: &mut Ledger, chain: &Chain) {
    for _ in 0..200 {
        if let Some(root) = ledger.missing() {
            let made = chain.0.iter().find(|made| made.block.root == root).unwrap();
            ledger.block(made.block.clone());
        } else if let Some((epoch, decided)) = ledger.wanted().first().copied() {
            ledger.committees(epoch, decided, committees(epoch, decided)).unwrap();
        } else {
            while ledger.settle().is_some() {}
            return;
        }
    }
    panic!("the ledger is never content");
}

proptest! {
    #[test]
    fn verdicts_equal_a_recount(plans in plans(), steps in steps(), head in 0..28_usize, ahead in 0..3_u64) {
        let chain = Chain::make(&plans);
        let head = head % chain.0.len();
        let top = chain.0[head].block.slot;
        let now = Slot(top.0 + ahead);
        let mut ledger = Ledger::new(SHAPE);
        for step in steps {
            take(&mut ledger, &chain, now, step);
        }
        ledger.advance(now);
        let all: Vec<ValidatorIndex> = (0..VALIDATORS - 3).map(ValidatorIndex).collect();
        ledger.head(chain.0[head].block.root);
        ledger.named(&all, ClientId(1));
        complete(&mut ledger, &chain);
        let present = now.epoch(PER_EPOCH).0;
        for epoch in (present.saturating_sub(3)..=present).map(Epoch) {
            let expected = recount(&chain, head, epoch);
            let ask = Ask { epoch: Some(epoch), limit: usize::MAX, ..Ask::default() };
            let rows = ledger.duties(&ask);
            let attested = rows.iter().filter(|row| row.kind == Kind::Attestation);
            for row in attested {
                let Some(count_of) = expected.get(&(row.validator.0, row.slot)) else {
                    prop_assert!(false, "{:?} has no duty in {}", row.validator, row.slot);
                    continue;
                };
                // Before what was read nothing is known, and nothing is said.
                let known = epoch.0 + 1 >= present || row.fate != Fate::Unknown;
                if known && row.slot < top {
                    prop_assert_eq!(count(row.fate), *count_of, "{:?}", row);
                    prop_assert_ne!(row.fate, Fate::Unknown);
                }
            }
            if epoch.0 + 1 >= present && top.epoch(PER_EPOCH).0 >= epoch.0 {
                let due: Vec<_> =
                    expected.keys().filter(|(validator, slot)| *validator < VALIDATORS - 3 && *slot <= now).collect();
                for (validator, slot) in due {
                    let found = rows.iter().any(|row| row.validator.0 == *validator && row.slot == *slot);
                    prop_assert!(found, "validator {} of slot {} is missing", validator, slot);
                }
                for slot in (epoch.0 * PER_EPOCH..top.0.min((epoch.0 + 1) * PER_EPOCH)).map(Slot) {
                    let of_slot: Vec<_> = expected.iter().filter(|((_, at), _)| *at == slot).collect();
                    let included = of_slot.iter().filter(|(_, count)| count.is_some()).count() as u32;
                    prop_assert_eq!(ledger.turnout(slot), Some(Turnout { due: of_slot.len() as u32, included }));
                }
            }
        }
    }
}

#[test]
fn a_path_is_told_with_the_verdict_of_its_duties() {
    let mut ledger = Ledger::new(SHAPE);
    let chain = Chain::make(&[]);
    let members = committees(Epoch(0), chain.decided(0, Epoch(0)));
    let of_slot: Vec<ValidatorIndex> =
        members.iter().filter(|one| one.slot == Slot(0)).flat_map(|one| one.members.clone()).collect();
    let passage = Passage { client: ClientId(4), via: BeaconSet(0b10), after_due_ms: 30 };
    ledger.published(Slot(0), Kind::Attestation, &of_slot, passage);
    ledger.head(chain.0[0].block.root);
    complete(&mut ledger, &chain);
    let [sum] = ledger.by_path(Slot(0))[..] else { panic!("one path") };
    assert_eq!(
        (sum.client, sum.beacon, sum.due as usize, sum.missed as usize),
        (ClientId(4), None, of_slot.len(), of_slot.len())
    );
}
