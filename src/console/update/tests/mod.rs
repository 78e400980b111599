//! Sequences of events, and what became of them.

mod orders;
mod replay;

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::console::fixture::{NOW, beacon, failed, fleet, operation};
use crate::console::key::{Code, Key};
use crate::console::keys::Keymap;
use crate::console::scenes;
use crate::console::state::{Options, Seat};
use crate::console::theme::{DEFAULT, Depth, Themes};
use crate::console::view::tests::consequences;
use crate::control::{Access, Event as Said, Watcher, Welcome};
use crate::model::{
    Ack, BeaconName, BeaconStatus, FleetStatus, Intent, JournalEntry, Lifecycle, OperationStep, Reason,
    Silence, Slot,
};

/// Options of an attached console.
pub fn options() -> Options {
    Options {
        fleet: "home".into(),
        seat: Seat::Attached,
        read_only: false,
        can_hand_over: false,
        ascii: false,
        depth: Depth::True,
        theme: DEFAULT.into(),
        themes: Themes::new(&[]).0,
        keymap: Keymap::default(),
        bandwidth: crate::console::command::Bandwidth::Auto,
        problems: Vec::new(),
    }
}

fn said(state: &mut State, status: FleetStatus) -> Vec<Effect> {
    let at = status.at;
    update(state, at, Event::Said(Said::Snapshot(Arc::new(status))))
}

fn state_of(beacons: Vec<BeaconStatus>) -> State {
    let mut state = State::new(options(), NOW);
    let welcome =
        Welcome { beacondeck: "0.1.0".into(), pid: 7, access: Access::Observe, you: "me (uid 0)".into() };
    update(&mut state, NOW, Event::Connected(welcome));
    said(&mut state, fleet(beacons));
    state
}

fn three() -> State {
    state_of(vec![beacon("b1"), beacon("b2"), beacon("b3")])
}

fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    scenes::press(state, keys)
}

fn write(state: &mut State, text: &str) -> Vec<Effect> {
    text.chars().flat_map(|c| update(state, NOW, Event::Key(Key::char(c)))).collect()
}

fn toasts(state: &State) -> Vec<String> {
    state.toasts.iter().map(|toast| toast.text.clone()).collect()
}

#[test]
fn commands_complete_run_and_are_recalled() {
    let mut state = three();
    press(&mut state, ":");
    write(&mut state, "dr");
    press(&mut state, "tab");
    write(&mut state, "b3");
    press(&mut state, "enter");
    assert!(matches!(&state.mode, Mode::Confirm(confirm) if confirm.title == "Drain b3?"));
    press(&mut state, "esc : up");
    assert!(matches!(&state.mode, Mode::Command(line, _) if line.text() == "drain b3"));
    press(&mut state, "esc :");
    write(&mut state, "beacons state:down");
    press(&mut state, "enter");
    assert_eq!((state.panel, state.tables[1].filter.as_str()), (1, "state:down"));
    press(&mut state, ":");
    write(&mut state, "theme mono");
    press(&mut state, "enter");
    assert_eq!(state.theme.name, "mono");
    press(&mut state, ":");
    write(&mut state, "handoff");
    assert!(matches!(press(&mut state, "enter").as_slice(), [Effect::Copy { .. }]));
}

#[test]
fn time_is_frozen_and_goes_back_while_data_flow() {
    let mut state = three();
    for second in 1..=5 {
        let at = UnixMs(NOW.0 + second * 1_000);
        said(&mut state, FleetStatus { at, ..fleet(vec![beacon("b1"), beacon("b2"), beacon("b3")]) });
    }
    press(&mut state, "f < <");
    assert_eq!(state.frozen, Some(UnixMs(NOW.0 + 3_000)));
    said(&mut state, FleetStatus { at: UnixMs(NOW.0 + 6_000), ..fleet(vec![beacon("b1")]) });
    assert_eq!(state.view().status.unwrap().beacons.len(), 3);
    press(&mut state, "> f");
    assert_eq!((state.frozen, state.view().status.unwrap().beacons.len()), (None, 1));
    press(&mut state, "f d");
    assert_eq!(state.frozen, None, "an order is of now");
}

#[test]
fn a_slot_is_gone_to_within_what_is_kept() {
    let mut state = three();
    for second in 1..=30 {
        let (at, slot) = (UnixMs(NOW.0 + second * 1_000), Some(Slot(9_876_544 + second / 12)));
        said(&mut state, FleetStatus { slot, at, ..fleet(vec![beacon("b1")]) });
    }
    let mut go = |slot: u64| {
        press(&mut state, ":");
        write(&mut state, &format!("goto slot {slot}"));
        let now = UnixMs(NOW.0 + 30_000);
        let asked = update(&mut state, now, Event::Key(Key::plain(Code::Enter)));
        update(&mut state, now, Event::Explained(Ok(Vec::new())));
        (asked, state.frozen, toasts(&state).pop().unwrap_or_default())
    };
    let (asked, frozen, _) = go(9_876_545);
    assert_eq!(frozen, Some(UnixMs(NOW.0 + 23_000)), "its last moment");
    assert_eq!(asked, [Effect::Explain { slot: Some(Slot(9_876_545)) }]);
    let (_, frozen, told) = go(9_876_540);
    assert!(frozen.is_none() && told.starts_with("slot 9876540 is no longer kept"), "{told}");
    let (_, frozen, told) = go(9_999_999);
    assert!(frozen.is_none() && told.contains("has not come yet: it is slot 9876546 now"), "{told}");
}

#[test]
fn what_is_new_and_critical_rings_once() {
    let mut state = three();
    let mut sick = beacon("b2");
    (sick.healthy, sick.reasons) = (false, vec![Reason::Hung]);
    let status = || fleet(vec![beacon("b1"), sick.clone(), beacon("b3")]);
    assert_eq!(said(&mut state, status()), [Effect::Ring("home: b2 hung".into())]);
    assert!(said(&mut state, status()).is_empty());
    // A console that is opened on a trouble shows it; whoever opened it is awake.
    assert!(state_of(vec![sick.clone()]).rang.is_none());
}

#[test]
fn others_are_seen_and_what_they_do_is_told() {
    let mut state = three();
    let watcher = |id, who: &str| Watcher { id, who: who.into(), program: "console".into(), since: NOW };
    let me = || watcher(1, "me (uid 0)");
    update(&mut state, NOW, Event::Said(Said::Watchers(vec![me()])));
    update(&mut state, NOW, Event::Said(Said::Watchers(vec![me(), watcher(2, "bob (uid 1001)")])));
    assert_eq!(toasts(&state), ["bob (uid 1001) opened a console"]);
    let entry = |id: u64, who: &str, at: UnixMs| JournalEntry {
        id,
        at,
        who: who.into(),
        what: "drain".into(),
        target: Some("b1".into()),
        order: None,
        outcome: "b1 is draining".into(),
    };
    for entry in [
        entry(1, "bob (uid 1001)", UnixMs(NOW.0 - 60_000)),
        entry(2, "me (uid 0)", NOW),
        entry(3, "bob (uid 1001)", NOW),
        entry(3, "bob (uid 1001)", NOW),
    ] {
        update(&mut state, NOW, Event::Said(Said::Journal(entry)));
    }
    assert_eq!(toasts(&state).iter().filter(|text| text.contains("drain b1")).count(), 1);
    assert_eq!(state.journal.len(), 3);
    press(&mut state, "esc 2 d");
    let Mode::Confirm(confirm) = &state.mode else { panic!() };
    let text: String = confirm.consequences.iter().map(crate::console::piece::text_of).collect();
    assert!(text.contains("also here") && text.contains("bob (uid 1001) did drain"), "{text}");
}

#[test]
fn a_lost_serve_is_told_and_the_last_picture_stays() {
    let mut state = three();
    update(&mut state, NOW, Event::Lost { why: "it ended".into(), pause_ms: 500 });
    let later = UnixMs(NOW.0 + 9_000);
    update(&mut state, later, Event::Lost { why: "it ended".into(), pause_ms: 1_000 });
    assert!(matches!(&state.link, Link::Down { since, .. } if *since == NOW));
    assert_eq!(state.view().status.unwrap().beacons.len(), 3);
    assert_eq!(press(&mut state, "q").len(), 1);
}

#[test]
fn leaving_an_embedded_console_asks_what_becomes_of_routing() {
    use crate::console::event::{Leave, Routing};
    let mut state = three();
    state.options.seat = Seat::Embedded;
    assert!(press(&mut state, "q q l").is_empty(), "there is nobody to hand over to");
    assert_eq!(press(&mut state, "esc"), []);
    assert_eq!(press(&mut state, "q s"), [Effect::Leave(Leave { routing: Routing::Stop, keep: false })]);
    state.options.can_hand_over = true;
    assert_eq!(press(&mut state, "Q l"), [Effect::Leave(Leave { routing: Routing::HandOver, keep: true })]);
    press(&mut state, "esc ctrl-z");
    assert!(toasts(&state).iter().any(|text| text.contains("routing runs in this process")));
}

#[test]
fn a_slow_line_gets_less_and_later_all_again() {
    let mut state = three();
    (0..2).for_each(|_| drop(update(&mut state, NOW, Event::Wrote(400))));
    assert!(state.low() && state.pace_ms() == 1_000);
    (0..39).for_each(|_| drop(update(&mut state, NOW, Event::Wrote(3))));
    assert!(state.low());
    update(&mut state, NOW, Event::Wrote(3));
    assert!(!state.low() && state.pace_ms() == 250);
}

#[rstest::rstest]
#[case::what_the_system_buffers_is_written_at_once(&[400, 3, 3, 3, 3, 3, 400], true)]
#[case::once_in_a_while_is_a_hiccup(&[400, 3, 3, 3, 3, 3, 3, 400, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 400], false)]
fn slow_pictures_close_to_each_other_are_a_slow_line(#[case] took: &[u64], #[case] low: bool) {
    let mut state = three();
    for ms in took {
        update(&mut state, NOW, Event::Wrote(*ms));
    }
    assert_eq!(state.low(), low);
}

#[test]
fn explanations_are_asked_for_while_they_are_looked_at() {
    let mut state = three();
    assert_eq!(press(&mut state, "8"), [Effect::Explain { slot: None }]);
    let later = |ms: u64| UnixMs(NOW.0 + ms);
    assert!(update(&mut state, later(5_000), Event::Tick).is_empty(), "one is on its way");
    assert_eq!(
        update(&mut state, later(6_000), Event::Explained(Ok(Vec::new()))),
        [Effect::Explain { slot: None }]
    );
    update(&mut state, later(6_100), Event::Explained(Ok(Vec::new())));
    assert!(update(&mut state, later(7_900), Event::Tick).is_empty());
    assert_eq!(update(&mut state, later(8_000), Event::Tick), [Effect::Explain { slot: None }]);
    update(&mut state, later(8_000), Event::Explained(Ok(Vec::new())));
    press(&mut state, "1");
    assert!(update(&mut state, later(60_000), Event::Tick).is_empty());
}

fn some_event() -> impl Strategy<Value = Event> {
    let keys =
        "1 2 3 4 5 6 7 tab j k g G pgdn enter esc / : ? space v u s S ! f < > y d R U A a q Q ctrl-c b y x 0";
    let keys: Vec<Key> = keys.split_whitespace().map(|key| key.parse().unwrap()).collect();
    let snapshot = proptest::collection::vec((0_u8..8, 0_u8..4, 0_u64..4), 0..6).prop_map(|beacons| {
        let mut names = std::collections::BTreeMap::new();
        for (name, kind, lag) in beacons {
            let mut of = BeaconStatus { lag, ..beacon(&format!("b{name}")) };
            match kind {
                0 => (of.healthy, of.reasons) = (false, vec![Reason::Hung]),
                1 => of.lifecycle = Lifecycle::Draining(3),
                2 => of.lifecycle = Lifecycle::Drained,
                _ => {}
            }
            names.insert(name, of);
        }
        Event::Said(Said::Snapshot(Arc::new(fleet(names.into_values().collect()))))
    });
    prop_oneof![
        8 => proptest::sample::select(keys).prop_map(Event::Key),
        2 => snapshot,
        1 => Just(Event::Lost { why: "gone".into(), pause_ms: 1 }),
        1 => (0_u64..9).prop_map(|n| Event::Answered(n, Err("broke".into()))),
        1 => "[a-z :]{0,9}".prop_map(Event::Paste),
        1 => (0_u64..900).prop_map(Event::Wrote),
        1 => (0_u16..90, 0_u16..30).prop_map(|(w, h)| Event::Resize(w, h)),
    ]
}

proptest! {
    /// Whatever happens: nothing panics, what is selected is there, and no order leaves without its box answered.
    #[test]
    fn any_events_keep_the_state_sound(events in proptest::collection::vec(some_event(), 0..120)) {
        let mut state = three();
        for (place, event) in events.into_iter().enumerate() {
            let asked = matches!(state.mode, Mode::Confirm(_));
            let typed = matches!(state.mode, Mode::Command(..));
            let key = matches!(event, Event::Key(Key { code: Code::Char('y') | Code::Enter, .. }));
            let now = UnixMs(NOW.0 + place as u64 * 100);
            let effects = update(&mut state, now, event);
            let asked_now = effects.iter().find_map(|effect| match effect {
                Effect::Preflight(intent, beacons) => Some((*intent, beacons.clone())),
                _ => None,
            });
            if let Some((intent, beacons)) = asked_now {
                let told = consequences(state.history.newest().unwrap(), intent, &beacons);
                update(&mut state, now, Event::Preflight(Ok(told)));
            }
            // Taking note harms nobody and has no box; a silence is read in the line before it is given.
            let order = |effect: &Effect| match effect {
                Effect::Order(_, Order::Ack { .. }) => false,
                Effect::Order(_, Order::Silence { .. } | Order::Unsilence { .. }) => !typed,
                effect => matches!(effect, Effect::Order(..)),
            };
            let ordered = effects.iter().any(order);
            prop_assert!(!ordered || asked && key);
            let table = PANELS[state.panel].table(&state.view());
            let of = &state.tables[state.panel];
            let visible = of.visible(&table);
            prop_assert!(of.selected.iter().all(|id| visible.iter().any(|row| row.id == *id)));
            prop_assert!(of.marks.iter().all(|id| table.rows.iter().any(|row| row.id == *id)));
            crate::console::frame::picture(&state, state.size.0, state.size.1);
        }
    }
}

#[test]
fn a_click_chooses_and_never_orders() {
    let mut state = three();
    let click = |state: &mut State, x, y| update(state, NOW, Event::Click(x, y));
    let second_tab = 1 + crate::console::panels::PANELS[0].title().len() as u16 + 3;
    assert_eq!(click(&mut state, second_tab, 2), []);
    assert_eq!(state.panel, 1);
    let text = crate::console::picture::text(&crate::console::frame::picture(&state, 80, 24));
    let line = |name: &str| text.lines().position(|line| line.contains(name)).unwrap() as u16;
    click(&mut state, 10, line("b3"));
    assert_eq!((state.tables[1].selected.as_deref(), &state.details[1]), (Some("b3"), &None));
    click(&mut state, 10, line("b3"));
    assert_eq!(state.details[1].as_ref().map(|detail| detail.id.as_str()), Some("b3"));
    press(&mut state, "esc d");
    let before = state.mode.clone();
    assert!(matches!(before, Mode::Confirm(_)));
    for (x, y) in (0..80).flat_map(|x| (0..24).map(move |y| (x, y))) {
        assert_eq!(click(&mut state, x, y), []);
        update(&mut state, NOW, Event::Wheel(3));
    }
    assert_eq!(state.mode, before, "a box is answered by keys alone");
}

#[test]
fn the_mouse_is_off_until_it_is_asked_for_and_its_wheel_moves() {
    let mut state = three();
    assert!(!state.mouse);
    press(&mut state, "2 :");
    write(&mut state, "set mouse on");
    assert_eq!(press(&mut state, "enter"), [Effect::Mouse(true)]);
    update(&mut state, NOW, Event::Wheel(1));
    assert_eq!(state.tables[1].selected.as_deref(), Some("b2"));
    update(&mut state, NOW, Event::Wheel(-3));
    assert_eq!(state.tables[1].selected.as_deref(), Some("b1"));
    press(&mut state, ":");
    write(&mut state, "set mouse off");
    assert_eq!(press(&mut state, "enter"), [Effect::Mouse(false)]);
}
