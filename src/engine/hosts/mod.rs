//! The hosts underneath: this machine by its own checks, the others' clocks by the `Date` of their beacons' answers.
//!
//! Nothing here is in a duty's way: the checks run on a thread of their own, once a minute, the questions are as cheap as a
//! probe. What is found is published beside the status and told to the engine of incidents as evidence.
//!
//! | file | owns |
//! |---|---|
//! | `here` | the checks of this machine |
//! | `dates` | clocks by `Date` |
//! | `roster` | which beacons run where, and all together |

mod dates;
mod here;
mod roster;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::common::Common;
use super::said::Message;
use dates::Dates;
use roster::Roster;

pub use roster::lines;

/// The part of the program these notices speak of.
const PART: &str = "clock";
/// How often what was found is put together anew.
const EVERY: Duration = Duration::from_secs(5);

/// Looks at hosts until `cancel`.
pub async fn run(common: Common) {
    tokio::select! {
        () = common.cancel.cancelled() => {}
        () = looking(&common) => {}
    }
}

async fn looking(common: &Common) {
    let (found, mut finds) = tokio::sync::watch::channel(None);
    common.tasks.spawn(here::run(found, common.fleet.clone(), common.clock.clone(), common.cancel.clone()));
    let (mut dates, mut told) = (Dates::default(), None);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let clients = common.eye.clients.load_full();
        dates.ask(&clients, &common.clock).await;
        let fleet = common.fleet.load_full();
        let roster = Roster { fleet: &fleet, here: finds.borrow_and_update().clone() };
        let (hosts, banner) = roster.hosts(&dates, (common.clock)().wall);
        common.hosts.store(Arc::new(hosts));
        if banner != told {
            told.clone_from(&banner);
            // The pool's task ends last.
            let _ = common.pool.send(Message::Notice(PART, banner)).await;
        }
    }
}
