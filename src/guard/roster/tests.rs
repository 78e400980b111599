//! What the roster promises: unit tests, and generated histories against a chain that forks.

use proptest::prelude::*;

use super::*;

const ATTESTER: DutyList = DutyList { kind: DutyKind::Attester, epoch: Epoch(9) };
const PROPOSER: DutyList = DutyList { kind: DutyKind::Proposer, epoch: Epoch(8) };
const PROPOSER_V2: DutyList = DutyList { kind: DutyKind::ProposerV2, epoch: Epoch(9) };

fn root(n: u8) -> Root {
    Root([n; 32])
}

fn beacon(n: usize) -> BeaconName {
    BeaconName::new(format!("b{n}"))
}

/// A head of epoch 9 whose duties of that epoch rest on `previous`.
fn says(head: u8, previous: u8) -> Deciders {
    Deciders { head: root(head), slot: Slot(80), epoch: Epoch(9), previous: root(previous), current: root(7) }
}

fn all(_: &BeaconName) -> bool {
    true
}

fn settle(roster: &mut Roster<char>, list: DutyList, on: u8, told: &[(u64, char)]) {
    let (ticket, expected) = (roster.ticket(), roster.expected(list, None, all));
    roster.settle(list, ticket, (root(on), expected), told.iter().copied());
}

fn known(roster: &Roster<char>, list: DutyList, validators: &[u64]) -> (String, Vec<u64>) {
    let known = roster.known(list, roster.expected(list, None, all), validators);
    (known.told.into_iter().collect(), known.missing)
}

#[test]
fn which_block_decides_which_list() {
    let list = |kind, epoch| DutyList { kind, epoch: Epoch(epoch) }.decided_before().0;
    for kind in [DutyKind::Attester, DutyKind::ProposerV2, DutyKind::PayloadAttester, DutyKind::Sync] {
        assert_eq!([list(kind, 9), list(kind, 1), list(kind, 0)], [8, 0, 0], "{kind:?}");
    }
    assert_eq!([list(DutyKind::Proposer, 9), list(DutyKind::Proposer, 0)], [9, 0]);
}

#[test]
fn the_block_is_the_one_most_say_then_the_agreed_heads_then_the_newest() {
    let mut roster: Roster<char> = Roster::default();
    let expected = |roster: &Roster<char>, agreed| roster.expected(ATTESTER, agreed, all);
    assert_eq!(expected(&roster, None), None);
    roster.hear(&beacon(0), says(1, 1));
    assert_eq!(expected(&roster, None), Some(root(1)));
    assert_eq!(roster.expected(PROPOSER_V2, None, all), Some(root(1)));
    assert_eq!(roster.expected(PROPOSER, None, all), Some(root(1)), "of the epoch before");
    let (own, next) = (Epoch(9), Epoch(10));
    assert_eq!(roster.expected(DutyList { epoch: own, ..PROPOSER }, None, all), Some(root(7)));
    assert_eq!(roster.expected(DutyList { epoch: next, ..ATTESTER }, None, all), Some(root(7)));
    assert_eq!(
        roster.expected(DutyList { epoch: next, ..PROPOSER }, None, all),
        None,
        "the head itself moves"
    );
    roster.hear(&beacon(1), Deciders { slot: Slot(81), ..says(2, 2) });
    assert_eq!(expected(&roster, None), Some(root(2)), "the newest");
    assert_eq!(expected(&roster, Some(root(1))), Some(root(1)), "the agreed head's");
    roster.hear(&beacon(2), says(3, 2));
    assert_eq!(expected(&roster, Some(root(1))), Some(root(2)), "most");
    let first = |name: &BeaconName| *name == beacon(0);
    assert_eq!(roster.expected(ATTESTER, None, first), Some(root(1)), "of those that count");
    roster.keep(&[beacon(0)]);
    assert_eq!(expected(&roster, None), Some(root(1)));
}

#[test]
fn what_was_told_of_a_validator_stands_while_its_block_does() {
    let mut roster = Roster::default();
    roster.hear(&beacon(0), says(1, 1));
    settle(&mut roster, ATTESTER, 1, &[(1, 'a'), (2, '-'), (3, 'c')]);
    assert_eq!(
        known(&roster, ATTESTER, &[3, 4, 2, 1]),
        ("c-a".to_owned(), vec![4]),
        "in the question's order"
    );
    settle(&mut roster, ATTESTER, 1, &[(4, 'd')]);
    assert_eq!(known(&roster, ATTESTER, &[1, 4]), ("ad".to_owned(), vec![]), "lists add up");
    assert_eq!(known(&roster, PROPOSER_V2, &[1]), (String::new(), vec![1]), "another list");
    roster.hear(&beacon(0), says(2, 2));
    assert_eq!(known(&roster, ATTESTER, &[1]), (String::new(), vec![1]), "it rests on another block now");
    roster.hear(&beacon(0), says(1, 1));
    assert_eq!(known(&roster, ATTESTER, &[1]).0, "a", "back again");
    roster.hear(&beacon(0), says(2, 2));
    settle(&mut roster, ATTESTER, 2, &[(1, 'x')]);
    assert_eq!(known(&roster, ATTESTER, &[1, 4]), ("x".to_owned(), vec![4]), "the two are never mixed");
}

#[test]
fn what_nobody_expects_is_not_kept() {
    let mut roster = Roster::default();
    settle(&mut roster, ATTESTER, 1, &[(1, 'a')]);
    roster.hear(&beacon(0), says(1, 1));
    assert_eq!(known(&roster, ATTESTER, &[1]).1, [1], "nobody had said what it rests on");
    settle(&mut roster, ATTESTER, 2, &[(1, 'b')]);
    assert_eq!(known(&roster, ATTESTER, &[1]).1, [1], "it rests on another block");
}

#[test]
fn a_reorg_drops_what_it_may_have_decided_anew_and_what_is_read_meanwhile() {
    let mut roster = Roster::default();
    roster.hear(&beacon(0), says(1, 1));
    let next = DutyList { epoch: Epoch(10), ..ATTESTER };
    settle(&mut roster, ATTESTER, 1, &[(1, 'a')]);
    settle(&mut roster, next, 7, &[(1, 'n')]);
    let slow = roster.ticket();
    roster.reorg(Epoch(8));
    assert_eq!(known(&roster, ATTESTER, &[1]).0, "a", "decided before epoch 8");
    assert_eq!(known(&roster, next, &[1]).1, [1]);
    roster.settle(next, slow, (root(7), Some(root(7))), [(1, 's')]);
    assert_eq!(known(&roster, next, &[1]).1, [1], "begun before the reorg");
    settle(&mut roster, next, 7, &[(1, 'm')]);
    assert_eq!(known(&roster, next, &[1]).0, "m");
}

#[test]
fn epochs_that_are_over_and_too_many_validators_are_forgotten() {
    let mut roster = Roster::default();
    roster.hear(&beacon(0), says(1, 1));
    settle(&mut roster, ATTESTER, 1, &[(1, 'a')]);
    roster.hear(&beacon(0), Deciders { epoch: Epoch(10), previous: root(7), ..says(2, 7) });
    assert_eq!(roster.lists.len(), 1, "the epoch before may be asked for still");
    roster.hear(&beacon(0), Deciders { epoch: Epoch(11), ..says(3, 7) });
    assert!(roster.lists.is_empty());
    let list = |epoch| DutyList { epoch: Epoch(epoch), ..ATTESTER };
    for epoch in [11, 12] {
        let expected = roster.expected(list(epoch), None, all);
        let ticket = roster.ticket();
        let told = (0..ENTRIES as u64 - 1).map(|validator| (validator, '-'));
        roster.settle(list(epoch), ticket, (root(7), expected), told);
    }
    assert_eq!(roster.lists.keys().copied().collect::<Vec<_>>(), [list(12)]);
}

/// What happens to a fleet.
#[derive(Debug, Clone)]
enum Happens {
    /// The next epoch begins; the branch of each is asked for its blocks.
    Epoch,
    /// A beacon goes over to a branch, and says so, by an event of its own too.
    Head(usize, u8, bool),
    /// A client asks for a list, of some validators; the beacon asked is on this branch, if any of the expected one is not found.
    Ask(u8, u64, Vec<u64>, u8),
    /// A read began, and is answered by a beacon of this branch only when the next thing has happened.
    Slow(u8, u64, Vec<u64>, u8),
}

fn happens() -> impl Strategy<Value = Happens> {
    let validators = || prop::collection::vec(0..12_u64, 1..6);
    prop_oneof![
        1 => Just(Happens::Epoch),
        3 => (0..4_usize, 0..3_u8, any::<bool>()).prop_map(|(b, branch, tells)| Happens::Head(b, branch, tells)),
        5 => (0..5_u8, 0..2_u64, validators(), 0..3_u8).prop_map(|(k, e, v, b)| Happens::Ask(k, e, v, b)),
        2 => (0..5_u8, 0..2_u64, validators(), 0..3_u8).prop_map(|(k, e, v, b)| Happens::Slow(k, e, v, b)),
    ]
}

/// The last block before an epoch on a branch; branches part at some epoch each.
fn block(branch: u8, before: Epoch) -> Root {
    let branch = if before.0 < 11 + u64::from(branch) { 0 } else { branch };
    let mut bytes = [branch; 32];
    bytes[..8].copy_from_slice(&before.0.to_le_bytes());
    Root(bytes)
}

/// What a beacon on whose branch this is the deciding block says of a validator.
type Duty = (DutyList, Root, u64);

fn kind(n: u8) -> DutyKind {
    use DutyKind::{Attester, PayloadAttester, Proposer, ProposerV2, Sync};
    [Attester, Proposer, ProposerV2, Sync, PayloadAttester][usize::from(n)]
}

struct Model {
    roster: Roster<Duty>,
    epoch: u64,
    slow: Option<(DutyList, u64, Vec<u64>, u8)>,
}

impl Model {
    fn expected(&self, list: DutyList) -> Option<Root> {
        self.roster.expected(list, None, all)
    }

    /// A read that began with `ticket` is answered by a beacon of this branch.
    fn answered(&mut self, list: DutyList, ticket: u64, validators: &[u64], branch: u8) -> Root {
        let (root, expected) = (block(branch, list.decided_before()), self.expected(list));
        let told = validators.iter().map(|validator| (*validator, (list, root, *validator)));
        self.roster.settle(list, ticket, (root, expected), told);
        root
    }

    fn land(&mut self) {
        if let Some((list, ticket, validators, branch)) = self.slow.take() {
            self.answered(list, ticket, &validators, branch);
        }
    }
}

proptest! {
    #[test]
    fn what_stands_is_of_one_block_and_one_list_whatever_happened(
        history in prop::collection::vec(happens(), 1..120),
    ) {
        let mut model = Model { roster: Roster::default(), epoch: 10, slow: None };
        let mut branches = [0_u8; 4];
        for happens in history {
            match happens {
                Happens::Epoch => model.epoch += 1,
                Happens::Head(at, branch, tells) => {
                    let epoch = Epoch(model.epoch);
                    let common = 10 + u64::from(branches[at].min(branch));
                    if tells && branches[at] != branch {
                        model.roster.reorg(Epoch(common));
                        let kept = model.roster.lists.keys().all(|list| list.decided_before().0 <= common);
                        prop_assert!(kept, "a reorg may have changed it");
                    }
                    branches[at] = branch;
                    let head = Root([branch; 32]);
                    let (previous, current) = (block(branch, Epoch(epoch.0 - 1)), block(branch, epoch));
                    model.roster.hear(&beacon(at), Deciders { head, slot: Slot(epoch.0), epoch, previous, current });
                }
                Happens::Slow(k, ahead, validators, branch) => {
                    model.land();
                    let list = DutyList { kind: kind(k), epoch: Epoch(model.epoch + ahead) };
                    let ticket = model.roster.ticket();
                    model.slow = Some((list, ticket, validators, branch));
                    continue;
                }
                Happens::Ask(k, ahead, validators, branch) => {
                    let list = DutyList { kind: kind(k), epoch: Epoch(model.epoch + ahead) };
                    let expected = model.expected(list);
                    let known = model.roster.known(list, expected, &validators);
                    let found = validators.len() - known.missing.len();
                    prop_assert!(found == 0 || expected.is_some(), "nobody says what it rests on");
                    for duty in &known.told {
                        prop_assert_eq!((duty.0, Some(duty.1)), (list, expected));
                    }
                    let told: Vec<u64> = known.told.iter().map(|duty| duty.2).collect();
                    let mut asked = validators.clone();
                    asked.retain(|one| !known.missing.contains(one));
                    prop_assert_eq!(told, asked, "of whom it is known, in the question's order");
                    let ticket = model.roster.ticket();
                    let root = model.answered(list, ticket, &known.missing, branch);
                    if expected == Some(root) {
                        let again = model.roster.known(list, expected, &validators);
                        prop_assert!(again.missing.is_empty(), "what was just told stands");
                    }
                }
            }
            model.land();
        }
    }
}
