//! Bodies arrive as they were sent, and headers but those of the connection and of the client's own secrets.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rstest::rstest;

use crate::common::Rig;
use crate::house::House;
use crate::stub::{Script, Stub, answer, good, json};
use crate::wire::{BULK, PUBLISH, READ, ask, get, request, until};

/// Noise of any length up to a MiB, cheap to make and to shrink.
fn noise() -> impl Strategy<Value = Bytes> {
    (any::<u64>(), prop_oneof![0_usize..64, 0_usize..70_000, 0_usize..=1 << 20]).prop_map(|(seed, length)| {
        let mut state = seed | 1;
        let byte = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        std::iter::repeat_with(byte).take(length).collect()
    })
}

/// Says a body back, on every row that has one.
fn echo() -> Script {
    Arc::new(|seen| vec![answer("200 OK", &["content-type: application/octet-stream"], &seen.body)])
}

#[test]
fn bodies_pass_byte_for_byte_both_ways_to_every_beacon() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (house, http) = runtime.block_on(async {
        let stubs = vec![Stub::start(echo()).await, Stub::start(echo()).await, Stub::start(echo()).await];
        (House::with(stubs, "").await, reqwest::Client::new())
    });
    let count = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(noise(), any::<bool>()), |(body, chunked)| {
        runtime.block_on(async {
            count.set(count.get() + 1);
            // Equal bytes are one publication: the number tells them apart.
            let target = format!("{PUBLISH}?case={}", count.get());
            let sent = if chunked {
                let parts: Vec<_> =
                    body.chunks(10_000).map(|part| Ok::<_, std::io::Error>(body.slice_ref(part))).collect();
                reqwest::Body::wrap_stream(futures_util::stream::iter(parts))
            } else {
                reqwest::Body::from(body.clone())
            };
            let url = format!("http://{}{target}", house.door);
            let answer = http.post(url).header("content-type", "application/octet-stream").body(sent).send();
            let answer = answer.await.unwrap();
            prop_assert_eq!(answer.status().as_u16(), 200);
            prop_assert!(answer.bytes().await.unwrap() == body, "the answer is another");
            let copies = || house.stubs.iter().flat_map(|stub| stub.notes.of(&target)).collect::<Vec<_>>();
            until("three copies", async || copies().len() == 3).await;
            for copy in copies() {
                prop_assert!(copy.body == body, "{} bytes arrived of {}", copy.body.len(), body.len());
                prop_assert_eq!(copy.all("content-length"), vec![body.len().to_string()]);
                prop_assert_eq!(copy.all("transfer-encoding"), Vec::<&str>::new());
            }
            Ok(())
        })
    });
    drop(runtime.enter());
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn unknown_headers_pass_as_they_are() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = runtime.block_on(House::of(good(), ""));
    let names = prop::string::string_regex("(x|eth|if|accept|a)-[a-z0-9-]{1,20}").unwrap();
    let values = prop::string::string_regex("[!-~]([ -~]{0,60}[!-~])?").unwrap();
    let one = (names.prop_filter("known to HTTP", |name| !name.starts_with("accept-e")), values);
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&prop::collection::vec(one, 1..8), |headers| {
        runtime.block_on(async {
            let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            let mut all = vec!["host: door"];
            all.extend(lines.iter().map(String::as_str));
            let reply = ask(house.door, &request(&format!("GET {READ} HTTP/1.1"), &all, b"")).await.unwrap();
            prop_assert_eq!(reply.status, 200);
            let seen = house.stubs[0].notes.of(READ).pop().unwrap();
            for (name, value) in &headers {
                prop_assert!(seen.all(name).contains(&value.as_str()), "{name}: {value} in {seen:?}");
            }
            Ok(())
        })
    });
    drop(runtime.enter());
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// What a client would rather have.
const ACCEPT: &str = "application/octet-stream;q=1.0,application/json;q=0.9";

#[rstest]
#[case::read("GET", READ)]
#[case::bulk("GET", BULK)]
#[case::publication("POST", PUBLISH)]
#[case::duties("GET", "/eth/v1/validator/duties/proposer/3")]
#[case::seed("POST", "/eth/v1/validator/prepare_beacon_proposer")]
#[case::unknown("POST", "/eth/v9/beacon/things_to_come")]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_between_client_and_router_stays_there(#[case] method: &str, #[case] target: &str) {
    let stub = Stub::start(good()).await;
    let text = format!(
        "beacons:\n  - {{name: b0, url: \"{}/behind/a/path\", headers: {{x-tenant: ours, x-forced: router}}}}\n",
        stub.url()
    );
    let rig = Rig::with(&text).await;
    let door = rig.engine.doors[0];
    // A stub that knows its pages only without prefix is never healthy; what may be sent is sent to it all the same.
    let headers = [
        "host: door.example:5052",
        "authorization: Bearer secret-of-the-client",
        "proxy-authorization: Basic secret",
        "cookie: session=secret",
        "connection: keep-alive, X-Mine , x-also",
        "connection: x-third",
        "x-mine: 1",
        "x-also: 1",
        "x-third: 1",
        "keep-alive: timeout=5",
        "te: trailers",
        "trailer: x-sum",
        "upgrade: websocket",
        "proxy-connection: close",
        "expect: 100-continue",
        "x-forced: client",
        "eth-consensus-version: fulu",
        &format!("accept: {ACCEPT}"),
        "user-agent: Vouch/1.9",
        "x-forwarded-for: 10.0.0.1",
        "date-milliseconds: 1",
        "content-length: 2",
    ];
    until("it is sent", async || {
        let line = format!("{method} {target}?a=b%20c&d HTTP/1.1");
        let reply = ask(door, &request(&line, &headers, b"[]")).await.unwrap();
        reply.status == 200
    })
    .await;
    let seen = stub.notes.of(&format!("/behind/a/path{target}")).pop().unwrap();
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        (method, &*format!("/behind/a/path{target}?a=b%20c&d"))
    );
    assert_eq!(&*seen.body, b"[]");
    for gone in [
        "authorization",
        "proxy-authorization",
        "cookie",
        "x-mine",
        "x-also",
        "x-third",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "proxy-connection",
        "expect",
        "transfer-encoding",
    ] {
        assert!(seen.all(gone).is_empty(), "{gone}: {seen:?}");
    }
    let address = stub.address.to_string();
    // Lists of duties are read by the router, and asked for in the one form that the Beacon API has for them.
    let accept = if target.contains("/duties/") { "application/json" } else { ACCEPT };
    for (name, value) in [
        ("host", address.as_str()),
        ("x-tenant", "ours"),
        ("x-forced", "router"),
        ("eth-consensus-version", "fulu"),
        ("accept", accept),
        ("user-agent", "Vouch/1.9"),
        ("x-forwarded-for", "10.0.0.1"),
        ("date-milliseconds", "1"),
        ("content-length", "2"),
    ] {
        assert_eq!(seen.all(name), vec![value], "{name}: {seen:?}");
    }
}

/// A POST without a body says that it has none; some servers answer 411 otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_post_says_so_and_a_get_says_nothing() {
    let house = House::of(good(), "").await;
    for headers in [
        &["host: door", "content-length: 0"][..],
        &["host: door"],
        &["host: door", "transfer-encoding: chunked"],
    ] {
        let body: &[u8] =
            if headers.len() == 2 && headers[1].contains("chunked") { b"0\r\n\r\n" } else { b"" };
        let reply =
            ask(house.door, &request(&format!("POST {PUBLISH} HTTP/1.1"), headers, body)).await.unwrap();
        assert_eq!(reply.status, 200);
        let seen = house.stubs[0].notes.of(PUBLISH).pop().unwrap();
        assert_eq!(
            (seen.all("content-length"), seen.all("transfer-encoding")),
            (vec!["0"], vec![]),
            "{headers:?}"
        );
    }
    house.is_well().await;
    assert_eq!(house.stubs[0].notes.of(READ)[0].all("content-length"), Vec::<&str>::new());
}

/// The beacon's own headers go to it with every request, probes among them, and to no other beacon.
#[tokio::test(flavor = "multi_thread")]
async fn a_beacons_secret_reaches_that_beacon_alone() {
    let (first, second) = (Stub::start(good()).await, Stub::start(good()).await);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), "Bearer of-the-beacon\n").unwrap();
    let text = format!(
        "beacons:\n  - {{name: b0, url: \"{}\", headers: {{authorization: {{file: {}/token}}}}}}\n  - {{name: b1, url: \"{}\"}}\n",
        first.url(),
        dir.path().display(),
        second.url()
    );
    let rig = Rig::with(&text).await;
    let house = House::ready(rig, vec![first, second], 2).await;
    let line = format!("POST {PUBLISH} HTTP/1.1");
    let headers = ["host: door", "authorization: Bearer of-the-client", "content-length: 2"];
    assert_eq!(ask(house.door, &request(&line, &headers, b"[]")).await.unwrap().status, 200);
    let copies = |place: usize| house.stubs[place].notes.of(PUBLISH);
    until("two copies", async || copies(0).len() + copies(1).len() == 2).await;
    assert_eq!(copies(0)[0].all("authorization"), vec!["Bearer of-the-beacon"]);
    assert_eq!(copies(1)[0].all("authorization"), Vec::<&str>::new());
}

/// Answers without a body, and bodies without an answer's length, keep the connection in step.
#[tokio::test(flavor = "multi_thread")]
async fn head_204_and_404_pass_and_the_connection_goes_on() {
    let script: Script = Arc::new(|seen| {
        if seen.target.ends_with("204") {
            vec![answer("204 No Content", &["x-kept: 1"], b"")]
        } else if seen.target.ends_with("404") {
            let body = br#"{"code":404,"message":"not here"}"#;
            vec![answer("404 Not Found", &["content-type: application/json", "x-kept: 1"], body)]
        } else {
            vec![json(r#"{"data":"ok"}"#)]
        }
    });
    let house = House::of(script, "").await;
    let mut wire = crate::wire::Wire::to(house.door).await;
    for target in [READ, BULK, "/eth/v1/node/version", "/eth/v1/beacon/genesis"] {
        let whole = wire.ask(&get(target)).await.unwrap();
        wire.send(&request(&format!("HEAD {target} HTTP/1.1"), &["host: door"], b"")).await;
        let head = wire.reply_to("HEAD").await.unwrap();
        assert_eq!(
            (head.status, head.header("content-length")),
            (200, &*whole.body.len().to_string()),
            "{target}"
        );
        assert_eq!(head.header("content-type"), whole.header("content-type"), "{target}");
    }
    for target in [READ, BULK] {
        let reply = wire.ask(&get(&format!("{target}?204"))).await.unwrap();
        assert_eq!((reply.status, reply.header("x-kept"), reply.header("content-length")), (204, "1", ""));
        let reply = wire.ask(&get(&format!("{target}?404"))).await.unwrap();
        assert_eq!((reply.status, reply.message().as_str(), reply.header("x-kept")), (404, "not here", "1"));
        assert_eq!(reply.header("x-beacondeck-beacon"), "b0");
    }
    house.is_well().await;
}
