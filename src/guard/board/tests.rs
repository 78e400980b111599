//! What the board promises: unit tests, and generated histories against EIP-3076.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::guard::Checkpoint;
use crate::model::Root;

const GENESIS: UnixMs = UnixMs(1);
/// Slots of an epoch here.
const EPOCH: u64 = 8;

fn data(slot: u64, head: u8, source: u64) -> AttestationData {
    let point = |epoch| Checkpoint { epoch: Epoch(epoch), root: Root([epoch as u8; 32]) };
    let (source, target) = (point(source), point(slot / EPOCH));
    AttestationData { slot: Slot(slot), index: 0, head: Root([head; 32]), source, target }
}

fn topic(slot: u64) -> Topic {
    Topic { slot: Slot(slot), committee: None }
}

fn moment(head: u8, closed: bool) -> Stage {
    Stage { head: Some(Root([head; 32])), closed }
}

/// Asks as the router does: what stands, else a beacon that says `said`.
fn ask(
    board: &mut Board<AttestationData>,
    client: u32,
    slot: u64,
    now: Stage,
    said: AttestationData,
) -> Option<AttestationData> {
    board.question(GENESIS, Slot(slot)).ok()?;
    let client = ClientId(client as _);
    if let Some(answer) = board.standing(client, topic(slot), now) {
        return Some(answer);
    }
    let ticket = board.ticket();
    let answer = board.settle(topic(slot), ticket, now, (said, true), said)?;
    Some(board.hand(client, topic(slot), answer))
}

#[test]
fn an_answer_stands_until_a_newer_head_a_signature_or_its_time() {
    let mut board = Board::default();
    let (old, new, newest) = (data(80, 1, 9), data(80, 2, 9), data(80, 3, 9));
    assert_eq!(ask(&mut board, 0, 80, moment(1, false), old), Some(old));
    assert_eq!(ask(&mut board, 1, 80, moment(1, false), new), Some(old), "one answer for all");
    board.signed(ClientId(0), Slot(80));
    assert_eq!(ask(&mut board, 1, 80, moment(2, false), new), Some(new), "a newer head");
    assert_eq!(ask(&mut board, 0, 80, moment(2, false), new), Some(old), "it signed");
    assert_eq!(ask(&mut board, 2, 80, moment(3, true), newest), Some(new), "closed for all");
    assert_eq!(ask(&mut board, 2, 80, moment(3, false), newest), Some(new), "though the clock goes back");
}

#[test]
fn an_answer_about_another_head_than_asked_for_is_not_kept_while_open() {
    let mut board = Board::default();
    let (late, right) = (data(80, 1, 9), data(80, 2, 9));
    assert_eq!(ask(&mut board, 0, 80, moment(2, false), late), Some(late));
    assert_eq!(ask(&mut board, 0, 80, moment(2, false), right), Some(right));
}

#[test]
fn a_slow_read_does_not_bring_back_what_was_replaced() {
    let mut board = Board::default();
    let (slow, quick) = (board.ticket(), board.ticket());
    let (old, new) = (data(80, 1, 9), data(80, 2, 9));
    assert_eq!(board.settle(topic(80), quick, moment(2, false), (new, true), new), Some(new));
    assert_eq!(board.settle(topic(80), slow, moment(1, false), (old, true), old), Some(new));
}

#[test]
fn sources_do_not_go_back_and_an_early_question_does_not_block_the_present_epoch() {
    let mut board = Board::default();
    let early = data(88, 1, 10);
    assert_eq!(ask(&mut board, 0, 88, moment(1, false), early), Some(early));
    let present = data(87, 1, 9);
    assert_eq!(ask(&mut board, 0, 87, moment(1, false), present), Some(present));
    let back = data(89, 1, 9);
    assert_eq!(board.allows(&back), Err(Refusal::Back { said: Epoch(9), given: Epoch(10) }));
    assert_eq!(ask(&mut board, 0, 89, moment(1, false), back), None);
    let other = UnixMs(2);
    assert_eq!(board.question(other, Slot(89)), Ok(()));
    assert_eq!(board.allows(&back), Ok(()), "another network");
}

#[test]
fn what_another_process_gave_and_signed_holds() {
    let genesis = UnixMs(7);
    let mut before = Board::default();
    before.question(genesis, Slot(64)).unwrap();
    let ticket = before.ticket();
    before.settle(topic(64), ticket, moment(1, false), (data(64, 1, 1), true), 'a').unwrap();
    before.hand(ClientId(1), topic(64), 'a');
    before.signed(ClientId(1), Slot(64));
    let marks = before.marks(genesis).unwrap();
    assert_eq!((marks.source, marks.signed), (Epoch(1), Some(Slot(64))));
    assert_eq!(before.marks(UnixMs(8)), None, "another chain's");
    let mut after: Board<char> = Board::default();
    after.raise(genesis, marks);
    assert!(after.question(genesis, Slot(61)).is_err() && after.question(genesis, Slot(65)).is_ok());
    assert!(after.allows(&data(65, 2, 0)).is_err(), "its source goes back");
    assert!(after.allows(&data(65, 2, 1)).is_ok());
    after.question(UnixMs(8), Slot(1)).unwrap();
    assert!(after.allows(&data(65, 2, 0)).is_ok(), "of another chain nothing is known");
}

#[test]
fn nobody_is_given_what_lies_behind_what_was_signed() {
    let mut board = Board::default();
    let given = data(88, 1, 9);
    assert_eq!(ask(&mut board, 0, 88, moment(1, false), given), Some(given));
    assert_eq!(board.question(GENESIS, Slot(80)), Ok(()), "given is not signed");
    board.signed(ClientId(0), Slot(88));
    assert_eq!(board.question(GENESIS, Slot(86)), Ok(()));
    let refusal = Refusal::Signed { asked: Slot(85), signed: Slot(88) };
    assert_eq!(board.question(GENESIS, Slot(85)), Err(refusal));
}

/// What happens to a fleet.
#[derive(Debug, Clone)]
enum Happens {
    /// A new head is agreed: a block, a late one or a reorg.
    Head(u8),
    /// Time passes, or the clock jumps.
    Time(i64),
    /// A client asks for a slot near now; the beacon asked is at this head and that far behind with its source.
    Ask(u32, i64, u8, u64),
    /// A client signs what it was given last, and publishes.
    Sign(u32),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        1 => (0..4_u8).prop_map(Happens::Head),
        2 => (0..40_i64).prop_map(Happens::Time),
        1 => (-300..300_i64).prop_map(Happens::Time),
        6 => (0..4_u32, -1..=1_i64, 0..4_u8, 0..3_u64).prop_map(|(c, s, h, l)| Happens::Ask(c, s, h, l)),
        3 => (0..4_u32).prop_map(Happens::Sign),
    ]
}

/// Signatures of one validator, as EIP-3076 has a signer judge the next one.
fn refuses(signed: &[AttestationData], next: &AttestationData) -> bool {
    let (source, target) = (next.source.epoch, next.target.epoch);
    signed.iter().any(|old| {
        let (old_source, old_target) = (old.source.epoch, old.target.epoch);
        let double = old_target == target && old != next;
        let surrounds = source < old_source && old_target < target;
        let surrounded = old_source < source && target < old_target;
        double || surrounds || surrounded
    })
}

proptest! {
    #[test]
    fn no_signer_has_to_refuse_what_was_given(history in prop::collection::vec(happens(), 1..200)) {
        // Twelve units a slot.
        let (mut board, mut now, mut head) = (Board::default(), 960_i64, 0_u8);
        let mut last: HashMap<u32, AttestationData> = HashMap::new();
        let mut stands: HashMap<(u32, u64), AttestationData> = HashMap::new();
        // One validator of each client for each slot of an epoch.
        let mut databases: HashMap<(u32, u64), Vec<AttestationData>> = HashMap::new();
        for happens in history {
            match happens {
                Happens::Head(new) => head = new,
                Happens::Time(by) => now = (now + by).max(960),
                Happens::Sign(client) => {
                    let Some(given) = last.get(&client) else { continue };
                    let database = databases.entry((client, given.slot.0 % EPOCH)).or_default();
                    prop_assert!(!refuses(database, given), "{given:?} after {database:?}");
                    database.push(*given);
                    stands.insert((client, given.slot.0), *given);
                    board.signed(ClientId(client as _), given.slot);
                }
                Happens::Ask(client, off, at, lag) => {
                    let slot = (now / 12 + off) as u64;
                    let closed = now >= slot as i64 * 12 + 5;
                    let said = data(slot, at, (slot / EPOCH - 1).saturating_sub(lag));
                    let moment = moment(head, closed);
                    let answer = ask(&mut board, client, slot, moment, said);
                    let Some(answer) = answer else { continue };
                    prop_assert_eq!(answer.slot.0, slot);
                    if let Some(signed) = stands.get(&(client, slot)) {
                        prop_assert_eq!(&answer, signed, "one answer once it was signed");
                    } else if !closed && answer.head != Root([head; 32]) {
                        // What does not match was just said by the beacon, or the question had been closed.
                        let kept = board.places[&topic(slot)].standing.as_ref().unwrap();
                        prop_assert!(answer == said || kept.closed, "an older head was kept");
                    }
                    last.insert(client, answer);
                }
            }
        }
    }
}
