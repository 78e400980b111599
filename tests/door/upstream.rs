//! Beacons that answer badly or not at all: another answers instead, and if there is none the client is told whose
//! fault it was.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rstest::rstest;

use crate::common::Rig;
use crate::house::{House, beacons, only};
use crate::stub::{Script, Step, Stub, always, answer, good, json, text};
use crate::wire::{BULK, PUBLISH, READ, ask, get, post, read};

const SSZ_FIRST: &str = "application/octet-stream;q=1,application/json;q=0.9";

/// An answer that is bad within the first beacon's time.
fn bad(steps: Vec<Step>) -> Script {
    only(READ, always(steps))
}

fn broken(bytes: &str) -> Vec<Step> {
    vec![text(bytes), Step::Close]
}

#[rstest]
#[case::cut_off(broken("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":"), "broke the connection")]
#[case::cut_off_in_a_chunk(
    broken("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{"),
    "broke the connection"
)]
#[case::no_last_chunk(
    broken("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"),
    "broke the connection"
)]
#[case::bad_chunks(
    broken("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}"),
    "broke the connection"
)]
#[case::no_answer(vec![Step::Close], "broke the connection")]
#[case::half_a_head(broken("HTTP/1.1 200 OK\r\ncontent-ty"), "broke the connection")]
#[case::garbage(broken("SSH-2.0-OpenSSH_9.9\r\n\r\n"), "broke the connection")]
#[case::no_status(broken("HTTP/1.1 fine\r\n\r\n"), "broke the connection")]
#[case::two_lengths(
    broken("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
    "broke the connection"
)]
#[case::endless_head(vec![text("HTTP/1.1 200 OK\r\nx-a: "), text(&"a".repeat(2 << 20)), Step::Close], "broke the connection")]
#[case::upgrade(broken("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"), "")]
#[case::too_large(vec![text("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n"), Step::Hang], "more than 64 MiB")]
#[case::silence(vec![Step::Hang], "did not answer in time")]
#[case::half_and_silence(vec![text("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), Step::Hang], "did not answer in time")]
#[case::a_byte_and_silence(vec![text("H"), Step::Hang], "did not answer in time")]
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_answer_is_replaced_or_named(#[case] steps: Vec<Step>, #[case] says: &str) {
    let alone = House::of(bad(steps.clone()), "").await;
    let began = Instant::now();
    let reply = read(alone.door, READ).await;
    let message = reply.message();
    assert!((502..=504).contains(&reply.status), "{reply:?}");
    assert_eq!(reply.status == 504, says.contains("in time"), "{reply:?}");
    assert!(message.contains("b0") && message.contains(says), "{message}");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(reply.header("x-beacondeck-beacon"), "router");
    assert_ne!(reply.header("x-beacondeck-attempts"), "");
    assert_eq!(read(alone.door, BULK).await.status, 200, "the door is well");

    let house = House::with(vec![Stub::start(bad(steps)).await, Stub::start(good()).await], "").await;
    let reply = read(house.door, READ).await;
    assert_eq!((reply.status, reply.header("x-beacondeck-beacon")), (200, "b1"), "{reply:?}");
    assert_eq!(reply.header("x-beacondeck-attempts"), "2", "{reply:?}");
    assert_eq!(house.stubs[0].notes.of(READ).len(), 1, "the bad one was asked first");
    house.is_well().await;
}

/// A stream cannot be taken back once it began; that it broke is seen by the client.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_off_ends_the_clients_answer_too() {
    let cut = broken("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":");
    let house = House::of(only(BULK, always(cut)), "").await;
    let reply = read(house.door, BULK).await;
    assert_eq!((reply.status, reply.whole, reply.text().as_str()), (200, false, "{\"data\":"));
    let cut = broken("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n");
    let house = House::of(only(BULK, always(cut)), "").await;
    let reply = read(house.door, BULK).await;
    assert_eq!((reply.status, reply.whole), (200, false), "{reply:?}");
    house.is_well().await;
}

enum Place {
    /// Nobody listens.
    Port,
    /// No such name.
    Name,
    /// Connections are made and nobody ever reads.
    Hole,
}

impl Place {
    fn url(&self) -> (String, Option<TcpListener>) {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address: SocketAddr = socket.local_addr().unwrap();
        match self {
            Place::Port => (format!("http://{address}"), None),
            Place::Name => ("http://no-such-beacon.invalid:5052".to_owned(), None),
            Place::Hole => (format!("http://{address}"), Some(socket)),
        }
    }
}

#[rstest]
#[case::unreachable(Place::Port, "unreachable")]
// Whether a name is unknown at once or after long is the machine's resolver's business.
#[case::unresolvable(Place::Name, "b0")]
#[case::blackhole(Place::Hole, "in time")]
#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_that_is_not_there_is_replaced_or_named(#[case] place: Place, #[case] says: &str) {
    let (url, _held) = place.url();
    let rig = Rig::with(&beacons(std::slice::from_ref(&url))).await;
    let door = rig.engine.doors[0];
    // Nobody's slot is known; of a guessed one a bulk read may take longer than a test.
    let bulk = if matches!(place, Place::Hole) { READ } else { BULK };
    let asks = [
        (get(READ), 502..=504),
        (get(bulk), 502..=504),
        (post(PUBLISH, b"[]"), 502..=504),
        (get("/eth/v1/validator/attestation_data?slot=1&committee_index=0"), 502..=504),
        (get("/eth/v1/node/health"), 503..=503),
        (get("/eth/v1/beacon/genesis"), 502..=504),
    ];
    let asked = asks.map(|(bytes, status)| async move {
        let what = String::from_utf8_lossy(&bytes[..50.min(bytes.len())]).into_owned();
        let reply = ask(door, &bytes).await.unwrap_or_else(|| panic!("no answer to {what}"));
        assert!(status.contains(&reply.status), "{what}: {reply:?}");
        if !reply.body.is_empty() {
            assert!(reply.message().contains("b0"), "{what}: {}", reply.message());
        }
    });
    futures_util::future::join_all(asked).await;
    let message = read(door, READ).await.message();
    assert!(message.contains(says), "{message}");
    let stub = Stub::start(good()).await;
    let rig = Rig::with(&beacons(&[url, stub.url()])).await;
    let house = House::ready(rig, vec![stub], 1).await;
    for bytes in [get(READ), get(BULK), post(PUBLISH, b"[]")] {
        let reply = ask(house.door, &bytes).await.unwrap();
        assert_eq!((reply.status, reply.header("x-beacondeck-beacon")), (200, "b1"), "{reply:?}");
    }
    house.is_well().await;
}

/// What the beacon says of the message passes; what it says of the connection does not.
#[tokio::test(flavor = "multi_thread")]
async fn an_answers_headers_pass_but_those_of_the_connection() {
    let headers = [
        "connection: x-private, keep-alive",
        "x-private: 1",
        "keep-alive: timeout=5",
        "proxy-authenticate: Basic",
        "proxy-connection: keep-alive",
        "trailer: x-sum",
        "te: trailers",
        "upgrade: h2c",
        "content-type: application/json",
        "eth-consensus-version: fulu",
        "eth-execution-payload-value: 12",
        "x-unknown: kept",
        "x-twice: a",
        "x-twice: b",
        "etag: \"e\"",
        "x-beacondeck-beacon: forged",
        "x-beacondeck-attempts: 77",
        "x-beacondeck-shared: forged",
    ];
    let house = House::of(always(vec![answer("200 OK", &headers, b"{}")]), "").await;
    for target in [READ, BULK] {
        let reply = read(house.door, target).await;
        for gone in
            ["x-private", "keep-alive", "proxy-authenticate", "proxy-connection", "trailer", "te", "upgrade"]
                .into_iter()
                .chain(["x-beacondeck-shared"])
        {
            assert_eq!(reply.header(gone), "", "{target}: {gone}");
        }
        for (name, value) in [
            ("content-type", "application/json"),
            ("eth-consensus-version", "fulu"),
            ("eth-execution-payload-value", "12"),
            ("x-unknown", "kept"),
            ("etag", "\"e\""),
            ("x-beacondeck-beacon", "b0"),
            ("x-beacondeck-attempts", "1"),
            ("content-length", "2"),
        ] {
            assert_eq!(reply.header(name), value, "{target}: {name}");
        }
        let twice: Vec<_> = reply.headers.iter().filter(|(name, _)| name == "x-twice").collect();
        assert_eq!(twice.len(), 2);
    }
    house.is_well().await;
}

/// What the router reads it asks for uncompressed; what comes compressed all the same is passed on as it is.
#[rstest]
#[case::duties("POST", "/eth/v1/validator/duties/attester/5", true)]
#[case::aggregate("GET", "/eth/v2/validator/aggregate_attestation?slot=1", true)]
#[case::block("GET", "/eth/v3/validator/blocks/5", true)]
#[case::attestations("POST", PUBLISH, true)]
#[case::slashings("POST", "/eth/v1/beacon/pool/proposer_slashings", true)]
#[case::preferences("POST", "/eth/v1/validator/proposer_preferences", true)]
#[case::payload_duties("POST", "/eth/v1/validator/duties/ptc/5", true)]
#[case::payload("GET", "/eth/v1/validator/payload_attestation_data?slot=1", true)]
#[case::bulk("GET", BULK, false)]
#[case::small("GET", READ, false)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_is_asked_for_plain(#[case] method: &str, #[case] target: &str, #[case] read: bool) {
    let squeezed = b"\x1f\x8b\x08\x00not really gzip".to_vec();
    let gzip = answer("200 OK", &["content-encoding: gzip", "content-type: application/json"], &squeezed);
    let house = House::of(always(vec![gzip]), "").await;
    let line = format!("{method} {target} HTTP/1.1");
    let headers = ["host: door", "accept-encoding: gzip, br", "content-length: 0"];
    let reply = ask(house.door, &crate::wire::request(&line, &headers, b"")).await.unwrap();
    assert_eq!((reply.status, reply.header("content-encoding")), (200, "gzip"), "{reply:?}");
    assert_eq!(reply.body, squeezed);
    let seen = house.stubs[0].notes.of(target);
    assert_eq!(seen[0].all("accept-encoding").is_empty(), read, "{:?}", seen[0]);
    house.is_well().await;
}

/// Lodestar asks for SSZ wherever it can, and has it of what the API knows as JSON only.
#[rstest]
#[case::attesters("POST", "/eth/v1/validator/duties/attester/5", "application/json")]
#[case::proposers("GET", "/eth/v2/validator/duties/proposer/5", "application/json")]
#[case::sync("POST", "/eth/v1/validator/duties/sync/5", "application/json")]
#[case::payload("POST", "/eth/v1/validator/duties/ptc/5", "application/json")]
#[case::block("GET", "/eth/v3/validator/blocks/5", SSZ_FIRST)]
#[case::small("GET", READ, SSZ_FIRST)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_as_json_is_asked_for_as_json(
    #[case] method: &str,
    #[case] target: &str,
    #[case] accept: &str,
) {
    let house = House::of(always(vec![json("{}")]), "").await;
    let line = format!("{method} {target} HTTP/1.1");
    let headers = ["host: door", &format!("accept: {SSZ_FIRST}"), "content-length: 0"];
    let reply = ask(house.door, &crate::wire::request(&line, &headers, b"")).await.unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(house.stubs[0].notes.of(target)[0].all("accept"), [accept]);
    house.is_well().await;
}

/// A beacon that is given all it may have gets no more; the client is told.
#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_a_beacons_limit_are_refused_with_its_name() {
    let slow = only(READ, always(vec![Step::Wait(Duration::from_millis(500)), json("{}")]));
    let house = House::of(slow, "limits: {in-flight: 2}\n").await;
    let all = (0..6).map(|_| read(house.door, READ));
    let replies = futures_util::future::join_all(all).await;
    let served = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(served, 2);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!(reply.status, 503, "{reply:?}");
        assert!(reply.message().contains("b0 has as many requests in flight"), "{}", reply.message());
    }
    house.is_well().await;
}

/// An error of the beacon's own is the client's answer when nobody has a better one; a publication's is softened where
/// clients would draw the wrong conclusion for good.
#[rstest]
#[case::server_error(get(READ), "500 Internal Server Error", 500)]
#[case::not_found(get(READ), "404 Not Found", 404)]
#[case::bad_request(get(READ), "400 Bad Request", 400)]
#[case::unavailable(get(READ), "503 Service Unavailable", 503)]
#[case::media_type(post(PUBLISH, b"[]"), "415 Unsupported Media Type", 400)]
#[case::too_many(post(PUBLISH, b"[]"), "429 Too Many Requests", 503)]
#[case::bad_publication(post(PUBLISH, b"[]"), "400 Bad Request", 400)]
#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_all_agree_on_is_passed_on(
    #[case] bytes: Vec<u8>,
    #[case] line: &'static str,
    #[case] status: u16,
) {
    let code: u16 = line[..3].parse().unwrap();
    let script = move || -> Script {
        Arc::new(move |seen| {
            if seen.target == BULK {
                return vec![json("{}")];
            }
            let body = format!("{{\"code\":{code},\"message\":\"so it is\"}}");
            vec![answer(line, &["content-type: application/json"], body.as_bytes())]
        })
    };
    let house = House::with(vec![Stub::start(script()).await, Stub::start(script()).await], "").await;
    let reply = ask(house.door, &bytes).await.unwrap();
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.header("x-beacondeck-attempts"), "2", "{reply:?}");
    if code == status {
        assert_eq!(reply.message(), "so it is");
        assert_ne!(reply.header("x-beacondeck-beacon"), "router");
    } else {
        assert!(reply.message().contains(&code.to_string()), "{}", reply.message());
    }
    assert_eq!(read(house.door, BULK).await.status, 200);
}

/// A vote for a block that only one beacon has yet: it may be the one beacon that nobody listens to.
#[tokio::test(flavor = "multi_thread")]
async fn a_vote_for_a_block_that_beacons_lack_is_told_to_them_again() {
    let lacks = || {
        let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
        only(
            PUBLISH,
            Arc::new(move |_| {
                if asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0 {
                    return vec![json("{}")];
                }
                let body = r#"{"code":400,"message":"BAD_REQUEST: error processing attestations","failures":[{"index":0,"message":"Verification: UnknownHeadBlock { beacon_block_root: 0xc8 }"}]}"#;
                vec![answer("400 Bad Request", &["content-type: application/json"], body.as_bytes())]
            }),
        )
    };
    let stubs = vec![Stub::start(lacks()).await, Stub::start(lacks()).await, Stub::start(good()).await];
    let house = House::with(stubs, "probing: {shadow: 0%}\n").await;
    let reply = ask(house.door, &post(PUBLISH, b"[]")).await.unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    crate::wire::until("both have it", async || {
        house.stubs[..2].iter().all(|stub| stub.notes.of(PUBLISH).len() == 2)
    })
    .await;
    assert_eq!(house.stubs[2].notes.of(PUBLISH).len(), 1, "who took it is not told again");
    house.rig.stop().await;
}
