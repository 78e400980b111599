//! Keys and their owners, live and in a replay.

use super::*;

#[test]
fn the_table_has_no_clash_and_every_action_a_key() {
    let map = Keymap::with("").unwrap();
    assert!(map.rows().iter().all(|(_, keys)| !keys.is_empty()));
    assert_eq!(map.action(Key::char('d'), false), Some(Action::Drain));
    let space: Key = "space".parse().unwrap();
    assert_eq!(map.action(space, false), Some(Action::Mark));
    assert_eq!(map.action(space, true), Some(Action::Play(Play::Toggle)));
    assert_eq!(map.key_of(Action::Quit), Some(Key::char('q')));
}

#[test]
fn a_user_moves_a_key() {
    let map = Keymap::with("drain: ctrl-d\nsort: [o, O]\ncopy: []\n").unwrap();
    assert_eq!(map.action(Key::char('d'), false), None);
    assert_eq!(map.action(Key::ctrl('d'), false), Some(Action::Drain));
    assert_eq!(map.action(Key::char('O'), false), Some(Action::Sort));
    assert_eq!(map.action(Key::char('y'), false), None);
    assert!(map.markdown().contains("| `ctrl-d` | drain or resume (asks) | drain |"));
}

#[test]
fn every_clash_and_every_wrong_name_is_told() {
    let wrong = Keymap::with("drain: j\nsrot: o\nmark: dd\n").unwrap_err();
    assert_eq!(
        wrong,
        [
            "there is no action `srot`; did you mean `sort`?",
            "`mark`: `dd` is no key; keys are a character, `space`, `enter`, `tab`, `up`, `pgdn`, … or `ctrl-x`, `alt-x`",
            "key `j` is given to both `down` and `drain`",
        ]
    );
    assert_eq!(Keymap::with("- a\n").unwrap_err().len(), 1);
}
