//! Orders by keys and by name: asked for, confirmed, given, followed.

use super::*;
use crate::console::fixture;

#[test]
fn a_beacon_is_drained_by_keys_and_the_answer_is_told() {
    let mut state = three();
    assert!(press(&mut state, "2 j d").is_empty());
    assert!(matches!(&state.mode, Mode::Confirm(confirm) if confirm.title == "Drain b2?"));
    assert!(press(&mut state, "d R U enter").is_empty(), "enter is on Cancel");
    assert_eq!(state.mode, Mode::Normal);
    let order = Order::Drain { beacon: BeaconName::new("b2") };
    assert_eq!(press(&mut state, "d y"), [Effect::Order(1, order.clone())]);
    assert_eq!(state.pending.len(), 1);
    let done = Answer::Done { message: "b2 is draining, 12 in flight".into() };
    update(&mut state, NOW, Event::Answered(1, Ok(done)));
    assert!(state.pending.is_empty());
    assert!(toasts(&state).contains(&"b2 is draining, 12 in flight".to_owned()));
    let drained = BeaconStatus { lifecycle: Lifecycle::Draining(3), ..beacon("b2") };
    said(&mut state, fleet(vec![beacon("b1"), drained.clone(), beacon("b3")]));
    let drained = BeaconStatus { lifecycle: Lifecycle::Drained, ..drained };
    said(&mut state, fleet(vec![beacon("b1"), drained, beacon("b3")]));
    assert!(toasts(&state).iter().any(|text| text.starts_with("b2 is drained:")), "{:?}", toasts(&state));
}

#[test]
fn orders_go_to_all_marked() {
    let mut state = state_of((1..=6).map(|n| beacon(&format!("b{n}"))).collect());
    press(&mut state, "2 space space d");
    let effects = press(&mut state, "y");
    let names: Vec<String> = effects
        .iter()
        .map(|effect| match effect {
            Effect::Order(_, order) => order.to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(names, ["drain b1", "drain b2"]);
    assert!(state.tables[state.panel].marks.is_empty());
}

#[test]
fn while_a_filter_is_typed_no_key_does_anything_else() {
    let mut state = three();
    press(&mut state, "2 /");
    assert!(write(&mut state, "dRUqQ!y").is_empty());
    assert_eq!(state.tables[1].filter, "dRUqQ!y");
    assert!(matches!(state.mode, Mode::Filter(..)));
    press(&mut state, "esc");
    assert_eq!((state.tables[1].filter.as_str(), &state.mode), ("", &Mode::Normal));
    press(&mut state, "/");
    write(&mut state, "b2");
    assert!(press(&mut state, "enter").is_empty());
    assert_eq!(state.tables[1].selected.as_deref(), Some("b2"));
    press(&mut state, "/");
    write(&mut state, " lga>2");
    press(&mut state, "enter");
    assert!(matches!(state.mode, Mode::Filter(..)), "a wrong filter stays open");
    assert!(toasts(&state)[0].contains("there is no column `lga`"));
}

#[test]
fn a_console_without_rights_has_no_dead_keys_that_act() {
    let mut state = three();
    update(&mut state, NOW, Event::Rights(Err("only the group beacondeck may give orders".into())));
    assert!(press(&mut state, "2 d").is_empty());
    assert_eq!(state.mode, Mode::Normal);
    assert!(toasts(&state)[0].contains("only the group beacondeck may give orders"));
    press(&mut state, ":");
    write(&mut state, "drain b1");
    assert!(press(&mut state, "enter").is_empty());
    assert_eq!(state.mode, Mode::Normal);
    press(&mut state, "3 d");
    assert!(toasts(&state).iter().any(|text| text.contains("orders are for beacons")));
}

#[test]
fn a_restart_is_asked_for_given_followed_and_its_failure_told() {
    let mut state = three();
    let order = Order::Restart { beacon: BeaconName::new("b2"), force: false };
    assert_eq!(press(&mut state, "2 j R y"), [Effect::Order(1, order)]);
    let mut status = fleet(vec![beacon("b1"), beacon("b2"), beacon("b3")]);
    status.beacons[1].lifecycle = Lifecycle::Draining(1);
    status.operations = vec![operation("b2", OperationStep::Run)];
    said(&mut state, status.clone());
    status.beacons[1].lifecycle = Lifecycle::Drained;
    said(&mut state, status.clone());
    assert!(!toasts(&state).iter().any(|text| text.contains("it can be stopped")), "{:?}", toasts(&state));
    // Wherever the selection stands: one runs, and that is the one to end.
    let order = Order::Abort { beacon: BeaconName::new("b2") };
    assert_eq!(press(&mut state, "g X y"), [Effect::Order(2, order)]);
    status.operations = vec![failed(operation("b2", OperationStep::Run))];
    assert_eq!(said(&mut state, status), [Effect::Ring("home: restart of b2 failed".into())]);
    let told =
        toasts(&state).into_iter().filter(|text| text.starts_with("restart of b2 failed: exit status 3"));
    assert_eq!(told.count(), 1);
    press(&mut state, "X");
    assert!(toasts(&state).iter().any(|text| text.contains("no restart and no upgrade is under way")));
}

#[test]
fn what_an_order_would_mean_is_asked_and_may_be_given_up_or_fail() {
    let mut state = three();
    let key = |state: &mut State, key: &str| update(state, NOW, Event::Key(key.parse().unwrap()));
    key(&mut state, "2");
    let beacons = vec![BeaconName::new("b1")];
    assert_eq!(key(&mut state, "U"), [Effect::Preflight(Intent::Upgrade, beacons.clone())]);
    assert!(
        key(&mut state, "y").is_empty() && key(&mut state, "q").is_empty(),
        "no key acts before it is known"
    );
    key(&mut state, "esc");
    let told = consequences(state.history.newest().unwrap(), Intent::Upgrade, &beacons);
    update(&mut state, NOW, Event::Preflight(Ok(told.clone())));
    assert_eq!(state.mode, Mode::Normal, "the answer to a question that was given up opens nothing");
    key(&mut state, "R");
    update(&mut state, NOW, Event::Preflight(Ok(told)));
    assert!(matches!(state.mode, Mode::Asking(Intent::Restart, _)), "nor the answer to another one");
    update(&mut state, NOW, Event::Preflight(Err("no serve is running".into())));
    assert_eq!(state.mode, Mode::Normal);
    assert!(toasts(&state).iter().any(|text| text.starts_with("nothing was ordered: ")));
}

#[test]
fn orders_by_name_are_those_of_the_keys() {
    let mut state = three();
    for (text, expected) in [
        ("restart b3", Order::Restart { beacon: BeaconName::new("b3"), force: false }),
        ("upgrade b1", Order::Upgrade { beacon: BeaconName::new("b1"), force: false }),
    ] {
        press(&mut state, ":");
        write(&mut state, text);
        let effects = press(&mut state, "enter y");
        assert!(matches!(effects.as_slice(), [Effect::Order(_, order)] if *order == expected), "{effects:?}");
    }
    press(&mut state, ":");
    write(&mut state, "restart b9");
    press(&mut state, "enter");
    assert!(matches!(&state.mode, Mode::Confirm(confirm) if confirm.orders.is_empty()));
}

#[test]
fn what_is_wrong_is_acknowledged_by_one_key_and_by_name() {
    let mut sick = beacon("b2");
    (sick.healthy, sick.reasons) = (false, vec![Reason::Hung]);
    let mut status = fleet(vec![beacon("b1"), sick, beacon("b3")]);
    status.alerts.push("two heads are reported".into());
    let mut state = state_of(Vec::new());
    said(&mut state, status.clone());
    let ack = |key: &str, why: Option<&str>| Order::Ack { key: key.into(), why: why.map(str::to_owned) };
    assert_eq!(press(&mut state, "1 a"), [Effect::Order(1, ack("two heads are reported", None))]);
    assert_eq!(press(&mut state, "2 j a"), [Effect::Order(2, ack("hung b2", None))], "the beacon's own");
    assert!(press(&mut state, "g a").is_empty());
    assert!(toasts(&state).iter().any(|text| text == "there is nothing here to acknowledge"));
    press(&mut state, ":");
    write(&mut state, "ack hung");
    press(&mut state, "tab");
    write(&mut state, "-- restarting it");
    assert_eq!(press(&mut state, "enter"), [Effect::Order(3, ack("hung b2", Some("restarting it")))]);
    status.acks = ["two heads are reported", "hung b2"]
        .map(|key| Ack { key: key.into(), by: "bob (uid 1001)".into(), at: NOW, why: None })
        .into();
    said(&mut state, status);
    assert!(press(&mut state, "1 a").is_empty());
    assert!(toasts(&state).iter().any(|text| text == "it is acknowledged by bob (uid 1001) already"));
    let incidents = fixture::incidents();
    said(&mut state, FleetStatus { incidents, ..fleet(vec![beacon("b1")]) });
    assert_eq!(press(&mut state, "3 g a"), [Effect::Order(4, ack("incident 7", None))], "the chosen one");
    assert!(press(&mut state, "4 a").is_empty(), "duties are nothing to take note of");
    update(&mut state, NOW, Event::Rights(Err("only the group beacondeck may give orders".into())));
    assert!(press(&mut state, "a").is_empty());
}

#[test]
fn what_is_at_hand_is_silenced_by_a_line_that_is_read_before_it_is_given() {
    let mut state = three();
    let silence = |key: &str, seconds, why: Option<&str>| Order::Silence {
        key: key.into(),
        seconds,
        why: why.map(str::to_owned),
    };
    press(&mut state, "1 A");
    assert_eq!(state.mode, Mode::Normal);
    assert!(toasts(&state).iter().any(|text| text.starts_with("no incident goes on")));
    press(&mut state, "2 j A");
    assert!(matches!(&state.mode, Mode::Command(line, None) if line.text() == "silence beacon b2 1h "));
    write(&mut state, "its disk");
    let first = silence("beacon b2", 3_600, Some("its disk"));
    assert_eq!(press(&mut state, "enter"), [Effect::Order(1, first)]);
    let status =
        FleetStatus { incidents: fixture::incidents(), ..fleet(vec![beacon("b1"), beacon("beacon-2")]) };
    said(&mut state, status.clone());
    assert_eq!(
        press(&mut state, "1 A enter"),
        [Effect::Order(2, silence("incident 7", 3_600, None))],
        "the worst"
    );
    assert_eq!(
        press(&mut state, "3 j A enter"),
        [Effect::Order(3, silence("incident 8", 3_600, None))],
        "the chosen"
    );
    press(&mut state, "A esc");
    assert_eq!(state.mode, Mode::Normal);
    press(&mut state, ":");
    write(&mut state, "unsilence ");
    press(&mut state, "tab");
    assert_eq!(press(&mut state, "enter"), [], "nothing is silenced, and the line says what it needs");
    press(&mut state, "esc");
    let given = Silence {
        key: "beacon beacon-2".into(),
        by: "bob".into(),
        at: NOW,
        until: UnixMs(NOW.0 + 1),
        why: None,
    };
    said(&mut state, FleetStatus { silences: vec![given], ..status });
    press(&mut state, ":");
    write(&mut state, "unsilence ");
    let lifted = Order::Unsilence { key: "beacon beacon-2".into() };
    assert_eq!(press(&mut state, "tab enter"), [Effect::Order(4, lifted)]);
    update(&mut state, NOW, Event::Rights(Err("only the group beacondeck may give orders".into())));
    assert!(press(&mut state, "A").is_empty() && state.mode == Mode::Normal);
}

#[test]
fn what_is_silenced_does_not_ring_before_the_silence_is_over() {
    let mut state = state_of(vec![beacon("beacon-2")]);
    let of = |silence: Option<Silence>, at| {
        let mut incidents = fixture::incidents();
        incidents[0].silence = silence;
        FleetStatus { at, incidents, ..fleet(vec![beacon("beacon-2")]) }
    };
    let until = UnixMs(NOW.0 + 60_000);
    let silence = Silence { key: "incident 7".into(), by: "bob".into(), at: NOW, until, why: None };
    assert_eq!(said(&mut state, of(Some(silence), NOW)), []);
    let rings = said(&mut state, of(None, until));
    assert_eq!(rings, [Effect::Ring("home: beacon beacon-2: does not answer".into())]);
}
