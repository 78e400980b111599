//! How the pool's task goes from one fleet file to the next.
//!
//! Who stays keeps its watcher and all that is known of it; who is new is watched first and joins once it has been heard
//! of, so that the next pool can serve at least what this one can. The wait has a bound.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use super::network::Network;
use super::pool_task::PoolTask;
use super::said::{Key, Said};
use super::watcher::Watcher;
use crate::beacon::{NodeVersion, client_family};
use crate::model::{BeaconId, BeaconName, Health, Moment, Root};
use crate::pool::{Action, Event, Gauge, Joined, Member, Pool, Settings, Table, serves_as_well};
use crate::router::Memory;

/// What is remembered of beacons that have not joined yet.
const HEARD: usize = 4_096;

/// What the pool's task knows of a fleet file.
pub struct Course {
    /// `fleet:`.
    pub fleet: String,
    /// The only network that is accepted, if given.
    pub wanted: Option<Root>,
    /// `health:`.
    pub health: Health,
    /// By beacon.
    pub places: Vec<Place>,
    /// Where tables are published.
    pub table: Arc<ArcSwap<Table>>,
    /// What the router remembers of beacons.
    pub memory: Arc<Memory>,
}

/// One beacon of it.
pub struct Place {
    /// Its name.
    pub name: BeaconName,
    /// What the pool needs.
    pub member: Member,
    /// Its gauge.
    pub gauge: Arc<Gauge>,
    /// What watches it.
    pub watcher: Watcher,
}

impl Course {
    /// Where a beacon is in it.
    pub fn find(&self, key: Key) -> Option<BeaconId> {
        let place = self.places.iter().position(|place| place.watcher.key == key);
        place.map(|place| BeaconId(place as u16))
    }

    /// A beacon of it.
    pub fn place(&self, id: BeaconId) -> &Place {
        &self.places[id.index()]
    }

    /// By beacon.
    pub fn names(&self) -> Vec<BeaconName> {
        self.places.iter().map(|place| place.name.clone()).collect()
    }
}

/// A fleet file on its way in.
pub struct Joining {
    /// What it says.
    pub course: Course,
    /// When it is taken, whoever has been heard of by then.
    pub until: Moment,
    /// Told when it is in force.
    pub done: oneshot::Sender<Adopted>,
    /// What was said of those that are new.
    pub heard: Vec<(Key, Said)>,
}

/// How a fleet file came into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    /// It serves at least what the one before did.
    AsWell,
    /// The time to wait was over: these could not be made sure of, so many new beacons, or some use of the pool.
    TimeOver,
}

impl Joining {
    /// Something is said of a beacon that is not in force; kept if it joins.
    pub fn hear(&mut self, key: Key, said: Said) {
        if self.heard.len() < HEARD && self.course.find(key).is_some() {
            self.heard.push((key, said));
        }
    }
}

/// The state of affairs under the next fleet file.
struct Next {
    pool: Pool,
    network: Network,
    versions: Vec<Option<NodeVersion>>,
    actions: Vec<Action>,
}

impl PoolTask {
    /// Brings the next fleet file into force if it is time.
    pub(super) fn adopt_if_ready(&mut self) {
        let now = (self.clock)();
        let Some(joining) = &self.joining else { return };
        let over = now.mono_us >= joining.until.mono_us;
        let heard = |key: Key| joining.heard.iter().any(|(of, said)| *of == key && said.is_verdict());
        let new = |key: &Key| self.course.find(*key).is_none();
        let all_heard = joining.course.places.iter().map(|place| place.watcher.key).filter(new).all(heard);
        if !all_heard && !over {
            return;
        }
        let next = self.next(&joining.course, &joining.heard, now);
        let as_well = all_heard && serves_as_well(&self.course.table.load(), &next.pool.table(now));
        if (as_well || over)
            && let Some(joining) = self.joining.take()
        {
            self.adopt(next, joining.course);
            // Whoever reloads may have given up; the fleet file is in force.
            let _ = joining.done.send(if as_well { Adopted::AsWell } else { Adopted::TimeOver });
        }
    }

    fn next(&self, course: &Course, heard: &[(Key, Said)], now: Moment) -> Next {
        let before: Vec<Option<BeaconId>> =
            course.places.iter().map(|place| self.course.find(place.watcher.key)).collect();
        let mut network = self.network.succeed(&before, course.wanted);
        let mut versions: Vec<Option<NodeVersion>> = before
            .iter()
            .map(|before| before.and_then(|before| self.versions[before.index()].clone()))
            .collect();
        let mut events = Vec::new();
        for (key, said) in heard {
            let Some(id) = course.find(*key) else { continue };
            match said {
                Said::Told(told) => {
                    let known = network.learn(id, (**told).clone(), now);
                    events.extend(network.chosen().map(|chosen| Event::Chain(chosen.clock.clone())));
                    events.extend(known.into_iter().map(|(id, chain)| Event::Identified(id, chain)));
                }
                Said::Version(version) => {
                    let client = client_family(&version.text).to_string();
                    events.push(Event::Client(id, client.into()));
                    versions[id.index()] = Some(version.clone());
                }
                other => events.extend(other.event(id)),
            }
        }
        let joined = course.places.iter().zip(before).map(|(place, before)| Joined {
            member: place.member.clone(),
            gauge: place.gauge.clone(),
            before,
        });
        let settings = Settings { health: course.health };
        let (pool, actions) = self.pool.succeed(settings, joined.collect(), events, now);
        Next { pool, network, versions, actions }
    }

    fn adopt(&mut self, next: Next, course: Course) {
        let Next { pool, network, versions, actions } = next;
        let before: Vec<Key> = self.course.places.iter().map(|place| place.watcher.key).collect();
        (self.pool, self.network, self.versions, self.course) = (pool, network, versions, course);
        self.hold_drains();
        self.hub.keep(&self.course.names());
        self.course.memory.duties().keep(&self.course.names());
        self.tell_facts();
        for place in self.course.places.iter().filter(|place| !before.contains(&place.watcher.key)) {
            // Whatever was known under that name is of another one; what it says of its start is asked again.
            self.tenures.lost(&place.name, (self.clock)().wall);
            place.watcher.look.store(true, Relaxed);
        }
        self.enlist(|key| !before.contains(&key));
        self.publish();
        for action in actions.into_iter().filter(|action| *action != Action::Publish) {
            self.act(action);
        }
        self.publish_status();
    }
}
