//! What was told stands while the block does that it rests on.

use beacondeck::model::{Outcome, Shared};
use rstest::rstest;

use crate::beacon::{
    ATTESTER, EPOCH, PAYLOAD, PROPOSER, PROPOSER_V2, SYNC, View, about, alone, announce, asked, beacon, by,
    heard, root, told, whole,
};
use crate::house::House;
use crate::wire::until;

#[rstest]
#[case(ATTESTER, &[(4, 7), (5, 7)])]
#[case(PAYLOAD, &[(4, 7), (5, 7)])]
#[case::many_have_none(SYNC, &[(4, 7)])]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_is_told_again_and_the_rest_is_asked_for(
    #[case] path: &str,
    #[case] duties: &[(u64, u64)],
) {
    let (house, view) = alone(View::default()).await;
    heard(&house, &[view], 1).await;
    let before = asked(&house.stubs[0], path).len();
    let first = about(&house, path, EPOCH, &[4, 5]).await;
    let again = about(&house, path, EPOCH, &[5, 4]).await;
    assert_eq!((by(&first), by(&again)), (("", "b0"), ("cached", "b0")));
    assert_eq!((told(&first).1.as_slice(), told(&again).1.as_slice()), (duties, duties));
    assert_eq!(
        (told(&first).0, first.body),
        (told(&again).0, again.body),
        "byte for byte as beacons write it"
    );
    let more = about(&house, path, EPOCH, &[4, 5, 6]).await;
    assert_eq!((by(&more).0, told(&more).1), ("", [duties, &[(6, 7)]].concat()));
    assert_eq!(asked(&house.stubs[0], path)[before..], [vec![4, 5], vec![6]]);
    let trace = house.rig.explain(2).await.pop().unwrap();
    assert_eq!((trace.shared, trace.served_by.as_str()), (Some(Shared::Cached), "b0"));
    assert!(trace.attempts.is_empty() && trace.why.contains("kept from an earlier one"), "{trace:?}");
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_two_generations_of_proposer_duties_are_never_mixed() {
    let (house, view) = alone(View::default()).await;
    heard(&house, &[view], 1).await;
    for (path, epoch, rests, kept) in [
        (PROPOSER, EPOCH, 2, true),
        (PROPOSER_V2, EPOCH, 1, true),
        (PROPOSER, EPOCH - 1, 1, true),
        (PROPOSER_V2, EPOCH + 1, 2, true),
        // It rests on the head, which moves.
        (PROPOSER, EPOCH + 1, 99, false),
    ] {
        let first = whole(&house, path, epoch).await;
        let again = whole(&house, path, epoch).await;
        assert_eq!(by(&first).0, "", "{path}{epoch}");
        assert_eq!(by(&again).0, if kept { "cached" } else { "" }, "{path}{epoch}");
        let text = first.text();
        assert!(text.contains(&root(rests)), "{path}{epoch}: {text}");
        assert_eq!(first.body, again.body);
    }
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_whose_duties_rest_on_another_block_is_passed_over() {
    let view = |previous, mark| View { previous, mark, ..View::default() };
    let (mut stubs, mut views) = (Vec::new(), Vec::new());
    // The first is the nearest: all ask it first.
    for view in [view(9, 90), view(1, 10), view(1, 11)] {
        let (stub, view) = beacon(view).await;
        stubs.push(stub);
        views.push(view);
    }
    let house = House::with(stubs, "").await;
    heard(&house, &views, 1).await;
    for of in [[1, 2], [2, 3], [1, 3]] {
        let reply = about(&house, ATTESTER, EPOCH, &of).await;
        let (rests, duties) = told(&reply);
        assert_eq!(rests, Some(root(1)));
        assert!(duties.iter().all(|(_, mark)| *mark != 90), "{duties:?}");
        assert_ne!(by(&reply).1, "b0");
    }
    let odd = house.stubs[0].notes.of(ATTESTER);
    assert!(!odd.is_empty(), "it was its turn");
    let traces = house.rig.explain(3).await;
    let first = traces.last().unwrap();
    let failed = first.attempts.iter().find(|tried| tried.beacon.as_str() == "b0").unwrap();
    assert_eq!((failed.outcome, failed.status), (Outcome::Failed, 200), "{first:?}");
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_reorg_all_is_asked_anew() {
    let (house, view) = alone(View::default()).await;
    heard(&house, std::slice::from_ref(&view), 1).await;
    let next = about(&house, ATTESTER, EPOCH + 1, &[4]).await;
    assert_eq!(told(&next), (Some(root(2)), vec![(4, 7)]));
    assert_eq!(by(&about(&house, ATTESTER, EPOCH + 1, &[4]).await).0, "cached");
    // Its head event tells another block; what rests on the one before stands.
    let before = about(&house, ATTESTER, EPOCH, &[4]).await;
    assert_eq!(told(&before).0, Some(root(1)));
    {
        let mut view = view.lock().unwrap();
        (view.current, view.mark) = (5, 8);
    }
    until("the reorg", async || {
        announce(&house.stubs[0], &view);
        told(&about(&house, ATTESTER, EPOCH + 1, &[4]).await) == (Some(root(5)), vec![(4, 8)])
    })
    .await;
    let stands = about(&house, ATTESTER, EPOCH, &[4]).await;
    assert_eq!((by(&stands).0, told(&stands).1), ("cached", vec![(4, 7)]));
    // The event of the reorg itself: what the blocks since decided is asked anew though the block is said to be the same.
    let reads = asked(&house.stubs[0], ATTESTER).len();
    until("what was kept is kept", async || {
        by(&about(&house, ATTESTER, EPOCH + 1, &[4]).await).0 == "cached"
    })
    .await;
    let kept = asked(&house.stubs[0], ATTESTER).len();
    house.stubs[0].event("event: chain_reorg\ndata: {\"slot\":\"100\",\"depth\":\"6\",\"epoch\":\"3\"}\n\n");
    until("it is asked anew", async || {
        about(&house, ATTESTER, EPOCH + 1, &[4]).await;
        asked(&house.stubs[0], ATTESTER).len() > kept
    })
    .await;
    assert!(kept <= reads + 1);
    house.is_well().await;
}
