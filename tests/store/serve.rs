//! Orders outlive the process that carried them out, and one process has the state.

use std::time::{Duration, Instant};

use beacondeck::store::{SqliteStore, Store as _};

use crate::program::{Serve, command, fleet, refusal};

#[test]
fn a_drained_beacon_stays_drained_over_kill_9_and_the_status_says_by_whom() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let file = fleet(dir.path(), "run", &state);
    let serve = Serve::start(&file);
    serve.order(&["drain", "b2", "--wait"]);
    let before = serve.status()["beacons"][1].clone();
    serve.order(&["drain", "b2"]);
    let by = before["drained"]["by"].as_str().unwrap().to_owned();
    assert!(!by.is_empty());
    serve.kill();

    let serve = Serve::start(&file);
    let beacons = serve.status()["beacons"].clone();
    assert_eq!(beacons[0]["lifecycle"]["state"], "active");
    assert_eq!(beacons[0].get("drained"), None);
    assert_ne!(beacons[1]["lifecycle"]["state"], "active");
    assert_eq!(beacons[1]["drained"], before["drained"]);
    let told = serve.order(&["beacons"]);
    assert!(told.contains(&format!("by order of {by}")), "{told}");
    serve.order(&["resume", "b2"]);
    serve.kill();

    let serve = Serve::start(&file);
    assert_eq!(serve.status()["beacons"][1]["lifecycle"]["state"], "active");
    assert_eq!(serve.terminate(), Some(0));
    let mut store = SqliteStore::open(&state, "test").unwrap();
    let journal = store.journal_last(99).unwrap();
    let lines: Vec<(&str, &str, Option<&str>)> = journal
        .iter()
        .map(|entry| (entry.who.as_str(), entry.what.as_str(), entry.target.as_deref()))
        .collect();
    let expected = [
        ("serve", "start", None),
        (by.as_str(), "drain", Some("b2")),
        (by.as_str(), "drain", Some("b2")),
        ("serve", "start", None),
        (by.as_str(), "resume", Some("b2")),
        ("serve", "start", None),
        ("serve", "stop", None),
    ];
    assert_eq!(lines, expected);
}

/// What stands under this name in the status, once something does.
fn standing(serve: &Serve, name: &str) -> serde_json::Value {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let standing = serve.status()[name].clone();
        if !standing.is_null() || Instant::now() > end {
            return standing;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_was_acknowledged_stays_so_over_kill_9_while_it_lasts() {
    let dir = tempfile::tempdir().unwrap();
    let file = fleet(dir.path(), "run", &dir.path().join("state"));
    let serve = Serve::start(&file);
    let key = serve.wait_for_alert("no beacon has told its chain", true).unwrap();
    let refused = serve.run(&["ack", "two", "heads"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("`two heads` is not wrong now") && said.contains(&key),
        "{said}"
    );
    serve.order(&["ack", &key, "--why", "they are being installed"]);
    let before = standing(&serve, "acks");
    assert_eq!(
        (&before[0]["key"], &before[0]["why"]),
        (&key.clone().into(), &"they are being installed".into())
    );
    assert!(serve.order(&["ack", &key]).contains("before"), "the first stands");
    serve.kill();

    let serve = Serve::start(&file);
    assert_eq!(standing(&serve, "acks"), before);
    let listed = serve.order(&["ack"]);
    assert!(listed.contains(&key) && listed.contains("they are being installed"), "{listed}");
    let journal = serve.order(&["journal"]);
    assert!(journal.contains(" ack "), "{journal}");
    serve.kill();
}

#[test]
fn what_was_silenced_stays_so_over_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let file = fleet(dir.path(), "run", &dir.path().join("state"));
    let serve = Serve::start(&file);
    serve.wait_for_alert("no beacon has told its chain", true).unwrap();
    serve.order(&["silence", "beacon", "b2", "--for", "2h", "--why", "its disk is changed"]);
    let before = standing(&serve, "silences");
    serve.kill();

    let serve = Serve::start(&file);
    assert_eq!(standing(&serve, "silences"), before);
    let listed = serve.order(&["silence"]);
    assert!(listed.starts_with("beacon b2 (silenced until ") && listed.contains("its disk"), "{listed}");
    serve.kill();
}

#[test]
fn a_second_serve_on_one_state_is_told_who_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let serve = Serve::start(&fleet(dir.path(), "first", &state));
    let (code, said) = refusal(command(&fleet(dir.path(), "second", &state), &["serve"]));
    assert_eq!(code, Some(69), "{said}");
    let holder = format!("in use by beacondeck (pid {}, ", serve.pid());
    assert!(said.contains(&holder) && said.contains(", since 20") && said.contains("`state:`"), "{said}");
    serve.order(&["drain", "b1"]);
    assert_eq!(serve.terminate(), Some(0));
}
