//! Out at once, back slowly: rise, warm-up, flapping; drain and resume.

use rstest::rstest;

use super::super::{Chain, Event, Facts, Failure};
use super::harness::{A, B, TICK_MS, World};
use crate::model::{Lifecycle, Reason, Slot, Use};

#[test]
fn never_observed_is_not_healthy_and_signs_nothing() {
    let mut world = World::unknown(2, "12");
    assert_eq!(world.reasons(A), [Reason::NeverObserved]);
    world.feed(Event::Chain(world.clock.clone()));
    world.well(A, 99);
    assert_eq!(world.reasons(A), [Reason::NeverObserved], "it lives, but of which chain?");
    assert!(!world.entry(A).eligible(Use::Sign, None));
    world.feed(Event::Identified(A, Chain::Same));
    assert_eq!(world.reasons(A), []);
    world.feed(Event::Identified(B, Chain::Same));
    assert_eq!(world.reasons(B), [Reason::NeverObserved], "its chain is known, but does it live?");
}

#[test]
fn one_that_never_answered_and_refuses_is_both() {
    let mut world = World::unknown(1, "12");
    world.fails(A, Failure::Unreachable);
    assert_eq!(world.reasons(A), [Reason::Unreachable, Reason::NeverObserved]);
    assert!(!world.entry(A).eligible(Use::Sign, None), "nobody knows whether it is optimistic or a stranger");
    assert!(world.entry(A).eligible(Use::Read, None));
}

#[rstest]
#[case(Failure::TimedOut, Reason::Hung)]
#[case(Failure::Bad, Reason::Failing)]
fn one_lost_probe_is_forgiven_and_two_in_a_row_are_not(#[case] failure: Failure, #[case] reason: Reason) {
    let mut world = World::healthy(2, "12");
    world.fails(B, failure);
    world.well(B, 99);
    world.fails(B, failure);
    assert_eq!(world.reasons(B), []);
    world.fails(B, failure);
    assert_eq!(world.reasons(B), [reason]);
}

#[rstest]
fn a_returning_beacon_rises_by_three_probes_and_warms_up_for_two_slots(#[values("12", "3")] slot_s: &str) {
    let mut world = World::healthy(2, slot_s);
    let slot_ms = slot_s.parse::<u64>().unwrap() * 1_000;
    world.fails(B, Failure::Unreachable);
    for n in 0..3 {
        assert_eq!(world.reasons(B), [Reason::Unreachable], "{n} good probes");
        world.pass(TICK_MS);
        world.well(B, 99);
    }
    assert_eq!(world.reasons(B), [Reason::WarmingUp]);
    assert!(world.rank(B, Use::Sign) > world.rank(A, Use::Sign), "used only after the others");
    let back = world.now;
    let mut last = world.now;
    while world.reasons(B) == [Reason::WarmingUp] {
        assert!(world.now.ms_since(back) < 4 * slot_ms);
        last = world.now;
        world.pass(TICK_MS);
        world.well(B, 99);
    }
    assert!(
        last.ms_since(back) + TICK_MS >= 2 * slot_ms && world.now.ms_since(back) <= 3 * slot_ms + TICK_MS
    );
}

#[test]
fn a_failed_probe_on_the_way_back_starts_it_over() {
    let mut world = World::healthy(2, "12");
    world.fails(B, Failure::Unreachable);
    world.well(B, 99);
    world.well(B, 99);
    world.fails(B, Failure::TimedOut);
    world.well(B, 99);
    world.well(B, 99);
    assert_eq!(world.reasons(B), [Reason::Unreachable]);
}

/// Puts B out and counts the good probes until it is back.
fn probes_until_back(world: &mut World) -> u32 {
    world.fails(B, Failure::Unreachable);
    let mut probes = 0;
    while world.reasons(B).contains(&Reason::Unreachable) {
        world.pass(1_000);
        world.well(B, 99);
        probes += 1;
    }
    probes
}

#[test]
fn one_that_flaps_must_prove_itself_longer_each_time_and_is_forgiven_after_ten_minutes() {
    let mut world = World::healthy(2, "12");
    let each: Vec<u32> = (0..6).map(|_| probes_until_back(&mut world)).collect();
    assert_eq!(each, [3, 6, 12, 24, 24, 24]);
    world.pass(601_000);
    assert_eq!(probes_until_back(&mut world), 3);
}

#[test]
fn errors_of_before_the_outage_do_not_put_a_returning_beacon_out_again() {
    let mut world = World::healthy(2, "12");
    for _ in 0..50 {
        world.gauges[B.index()].failure();
    }
    world.pass(TICK_MS);
    assert_eq!(world.reasons(B), [Reason::Failing]);
    for _ in 0..3 {
        world.pass(1_000);
        world.well(B, 99);
    }
    world.pass(TICK_MS);
    assert_eq!(world.reasons(B), [Reason::WarmingUp], "no read has shown it bad since its first good probe");
}

#[test]
fn shadow_reads_that_fail_keep_it_out_although_probes_succeed() {
    let mut world = World::healthy(2, "12");
    for _ in 0..5 {
        (0..8).for_each(|_| world.gauges[B.index()].failure());
        world.pass(1_000);
        world.well(B, 99);
        (0..8).for_each(|_| world.gauges[B.index()].failure());
        world.pass(TICK_MS);
        assert!(world.reasons(B).contains(&Reason::Failing));
    }
}

#[test]
fn drain_lasts_until_nothing_is_in_flight_then_nothing_begins_until_resumed() {
    let mut world = World::healthy(2, "12");
    (0..2).for_each(|_| world.send(B));
    world.feed(Event::Drain(B, true));
    assert_eq!((world.lifecycle(B), world.reasons(B)), (Lifecycle::Draining(2), vec![Reason::Drained]));
    assert!(world.entry(B).finishes() && !world.entry(B).eligible(Use::Read, None));
    world.answered(B, 900, true);
    world.pass(TICK_MS);
    assert_eq!(world.lifecycle(B), Lifecycle::Draining(1));
    world.answered(B, 900, true);
    world.pass(TICK_MS);
    assert_eq!(world.lifecycle(B), Lifecycle::Drained);
    assert!(
        !world.gauges[B.index()].begin(world.now, true),
        "whoever still holds an old table is turned away"
    );
    world.feed(Event::Drain(B, false));
    assert_eq!((world.lifecycle(B), world.reasons(B)), (Lifecycle::Active, vec![]));
    assert!(world.gauges[B.index()].begin(world.now, true));
}

#[test]
fn an_order_given_twice_changes_nothing() {
    let mut world = World::healthy(2, "12");
    let since = world.pool.inspect(B).1;
    world.pass(500);
    world.feed(Event::Drain(B, false));
    assert_eq!(world.pool.inspect(B).1, since, "it has been active all along");
    world.feed(Event::Drain(B, true));
    world.pass(TICK_MS);
    let seq = world.pool.table(world.now).seq;
    world.feed(Event::Drain(B, true));
    assert_eq!((world.lifecycle(B), world.pool.table(world.now).seq), (Lifecycle::Drained, seq));
}

#[test]
fn a_drain_waits_for_a_block_that_may_still_have_to_be_finished() {
    let mut world = World::healthy(2, "12");
    world.send(B);
    world.answered(B, 900, true);
    world.gauges[B.index()].produced(world.now);
    world.feed(Event::Drain(B, true));
    world.pass(11_900);
    assert_eq!(world.lifecycle(B), Lifecycle::Draining(0));
    assert!(world.entry(B).finishes());
    world.pass(150);
    assert_eq!(world.lifecycle(B), Lifecycle::Drained);
}

#[test]
fn a_drained_beacon_is_watched_on_and_comes_back_as_it_is() {
    let mut world = World::healthy(2, "12");
    world.feed(Event::Drain(B, true));
    world.fails(B, Failure::Unreachable);
    assert_eq!(world.reasons(B), [Reason::Drained, Reason::Unreachable]);
    world.feed(Event::Drain(B, false));
    assert_eq!(world.reasons(B), [Reason::Unreachable]);
}

#[test]
fn what_an_event_says_of_an_optimistic_head_counts_before_the_next_probe() {
    let mut world = World::healthy(2, "12");
    world.feed(Event::Optimistic(B));
    assert_eq!(world.reasons(B), [Reason::Optimistic]);
    world.probe(B, Facts { head_slot: Slot(99), ..Facts::default() });
    assert_eq!(world.reasons(B), []);
}
