//! Attestation data: questions that no beacon is asked, and answers that no validator client is given.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rstest::rstest;

use crate::house::House;
use crate::stub::{SLOT_MS, Script, Stub, answer, json};
use crate::wire::{ask, get, read, request};

const PATH: &str = "/eth/v1/validator/attestation_data";
/// Of every stub's chain.
const GENESIS: Duration = Duration::from_secs(1_600_000_000);

pub fn slot() -> u64 {
    let chain = SystemTime::now().duration_since(UNIX_EPOCH + GENESIS).unwrap();
    chain.as_millis() as u64 / SLOT_MS
}

fn target(slot: u64) -> String {
    format!("{PATH}?slot={slot}&committee_index=3")
}

/// What is wrong with a beacon's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Nothing,
    Slot,
    Index,
    Target,
    Source,
    Words,
}

/// Slot, index, source and target epoch of an answer about `slot`.
fn numbers(wrong: Wrong, slot: u64) -> [u64; 4] {
    let epoch = slot / 32;
    match wrong {
        Wrong::Nothing | Wrong::Words => [slot, 3, epoch - 1, epoch],
        Wrong::Slot => [slot + 1, 3, epoch - 1, epoch],
        Wrong::Index => [slot, 4, epoch - 1, epoch],
        Wrong::Target => [slot, 3, epoch - 1, epoch + 1],
        Wrong::Source => [slot, 3, epoch, epoch],
    }
}

fn in_json(wrong: Wrong, slot: u64) -> Vec<u8> {
    let [slot, index, source, target] = numbers(wrong, slot);
    let root = format!("0x{}", "11".repeat(32));
    let data = format!(
        r#"{{"data":{{"slot":"{slot}","index":"{index}","beacon_block_root":"{root}","source":{{"epoch":"{source}","root":"{root}"}},"target":{{"epoch":"{target}","root":"{root}"}}}}}}"#
    );
    if wrong == Wrong::Words { b"{\"data\":\"ok\"}".to_vec() } else { data.into_bytes() }
}

fn in_ssz(wrong: Wrong, slot: u64) -> Vec<u8> {
    let [slot, index, source, target] = numbers(wrong, slot).map(u64::to_le_bytes);
    let root = [0x11; 32];
    let bytes = [&slot[..], &index, &root, &source, &root, &target, &root].concat();
    if wrong == Wrong::Words { bytes[1..].to_vec() } else { bytes }
}

/// A beacon that answers so in either form, and well otherwise.
fn beacon(wrong: Wrong) -> Script {
    Arc::new(move |seen| {
        let asked = seen.target.strip_prefix(PATH).and_then(|query| query.strip_prefix("?slot="));
        let Some(asked) = asked else { return vec![json(r#"{"data":"ok"}"#)] };
        let slot = asked.split('&').next().unwrap().parse().unwrap();
        if seen.all("accept") == ["application/octet-stream"] {
            let kind = "content-type: application/octet-stream";
            return vec![answer("200 OK", &[kind], &in_ssz(wrong, slot))];
        }
        vec![answer("200 OK", &["content-type: application/json"], &in_json(wrong, slot))]
    })
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_no_honest_beacon_says_is_asked_of_another(
    #[values(Wrong::Slot, Wrong::Index, Wrong::Target, Wrong::Source, Wrong::Words)] wrong: Wrong,
) {
    let stubs = vec![Stub::start(beacon(wrong)).await, Stub::start(beacon(Wrong::Nothing)).await];
    let house = House::with(stubs, "").await;
    // The question of the next slot is open: each asks anew while no beacon's head is the answer's.
    let slot = slot() + 1;
    let line = format!("GET {} HTTP/1.1", target(slot));
    let ssz = request(&line, &["host: door", "accept: application/octet-stream"], b"");
    for (bytes, body) in
        [(get(&target(slot)), in_json(Wrong::Nothing, slot)), (ssz, in_ssz(Wrong::Nothing, slot))]
    {
        let reply = ask(house.door, &bytes).await.unwrap();
        assert_eq!((reply.status, reply.header("x-beacondeck-beacon")), (200, "b1"), "{reply:?}");
        assert_eq!(reply.body, body);
    }
    let asked = house.stubs[0].notes.of(&target(slot));
    assert_eq!(asked.len(), 2, "it was its turn");
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn if_nobody_says_better_nothing_is_signed() {
    let house = House::of(beacon(Wrong::Source), "").await;
    let reply = read(house.door, &target(slot())).await;
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.message().contains("b0 is optimistic, or says what must not be signed"), "{reply:?}");
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_make_no_sense_now_reach_nobody() {
    let house = House::of(beacon(Wrong::Nothing), "").await;
    let now = slot();
    for (target, says) in [
        // The slot may pass meanwhile.
        (target(now - 2), "compare the clocks"),
        (target(now + 3), "compare the clocks"),
        (format!("{PATH}?slot={now}&committee_index=64"), "out of range"),
        (format!("{PATH}?slot={now}"), "committee_index is missing"),
    ] {
        let reply = read(house.door, &target).await;
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(reply.message().contains(says), "{}", reply.message());
        assert_eq!(house.stubs[0].notes.of(&target).len(), 0);
    }
    for slot in [now, now + 1] {
        assert_eq!(read(house.door, &target(slot)).await.status, 200);
    }
    house.is_well().await;
}

/// The slot before the present one, and what `of` it gives; again if the slot passed meanwhile.
async fn closed<T>(of: impl AsyncFn(u64) -> T) -> (u64, T) {
    loop {
        let before = slot();
        let got = of(before - 1).await;
        if slot() == before {
            return (before - 1, got);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_question_is_asked_of_a_beacon_once_and_answered_in_each_form() {
    let house = House::of(beacon(Wrong::Nothing), "").await;
    let (slot, replies) = closed(async |slot| {
        let line = format!("GET {} HTTP/1.1", target(slot));
        let ssz = request(&line, &["host: door", "accept: application/octet-stream"], b"");
        let json = get(&target(slot));
        let mut replies = Vec::new();
        for bytes in [&json, &ssz, &json, &ssz] {
            replies.push(ask(house.door, bytes).await.unwrap());
        }
        replies
    })
    .await;
    let forms = [in_json(Wrong::Nothing, slot), in_ssz(Wrong::Nothing, slot)];
    for (reply, body) in replies.iter().zip(forms.iter().cycle()) {
        assert_eq!((reply.status, reply.header("x-beacondeck-beacon")), (200, "b0"), "{reply:?}");
        assert_eq!(&reply.body, body);
    }
    let shared: Vec<&str> = replies.iter().map(|reply| reply.header("x-beacondeck-shared")).collect();
    assert_eq!(shared, ["", "decided", "decided", "decided"]);
    assert_eq!(house.stubs[0].notes.of(&target(slot)).len(), 1);
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_at_once_shares_one_read() {
    let house = House::of(beacon(Wrong::Nothing), "").await;
    let (slot, replies) = closed(async |slot| {
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let (door, target) = (house.door, target(slot));
            all.spawn(async move { read(door, &target).await });
        }
        all.join_all().await
    })
    .await;
    for reply in &replies {
        assert_eq!((reply.status, reply.header("x-beacondeck-beacon")), (200, "b0"), "{reply:?}");
    }
    let asked = |word| replies.iter().filter(|reply| reply.header("x-beacondeck-shared") == word).count();
    assert_eq!(asked(""), 1, "it began the read");
    assert_eq!(asked("in-flight") + asked("decided"), 63, "{replies:?}");
    assert_eq!(house.stubs[0].notes.of(&target(slot)).len(), 1);
    house.is_well().await;
}
