//! What speaks against a remedy now, as far as the fleet knows: beacons elsewhere, blocks that are due. Pure.

use std::sync::Arc;

use crate::chain::SlotClock;
use crate::model::{
    Fact, Fleet, FleetStatus, Lifecycle, RemedyAsked, RemedyDraft, RemedyPlan, RemedyVerb, Slot, UnixMs,
    Weight,
};

/// A link is not stopped if a block of ours is due within so many epochs.
const BLOCKS_WITHIN: u64 = 2;

/// What is known beside the machine.
pub struct Known {
    /// The fleet file in force.
    pub fleet: Arc<Fleet>,
    /// The fleet.
    pub status: Arc<FleetStatus>,
    /// The slot clock, once there is one.
    pub clock: Option<SlotClock>,
    /// Slots in which a block of ours is due.
    pub proposing: Vec<Slot>,
    /// The time.
    pub now: UnixMs,
}

/// What an order would do, as somebody is told before it is given.
pub fn told(asked: &RemedyAsked, draft: RemedyDraft, known: &Known) -> RemedyPlan {
    let plan = RemedyPlan::of(asked.clone());
    let RemedyDraft { refusal, commands, mut facts, disturbs, resets, seal } = draft;
    if refusal.is_some() {
        return RemedyPlan { refusal, commands, ..plan };
    }
    let writes = asked.verb == RemedyVerb::Fix;
    if let Some(why) = (writes && resets).then(|| dangerous(&asked.host, known)).flatten() {
        return RemedyPlan { refusal: Some(why), ..plan };
    }
    if writes && disturbs {
        let (weight, words) = match &known.clock {
            Some(_) => (Weight::Plain, "it waits until no duty is due, a slot at most"),
            None => (Weight::Careful, "no slot clock is known: duties may be due while it is written"),
        };
        facts.push(Fact { about: "when".to_owned(), weight, words: words.to_owned() });
    }
    let typed = (writes && resets).then(|| asked.host.clone());
    RemedyPlan { facts, typed, seal, ..plan }
}

/// Why a link of this host must not be stopped now.
fn dangerous(host: &str, known: &Known) -> Option<String> {
    let here = known.status.hosts.iter().find(|of| of.name == host);
    let on_it = |name| here.is_some_and(|host| host.beacons.contains(name));
    let mut others = known.status.beacons.iter().filter(|beacon| !on_it(&beacon.name));
    if here.is_some_and(|host| !host.beacons.is_empty())
        && !others.any(|beacon| beacon.healthy && beacon.lifecycle == Lifecycle::Active)
    {
        return Some(format!("no beacon but those on {host} is healthy: stopping its link stops validators"));
    }
    let clock = known.clock.as_ref()?;
    let slot = clock.slot_at(known.now)?;
    let until = slot.0 + BLOCKS_WITHIN * clock.slots_per_epoch();
    let block = known.proposing.iter().find(|of| (slot.0..=until).contains(&of.0))?;
    Some(format!("a block is due in slot {block}: what stops a link waits until it is through"))
}
