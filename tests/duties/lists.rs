//! Questions: shared while they are under way, unspoiled by one another, and long.

use std::time::{Duration, Instant};

use beacondeck::model::Shared;

use crate::beacon::{ATTESTER, EPOCH, PROPOSER, View, about, alone, asked, by, heard, root, told, whole};
use crate::wire::{READ, read};

const SLOW: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_the_same_at_once_shares_one_read() {
    let (house, _) = alone(View { slow: SLOW, ..View::default() }).await;
    let lists = (0..8).map(|_| about(&house, ATTESTER, EPOCH, &[5, 6]));
    let other = about(&house, ATTESTER, EPOCH, &[6, 7]);
    let proposers = (0..8).map(|_| whole(&house, PROPOSER, EPOCH));
    let (lists, other, proposers) =
        tokio::join!(futures_util::future::join_all(lists), other, futures_util::future::join_all(proposers));
    for replies in [&lists, &proposers] {
        assert!(replies.iter().all(|reply| reply.status == 200 && reply.body == replies[0].body));
        let count = |word| replies.iter().filter(|reply| by(reply) == (word, "b0")).count();
        assert_eq!((count(""), count("in-flight")), (1, 7), "{replies:?}");
    }
    assert_eq!(told(&lists[0]).1, [(5, 7), (6, 7)]);
    assert_eq!((by(&other).0, told(&other).1), ("", vec![(6, 7), (7, 7)]), "another question");
    let mut seen = asked(&house.stubs[0], ATTESTER);
    seen.sort();
    assert_eq!(seen, [[5, 6], [6, 7]]);
    assert_eq!(house.stubs[0].notes.of(PROPOSER).len(), 1);
    let traces = house.rig.explain(17).await;
    let shared = |trace: &&beacondeck::model::Explanation| trace.shared == Some(Shared::InFlight);
    let joined: Vec<_> = traces.iter().filter(shared).collect();
    assert_eq!(joined.len(), 14, "{traces:?}");
    for trace in joined {
        assert_eq!((trace.served_by.as_str(), trace.attempts.len()), ("b0", 0), "{trace:?}");
        assert!(trace.why.contains("another that asked the same"), "{}", trace.why);
    }
    assert_eq!(house.metric(r#"beacondeck_answers_shared_total{how="in-flight"}"#).await, 14);
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_no_beacon_knows_spoils_no_other_list_and_not_the_rest_of_its_own() {
    let (house, view) = alone(View { slow: Duration::from_millis(50), ..View::default() }).await;
    heard(&house, std::slice::from_ref(&view), 1).await;
    view.lock().unwrap().unknown = vec![777, 888];
    let list: Vec<u64> = (1..=40).chain([777]).collect();
    let (spoiled, whole) =
        tokio::join!(about(&house, ATTESTER, EPOCH, &list), about(&house, ATTESTER, EPOCH, &[1, 2, 3]));
    assert_eq!((by(&whole).0, told(&whole).1), ("", vec![(1, 7), (2, 7), (3, 7)]));
    let mut rest = told(&spoiled).1;
    rest.sort_unstable();
    assert_eq!(rest, (1..=40).map(|one| (one, 7)).collect::<Vec<_>>());
    assert_eq!(told(&spoiled).0, Some(root(1)));
    let before = asked(&house.stubs[0], ATTESTER).len();
    let again = about(&house, ATTESTER, EPOCH, &list).await;
    assert_eq!((by(&again).0, told(&again).1.len()), ("cached", 40));
    assert_eq!(asked(&house.stubs[0], ATTESTER).len(), before, "it is known that nobody knows it");
    let nothing = about(&house, ATTESTER, EPOCH, &[888]).await;
    assert_eq!(nothing.status, 400, "as the beacon said");
    assert_eq!(nothing.message(), "Invalid validator index value(s)");
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_another_reason_is_refused_as_the_beacon_did() {
    let (house, view) = alone(View::default()).await;
    view.lock().unwrap().unknown = (0..100).collect();
    let list: Vec<u64> = (0..100).collect();
    let refused = about(&house, ATTESTER, EPOCH, &list).await;
    assert_eq!((refused.status, by(&refused)), (400, ("", "b0")));
    assert_eq!(refused.message(), "Invalid validator index value(s)");
    let reads = asked(&house.stubs[0], ATTESTER).len();
    assert!(reads <= 60, "{reads} reads for nothing");
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_validators_are_asked_for_at_once_and_hold_nobody_up() {
    let (house, view) = alone(View::default()).await;
    heard(&house, &[view], 1).await;
    let many: Vec<u64> = (0..10_000).collect();
    let before = asked(&house.stubs[0], ATTESTER).len();
    let lists = async {
        let first = about(&house, ATTESTER, EPOCH, &many).await;
        let again = (0..8).map(|_| about(&house, ATTESTER, EPOCH, &many));
        (first, futures_util::future::join_all(again).await)
    };
    let door = house.door;
    // In a task of its own: what is told to the others is read in this one.
    let small = tokio::spawn(async move {
        let mut longest = Duration::ZERO;
        for _ in 0..50 {
            let began = Instant::now();
            assert_eq!(read(door, READ).await.status, 200);
            longest = longest.max(began.elapsed());
        }
        longest
    });
    let ((first, again), longest) = (lists.await, small.await.unwrap());
    let expected: Vec<(u64, u64)> = many.iter().map(|one| (*one, 7)).collect();
    assert_eq!((by(&first).0, told(&first).1), ("", expected.clone()));
    for reply in &again {
        assert_eq!((by(reply), told(reply)), (("cached", "b0"), (Some(root(1)), expected.clone())));
    }
    let seen = asked(&house.stubs[0], ATTESTER);
    assert_eq!(seen.len(), before + 1, "one read");
    assert_eq!(seen[before], many);
    assert!(longest < Duration::from_secs(3), "a small read took {longest:?}");
    house.is_well().await;
}
