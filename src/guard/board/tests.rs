//! What the board promises, one promise a test; generated histories are in the guard's own tests.

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

/// What beacon `by` says, as one of several.
fn heard(board: &mut Board<AttestationData>, by: u8, stage: Stage, data: AttestationData) -> Heard {
    let by = BeaconName::new(format!("b{by}"));
    Heard { ticket: board.ticket(), stage, data, steady: true, by, alone: false }
}

/// Asks as the router does: what stands, else beacon `by`, which says `said`.
fn ask_of(
    board: &mut Board<AttestationData>,
    by: u8,
    client: u32,
    now: Stage,
    said: AttestationData,
) -> Option<AttestationData> {
    let slot = said.slot;
    board.question(GENESIS, slot).ok()?;
    let (client, topic) = (ClientId(client as _), topic(slot.0));
    if let Some(answer) = board.standing(client, topic, now).ok()? {
        return Some(answer);
    }
    let heard = heard(board, by, now, said);
    let answer = board.settle(topic, heard, said)?;
    Some(board.hand(client, topic, answer, answer))
}

/// The same of the first beacon.
fn ask(
    board: &mut Board<AttestationData>,
    client: u32,
    now: Stage,
    said: AttestationData,
) -> Option<AttestationData> {
    ask_of(board, 0, client, now, said)
}

#[test]
fn an_answer_stands_until_a_newer_head_a_signature_or_its_time() {
    let mut board = Board::default();
    let (old, new, newest) = (data(80, 1, 9), data(80, 2, 9), data(80, 3, 9));
    assert_eq!(ask(&mut board, 0, moment(1, false), old), Some(old));
    assert_eq!(ask(&mut board, 1, moment(1, false), new), Some(old), "one answer for all");
    board.signed(ClientId(0), Slot(80));
    assert_eq!(ask(&mut board, 1, moment(2, false), new), Some(new), "a newer head");
    assert_eq!(ask(&mut board, 0, moment(2, false), new), Some(old), "it signed");
    assert_eq!(ask(&mut board, 2, moment(3, true), newest), Some(new), "closed for all");
    assert_eq!(ask(&mut board, 2, moment(3, false), newest), Some(new), "though the clock goes back");
}

#[test]
fn an_answer_about_another_head_than_asked_for_is_not_kept_while_open() {
    let mut board = Board::default();
    let (late, right) = (data(80, 1, 9), data(80, 2, 9));
    assert_eq!(ask(&mut board, 0, moment(2, false), late), Some(late));
    assert_eq!(ask(&mut board, 0, moment(2, false), right), Some(right));
}

#[test]
fn a_slow_read_does_not_bring_back_what_was_replaced() {
    let mut board = Board::default();
    let (old, new) = (data(80, 1, 9), data(80, 2, 9));
    let slow = heard(&mut board, 0, moment(1, false), old);
    let quick = heard(&mut board, 1, moment(2, false), new);
    assert_eq!(board.settle(topic(80), quick, new), Some(new));
    assert_eq!(board.settle(topic(80), slow, old), Some(new));
}

#[test]
fn sources_do_not_go_back_and_an_early_question_does_not_block_the_present_epoch() {
    let mut board = Board::default();
    let early = data(88, 1, 10);
    for by in 0..2 {
        // The head is another meanwhile, so each is asked.
        assert_eq!(ask_of(&mut board, by, 0, moment(by, false), early), Some(early));
    }
    let present = data(87, 1, 9);
    assert_eq!(ask(&mut board, 0, moment(1, false), present), Some(present));
    let back = data(89, 1, 9);
    assert_eq!(board.allows(&back), Err(Refusal::Back { said: Epoch(9), given: Epoch(10) }));
    assert_eq!(ask(&mut board, 0, moment(1, false), back), None);
    let other = UnixMs(2);
    assert_eq!(board.question(other, Slot(89)), Ok(()));
    assert_eq!(board.allows(&back), Ok(()), "another network");
}

#[test]
fn an_answer_that_stands_for_good_is_followed_by_none_where_it_may_be_given_no_more() {
    let mut board = Board::default();
    let closed = moment(1, true);
    let (first, newer) = (data(90, 1, 8), data(90, 2, 9));
    for client in 0..2 {
        assert_eq!(ask(&mut board, client, closed, first), Some(first));
    }
    board.signed(ClientId(0), Slot(90));
    board.took(&data(91, 2, 9));
    let now = moment(2, false);
    let asked = |board: &mut Board<_>, client| board.standing(ClientId(client), topic(90), now);
    assert_eq!(asked(&mut board, 1), Err(Refusal::Over { slot: Slot(90) }));
    assert_eq!(asked(&mut board, 0), Ok(Some(first)), "it signed that");
    let late = heard(&mut board, 0, now, newer);
    assert_eq!(board.settle(topic(90), late, newer), None, "nor does a read that was under way bring one");
}

#[test]
fn a_lie_about_the_source_raises_nothing_until_it_is_signed_or_said_by_another() {
    let (lie, truth) = (data(88, 1, 10), data(89, 1, 9));
    let mut board = Board::default();
    assert_eq!(ask(&mut board, 0, moment(1, false), lie), Some(lie));
    assert_eq!(
        ask(&mut board, 0, moment(2, false), lie),
        Some(lie),
        "the same beacon again is no second voice"
    );
    assert_eq!(board.allows(&truth), Ok(()));
    assert_eq!(ask_of(&mut board, 1, 0, moment(1, false), truth), Some(truth), "two say 9 at least");
    let link = Link { target: Epoch(11), newest: Epoch(9), signed: None };
    assert_eq!(board.marks(GENESIS).unwrap().links, [link]);
    assert!(board.allows(&data(90, 1, 8)).is_err());
    board.signed(ClientId(0), Slot(88));
    assert_eq!(board.allows(&truth), Err(Refusal::Back { said: Epoch(9), given: Epoch(10) }));
    let mut board = Board::default();
    let only = Heard { alone: true, ..heard(&mut board, 0, moment(1, false), lie) };
    board.settle(topic(88), only, lie).unwrap();
    assert!(board.allows(&truth).is_err(), "nobody else is there to ask");
}

#[test]
fn nothing_is_given_that_what_was_signed_surrounds() {
    let mut board = Board::default();
    let wide = data(96, 1, 9);
    assert_eq!(ask(&mut board, 0, moment(1, false), wide), Some(wide));
    board.signed(ClientId(0), Slot(96));
    let inside = data(95, 1, 10);
    assert_eq!(board.allows(&inside), Err(Refusal::Within { said: Epoch(10), signed: Epoch(9) }));
    assert_eq!(board.allows(&data(95, 1, 9)), Ok(()));
}

#[test]
fn what_another_process_gave_and_signed_holds() {
    let genesis = UnixMs(7);
    let mut before = Board::default();
    before.question(genesis, Slot(64)).unwrap();
    let given = data(64, 1, 1);
    let heard = heard(&mut before, 0, moment(1, false), given);
    before.settle(topic(64), heard, given).unwrap();
    before.hand(ClientId(1), topic(64), given, given);
    before.signed(ClientId(1), Slot(64));
    let marks = before.marks(genesis).unwrap();
    let link = Link { target: Epoch(8), newest: Epoch(1), signed: Some(Epoch(1)) };
    assert_eq!(marks, Marks { links: vec![link], signed: Some(Slot(64)) });
    assert_eq!(before.marks(UnixMs(8)), None, "another chain's");
    let mut after: Board<AttestationData> = Board::default();
    after.raise(genesis, &marks);
    assert!(after.question(genesis, Slot(61)).is_err() && after.question(genesis, Slot(65)).is_ok());
    assert!(after.allows(&data(65, 2, 0)).is_err(), "its source goes back");
    assert!(after.allows(&data(65, 2, 1)).is_ok());
    assert!(after.allows(&data(63, 2, 2)).is_err(), "what was signed surrounds it");
    assert_eq!(after.marks(genesis), Some(marks));
    after.question(UnixMs(8), Slot(1)).unwrap();
    assert!(after.allows(&data(65, 2, 0)).is_ok(), "of another chain nothing is known");
}

#[test]
fn nobody_is_given_what_lies_behind_what_was_signed() {
    let mut board = Board::default();
    let given = data(88, 1, 9);
    assert_eq!(ask(&mut board, 0, moment(1, false), given), Some(given));
    assert_eq!(board.question(GENESIS, Slot(80)), Ok(()), "given is not signed");
    board.signed(ClientId(0), Slot(88));
    assert_eq!(board.question(GENESIS, Slot(86)), Ok(()));
    let refusal = Refusal::Signed { asked: Slot(85), signed: Slot(88) };
    assert_eq!(board.question(GENESIS, Slot(85)), Err(refusal));
}
