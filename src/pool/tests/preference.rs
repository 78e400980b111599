//! Preference among the healthy changes only late in the slot, so that attestation and aggregate meet the same beacons.

use rstest::rstest;

use super::super::Event;
use super::harness::{A, B, C, TICK_MS, World};
use crate::model::{BeaconId, Bps, Reason, Slot};

/// So many answers of a beacon, each after `us`.
fn answers(world: &World, id: BeaconId, count: usize, us: u64) {
    for _ in 0..count {
        world.send(id);
        world.answered(id, us, true);
    }
}

#[rstest]
fn shares_stand_still_until_the_last_quarter_of_the_slot(#[values("12", "3")] slot_s: &str) {
    let mut world = World::healthy(3, slot_s);
    let before: Vec<u32> = world.ids().into_iter().map(|id| world.entry(id).share).collect();
    answers(&world, A, 40, 10_000);
    answers(&world, B, 40, 10_000);
    answers(&world, C, 40, 30_000);
    let last_quarter = world.clock.start_of(Slot(100)).0 + world.clock.slot_ms(Slot(100)) * 3 / 4;
    while world.now.wall.0 + TICK_MS < last_quarter {
        world.pass(TICK_MS);
        let now: Vec<u32> = world.ids().into_iter().map(|id| world.entry(id).share).collect();
        assert_eq!(now, before);
    }
    world.pass(2 * TICK_MS);
    let share = |id| world.entry(id).share;
    assert!(share(C) < share(A) && share(A) == share(B));
    assert!(share(C) * 2 >= share(A), "never less than half for being slow");
}

#[test]
fn they_change_once_a_slot_even_late_in_it() {
    let mut world = World::healthy(2, "12");
    world.until_into(100, 76);
    let before = world.entry(B).share;
    answers(&world, A, 40, 10_000);
    answers(&world, B, 40, 20_000);
    world.until_into(101, 74);
    assert_eq!(world.entry(B).share, before, "the slot's look at shares was over");
    world.until_into(101, 76);
    assert!(world.entry(B).share < before);
}

#[test]
fn a_far_slower_beacon_is_slow_late_in_the_slot_and_no_longer_when_it_is_not() {
    let mut world = World::healthy(3, "12");
    answers(&world, A, 40, 10_000);
    answers(&world, B, 40, 12_000);
    answers(&world, C, 40, 300_000);
    world.until_into(100, 74);
    assert_eq!(world.reasons(C), []);
    world.until_into(100, 76);
    assert_eq!(world.reasons(C), [Reason::Slow]);
    assert_eq!((world.reasons(A), world.reasons(B)), (vec![], vec![]));
    answers(&world, C, 60, 10_000);
    world.until_into(101, 76);
    assert_eq!(world.reasons(C), []);
}

#[rstest]
#[case::few_samples(10, 300_000)]
#[case::below_the_floor(40, 45_000)]
fn no_beacon_is_slow_on_little_evidence(#[case] count: usize, #[case] us: u64) {
    let mut world = World::healthy(3, "12");
    answers(&world, A, 40, 1_000);
    answers(&world, B, 40, 1_000);
    answers(&world, C, count, us);
    world.until_into(100, 80);
    assert_eq!(world.reasons(C), []);
}

#[test]
fn a_lone_beacon_is_not_slower_than_its_peers() {
    let mut world = World::healthy(2, "12");
    answers(&world, A, 40, 900_000);
    world.until_into(100, 80);
    assert_eq!(world.reasons(A), []);
}

#[rstest]
fn a_warm_up_ends_late_in_a_slot(#[values("12", "3")] slot_s: &str) {
    let mut world = World::healthy(2, slot_s);
    world.until_into(100, 20);
    world.fails(B, super::super::Failure::Unreachable);
    (0..3).for_each(|_| world.well(B, 99));
    let mut ended = None;
    for _ in 0..(4 * world.clock.slot_ms(Slot(0)) / TICK_MS) {
        world.pass(TICK_MS);
        world.well(B, 99);
        if world.reasons(B).is_empty() {
            ended = Some(world.now.wall);
            break;
        }
    }
    let ended = ended.unwrap();
    let into = ended.since(world.clock.start_of(world.clock.slot_at(ended).unwrap()));
    let slot_ms = world.clock.slot_ms(Slot(0)) as i64;
    assert!(into * 4 >= slot_ms * 3, "{into} ms into the slot");
}

#[test]
fn exclusion_does_not_wait_for_the_end_of_the_slot() {
    let mut world = World::healthy(2, "12");
    world.until_into(100, 10);
    world.feed(Event::Broken(B));
    world.feed(Event::NotConfirmed(B, super::super::Failure::Unreachable));
    assert_eq!(world.reasons(B), [Reason::Unreachable]);
}

#[test]
fn answer_times_fade_with_time() {
    let mut world = World::healthy(1, "12");
    answers(&world, A, 40, 200_000);
    assert!(world.gauges[0].quantile(Bps(9_500), 40).is_some());
    world.pass(60_000 + TICK_MS);
    assert!(world.gauges[0].quantile(Bps(9_500), 40).is_none(), "half of them weigh no more");
    assert!(world.gauges[0].quantile(Bps(9_500), 20).is_some());
    world.pass(360_000);
    assert_eq!(world.gauges[0].quantile(Bps(5_000), 1), None);
}
