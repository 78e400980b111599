//! Lag: agreed head minus own head, sampled after the attestation due point; what a beacon says of itself is a hint.

use rstest::rstest;

use super::super::Facts;
use super::harness::{A, B, C, World};
use crate::model::{Reason, Slot, Step};

#[rstest]
fn a_missed_slot_is_no_lag(#[values("12", "3")] slot_s: &str) {
    let mut world = World::healthy(3, slot_s);
    for slot in 100..104 {
        world.until_sampled(slot);
        for id in [A, B, C] {
            assert_eq!((world.reasons(id), world.lag(id)), (vec![], 0), "slot {slot}");
        }
    }
}

#[rstest]
fn lag_is_sampled_a_twelfth_of_a_slot_after_the_due_point_and_not_before(#[values("12", "3")] slot_s: &str) {
    let mut world = World::healthy(3, slot_s);
    world.until_into(100, 10);
    world.arrive(100, 99, &[A, B]);
    let due = world.clock.due(Slot(100), Step::Attest).0;
    let sample = due + world.clock.slot_ms(Slot(100)) / 12;
    world.until(crate::model::UnixMs(sample - 1));
    assert_eq!((world.lag(C), world.reasons(C)), (0, vec![]), "it may still come");
    world.until_sampled(100);
    assert_eq!((world.lag(C), world.reasons(C)), (1, vec![Reason::StaleHead]));
    assert_eq!((world.reasons(A), world.reasons(B)), (vec![], vec![]));
}

#[rstest]
fn a_block_late_at_one_beacon_is_no_lag(#[values("12", "3")] slot_s: &str) {
    let mut world = World::healthy(3, slot_s);
    world.until_into(100, 10);
    world.arrive(100, 99, &[A, B]);
    world.until_into(100, 36);
    world.arrive(100, 99, &[C]);
    world.until_sampled(100);
    assert_eq!(world.reasons(C), []);
}

#[rstest]
fn a_block_late_at_all_of_them_makes_nobody_stale(#[values("12", "3")] slot_s: &str) {
    let mut world = World::healthy(3, slot_s);
    let due = world.clock.due(Slot(100), Step::Attest).0;
    world.until(crate::model::UnixMs(due + world.clock.slot_ms(Slot(100)) / 12));
    // A has it a moment before the others, just when the sample is taken.
    world.arrive(100, 99, &[A]);
    world.pass(150);
    assert_eq!((world.reasons(B), world.reasons(C)), (vec![], vec![]));
    world.arrive(100, 99, &[B, C]);
    world.until_sampled(101);
    assert_eq!((world.reasons(B), world.reasons(C)), (vec![], vec![]));
}

#[test]
fn a_stale_head_is_cleared_at_once_on_catching_up() {
    let mut world = World::healthy(3, "12");
    for slot in 100..103 {
        world.until_into(slot, 5);
        world.arrive(slot, slot - 1, &[A, B]);
        world.until_sampled(slot);
    }
    assert_eq!((world.lag(C), world.reasons(C)), (3, vec![Reason::StaleHead]));
    world.arrive(101, 100, &[C]);
    assert_eq!((world.lag(C), world.reasons(C)), (1, vec![Reason::StaleHead]), "nearer, not there yet");
    world.arrive(102, 101, &[C]);
    assert_eq!((world.lag(C), world.reasons(C)), (0, vec![]));
}

#[test]
fn one_that_has_what_it_was_missing_is_not_stale_for_want_of_the_next_block() {
    let mut world = World::healthy(3, "12");
    world.until_into(100, 5);
    world.arrive(100, 99, &[A, B]);
    world.until_sampled(100);
    world.until_into(101, 5);
    world.arrive(101, 100, &[A, B]);
    world.arrive(100, 99, &[C]);
    world.arrive(101, 100, &[C]);
    assert_eq!(world.reasons(C), []);
}

#[test]
fn lag_grows_by_a_slot_a_sample_and_is_told_in_slots() {
    let mut world = World::healthy(2, "3");
    for slot in 100..110 {
        world.until_into(slot, 5);
        world.arrive(slot, slot - 1, &[A]);
        world.until_sampled(slot);
        assert_eq!(world.lag(B), slot - 99);
    }
}

#[test]
fn a_beacon_that_calls_itself_synced_is_stale_all_the_same() {
    let mut world = World::healthy(3, "12");
    world.until_into(100, 5);
    world.arrive(100, 99, &[A, B]);
    world.probe(C, Facts { syncing: false, head_slot: Slot(99), peers: Some(0), ..Facts::default() });
    world.until_sampled(100);
    assert_eq!(world.reasons(C), [Reason::StaleHead]);
}

#[test]
fn a_beacon_that_calls_itself_syncing_at_the_agreed_head_is_used() {
    let mut world = World::healthy(3, "12");
    world.probe(C, Facts { syncing: true, head_slot: Slot(99), ..Facts::default() });
    assert_eq!(world.reasons(C), []);
    world.until_into(100, 5);
    world.arrive(100, 99, &[A, B]);
    assert_eq!(world.reasons(C), [], "one block may be on its way");
    world.until_sampled(100);
    assert_eq!(world.reasons(C), [Reason::Syncing, Reason::StaleHead], "it was not: now its word counts");
    world.arrive(100, 99, &[C]);
    assert_eq!(world.reasons(C), []);
}

#[test]
fn one_that_syncs_from_afar_says_so_at_once() {
    let mut world = World::healthy(2, "12");
    world.arrive_on(0, 40, super::harness::root(39, 0), &[B]);
    world.probe(B, Facts { syncing: true, head_slot: Slot(40), ..Facts::default() });
    assert_eq!(world.reasons(B), [Reason::Syncing]);
}

#[test]
fn el_offline_and_optimistic_are_told_apart_from_lag() {
    let mut world = World::healthy(2, "12");
    world.probe(B, Facts { el_offline: true, head_slot: Slot(99), ..Facts::default() });
    assert_eq!(world.reasons(B), [Reason::ElOffline]);
    world.probe(B, Facts { optimistic: true, el_offline: true, head_slot: Slot(99), ..Facts::default() });
    assert_eq!(world.reasons(B), [Reason::Optimistic, Reason::ElOffline]);
}
