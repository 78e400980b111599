//! The hosts underneath: this machine by its own checks, others by their agents, clients' pauses by their metrics, the clocks
//! of those without an agent by the `Date` of their beacons' answers.
//!
//! Nothing here is in a duty's way: the checks run on a thread of their own, once a minute, the questions are as cheap as a
//! probe. What is found is published beside the status and told to the engine of incidents as evidence.
//!
//! | file | owns |
//! |---|---|
//! | `here` | the checks of this machine |
//! | `machine` | what was found on it last, and what was done to it |
//! | `past` | what came and went |
//! | `steady` | levels that do not flap |
//! | `probe` | durable writes on it |
//! | `clients` | pauses by metrics |
//! | `dates` | clocks by `Date` |
//! | `agents` | which agents there are, and what each told of its host |
//! | `asker` | how they are asked |
//! | `errands` | the remedy that is under way, on whichever host |
//! | `clocks` | the clocks of all hosts beside each other |
//! | `slots` | where slots lie, as agents are told |
//! | `roster` | which beacons run where, and all together |

mod agents;
mod asker;
mod clients;
mod clocks;
mod dates;
mod errands;
mod here;
mod machine;
mod past;
pub mod probe;
mod roster;
mod slots;
mod steady;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::clock::micros;
use super::common::Common;
use super::said::Message;
use crate::chain::Spec;
use crate::host::{Overrides, limits as table};
use crate::router::Router;
use agents::Agents;
use asker::Asker;
use dates::Dates;
use past::Past;
use roster::Roster;
use steady::Steady;

pub use errands::Errands;
pub use here::Here;
pub use machine::{AtWork, Machine};
pub use probe::Probed;
pub use roster::{is_here, lines};

/// The parts of the program these notices speak of.
const CLOCK: &str = "clock";
const AGENTS: &str = "agents";
/// After the start, when caches are filled and validators wait, this machine is not looked at for so long.
const FIRST: Duration = Duration::from_secs(15);
/// How often what was found is put together anew.
const EVERY: Duration = Duration::from_secs(5);

/// Looks at hosts until `cancel`.
pub async fn run(common: Common, router: Arc<ArcSwap<Router>>) {
    tokio::select! {
        () = common.cancel.cancelled() => {}
        () = looking(&common, router) => {}
    }
}

async fn looking(common: &Common, router: Arc<ArcSwap<Router>>) {
    let (measured, probed) = watch::channel(None);
    let (paused, mut pauses) = watch::channel(clients::Found::new());
    let by_fleet = Arc::new(probe::ByFleet { common: common.clone(), router });
    let (machine, clock, cancel) = (common.machine.clone(), common.clock.clone(), common.cancel.clone());
    common.tasks.spawn(probe::run(measured, by_fleet, machine.clone(), clock.clone(), cancel.clone()));
    let of = common.clone();
    let here = Here { machine, clock, limits: move || limits(&of), first: FIRST, cancel };
    common.tasks.spawn(here.run(probed));
    common.tasks.spawn(clients::run(paused, common.clone()));
    let mut slots = slots::Told::default();
    let (mut agents, mut dates) = (Agents::new(asked_by(common, &slots)), Dates::default());
    let (mut clock, mut silent) = (None, None);
    let (mut steady, mut past) = (Steady::default(), Past::default());
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = common.machine.changed() => {}
            () = common.errands.changed() => {}
        }
        let clients = common.eye.clients.load_full();
        dates.ask(&clients, &common.clock).await;
        let fleet = common.fleet.load_full();
        slots.follow(common);
        agents.follow(&fleet);
        let remedies = common.machine.remedies(&fleet.state).await;
        let roster = Roster {
            fleet: &fleet,
            here: common.machine.found(),
            pauses: pauses.borrow_and_update().clone(),
            agents: agents.told(),
            remedies,
            due: common.errands.due(),
            limits: limits(common),
        };
        let now = (common.clock)();
        let (mut hosts, banner) = roster.hosts(&dates, now);
        steady.tell(&mut hosts);
        past.tell(&mut hosts);
        common.hosts.store(Arc::new(hosts));
        let trouble = agents.trouble(now.wall);
        for (part, before, notice) in [(CLOCK, &mut clock, banner), (AGENTS, &mut silent, trouble)] {
            if *before != notice {
                before.clone_from(&notice);
                // The pool's task ends last.
                let _ = common.pool.send(Message::Notice(part, notice)).await;
            }
        }
    }
}

fn asked_by(common: &Common, slots: &slots::Told) -> Asker {
    Asker {
        clock: common.clock.clone(),
        micros: Arc::new(micros),
        metrics: common.metrics.clone(),
        errands: common.errands.clone(),
        slots: slots.told(),
        tasks: common.tasks.clone(),
        cancel: common.cancel.clone(),
    }
}

/// The thresholds in force: those of the fleet file, and what the chain lets clocks differ.
pub fn limits(common: &Common) -> Overrides {
    let mut limits = common.fleet.load().host.limits.clone();
    if let Some(ms) = common.facts.load().spec.as_deref().and_then(disparity) {
        limits.entry(table::CLOCK_DISPARITY.name.to_owned()).or_insert(ms);
    }
    limits
}

/// `MAXIMUM_GOSSIP_CLOCK_DISPARITY` of a spec as a beacon serves it, in milliseconds (consensus spec, p2p interface).
fn disparity(spec: &[u8]) -> Option<f64> {
    #[derive(serde::Deserialize)]
    struct Served {
        data: Spec,
    }
    let served: Served = serde_json::from_slice(spec).ok()?;
    served.data.get_u64("MAXIMUM_GOSSIP_CLOCK_DISPARITY").map(|ms| ms as f64)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_clocks_may_differ_is_the_chains() {
        let spec = br#"{"data":{"SLOTS_PER_EPOCH":"32","MAXIMUM_GOSSIP_CLOCK_DISPARITY":"1000"}}"#;
        assert_eq!(super::disparity(spec), Some(1_000.0));
        assert_eq!(super::disparity(br#"{"data":{"SLOTS_PER_EPOCH":"32"}}"#), None);
        assert_eq!(super::disparity(b"no"), None);
    }
}
