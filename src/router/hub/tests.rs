//! What a client gets of the hub, and what the hub bears.

use http_body_util::BodyExt;

use super::*;
use crate::model::Root;

const VOICE: Voice = Voice { aside: false, latest: Slot(u64::MAX) };

fn name(text: &str) -> BeaconName {
    BeaconName::new(text)
}

fn head(slot: u64) -> String {
    format!(r#"{{"slot":"{slot}","block":"{}"}}"#, Root([slot as u8; 32]))
}

/// An event that goes out at once.
fn say(hub: &Hub, topic: &str, data: &str) {
    let now = Moment::default();
    hub.event(&name("b0"), topic, Bytes::copy_from_slice(data.as_bytes()), VOICE, now);
    hub.release(None, now.plus_ms(1_000));
}

async fn text(body: Answer) -> String {
    let mut text = Vec::new();
    let mut body = body;
    while let Some(frame) = body.frame().await {
        text.extend_from_slice(frame.unwrap().data_ref().unwrap());
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn topics_are_read_however_they_are_written() {
    let expected: BTreeSet<String> = ["block", "head"].map(str::to_owned).into();
    for query in
        ["topics=head,block", "topics=head&topics=block", "a=b&topics=head%2Cblock", "topics=head,,block"]
    {
        assert_eq!(topics_of(&format!("/eth/v1/events?{query}")), expected, "{query}");
    }
    assert!(topics_of("/eth/v1/events?topics=").is_empty());
}

#[tokio::test]
async fn a_client_gets_its_topics_in_the_exact_form() {
    let hub = Hub::default();
    let stream = hub.open("/eth/v1/events?topics=head").into_body();
    say(&hub, "block", "{}");
    say(&hub, "head", &head(1));
    hub.close();
    assert_eq!(text(stream).await, format!(":\n\nevent: head\ndata: {}\n\n", head(1)));
}

#[tokio::test]
async fn data_of_several_lines_stays_one_event() {
    let hub = Hub::default();
    let stream = hub.open("/eth/v1/events?topics=voluntary_exit").into_body();
    say(&hub, "voluntary_exit", "{\n\"a\":1}");
    hub.close();
    assert_eq!(text(stream).await, ":\n\nevent: voluntary_exit\ndata: {\ndata: \"a\":1}\n\n");
}

#[tokio::test]
async fn a_slow_reader_is_dropped_after_what_it_was_owed_and_nobody_else() {
    let hub = Hub::default();
    let slow = hub.open("/eth/v1/events?topics=head");
    let mut quick = hub.open("/eth/v1/events?topics=head").into_body();
    drop(hub.open("/eth/v1/events?topics=block"));
    let mut got = String::new();
    for slot in 1..=(QUEUE as u64 + 1) {
        say(&hub, "head", &head(slot));
        // A task that never yields is told that there is nothing more.
        tokio::task::yield_now().await;
        while let Some(Some(Ok(frame))) = futures_util::FutureExt::now_or_never(quick.frame()) {
            got.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }
    hub.keep_alive();
    assert_eq!(hub.streams(), 1, "the quick one");
    assert_eq!(got.matches("event: head").count(), QUEUE + 1);
    let slow = text(slow.into_body()).await;
    assert_eq!(slow.matches("event: head").count(), QUEUE - 1, "its queue held a comment, too");
}

#[test]
fn a_head_of_a_slot_to_come_is_not_heard() {
    let hub = Hub::default();
    let now = Moment::default();
    let voice = Voice { aside: false, latest: Slot(10) };
    for slot in [10, 11] {
        hub.event(&name("b0"), "head", head(slot).into(), voice, now);
    }
    hub.release(None, now.plus_ms(1_000));
    assert_eq!(hub.told().unwrap().head.slot, Slot(10));
}

#[test]
fn a_topic_is_asked_for_while_it_is_read_and_a_while_after() {
    let hub = Hub::default();
    let wanted = hub.wanted();
    let stream = hub.open("/eth/v1/events?topics=attestation");
    let asked = |topic: &str| wanted.borrow().contains(topic);
    for _ in 0..2 * UNREAD {
        hub.keep_alive();
    }
    assert!(asked("attestation"));
    drop(stream);
    for _ in 0..UNREAD {
        hub.keep_alive();
    }
    assert!(asked("attestation"), "it may come back");
    hub.keep_alive();
    assert!(!asked("attestation") && asked("head") && asked("finalized_checkpoint"));
}

#[test]
fn what_clients_make_the_router_ask_for_is_bounded() {
    let hub = Hub::default();
    let _streams: Vec<_> =
        (0..200).map(|number| hub.open(&format!("/eth/v1/events?topics=head,new_{number}"))).collect();
    assert_eq!(hub.wanted().borrow().len(), TOPICS.len() + EXTRA_TOPICS);
}

#[test]
fn volume_is_heard_of_the_leader_only() {
    let hub = Hub::default();
    hub.lead(Some(&name("b1")), Moment::default());
    assert!(hub.hears(&name("b1"), "single_attestation") && !hub.hears(&name("b0"), "single_attestation"));
    assert!(hub.hears(&name("b0"), "head") && hub.hears(&name("b0"), "chain_reorg"));
}

/// Prints what one event costs that goes to a thousand clients.
#[test]
fn a_thousand_queues_are_filled_without_a_stall() {
    let hub = Hub::default();
    let streams: Vec<_> =
        (0..1_000).map(|_| hub.open("/eth/v1/events?topics=head,block,chain_reorg")).collect();
    let began = std::time::Instant::now();
    for slot in 1..=100 {
        say(&hub, "head", &head(slot));
    }
    println!("one event to {} clients: {:?}", streams.len(), began.elapsed() / 100);
    assert_eq!(hub.streams(), 1_000);
}
