//! The real program under steady load: reloads and hand-overs refuse no connection and lose no request.
//!
//! Clients are written by hand and hold what a good HTTP client must: one that was told `Connection: close` connects
//! anew; nothing is sent twice.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

#[path = "handover/load.rs"]
mod load;
#[path = "handover/serve.rs"]
mod serve;
#[path = "door/stub.rs"]
mod stub;
#[path = "door/wire.rs"]
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use load::Load;
use serve::{Program, fleet, free_port};
use stub::{Script, Stub, good, json};
use wire::{READ, Wire, get, post, read, until};

/// A seed that every beacon must have been told before it serves.
const PREPARE: &str = "/eth/v1/validator/prepare_beacon_proposer";

/// Tells the router whom two validators pay.
async fn prepare(program: &Program) {
    let entry =
        |index: u8| format!(r#"{{"validator_index":"{index}","fee_recipient":"0x{}"}}"#, "aa".repeat(20));
    let body = format!("[{},{}]", entry(1), entry(2));
    let reply = Wire::to(program.door()).await.ask(&post(PREPARE, body.as_bytes())).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
}

/// Waits until a beacon has been told more often than `before`.
async fn prepared(stub: &Stub, before: usize) {
    let told = || stub.notes.of(PREPARE);
    until("it is told whom its blocks pay", async || told().len() > before).await;
    assert!(
        told().iter().all(|seen| String::from_utf8_lossy(&seen.body).contains(r#""validator_index":"2""#))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_under_load_lose_no_request_and_change_what_the_file_says() {
    let [a, b, c] = [Stub::start(good()).await, Stub::start(good()).await, Stub::start(good()).await];
    let mut program = Program::new();
    let other = free_port();
    program.write(&fleet(&[program.port], &[("a", &a), ("b", &b)], ""));
    program.start().await;
    prepare(&program).await;
    let load = Load::start(program.door());
    load.goes_on(40).await;
    let mut kept = Wire::to(program.door()).await;
    assert_eq!(kept.ask(&get(READ)).await.unwrap().status, 200);

    program.write(&fleet(&[program.port, other], &[("b", &b), ("c", &c)], "limits: {idle: 700s}\n"));
    program.reload("beacon c added, beacon a removed").await;
    let status = program.status().await;
    let names: Vec<&str> =
        status["beacons"].as_array().unwrap().iter().map(|b| b["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["b", "c"]);
    until("the new one is seeded and healthy", async || {
        let status = program.status().await;
        status["beacons"].as_array().unwrap().iter().all(|beacon| beacon["healthy"] == true)
    })
    .await;
    prepared(&c, 0).await;
    assert_eq!(read(([127, 0, 0, 1], other).into(), READ).await.status, 200, "the new door is open");
    let before = a.notes.of(READ).len();
    for _ in 0..20 {
        assert_eq!(kept.ask(&get(READ)).await.unwrap().status, 200, "a kept connection crosses reloads");
    }
    assert_eq!(a.notes.of(READ).len(), before, "nobody asks the removed beacon");

    load.goes_on(40).await;
    let told = a.notes.of(PREPARE).len();
    program.write(&fleet(&[program.port], &[("c", &c), ("b", &b), ("a", &a)], ""));
    program.reload("beacon a added").await;
    prepared(&a, told).await;
    until("the removed door is closed", async || {
        tokio::net::TcpStream::connect(("127.0.0.1", other)).await.is_err()
    })
    .await;
    load.goes_on(40).await;
    let done = load.stop().await;
    assert_eq!(done.failures, Vec::<String>::new());
    assert!(done.kept > 50 && done.fresh > 20 && done.multiplexed > 50, "{done:?}");
    assert_eq!(program.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_is_refused_with_its_place_until_a_good_one_comes() {
    let a = Stub::start(good()).await;
    let mut program = Program::new();
    let valid = fleet(&[program.port], &[("a", &a)], "");
    program.write(&valid);
    program.start().await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken_port = taken.local_addr().unwrap().port();
    let (good_line, bad_line) = ("  - {name: a,", "  - {nam: a,");
    let place = valid.lines().position(|line| line.starts_with(good_line)).unwrap() + 3;
    for (text, says) in [
        (valid.replace(good_line, bad_line), format!("fleet.yaml:{place}:")),
        (valid.replace("fleet: test", "fleet: test\nstate: /elsewhere"), "duplicate".to_owned()),
        (
            fleet(&[program.port, taken_port], &[("a", &a)], ""),
            "another process holds this address".to_owned(),
        ),
    ] {
        program.write(&text);
        program.signal("HUP");
        until("the alert", async || {
            let alerts = program.status().await["alerts"].to_string();
            alerts.contains("fleet file not reloaded") && (alerts.contains(&says) || says == "duplicate")
        })
        .await;
        assert_eq!(read(program.door(), READ).await.status, 200, "the old one stays in force");
    }
    program.write_with(&valid, "/other");
    program.signal("HUP");
    until("the alert", async || program.status().await["alerts"].to_string().contains("cannot change")).await;
    program.write(&valid);
    program.signal("HUP");
    until("no alert", async || !program.status().await["alerts"].to_string().contains("reloaded")).await;
    assert_eq!(program.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_under_load_refuses_no_connection_and_loses_no_request() {
    let [a, b, c] = [Stub::start(good()).await, Stub::start(good()).await, Stub::start(good()).await];
    let mut program = Program::new();
    program.write(&fleet(&[program.port], &[("a", &a), ("b", &b)], ""));
    program.start().await;
    prepare(&program).await;
    program.order(&["drain", "b", "--wait"]).await;
    let load = Load::start(program.door());
    let mut events = Wire::to(program.door()).await;
    events.send(&get("/eth/v1/events?topics=head")).await;
    assert_eq!(events.head().await.unwrap().status, 200);
    let mut idle = Wire::to(program.door()).await;
    assert_eq!(idle.ask(&get(READ)).await.unwrap().status, 200);
    let block = "/eth/v3/validator/blocks/7?randao_reveal=0xaa";
    assert_eq!(read(program.door(), block).await.status, 200);
    for by_order in [false, true] {
        let before = program.id();
        if by_order {
            program.hand_over_by_order().await;
        } else {
            program.hand_over().await;
        }
        assert_ne!(program.id(), before);
        until("a drain is handed over", async || {
            program.status().await["beacons"][1]["lifecycle"]["state"] == "drained"
        })
        .await;
        let again = read(program.door(), block).await;
        assert_eq!((again.status, again.header("x-beacondeck-shared")), (200, "cached"), "{again:?}");
        load.goes_on(40).await;
    }
    let reply = idle.ask(&get(READ)).await.expect("an idle connection may be used once more");
    assert_eq!((reply.status, reply.header("connection")), (200, "close"));
    assert!(idle.rest().await.is_empty());
    events.rest().await;
    program.write(&fleet(&[program.port], &[("a", &a), ("b", &b), ("c", &c)], ""));
    program.reload("beacon c added").await;
    prepared(&c, 0).await;
    let done = load.stop().await;
    assert_eq!(done.failures, Vec::<String>::new());
    assert!(done.kept > 50 && done.fresh > 20 && done.multiplexed > 50, "{done:?}");
    program.end_successor().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_who_asks_for_the_same_block_gets_the_same_bytes() {
    let made = AtomicUsize::new(0);
    // As large as a block with its blobs, and never the same.
    let filler = "ab".repeat(1 << 20);
    let script: Script = Arc::new(move |_| {
        let number = made.fetch_add(1, SeqCst);
        vec![json(&format!(r#"{{"version":"fulu","data":"{number} {filler}"}}"#))]
    });
    let a = Stub::start(script).await;
    let mut program = Program::new();
    program.write(&fleet(&[program.port], &[("a", &a)], ""));
    program.start().await;
    let block = |slot: u64, randao: &str| format!("/eth/v3/validator/blocks/{slot}?randao_reveal={randao}");
    let first = read(program.door(), &block(7, "0xaa")).await;
    assert_eq!((first.status, first.header("x-beacondeck-shared")), (200, ""));
    for _ in 0..2 {
        program.kill().await;
        program.start().await;
        let again = read(program.door(), &block(7, "0xaa")).await;
        assert_eq!((again.status, again.header("x-beacondeck-shared")), (200, "cached"));
        assert!(again.text() == first.text(), "a second block for one slot and randao");
    }
    let other = read(program.door(), &block(7, "0xbb")).await;
    assert!(other.text() != first.text());
    assert_eq!(program.state("blocks-given").len(), 2);
    // Nobody signs a block of slots that are long past.
    assert_eq!(read(program.door(), &block(99, "0xaa")).await.status, 200);
    until("the old ones are swept", async || program.state("blocks-given").len() == 1).await;
    assert_eq!(program.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_does_not_come_to_serve_ends_and_its_predecessor_goes_on() {
    let a = Stub::start(good()).await;
    let mut program = Program::new();
    let valid = fleet(&[program.port], &[("a", &a)], "");
    program.write(&valid);
    program.start().await;
    let load = Load::start(program.door());
    program.write("fleet: [broken\n");
    program.signal("USR2");
    program.write_when_read(&valid).await;
    until("the alert", async || {
        program.status().await["alerts"]
            .to_string()
            .contains("serve was not handed over: the next process ended")
    })
    .await;
    tokio::time::timeout(Duration::from_secs(20), program.hand_over()).await.expect("the next one does");
    program.write("fleet: [broken\n");
    let refused = program.run(&["hand-over", "--wait"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(69), "{said}");
    assert!(said.starts_with("beacondeck: serve was not handed over: the next process ended"), "{said}");
    let journal = program.run(&["journal"]).await.stdout;
    let journal = String::from_utf8(journal).unwrap();
    let entries: Vec<&str> = journal.lines().filter(|line| line.contains(": hand-over: ")).collect();
    let [ordered, failed] = entries[..] else { panic!("{journal}") };
    assert!(ordered.contains("uid ") && ordered.contains(": handing over to "), "{ordered}");
    assert!(failed.contains(" serve: hand-over: failed: the next process ended"), "{failed}");
    program.write(&valid);
    program.hand_over_by_order().await;
    let done = load.stop().await;
    assert_eq!(done.failures, Vec::<String>::new());
    program.end_successor().await;
}
