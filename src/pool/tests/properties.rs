//! What holds whatever happens, in whatever order.

use proptest::prelude::*;

use super::super::{AgreedHead, Block, Chain, Entry, Event, Facts, Failure, NEVER, Table};
use super::harness::{World, answered, head, root};
use crate::model::{BeaconId, Lifecycle, Reason, Slot, Use};

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Probe {
        id: u16,
        syncing: bool,
        optimistic: bool,
        el_offline: bool,
    },
    ProbeFails(u16, Failure),
    Stranger(u16, bool),
    /// A beacon reports a block so many slots from the present one, on a branch, perhaps with its header.
    Head {
        id: u16,
        off: i64,
        branch: u8,
        header: bool,
    },
    Broken(u16),
    Confirmed(u16, Option<Failure>),
    Drain(u16, bool),
    Send(u16),
    Answer {
        id: u16,
        us: u64,
        ok: bool,
    },
    Optimistic(u16),
}

const BEACONS: u16 = 4;

fn failure() -> impl Strategy<Value = Failure> {
    prop_oneof![Just(Failure::Unreachable), Just(Failure::TimedOut), Just(Failure::Bad)]
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..BEACONS;
    prop_oneof![
        4 => prop_oneof![1_u64..300, 1_000_u64..15_000].prop_map(Step::Pass),
        3 => (id.clone(), prop::bool::weighted(0.2), prop::bool::weighted(0.2), prop::bool::weighted(0.2))
            .prop_map(|(id, syncing, optimistic, el_offline)| Step::Probe { id, syncing, optimistic, el_offline }),
        1 => (id.clone(), failure()).prop_map(|(id, failure)| Step::ProbeFails(id, failure)),
        1 => (id.clone(), prop::bool::weighted(0.3)).prop_map(|(id, is)| Step::Stranger(id, is)),
        6 => (id.clone(), -4_i64..3, prop::sample::select(vec![0_u8, 0, 0, 1]), prop::bool::weighted(0.9))
            .prop_map(|(id, off, branch, header)| Step::Head { id, off, branch, header }),
        1 => id.clone().prop_map(Step::Broken),
        1 => (id.clone(), prop::option::of(failure())).prop_map(|(id, failure)| Step::Confirmed(id, failure)),
        1 => (id.clone(), any::<bool>()).prop_map(|(id, drain)| Step::Drain(id, drain)),
        2 => id.clone().prop_map(Step::Send),
        2 => (id.clone(), 100_u64..2_000_000, prop::bool::weighted(0.8))
            .prop_map(|(id, us, ok)| Step::Answer { id, us, ok }),
        1 => id.prop_map(Step::Optimistic),
    ]
}

fn take(world: &mut World, step: &Step) {
    let present = world.clock.slot_at(world.now.wall).unwrap().0;
    match *step {
        Step::Pass(ms) => {
            world.pass(ms);
        }
        Step::Probe { id, syncing, optimistic, el_offline } => {
            let head_slot = Slot(present);
            world.probe(BeaconId(id), Facts { syncing, optimistic, el_offline, head_slot, peers: None });
        }
        Step::ProbeFails(id, failure) => world.fails(BeaconId(id), failure),
        Step::Stranger(id, is) => {
            let chain = if is { Chain::Stranger("other genesis".into()) } else { Chain::Same };
            world.feed(Event::Identified(BeaconId(id), chain));
        }
        Step::Head { id, off, branch, header } => {
            let slot = present.saturating_add_signed(off);
            if header {
                // Branch 1 leaves branch 0 every eighth slot.
                let parent =
                    if branch == 1 && slot % 8 == 0 { root(slot - 1, 0) } else { root(slot - 1, branch) };
                world.feed(Event::Header(Block { root: root(slot, branch), slot: Slot(slot), parent }));
            }
            world.feed(Event::Head(BeaconId(id), head(slot, branch)));
        }
        Step::Broken(id) => {
            world.feed(Event::Broken(BeaconId(id)));
        }
        Step::Confirmed(id, failure) => {
            let id = BeaconId(id);
            world.feed(failure.map_or(Event::Confirmed(id), |failure| Event::NotConfirmed(id, failure)));
        }
        Step::Drain(id, drain) => {
            world.feed(Event::Drain(BeaconId(id), drain));
        }
        Step::Send(id) => {
            let _ = world.gauges[usize::from(id)].begin(world.now, true);
        }
        Step::Answer { id, us, ok } => {
            let gauge = &world.gauges[usize::from(id)];
            if gauge.in_flight() > 0 {
                answered(gauge, world.now, us, ok);
                gauge.end();
            }
        }
        Step::Optimistic(id) => {
            world.feed(Event::Optimistic(BeaconId(id)));
        }
    }
}

type Content = (Option<AgreedHead>, Option<AgreedHead>, Vec<Entry>);

fn content(table: &Table) -> Content {
    (table.agreed, table.parent, table.entries.clone())
}

/// Beacons whose voice counts: of this chain, alive, observed, neither optimistic nor drained, and with a head to tell.
fn has_voice(entry: &Entry) -> bool {
    let silent = [
        Reason::WrongChain,
        Reason::NeverObserved,
        Reason::Unreachable,
        Reason::Hung,
        Reason::Failing,
        Reason::Optimistic,
        Reason::Drained,
    ];
    entry.head.is_some() && !entry.reasons.iter().any(|reason| silent.contains(reason))
}

fn ranks_hold(entry: &Entry) -> Result<(), TestCaseError> {
    let has = |reason| entry.reasons.contains(&reason);
    let out = has(Reason::WrongChain) || has(Reason::Drained);
    for uses in Use::ALL {
        let never = entry.ranks[uses as usize] == NEVER;
        let barred = uses == Use::Sign && (has(Reason::Optimistic) || has(Reason::NeverObserved));
        prop_assert_eq!(never, out || barred, "{:?}: {:?}", uses, entry);
        // One that warms up is told its seeds as any other.
        let told = uses == Use::Seed && entry.reasons == [Reason::WarmingUp];
        prop_assert_eq!(entry.good(uses), entry.reasons.is_empty() || told);
    }
    prop_assert_eq!(has(Reason::Drained), entry.lifecycle != Lifecycle::Active);
    prop_assert!(entry.share >= 5_000 && entry.share <= 20_000, "within a factor of two of its weight");
    Ok(())
}

/// The agreed head goes back in slots only where nobody stands by it any more, or where more stand at or below the new one
/// than by the old: two at least, or all there are.
fn head_holds(before: Option<AgreedHead>, table: &Table) -> Result<(), TestCaseError> {
    let (Some(before), Some(after)) = (before, table.agreed) else {
        prop_assert!(before.is_none(), "an agreed head is never lost");
        return Ok(());
    };
    if after.slot < before.slot {
        let voices: Vec<AgreedHead> =
            table.entries.iter().filter(|entry| has_voice(entry)).filter_map(|entry| entry.head).collect();
        let here = voices.iter().filter(|head| head.slot <= after.slot).count();
        let there = voices.iter().filter(|head| **head == before).count();
        prop_assert!(
            here > there && (here >= 2 || here == voices.len()),
            "back from {before:?} ({there}) to {after:?} ({here} of {})",
            voices.len()
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn invariants_hold_over_any_sequence(
        steps in proptest::collection::vec(step(), 1..60),
        slot_s in prop::sample::select(vec!["12", "3"]),
    ) {
        let mut world = World::healthy(usize::from(BEACONS), slot_s);
        let mut before = world.pool.table(world.now);
        for step in &steps {
            let asked = world.asked.len();
            take(&mut world, step);
            let table = world.pool.table(world.now);
            let latest = world.clock.slot_at(world.now.plus_ms(500).wall).unwrap();
            prop_assert!(table.agreed.is_none_or(|head| head.slot <= latest), "{:?} ahead of {}", table.agreed, latest);
            // Passing time takes many events; the head may go back in one of them for a reason gone by now.
            if !matches!(step, Step::Pass(_)) {
                head_holds(before.agreed, &table)?;
            }
            table.entries.iter().try_for_each(ranks_hold)?;
            let published = world.asked[asked..].iter().filter(|a| **a == super::super::Action::Publish).count();
            prop_assert_eq!(table.seq, before.seq + published as u64, "each publication has a number of its own");
            if content(&table) != content(&before) {
                prop_assert!(table.seq > before.seq, "nothing changes unpublished");
            }
            if table.seq == before.seq + 1 {
                prop_assert!(content(&table) != content(&before), "nothing is published twice: {:?}", step);
            }
            before = table;
        }
    }

}

proptest! {
    // Each case is a minute of simulated ticks.
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_beacon_left_alone_comes_back(steps in proptest::collection::vec(step(), 1..40)) {
        let mut world = World::healthy(usize::from(BEACONS), "3");
        for step in &steps {
            take(&mut world, step);
        }
        // Whatever happened: all heal, all follow one chain, nothing is in flight, nobody is drained.
        for gauge in &world.gauges {
            (0..gauge.in_flight()).for_each(|_| gauge.end());
        }
        for id in world.ids() {
            world.feed(Event::Drain(id, false));
            world.feed(Event::Identified(id, Chain::Same));
            world.feed(Event::Confirmed(id));
        }
        for _ in 0..60 {
            world.pass(1_000);
            let slot = world.clock.slot_at(world.now.wall).unwrap().0;
            let ids = world.ids();
            world.arrive(slot, slot - 1, &ids);
            for id in ids {
                let gauge = world.gauges[id.index()].clone();
                (0..4).for_each(|_| answered(&gauge, world.now, 1_000, true));
                world.well(id, slot);
            }
        }
        for id in world.ids() {
            prop_assert_eq!(world.reasons(id), vec![], "{}", id);
        }
    }
}
