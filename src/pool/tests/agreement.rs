//! The agreed head: a second voice, or descent; never ahead of the clock; a fork evicts nobody.

use rstest::rstest;

use super::super::{Action, Block, Chain, Event, Facts, Failure};
use super::harness::{A, B, C, World, head, root};
use crate::model::{Reason, Slot, Use};

#[rstest]
fn a_descendant_of_the_agreed_head_is_agreed_on_one_voice(#[values("12", "3")] slot_s: &str) {
    let mut world = World::healthy(3, slot_s);
    world.arrive(100, 99, &[C]);
    assert_eq!(world.agreed(), head(100, 0));
}

#[test]
fn one_of_unknown_descent_waits_for_a_second_voice_and_its_header_is_asked_for() {
    let mut world = World::healthy(3, "12");
    let asked = world.feed(Event::Head(A, head(100, 7)));
    assert_eq!(world.agreed(), head(99, 0));
    assert!(asked.contains(&Action::ReadHeader(A, root(100, 7))), "{asked:?}");
    world.feed(Event::Head(B, head(100, 7)));
    assert_eq!(world.agreed(), head(100, 7));
}

#[test]
fn ancestry_is_read_header_by_header_until_it_is_known() {
    let mut world = World::healthy(3, "12");
    world.until_into(103, 0);
    let mut asked = world.feed(Event::Head(A, head(103, 0)));
    for slot in [103, 102, 101, 100] {
        assert!(asked.contains(&Action::ReadHeader(A, root(slot, 0))), "slot {slot}: {asked:?}");
        assert_eq!(world.agreed(), head(99, 0));
        let block = Block { root: root(slot, 0), slot: Slot(slot), parent: root(slot - 1, 0) };
        asked = world.feed(Event::Header(block));
    }
    assert_eq!(world.agreed(), head(103, 0), "it descends");
}

#[rstest]
#[case("12", 11_400, false)]
#[case("12", 11_600, true)]
#[case("3", 2_400, false)]
#[case("3", 2_600, true)]
fn a_head_ahead_of_the_clock_by_more_than_the_disparity_moves_nobody(
    #[case] slot_s: &str,
    #[case] ms: u64,
    #[case] heard: bool,
) {
    let mut world = World::healthy(2, slot_s);
    world.arrive(100, 99, &[A, B]);
    world.pass(ms);
    world.arrive(101, 100, &[A, B]);
    assert_eq!(world.agreed() == head(101, 0), heard);
}

#[test]
fn a_head_from_before_the_clock_was_known_is_measured_by_it() {
    let mut world = World::unknown(2, "12");
    for id in [A, B] {
        world.well(id, 5_000);
        world.feed(Event::Head(id, head(5_000, 0)));
    }
    world.feed(Event::Chain(world.clock.clone()));
    for id in [A, B] {
        world.feed(Event::Identified(id, Chain::Same));
    }
    assert_eq!(world.pool.table(world.now).agreed, None);
}

#[test]
fn a_head_that_does_not_descend_is_a_fork_and_evicts_nobody() {
    let mut world = World::healthy(4, "12");
    let ids = world.ids();
    world.arrive(100, 99, &ids);
    world.until_into(101, 10);
    world.arrive_on(7, 101, root(99, 0), &[C]);
    assert_eq!(world.agreed(), head(100, 0));
    world.until_sampled(101);
    assert_eq!(world.reasons(C), [Reason::Fork]);
    for id in ids.into_iter().filter(|id| *id != C) {
        assert_eq!(world.reasons(id), [], "{id}");
    }
    assert!(world.entry(C).eligible(Use::Sign, None), "not even itself: it is the last choice");
}

#[test]
fn the_majority_of_a_reorg_is_followed_and_a_minority_is_not() {
    let mut world = World::healthy(3, "12");
    world.arrive(100, 99, &[A, B, C]);
    world.pass(500);
    world.arrive_on(7, 100, root(99, 0), &[A]);
    assert_eq!(world.agreed(), head(100, 0));
    world.feed(Event::Head(B, head(100, 7)));
    assert_eq!(world.agreed(), head(100, 7));
    assert_eq!((world.reasons(C), world.reasons(A)), (vec![Reason::Fork], vec![]));
}

#[test]
fn two_beacons_follow_the_chain_while_both_live() {
    let mut world = World::healthy(2, "12");
    for slot in 100..140 {
        world.until_into(slot, 5);
        let late = if slot % 2 == 0 { A } else { B };
        world.arrive(slot, slot - 1, &[if late == A { B } else { A }]);
        assert_eq!(world.agreed(), head(slot, 0));
        world.pass(200);
        world.arrive(slot, slot - 1, &[late]);
        world.until_sampled(slot);
        assert_eq!((world.reasons(A), world.reasons(B)), (vec![], vec![]), "slot {slot}");
    }
}

#[test]
fn one_survivor_is_followed_even_across_a_reorg() {
    let mut world = World::healthy(3, "12");
    world.arrive(100, 99, &[A, B, C]);
    for id in [A, B] {
        world.fails(id, Failure::Unreachable);
    }
    world.until_into(101, 5);
    world.arrive(101, 100, &[C]);
    assert_eq!(world.agreed(), head(101, 0));
    world.arrive_on(7, 101, root(100, 0), &[C]);
    assert_eq!(world.agreed(), head(101, 7));
    assert_eq!(world.reasons(C), []);
}

#[test]
fn strangers_optimistic_and_drained_ones_have_no_voice() {
    let mut world = World::healthy(5, "12");
    let ids = world.ids();
    world.feed(Event::Identified(ids[0], Chain::Stranger("its genesis differs".into())));
    world.probe(ids[1], Facts { optimistic: true, head_slot: Slot(99), ..Facts::default() });
    world.feed(Event::Drain(ids[2], true));
    for id in &ids[..3] {
        world.feed(Event::Head(*id, head(100, 7)));
    }
    assert_eq!(world.agreed(), head(99, 0));
}

#[test]
fn a_stranger_is_never_asked_for_anything() {
    let mut world = World::healthy(2, "12");
    world.feed(Event::Identified(B, Chain::Stranger("its genesis differs".into())));
    for uses in Use::ALL {
        assert!(!world.entry(B).eligible(uses, None), "{uses:?}");
    }
    assert!(!world.entry(B).finishes());
    assert_eq!(world.reasons(B)[0], Reason::WrongChain);
}
