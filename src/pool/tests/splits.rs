//! A chain split: seen where clients part, not where one beacon is sick; nobody walks, and it ends as it should.

use rstest::rstest;

use super::super::{Action, Block, Event, Facts, Failure, NEVER, Parted, Split};
use super::harness::{World, head, root};
use crate::model::{BeaconId, Reason, Slot, UnixMs, Use};

/// The other branch.
const OTHER: u8 = 7;

/// Beacons of these clients, all at the block of slot 99.
fn fleet(clients: &[&str]) -> World {
    let mut world = World::healthy(clients.len(), "12");
    for (id, client) in world.ids().into_iter().zip(clients) {
        world.feed(Event::Client(id, (*client).into()));
    }
    world
}

fn ids(range: std::ops::Range<u16>) -> Vec<BeaconId> {
    range.map(BeaconId).collect()
}

fn split(world: &World) -> Option<Split> {
    world.pool.table(world.now).split.map(|split| Split::clone(&split))
}

/// Slot after slot from 100 on a block for each side.
fn part(world: &mut World, ours: &[BeaconId], theirs: &[BeaconId], slots: std::ops::Range<u64>) {
    for slot in slots {
        world.until_into(slot, 5);
        let parent = if slot == 100 { root(99, 0) } else { root(slot - 1, OTHER) };
        world.arrive(slot, slot - 1, ours);
        world.arrive_on(OTHER, slot, parent, theirs);
        world.until_sampled(slot);
    }
}

const TWO_AND_THREE: [&str; 5] = ["Lighthouse", "Lighthouse", "Prysm", "Prysm", "Prysm"];

#[test]
fn nobody_walks_toward_the_larger_client_and_it_is_certain_once_it_lasts() {
    let mut world = fleet(&TWO_AND_THREE);
    let (ours, theirs) = (ids(0..2), ids(2..5));
    part(&mut world, &ours, &theirs, 100..101);
    assert_eq!(world.agreed(), head(100, 0), "three to two, and nobody walks");
    assert!(!split(&world).unwrap().certain, "it may be a reorg that some take later");
    assert_eq!(world.reasons(theirs[0]), [Reason::Fork]);
    part(&mut world, &ours, &theirs, 101..104);
    let told = split(&world).unwrap();
    assert!(told.certain);
    assert_eq!((told.slot, told.parted), (Slot(100), Some(head(99, 0))));
    assert_eq!((told.ours.beacons, told.ours.head), (ours.clone(), head(103, 0)));
    assert_eq!((told.theirs[0].beacons.clone(), told.theirs[0].head), (theirs.clone(), head(103, OTHER)));
    assert_eq!(world.agreed(), head(103, 0));
    for id in &theirs {
        assert_eq!(world.reasons(*id), [Reason::ChainSplit]);
        assert_eq!(world.rank(*id, Use::Sign), NEVER);
        assert!(world.entry(*id).eligible(Use::Read, None), "what is read may come from anywhere");
    }
    // One of ours falls out, then the other: still nothing is signed from across.
    world.fails(ours[0], Failure::Unreachable);
    part(&mut world, &ours[1..], &theirs, 104..106);
    assert_eq!(world.agreed(), head(105, 0));
    world.fails(ours[1], Failure::Unreachable);
    part(&mut world, &[], &theirs, 106..180);
    assert_eq!(world.agreed(), head(105, 0), "nobody of our side is left, and nobody walks");
    assert!(split(&world).is_some());
}

#[test]
fn who_serves_what_stays_as_it_is() {
    let mut world = fleet(&TWO_AND_THREE);
    part(&mut world, &ids(0..2), &ids(2..5), 100..103);
    for _ in 0..40 {
        world.send(BeaconId(0));
        world.answered(BeaconId(0), 400_000, true);
        world.send(BeaconId(1));
        world.answered(BeaconId(1), 4_000, true);
    }
    let before = world.entry(BeaconId(0)).share;
    world.until_into(103, 95);
    assert_eq!((world.entry(BeaconId(0)).share, world.entry(BeaconId(1)).share), (before, before));
    assert_eq!(world.reasons(BeaconId(0)), []);
}

#[test]
fn a_drained_side_and_one_that_goes_over_end_it() {
    let mut world = fleet(&TWO_AND_THREE);
    let (ours, theirs) = (ids(0..2), ids(2..5));
    part(&mut world, &ours, &theirs, 100..104);
    for id in &ours {
        world.feed(Event::Drain(*id, true));
    }
    assert_eq!((world.agreed(), split(&world)), (head(103, OTHER), None), "an operator chose");
    let mut world = fleet(&TWO_AND_THREE);
    part(&mut world, &ours, &theirs, 100..104);
    world.feed(Event::Head(ours[0], head(103, OTHER)));
    assert_eq!(world.agreed(), head(103, 0), "half of a client is not the client");
    world.feed(Event::Head(ours[1], head(103, OTHER)));
    assert_eq!((world.agreed(), split(&world)), (head(103, OTHER), None), "our client gave in");
    let mut world = fleet(&TWO_AND_THREE);
    part(&mut world, &ours, &theirs, 100..104);
    for id in &theirs {
        world.feed(Event::Head(*id, head(103, 0)));
    }
    assert_eq!((world.agreed(), split(&world)), (head(103, 0), None), "theirs did");
    assert_eq!(world.reasons(theirs[0]), []);
}

#[test]
fn beacons_of_one_client_that_stand_still_together_are_a_side() {
    let mut world = fleet(&["Prysm", "Prysm", "Prysm", "Teku", "Teku"]);
    let refuse = ids(3..5);
    for slot in 100..102 {
        world.until_into(slot, 5);
        world.arrive(slot, slot - 1, &ids(0..3));
        world.until_sampled(slot);
    }
    let told = split(&world).unwrap();
    assert_eq!((told.certain, told.parted), (false, Some(head(99, 0))));
    for slot in 102..105 {
        world.until_into(slot, 5);
        world.arrive(slot, slot - 1, &ids(0..3));
        world.until_sampled(slot);
    }
    assert!(split(&world).unwrap().certain);
    assert_eq!(world.reasons(refuse[0]), [Reason::ChainSplit, Reason::StaleHead]);
    assert_eq!(world.agreed(), head(104, 0), "it stays where it was");
}

#[rstest]
#[case::no_peers(Facts { peers: Some(0), head_slot: Slot(99), ..Facts::default() })]
#[case::syncing(Facts { syncing: true, head_slot: Slot(99), ..Facts::default() })]
fn beacons_that_stand_still_for_a_reason_of_their_own_are_no_side(#[case] facts: Facts) {
    let mut world = fleet(&["Prysm", "Prysm", "Prysm", "Teku", "Teku"]);
    for id in ids(3..5) {
        world.probe(id, facts);
    }
    for slot in 100..106 {
        world.until_into(slot, 5);
        world.arrive(slot, slot - 1, &ids(0..3));
        world.until_sampled(slot);
    }
    assert_eq!(split(&world), None);
}

#[rstest]
#[case::one_is_sick(&["Lighthouse", "Prysm", "Teku", "Nimbus"], 3..4)]
#[case::a_client_is_on_both_sides(&["Lighthouse", "Prysm", "Lighthouse", "Prysm"], 2..4)]
#[case::two_stand_alone(&["Lighthouse", "Prysm"], 1..2)]
fn other_forks_are_none(#[case] clients: &[&str], #[case] apart: std::ops::Range<u16>) {
    let mut world = fleet(clients);
    let rest = ids(0..apart.start);
    part(&mut world, &rest, &ids(apart.clone()), 100..105);
    assert_eq!(split(&world), None);
    assert_eq!(world.reasons(BeaconId(apart.start)), [Reason::Fork]);
}

#[test]
fn a_reorg_that_one_client_takes_later_is_followed_as_ever() {
    let mut world = fleet(&["Lighthouse", "Lighthouse", "Teku", "Teku"]);
    world.until_into(100, 5);
    world.arrive(100, 99, &world.ids());
    world.until_into(101, 5);
    world.arrive_on(OTHER, 101, root(99, 0), &ids(2..4));
    assert_eq!(world.agreed(), head(100, 0));
    world.pass(800);
    world.feed(Event::Head(BeaconId(0), head(101, OTHER)));
    assert_eq!(world.agreed(), head(100, 0));
    world.feed(Event::Head(BeaconId(1), head(101, OTHER)));
    assert_eq!((world.agreed(), split(&world)), (head(101, OTHER), None));
}

#[test]
fn a_head_whose_branch_is_not_known_yet_waits_for_its_header_where_clients_would_part() {
    let mut world = fleet(&TWO_AND_THREE);
    world.until_into(100, 5);
    world.arrive(100, 99, &world.ids());
    world.until_into(101, 5);
    let block = |parent| Event::Header(Block { root: root(101, OTHER), slot: Slot(101), parent });
    world.feed(Event::Head(BeaconId(2), head(101, OTHER)));
    let asked = world.feed(Event::Head(BeaconId(3), head(101, OTHER)));
    assert!(asked.contains(&Action::ReadHeader(BeaconId(3), root(101, OTHER))), "{asked:?}");
    assert_eq!(world.agreed(), head(100, 0), "two say so, both of one client");
    world.feed(block(root(100, 0)));
    assert_eq!(world.agreed(), head(101, OTHER), "it descends: it was news");
}

#[test]
fn a_newer_head_of_the_other_side_is_no_side_of_its_own_before_its_header_is_read() {
    let mut world = fleet(&TWO_AND_THREE);
    part(&mut world, &ids(0..2), &ids(2..5), 100..104);
    world.until_into(104, 5);
    world.feed(Event::Head(BeaconId(3), head(104, OTHER)));
    let sides = |world: &World| split(world).unwrap().theirs.into_iter().map(|side| side.head.slot.0);
    assert_eq!(sides(&world).collect::<Vec<_>>(), [104]);
    world.feed(Event::Header(Block { root: root(104, OTHER), slot: Slot(104), parent: root(103, OTHER) }));
    assert_eq!(sides(&world).collect::<Vec<_>>(), [104]);
}

#[test]
fn the_first_beacons_of_a_client_move_nobody_to_a_later_slot_of_another_branch() {
    let mut world = fleet(&TWO_AND_THREE);
    world.until_into(100, 5);
    world.arrive(100, 99, &world.ids());
    world.until_into(101, 5);
    for (id, of_all) in [(2, 1), (3, 2), (4, 3)] {
        world.arrive_on(OTHER, 101, root(99, 0), &[BeaconId(id)]);
        assert_eq!(world.agreed(), head(100, 0), "{of_all} of three");
    }
    assert!(split(&world).is_some());
    // Two of a client that are sick while its others are well are no split.
    let mut world = fleet(&["Lighthouse", "Lighthouse", "Prysm", "Prysm", "Prysm", "Prysm", "Prysm"]);
    part(&mut world, &ids(0..5), &ids(5..7), 100..104);
    assert_eq!((world.agreed(), split(&world)), (head(103, 0), None));
}

#[test]
fn a_process_after_this_one_turns_back_to_the_side_of_before() {
    let mut world = fleet(&TWO_AND_THREE);
    let (ours, theirs) = (ids(0..2), ids(2..5));
    world.until_into(100, 5);
    // The others were heard first.
    world.arrive_on(OTHER, 100, root(99, 0), &theirs);
    world.arrive(100, 99, &ours);
    assert_eq!(world.agreed(), head(100, OTHER));
    let parted = Parted { since: UnixMs(5), ours: vec!["Lighthouse".into()], theirs: vec!["Prysm".into()] };
    world.feed(Event::Parted(parted));
    assert_eq!(world.agreed(), head(100, 0));
    let told = split(&world).unwrap();
    assert_eq!((told.certain, told.ours.beacons), (true, ours));
    assert_eq!(world.reasons(theirs[0]), [Reason::ChainSplit]);
}

#[test]
fn a_process_after_this_one_stays_with_the_side_of_before() {
    let mut world = World::healthy(5, "12");
    let names = |clients: &[&str]| clients.iter().map(|client| (*client).into()).collect();
    let parted = Parted { since: UnixMs(5), ours: names(&["Lighthouse"]), theirs: names(&["Prysm"]) };
    world.feed(Event::Parted(parted));
    let (ours, theirs) = (ids(0..2), ids(2..5));
    // Before it is known who they are the others are heard, and none of it counts.
    world.until_into(100, 5);
    world.arrive_on(OTHER, 100, root(99, 0), &theirs);
    world.arrive(100, 99, &ours);
    for (id, client) in world.ids().into_iter().zip(TWO_AND_THREE) {
        world.feed(Event::Client(id, client.into()));
    }
    assert_eq!(world.agreed(), head(100, 0));
    let told = split(&world).unwrap();
    assert_eq!((told.certain, told.since, told.ours.beacons), (true, UnixMs(5), ours));
    assert_eq!(world.rank(theirs[0], Use::Sign), NEVER);
}
