//! Topics that one beacon lacks, and topics that are wanted later.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use crate::house::House;
use crate::reader::{Reader, frame, head};
use crate::stub::{Stub, good};
use crate::wire::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_a_beacon_does_not_know_is_left_out_alone() {
    let stubs = vec![Stub::start(good()).await, Stub::start(good()).await];
    stubs[1].notes.refuse("head_v2");
    let house = House::with(stubs, "").await;
    let reader = Reader::open(house.door, "head,head_v2,block,voluntary_exit").await;
    let asked = |place: usize, topic: &str| {
        let targets = house.stubs[place].notes.streams();
        let last = targets.last().map(String::as_str).unwrap_or_default();
        last.contains("block") && last.split(['=', '&']).any(|each| each == topic)
    };
    let open = |place: usize| house.stubs[place].notes.open_streams() == 1;
    until("all that each knows", async || {
        asked(0, "head_v2") && asked(1, "voluntary_exit") && open(0) && open(1)
    })
    .await;
    assert!(!asked(1, "head_v2") && asked(1, "head"));
    let exit = r#"{"message":{"epoch":"1","validator_index":"1"},"signature":"0x00"}"#;
    house.stubs[1].event(&frame("voluntary_exit", exit));
    let v2 = format!(
        r#"{{"version":"gloas","data":{{"slot":"7","block":"0x{:064x}","state":"0x{:064x}","payload_status":"empty"}}}}"#,
        7, 7
    );
    house.stubs[0].event(&frame("head_v2", &v2));
    until("both", async || reader.frames().len() == 2).await;
    let mut got = reader.frames();
    got.sort();
    assert_eq!(got, [frame("head_v2", &v2), frame("voluntary_exit", exit)]);
    // A client that wants nothing but what this beacon lacks is served all the same.
    let other = Reader::open(house.door, "head_v2,things_to_come").await;
    until("it is asked for", async || asked(0, "things_to_come")).await;
    drop(other);
    house.is_well().await;
}

/// A beacon that takes a list for one name (the stubs do) is asked for each topic by its own.
#[tokio::test(flavor = "multi_thread")]
async fn several_topics_are_asked_for_one_by_one() {
    let house = House::with(vec![Stub::start(good()).await], "").await;
    let reader = Reader::open(house.door, "head,block").await;
    let asked = |target: &String| target.contains("topics=head") && target.contains("topics=block");
    let notes = &house.stubs[0].notes;
    until("both topics", async || notes.streams().last().is_some_and(asked)).await;
    until("one stream", async || notes.open_streams() == 1).await;
    house.stubs[0].event(&frame("head", &head(7)));
    until("its head", async || !reader.heads().is_empty()).await;
    assert_eq!(reader.frames(), [frame("head", &head(7))]);
    house.is_well().await;
}

/// With one beacon there is nobody who could tell what is missed while its stream is opened anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_wish_of_one_client_costs_the_others_nothing() {
    let house = House::with(vec![Stub::start(good()).await], "").await;
    let first = Reader::open(house.door, "head").await;
    let (slot, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let says = async {
        while !stop.load(SeqCst) {
            house.stubs[0].event(&frame("head", &head(slot.fetch_add(1, SeqCst) + 1)));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let wishes = async {
        until("it reads", async || !first.frames().is_empty()).await;
        for topic in ["block", "chain_reorg", "attestation"] {
            let _also = Reader::open(house.door, &format!("head,{topic}")).await;
            let asked = |target: &String| target.contains(topic);
            let notes = &house.stubs[0].notes;
            until("it is asked for", async || notes.streams().iter().any(asked)).await;
            until("the old stream has ended", async || notes.open_streams() == 1).await;
        }
        stop.store(true, SeqCst);
    };
    tokio::join!(says, wishes);
    let last = slot.load(SeqCst);
    until("the last one", async || first.heads().last().is_some_and(|(slot, _)| *slot == last)).await;
    let slots: Vec<u64> = first.heads().into_iter().map(|(slot, _)| slot).collect();
    assert!(slots.windows(2).all(|pair| pair[1] == pair[0] + 1), "{slots:?}");
}
