//! Exclusion is at once: what hangs or refuses is out within a second of traffic showing it.

use rstest::rstest;

use super::super::{Action, Event, Failure};
use super::harness::{A, B, CONFIRM_MS, TICK_MS, World};
use crate::model::{BeaconId, Reason};

/// Lets ticks pass until the pool asks for a confirmation; how long that took.
fn until_suspected(world: &mut World, id: BeaconId, most_ms: u64) -> Option<u64> {
    let from = world.now;
    while world.now.ms_since(from) < most_ms {
        if world.pass(TICK_MS).contains(&Action::Confirm(id)) {
            return Some(world.now.ms_since(from));
        }
    }
    None
}

#[rstest]
fn a_hung_beacon_is_out_within_one_second_of_traffic_showing_it(#[values("12", "3")] slot_s: &str) {
    let mut world = World::healthy(3, slot_s);
    world.send(B);
    let suspected = until_suspected(&mut world, B, 2_000).unwrap();
    world.pass(CONFIRM_MS);
    world.feed(Event::NotConfirmed(B, Failure::TimedOut));
    assert_eq!(world.reasons(B), [Reason::Hung]);
    assert!(suspected + CONFIRM_MS <= 1_000, "{suspected} ms until it was suspected");
    assert_eq!((world.reasons(A), world.asked.contains(&Action::Confirm(A))), (vec![], false));
}

#[test]
fn silence_counts_over_requests_that_were_given_up() {
    let mut world = World::healthy(2, "12");
    let mut suspected = 0;
    for _ in 0..12 {
        world.send(B);
        world.gauges[B.index()].end();
        suspected += world.pass(TICK_MS).iter().filter(|action| **action == Action::Confirm(B)).count();
    }
    assert_eq!(suspected, 1, "600 ms of hedged and cancelled requests, and one question whether it lives");
}

#[test]
fn one_that_answers_the_confirmation_stays() {
    let mut world = World::healthy(2, "12");
    world.send(B);
    until_suspected(&mut world, B, 2_000).unwrap();
    world.pass(100);
    world.feed(Event::Confirmed(B));
    assert_eq!(world.reasons(B), []);
    assert!(until_suspected(&mut world, B, 5_000).is_none(), "it gave a sign of life and owes nothing since");
    world.send(B);
    assert!(until_suspected(&mut world, B, 2_000).is_some(), "suspected anew when it owes anew");
}

#[test]
fn no_traffic_is_no_silence() {
    let mut world = World::healthy(2, "12");
    assert!(until_suspected(&mut world, B, 20_000).is_none());
}

#[test]
fn one_confirmation_at_a_time_and_none_of_one_that_is_out() {
    let mut world = World::healthy(2, "12");
    world.send(B);
    let confirms = |actions: Vec<Action>| actions.iter().filter(|a| **a == Action::Confirm(B)).count();
    assert_eq!(confirms(world.pass(900)), 1);
    assert_eq!(confirms(world.feed(Event::Broken(B))), 0);
    world.feed(Event::NotConfirmed(B, Failure::TimedOut));
    assert_eq!(confirms(world.pass(5_000)), 0);
    assert_eq!(confirms(world.feed(Event::Broken(B))), 0);
}

#[test]
fn a_refused_connection_is_confirmed_and_out_at_once() {
    let mut world = World::healthy(2, "12");
    assert!(world.feed(Event::Broken(B)).contains(&Action::Confirm(B)));
    assert_eq!(world.reasons(B), [], "one broken connection may be a kept-alive one that was just closed");
    world.feed(Event::NotConfirmed(B, Failure::Unreachable));
    assert_eq!(world.reasons(B), [Reason::Unreachable]);
}

#[test]
fn broken_answers_to_confirmations_count_as_failed_probes() {
    let mut world = World::healthy(2, "12");
    for left in [1, 0] {
        world.feed(Event::Broken(B));
        world.feed(Event::NotConfirmed(B, Failure::Bad));
        assert_eq!(world.reasons(B).is_empty(), left == 1);
    }
    assert_eq!(world.reasons(B), [Reason::Failing]);
}

#[test]
fn server_errors_in_a_row_are_failing_and_one_good_answer_between_is_not() {
    let mut world = World::healthy(2, "12");
    for n in 0..20 {
        world.send(B);
        world.answered(B, 1_000, n % 7 == 0);
        world.pass(TICK_MS);
    }
    assert_eq!(world.reasons(B), []);
    for _ in 0..8 {
        world.send(B);
        world.answered(B, 1_000, false);
    }
    world.pass(TICK_MS);
    assert_eq!(world.reasons(B), [Reason::Failing]);
}

#[test]
fn reasons_a_person_reads_are_apart() {
    let mut world = World::healthy(4, "12");
    let ids = world.ids();
    world.feed(Event::Broken(ids[0]));
    world.feed(Event::NotConfirmed(ids[0], Failure::Unreachable));
    world.send(ids[1]);
    until_suspected(&mut world, ids[1], 2_000).unwrap();
    world.feed(Event::NotConfirmed(ids[1], Failure::TimedOut));
    (0..2).for_each(|_| world.fails(ids[2], Failure::Bad));
    let words: Vec<&str> = ids.iter().flat_map(|id| world.reasons(*id)).map(Reason::words).collect();
    assert_eq!(words, ["unreachable", "hung", "failing"]);
}
