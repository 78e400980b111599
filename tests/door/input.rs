//! Bytes that are no request, requests that mean two things, and requests that are not for this door.

use rstest::rstest;

use crate::house::House;
use crate::stub::good;
use crate::wire::{Wire, get, post, request};

const POST: &str = "POST /eth/v2/beacon/pool/attestations HTTP/1.1";
/// A second request behind a first whose end can be read in two ways.
const HIDDEN: &[u8] = b"GET /eth/v1/beacon/states/hidden/root HTTP/1.1\r\nhost: door\r\n\r\n";

fn head(line: &str, headers: &[&str]) -> Vec<u8> {
    request(line, headers, b"")
}

fn posted(headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut all = vec!["host: door", "content-type: application/json"];
    all.extend(headers);
    request(POST, &all, &[body, HIDDEN].concat())
}

fn chunked(body: &[u8]) -> Vec<u8> {
    posted(&["transfer-encoding: chunked"], body)
}

fn long(line: &str, header: &str) -> Vec<u8> {
    head(line, &["host: door", header])
}

/// What cannot be read as one request is refused or dropped, nothing of it reaches a beacon, and the connection ends:
/// what follows on it could be anything.
#[rstest]
#[case::tls(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), &[400])]
#[case::words(b"lorem ipsum dolor\r\n\r\n".to_vec(), &[400])]
#[case::nothing(b"\r\n\r\n\r\n\x00\r\n\r\n".to_vec(), &[400])]
#[case::method_with_strange_letters(head("G(T / HTTP/1.1", &["host: door"]), &[400])]
#[case::http_09(b"GET /eth/v1/node/version\r\n\r\n".to_vec(), &[400])]
#[case::http_30(head("GET /eth/v1/node/version HTTP/3.0", &["host: door"]), &[400])]
#[case::space_in_target(head("GET /eth/v1/node /version HTTP/1.1", &["host: door"]), &[400])]
#[case::space_before_colon(posted(&["content-length : 2"], b"[]"), &[400])]
#[case::folded_header(posted(&["x-a: b\r\n c", "content-length: 2"], b"[]"), &[400])]
#[case::nul_in_header(posted(&["x-a: b\0c", "content-length: 2"], b"[]"), &[400])]
#[case::two_lengths(posted(&["content-length: 2", "content-length: 60"], b"[]"), &[400])]
#[case::list_of_lengths(posted(&["content-length: 2, 60"], b"[]"), &[400])]
#[case::signed_length(posted(&["content-length: +2"], b"[]"), &[400])]
#[case::negative_length(posted(&["content-length: -2"], b"[]"), &[400])]
#[case::length_beyond_numbers(posted(&["content-length: 99999999999999999999999"], b"[]"), &[400])]
#[case::chunked_not_last(posted(&["transfer-encoding: chunked, identity"], b"0\r\n\r\n"), &[400])]
#[case::unknown_coding(posted(&["transfer-encoding: xchunked"], b"0\r\n\r\n"), &[400])]
#[case::chunked_in_http_10(request("POST / HTTP/1.0", &["transfer-encoding: chunked"], b"0\r\n\r\n"), &[400])]
#[case::chunk_size_overflows(chunked(b"10000000000000002\r\n[]\r\n0\r\n\r\n"), &[400])]
#[case::chunk_size_negative(chunked(b"-2\r\n[]\r\n0\r\n\r\n"), &[400])]
#[case::chunk_size_no_number(chunked(b"zz\r\n[]\r\n0\r\n\r\n"), &[400])]
#[case::chunk_longer_than_said(chunked(b"2\r\n[][]\r\n0\r\n\r\n"), &[400])]
#[case::chunk_extension_of_megabytes(chunked(&[b"2;".to_vec(), vec![b'a'; 2 << 20]].concat()), &[400])]
#[case::trailers_of_megabytes(chunked(&[b"0\r\na: ".to_vec(), vec![b'a'; 2 << 20]].concat()), &[400])]
#[case::header_of_128_kib(long("GET / HTTP/1.1", &format!("x-long: {}", "a".repeat(128 << 10))), &[431])]
#[case::endless_header(long("GET / HTTP/1.1", &format!("x-long: {}", "a".repeat(4 << 20))), &[431])]
#[case::target_of_70_kib(long(&format!("GET /{} HTTP/1.1", "a".repeat(70 << 10)), "a: b"), &[414, 431])]
#[case::headers_300(long("GET / HTTP/1.1", &"x-a: b\r\n".repeat(300)), &[431])]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_and_the_connection_ends(
    #[case] bytes: Vec<u8>,
    #[case] statuses: &[u16],
) {
    let house = House::of(good(), "").await;
    let mut wire = Wire::to(house.door).await;
    wire.send(&bytes).await;
    let reply = wire.reply().await;
    assert!(reply.as_ref().is_some_and(|reply| statuses.contains(&reply.status)), "{reply:?}");
    let rest = wire.rest().await;
    assert!(rest.is_empty(), "answered again: {}", String::from_utf8_lossy(&rest));
    assert_eq!(house.stubs[0].notes.seen().len(), 0, "{:?}", house.stubs[0].notes.seen());
    house.is_well().await;
}

/// A client that says both is read by its chunks (RFC 9112, section 6.3), and its beacon is told one length.
#[rstest]
#[case::length_first(&["content-length: 64", "transfer-encoding: chunked"])]
#[case::chunked_first(&["transfer-encoding: chunked", "content-length: 64"])]
#[tokio::test(flavor = "multi_thread")]
async fn chunks_win_over_a_length_and_the_beacon_is_told_one(#[case] headers: &[&str]) {
    let house = House::of(good(), "").await;
    let mut wire = Wire::to(house.door).await;
    let all = [&["host: door"][..], headers].concat();
    let reply = wire.ask(&request(POST, &all, b"2\r\n[]\r\n0\r\n\r\n")).await.unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    let seen = house.stubs[0].notes.seen();
    assert_eq!((seen.len(), &*seen[0].body), (1, &b"[]"[..]));
    assert_eq!((seen[0].all("content-length"), seen[0].all("transfer-encoding")), (vec!["2"], vec![]));
    house.is_well().await;
}

/// A body that ends before its end is no body: the beacon gets none of it.
#[rstest]
#[case::declared(posted(&["content-length: 1000"], b"[]"))]
#[case::no_last_chunk(request(POST, &["host: door", "transfer-encoding: chunked"], b"2\r\n[]\r\n"))]
#[case::chunk_too_short(request(POST, &["host: door", "transfer-encoding: chunked"], b"7fffffff\r\n[]"))]
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_reaches_no_beacon(#[case] bytes: Vec<u8>) {
    let house = House::of(good(), "").await;
    let mut wire = Wire::to(house.door).await;
    wire.send(&bytes).await;
    wire.finish().await;
    let reply = wire.reply().await;
    // One who only half closed still reads; hyper may have hung up by then.
    assert!(reply.is_none_or(|reply| reply.status == 400 && reply.message().contains("broke off")));
    assert_eq!(house.stubs[0].notes.seen().len(), 0);
    house.is_well().await;
}

/// Requests whose form is good and whose content is not: an error in the API's shape that says what to do, on a
/// connection that goes on.
#[rstest]
#[case::no_host(head("GET /eth/v1/node/version HTTP/1.1", &[]), 400, "Host")]
#[case::two_hosts(head("GET /eth/v1/node/version HTTP/1.1", &["host: a", "host: b"]), 400, "Host")]
#[case::unknown_method(head("BREW /eth/v1/node/version HTTP/1.1", &["host: door"]), 405, "BREW")]
#[case::put(head("PUT /eth/v1/beacon/states/head/fork HTTP/1.1", &["host: door"]), 405, "PUT")]
#[case::connect(head("CONNECT beacon:5052 HTTP/1.1", &["host: beacon:5052"]), 405, "CONNECT")]
#[case::options_of_all(head("OPTIONS * HTTP/1.1", &["host: door"]), 405, "OPTIONS")]
#[case::parent(get("/eth/v1/beacon/../debug/fork_choice"), 400, "plainly")]
#[case::parent_at_end(get("/eth/v1/.."), 400, "plainly")]
#[case::parent_in_disguise(get("/eth/v1/beacon/%2e%2e/debug/fork_choice"), 400, "plainly")]
#[case::slash_in_disguise(get("/eth/v1%2fdebug/fork_choice"), 400, "plainly")]
#[case::letter_in_disguise(get("/eth/v1/%64ebug/fork_choice"), 400, "plainly")]
#[case::dot(get("/eth/v1/./debug/fork_choice"), 400, "plainly")]
#[case::two_slashes(get("/eth//v1/debug/fork_choice"), 400, "plainly")]
#[case::backslash(get("/eth/v1\\debug\\fork_choice"), 400, "plainly")]
#[case::semicolon(get("/eth/v1/debug;a=b/fork_choice"), 400, "plainly")]
#[case::last_slash(get("/eth/v1/debug/fork_choice/"), 400, "plainly")]
#[case::endless_path(get(&"/a".repeat(1_000)), 400, "plainly")]
#[case::debug(get("/eth/v1/debug/fork_choice"), 403, "`debug`")]
#[case::debug_in_capitals(get("/eth/v1/DEBUG/fork_choice"), 403, "opens")]
#[case::debug_elsewhere(get("http://beacon/eth/v2/debug/beacon/states/head"), 403, "`debug`")]
#[case::debug_by_head(head("HEAD /eth/v2/debug/beacon/heads HTTP/1.1", &["host: door"]), 403, "")]
#[case::identity(get("/eth/v1/node/identity"), 403, "`debug`")]
#[case::keys(get("/eth/v1/keystores"), 403, "`keymanager`")]
#[case::keys_deleted(head("DELETE /eth/v1/keystores HTTP/1.1", &["host: door"]), 403, "`keymanager`")]
#[case::exits(post("/eth/v1/beacon/pool/voluntary_exits", b"{}"), 403, "`exits`")]
#[case::changes(post("/eth/v1/beacon/pool/bls_to_execution_changes", b"[]"), 403, "`credential-changes`")]
#[case::vendor(get("/lighthouse/peers"), 403, "`lighthouse`")]
#[case::vendor_inside(get("/eth/v1/lodestar/write_heapdump"), 403, "`lodestar`")]
#[case::vendor_unknown(get("/erigon/flags"), 403, "`erigon`")]
#[case::no_version(get("/eth/latest/beacon/genesis"), 403, "opens")]
#[case::root(get("/"), 400, "plainly")]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_for_this_door_is_refused_with_words(
    #[case] bytes: Vec<u8>,
    #[case] status: u16,
    #[case] says: &str,
) {
    let house = House::of(good(), "").await;
    let mut wire = Wire::to(house.door).await;
    wire.send(&bytes).await;
    let method = String::from_utf8_lossy(&bytes[..4]).trim().to_owned();
    let reply = wire.reply_to(&method).await.unwrap();
    assert_eq!((reply.status, reply.header("x-beacondeck-beacon")), (status, "router"), "{reply:?}");
    if method != "HEAD" {
        let message = reply.message();
        assert!(message.contains(says) && !message.contains("vendor("), "{message}");
        assert!(status != 403 || message.contains("fleet file"), "says how to open it: {message}");
    }
    assert_eq!(house.stubs[0].notes.seen().len(), 0);
    house.is_well().await;
}

#[rstest]
#[case("debug", get("/eth/v1/debug/fork_choice"))]
#[case("debug", get("/eth/v1/node/peers"))]
#[case("keymanager", get("/eth/v1/keystores"))]
#[case("exits", post("/eth/v1/beacon/pool/voluntary_exits", b"{}"))]
#[case("credential-changes", post("/eth/v1/beacon/pool/bls_to_execution_changes", b"[]"))]
#[case("lighthouse", get("/lighthouse/peers"))]
#[case("lodestar", get("/eth/v1/lodestar/peers"))]
#[tokio::test(flavor = "multi_thread")]
async fn what_the_fleet_file_opens_passes_and_nothing_else(#[case] open: &str, #[case] bytes: Vec<u8>) {
    let house = House::of(good(), &format!("routing: {{open: [{open}]}}\n")).await;
    let reply = crate::wire::ask(house.door, &bytes).await.unwrap();
    assert_eq!((reply.status, reply.header("x-beacondeck-beacon")), (200, "b0"), "{reply:?}");
    let target = String::from_utf8_lossy(&bytes).split(' ').nth(1).unwrap().to_owned();
    assert_eq!(house.stubs[0].notes.of(&target).len(), 1);
    let others = ["debug", "exits"].iter().filter(|other| **other != open);
    for other in others {
        let closed = match *other {
            "debug" => get("/eth/v2/debug/beacon/heads"),
            _ => post("/eth/v1/beacon/pool/voluntary_exits", b"{}"),
        };
        assert_eq!(crate::wire::ask(house.door, &closed).await.unwrap().status, 403, "{other}");
    }
    house.is_well().await;
}
