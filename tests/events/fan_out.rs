//! A thousand clients: one stream at each beacon, everything to everyone, and nobody waits for the slow.

use std::time::Duration;

use crate::common::{Rig, wait_for};
use crate::house::House;
use crate::reader::{Reader, frame, head};
use crate::stub::{Stub, good};
use crate::wire::{Wire, get, until};

const CLIENTS: usize = 1_000;
const EVENTS: u64 = 40;

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clients_cost_one_stream_at_each_beacon() {
    let stubs = vec![Stub::start(good()).await, Stub::start(good()).await];
    let house = House::with(stubs, "").await;
    let mut readers = Vec::new();
    for _ in 0..CLIENTS {
        readers.push(Reader::open(house.door, "head,block").await);
    }
    // One that never reads.
    let mut slow = Wire::to(house.door).await;
    slow.send(&get("/eth/v1/events?topics=head")).await;
    let one_each = || house.stubs.iter().all(|stub| stub.notes.open_streams() == 1);
    let asked = |stub: &Stub| stub.notes.streams().last().is_some_and(|target| target.contains("block"));
    until("one stream a beacon", async || one_each() && house.stubs.iter().all(asked)).await;
    let before = resident_kib();
    let began = std::time::Instant::now();
    for slot in 1..=EVENTS {
        for stub in &house.stubs {
            stub.event(&frame("head", &head(slot)));
        }
        let told = || readers.last().unwrap().frames().len() as u64 >= slot;
        until("the last client has it", async || told()).await;
    }
    until("all have all", async || readers.iter().all(|reader| reader.frames().len() as u64 == EVENTS)).await;
    println!("{EVENTS} heads to {CLIENTS} clients one after another: {:?}", began.elapsed());
    let expected: Vec<String> = (1..=EVENTS).map(|slot| frame("head", &head(slot))).collect();
    for reader in &readers {
        assert_eq!(reader.frames(), expected, "each once, each a chunk of its own");
    }
    assert!(one_each(), "still one stream a beacon");
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB more for {EVENTS} events");
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_beacon_a_stream_is_open_and_kept_alive() {
    let gone = Stub::start(good()).await.url();
    let rig = Rig::with(&crate::house::beacons(&[gone])).await;
    let reader = Reader::open(rig.engine.doors[0], "head").await;
    assert!(wait_for(Duration::from_secs(25), || reader.comments() >= 3).await, "a comment every 10 s");
    assert!(reader.frames().is_empty());
    rig.stop().await;
}
