//! Another fleet file: who stays is known as before, the head agreed on stays, who is new is not healthy by hearsay.

use std::sync::Arc;

use super::super::{AgreedHead, Chain, Event, Facts, Gauge, Joined, Member, serves_as_well};
use super::harness::{A, B, C, World, head, settings};
use crate::model::{BeaconId, Lifecycle, Reason, Slot};

fn member(host: u16) -> Member {
    Member { roles: 0b1111, weight: 100, near: false, host }
}

fn joined(world: &World, before: &[Option<BeaconId>]) -> Vec<Joined> {
    let gauge = |before: &Option<BeaconId>| -> Arc<Gauge> {
        before.map_or_else(Arc::default, |id| world.gauges[id.index()].clone())
    };
    let seat = |(host, before): (usize, &Option<BeaconId>)| Joined {
        member: member(host as u16),
        gauge: gauge(before),
        before: *before,
    };
    before.iter().enumerate().map(seat).collect()
}

#[test]
fn who_stays_keeps_its_condition_at_another_place() {
    let mut world = World::healthy(3, "12");
    world.feed(Event::Drain(C, true));
    world.pass(100);
    world.feed(Event::Optimistic(B));
    let old = world.pool.table(world.now);
    // The first is gone, the last comes first, and a new one last.
    let (pool, _) =
        world.pool.succeed(settings(), joined(&world, &[Some(C), Some(B), None]), Vec::new(), world.now);
    let new = pool.table(world.now);
    assert_eq!(new.seq, old.seq + 1, "a trace finds the table it was decided on by its number");
    assert_eq!(new.agreed, old.agreed);
    assert_eq!(new.entries[0].lifecycle, Lifecycle::Drained);
    assert_eq!(new.entries[1].reasons, [Reason::Optimistic]);
    assert_eq!(new.entries[1].head, old.entries[1].head);
    assert_eq!(new.entries[2].reasons, [Reason::NeverObserved]);
    assert!(!serves_as_well(&old, &new), "the only healthy one is gone");
}

#[test]
fn a_new_one_that_was_heard_of_serves_at_once() {
    let world = World::healthy(2, "12");
    let old = world.pool.table(world.now);
    let events = vec![
        Event::Chain(world.clock.clone()),
        Event::Identified(A, Chain::Same),
        Event::Probed(A, Facts { head_slot: Slot(99), ..Facts::default() }),
        Event::Head(A, head(99, 0)),
    ];
    let (pool, _) = world.pool.succeed(settings(), joined(&world, &[None]), events, world.now);
    let new = pool.table(world.now);
    assert_eq!(new.entries[0].reasons, []);
    assert_eq!(new.agreed, Some(AgreedHead { ..head(99, 0) }));
    assert!(serves_as_well(&old, &new));
    let (pool, _) = world.pool.succeed(settings(), joined(&world, &[None]), Vec::new(), world.now);
    assert!(!serves_as_well(&old, &pool.table(world.now)), "one nobody has heard of does not");
}
