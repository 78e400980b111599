//! Answers that are streams: bulk reads pass as they come and no faster than they are taken, events in their exact form.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use rstest::rstest;

use crate::house::{House, only};
use crate::stub::{Script, Step, Stub, always, good, text};
use crate::wire::{BULK, Wire, get, until};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

#[rstest]
#[case::block(BULK)]
#[case::validators("/eth/v1/beacon/states/head/validators")]
#[case::unknown("/eth/v9/beacon/things_to_come")]
#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_read_passes_while_it_comes(#[case] target: &'static str) {
    let parts = vec![
        text(CHUNKED),
        text("4\r\n{\"a\"\r\n"),
        Step::Wait(Duration::from_millis(600)),
        text("3\r\n:1}\r\n0\r\n\r\n"),
    ];
    let house = House::of(only(target, always(parts)), "").await;
    let mut wire = Wire::to(house.door).await;
    wire.send(&get(target)).await;
    assert_eq!(wire.head().await.unwrap().header("x-beacondeck-beacon"), "b0");
    assert_eq!(wire.chunk().await.unwrap(), b"{\"a\"");
    assert_eq!(
        house.stubs[0].notes.finished(target),
        0,
        "the first bytes are here before the last were sent"
    );
    assert_eq!(wire.chunk().await.unwrap(), b":1}");
    assert_eq!(wire.chunk().await.unwrap(), b"");
    assert_eq!(house.rig.beacon(0).name.as_str(), "b0");
}

/// What the client does not take the beacon does not send: memory is bounded by buffers, not by answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_read_is_as_fast_as_its_reader() {
    let total = 96 << 20;
    let sent = Arc::new(AtomicU64::new(0));
    let counted = sent.clone();
    let flood: Script = Arc::new(move |_| vec![text(CHUNKED), Step::Flood(total, counted.clone())]);
    let house = House::of(only(BULK, flood), "").await;
    let mut wire = Wire::to(house.door).await;
    wire.send(&get(BULK)).await;
    assert_eq!(wire.head().await.unwrap().status, 200);
    let mut before = u64::MAX;
    until("the beacon waits", async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = sent.load(SeqCst);
        std::mem::replace(&mut before, now) == now
    })
    .await;
    let held = sent.load(SeqCst);
    assert!(held > 0 && held < 24 << 20, "{held} bytes are under way");
    let mut got = 0;
    while let Some(chunk) = wire.chunk().await.filter(|chunk| !chunk.is_empty()) {
        assert!(chunk.iter().all(|byte| *byte == b'x'));
        got += chunk.len() as u64;
    }
    assert_eq!(got, total);
    house.is_well().await;
}

/// The next frame that is no comment.
async fn frame(wire: &mut Wire, seen: &mut String) -> String {
    loop {
        while let Some((frame, rest)) = seen.split_once("\n\n") {
            let (frame, rest) = (frame.to_owned(), rest.to_owned());
            *seen = rest;
            if !frame.starts_with(':') {
                return frame;
            }
        }
        let chunk = wire.chunk().await.expect("the stream goes on");
        seen.push_str(std::str::from_utf8(&chunk).unwrap());
    }
}

/// The next frame, while beacons say this again and again: a stream that is being opened anew hears nothing.
async fn frame_while(wire: &mut Wire, seen: &mut String, says: &[(&Stub, String)]) -> String {
    let again = async {
        loop {
            for (stub, event) in says {
                stub.event(event);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        frame = frame(wire, seen) => frame,
        () = again => unreachable!(),
    }
}

fn head(slot: u64) -> String {
    let root = format!("0x{}", "ab".repeat(32));
    format!(
        r#"{{"slot":"{slot}","block":"{root}","state":"{root}","epoch_transition":false,"previous_duty_dependent_root":"{root}","current_duty_dependent_root":"{root}","execution_optimistic":false}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn events_pass_in_the_form_every_client_reads() {
    let stubs = vec![Stub::start(good()).await, Stub::start(good()).await];
    let house = House::with(stubs, "").await;
    let mut wire = Wire::to(house.door).await;
    wire.send(&get("/eth/v1/events?topics=head&topics=block")).await;
    let reply = wire.head().await.unwrap();
    assert_eq!(reply.status, 200);
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
        ("x-beacondeck-beacon", "router"),
    ] {
        assert_eq!(reply.header(name), value, "{name}");
    }
    assert_eq!(wire.chunk().await.unwrap(), b":\n\n", "the first byte comes at once");
    let mut seen = String::new();
    let [first, second] = &house.stubs[..] else { panic!("two beacons") };
    for slot in 101..104 {
        // However a beacon spaces its lines, and whoever says it again.
        let data = head(slot);
        let says = [
            (first, format!("id: 1\nevent:head\ndata:{data}\n\n")),
            (second, format!("event: head\r\ndata: {data}\r\n\r\n")),
        ];
        assert_eq!(frame_while(&mut wire, &mut seen, &says).await, format!("event: head\ndata: {data}"));
    }
    let block = r#"{"slot":"103","block":"0xab","execution_optimistic":false}"#;
    let says = [
        (first, "event: finalized_checkpoint\ndata: {}\n\n".to_owned()),
        (second, format!("event: block\ndata: {block}\n\n")),
    ];
    assert_eq!(
        frame_while(&mut wire, &mut seen, &says).await,
        format!("event: block\ndata: {block}"),
        "no head twice, and nothing that was not asked for"
    );
    drop(wire);
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_outlives_any_beacon() {
    let mut stubs = vec![Stub::start(good()).await, Stub::start(good()).await];
    let first = stubs.remove(0);
    let urls = [first.url(), stubs[0].url()];
    let rig = crate::common::Rig::with(&crate::house::beacons(&urls)).await;
    let house = House::ready(rig, stubs, 2).await;
    let mut wire = Wire::to(house.door).await;
    wire.send(&get("/eth/v1/events?topics=head")).await;
    assert_eq!(wire.head().await.unwrap().status, 200);
    drop(first);
    let (data, mut seen) = (head(200), String::new());
    let says = [(&house.stubs[0], format!("event: head\ndata: {data}\n\n"))];
    assert_eq!(frame_while(&mut wire, &mut seen, &says).await, format!("event: head\ndata: {data}"));
    house.is_well().await;
}

#[rstest]
#[case::none("")]
#[case::empty("?topics=")]
#[case::strange("?topics=%0d%0aset-cookie")]
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_nothing_is_refused(#[case] query: &str) {
    let house = House::of(good(), "").await;
    let reply = crate::wire::read(house.door, &format!("/eth/v1/events{query}")).await;
    assert_eq!(reply.status, 400);
    assert!(reply.message().contains("topic"), "{}", reply.message());
    house.is_well().await;
}
