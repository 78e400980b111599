//! Never eject everyone, by class; and what gets signed never comes from an optimistic or wrong-chain beacon.

use proptest::prelude::*;

use super::super::{Chain, Event, Facts, Failure, NEVER};
use super::harness::{A, B, C, World};
use crate::model::{BeaconId, Reason, Slot, Use};

const OTHERS: [Use; 4] = [Use::Read, Use::Publish, Use::Seed, Use::Events];

/// Ways to be bad other than by another chain or by order.
fn spoil(world: &mut World, id: BeaconId, how: u8) {
    let facts = Facts { head_slot: Slot(99), ..Facts::default() };
    match how {
        0 => world.fails(id, Failure::Unreachable),
        1 => (0..2).for_each(|_| world.fails(id, Failure::TimedOut)),
        2 => (0..2).for_each(|_| world.fails(id, Failure::Bad)),
        3 => world.probe(id, Facts { optimistic: true, ..facts }),
        4 => world.probe(id, Facts { el_offline: true, ..facts }),
        _ => world.probe(id, Facts { syncing: true, optimistic: true, head_slot: Slot(3), ..facts }),
    }
}

proptest! {
    #[test]
    fn whoever_is_bad_and_how_something_is_left_for_all_but_signing(how in proptest::collection::vec(0_u8..6, 1..6)) {
        let mut world = World::healthy(how.len(), "12");
        for (id, how) in world.ids().into_iter().zip(how) {
            spoil(&mut world, id, how);
        }
        for id in world.ids() {
            prop_assert!(!world.reasons(id).is_empty());
            for uses in OTHERS {
                prop_assert!(world.rank(id, uses) != NEVER, "{} {:?}", id, uses);
            }
        }
    }
}

#[test]
fn an_optimistic_beacon_reads_and_publishes_and_never_signs() {
    let mut world = World::healthy(1, "12");
    spoil(&mut world, A, 3);
    assert_eq!(world.rank(A, Use::Sign), NEVER, "although it is the last one");
    for uses in OTHERS {
        assert!(world.entry(A).eligible(uses, None), "{uses:?}");
    }
    let table = world.pool.table(world.now);
    let why = table.nobody(Use::Sign, |_| "geth-1".to_owned());
    assert_eq!(why, "no beacon may answer what a validator will sign: geth-1 is optimistic");
}

#[test]
fn one_that_was_optimistic_when_it_fell_silent_does_not_sign_either() {
    let mut world = World::healthy(2, "12");
    spoil(&mut world, B, 3);
    spoil(&mut world, B, 1);
    assert_eq!((world.reasons(B), world.rank(B, Use::Sign)), (vec![Reason::Hung, Reason::Optimistic], NEVER));
}

#[test]
fn a_stale_one_signs_only_after_every_better_one() {
    let mut world = World::healthy(3, "12");
    world.until_into(100, 5);
    world.arrive(100, 99, &[A, B]);
    world.until_sampled(100);
    spoil(&mut world, B, 4);
    let ranks = [A, B, C].map(|id| world.rank(id, Use::Sign));
    assert!(ranks.is_sorted() && ranks[1] < ranks[2] && ranks[2] < NEVER, "{ranks:?}");
    spoil(&mut world, A, 1);
    assert!(world.rank(C, Use::Sign) < world.rank(A, Use::Sign), "stale and alive before hung");
}

#[test]
fn strangers_and_drained_ones_are_nobodys_last_resort() {
    let mut world = World::healthy(2, "12");
    world.feed(Event::Identified(A, Chain::Stranger("other genesis".into())));
    world.feed(Event::Drain(B, true));
    for (id, uses) in [A, B].into_iter().flat_map(|id| Use::ALL.map(|uses| (id, uses))) {
        assert_eq!(world.rank(id, uses), NEVER, "{id} {uses:?}");
    }
    let table = world.pool.table(world.now);
    let why = table.nobody(Use::Read, |id| format!("b{id}"));
    assert_eq!(why, "no beacon can take this: b0 is wrong chain, b1 is drained");
}

#[test]
fn the_best_of_the_bad_goes_first() {
    let mut world = World::healthy(4, "12");
    for (id, how) in world.ids().into_iter().zip([4, 3, 2, 0]) {
        spoil(&mut world, id, how);
    }
    let ranks: Vec<u8> = world.ids().into_iter().map(|id| world.rank(id, Use::Read)).collect();
    assert!(
        ranks.windows(2).all(|pair| pair[0] < pair[1]),
        "EL offline, optimistic, failing, unreachable: {ranks:?}"
    );
}
