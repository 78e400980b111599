//! A recording that is played.

use super::*;
use crate::model::{Play, Tape};

#[test]
fn keys_and_commands_move_in_the_recording() {
    let mut state = scenes::replay();
    for (key, how) in [
        ("space", Play::Toggle),
        (".", Play::Forward),
        (",", Play::Back),
        ("n", Play::NextChange),
        ("N", Play::LastChange),
        ("+", Play::Faster),
        ("-", Play::Slower),
    ] {
        assert_eq!(press(&mut state, key), [Effect::Play(how)], "{key}");
    }
    for (text, how) in [("goto slot 12", Play::Goto(Slot(12))), ("speed 60", Play::Speed(60))] {
        press(&mut state, ":");
        write(&mut state, text);
        assert_eq!(press(&mut state, "enter"), [Effect::Play(how)], "{text}");
    }
    let mut live = three();
    assert_eq!(press(&mut live, "2 space n"), []);
    assert_eq!(live.tables[1].marks.len(), 1, "where nothing is played it marks");
    press(&mut live, ":");
    write(&mut live, "speed 10");
    assert_eq!(press(&mut live, "enter"), []);
    assert!(toasts(&live)[0].starts_with("this is no recording"));
}

#[test]
fn a_recording_takes_no_orders_and_is_asked_for_no_requests() {
    let mut state = scenes::replay();
    for key in ["d", "R", "U", "A", "a"] {
        state.toasts.clear();
        assert_eq!(press(&mut state, &format!("2 {key}")), []);
        assert!(toasts(&state)[0].ends_with("a recording takes no orders"), "{:?}", toasts(&state));
    }
    assert_eq!(press(&mut state, "5"), []);
}

#[test]
fn what_was_frozen_is_left_when_the_recording_moves() {
    let mut state = scenes::replay();
    press(&mut state, "< <");
    assert_eq!(state.frozen, Some(UnixMs(NOW.0 - 24_000)));
    press(&mut state, ".");
    assert_eq!((state.frozen, state.shown()), (None, NOW), "ages are of the recording's time");
}

#[test]
fn a_step_back_shows_what_was_and_the_end_is_told_once() {
    let mut state = scenes::replay();
    let newest = state.history.newest().unwrap().as_ref().clone();
    let before = FleetStatus { at: UnixMs(NOW.0 - 12_000), slot: Some(Slot(9_876_543)), ..newest.clone() };
    said(&mut state, before);
    assert_eq!((state.shown(), state.history.len()), (UnixMs(NOW.0 - 12_000), 2));
    let tape = Tape { place: 400, slots: 400, whole: true, ..Tape::default() };
    let last = FleetStatus { tape: Some(tape), ..newest };
    said(&mut state, last.clone());
    assert!(
        toasts(&state)[0].starts_with("the recording ends here, with slot 9876544"),
        "{:?}",
        toasts(&state)
    );
    assert_eq!(state.history.len(), 1, "what lies hundreds of slots before is no neighbour");
    state.toasts.clear();
    said(&mut state, last);
    assert_eq!(toasts(&state), [""; 0]);
}

#[test]
fn what_is_wrong_with_a_recording_and_what_cannot_be_done_is_said() {
    let mut state = scenes::replay();
    let newest = state.history.newest().unwrap().as_ref().clone();
    let note = Some("lines skipped: 1; x: line 7 is not a line of a recording".to_owned());
    let noted = FleetStatus { tape: newest.tape.clone().map(|tape| Tape { note, ..tape }), ..newest };
    let mut opened = State::new(Options { seat: Seat::Replay, ..options() }, NOW);
    said(&mut opened, noted.clone());
    assert_eq!(toasts(&opened).len(), 1, "read before it was shown");
    said(&mut state, noted);
    let now = state.now;
    update(&mut state, now, Event::Played(Err("the recording ends with slot 9".into())));
    update(&mut state, now, Event::Played(Ok(())));
    assert_eq!(toasts(&state).len(), 2);
}
