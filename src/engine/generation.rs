//! What is built of one fleet file: the router, and what watches its beacons.
//!
//! A beacon that is the same under the next fleet file keeps its connections, its gauge and its watcher.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::adopt::{Course, Place};
use super::common::Common;
use super::explain::Names;
use super::journal::{Labels, Recorder};
use super::said::{Key, Message, Said};
use super::watcher::Watcher;
use super::{EngineError, tls};
use crate::beacon::BeaconClient;
use crate::model::{Beacon, BeaconId, BeaconName, BeaconSet, Fleet, Role};
use crate::pool::{Gauge, Member, Table};
use crate::router::{Clients, Lane, Memory, Policy, Router, Seeding, Upstream};

/// A beacon as it is reached and watched.
struct Seat {
    beacon: Beacon,
    upstream: Arc<Upstream>,
    watcher: Watcher,
    /// Ends its event stream.
    stream: CancellationToken,
    /// Ends its probes.
    probes: CancellationToken,
    is_new: bool,
    is_probed_anew: bool,
}

/// What is built of a fleet file and may fail; nothing runs yet, and what is in force is not touched.
pub struct Draft {
    fleet: Arc<Fleet>,
    seats: Vec<Seat>,
    next_key: u32,
}

impl Draft {
    /// Builds it. `before` is what is in force.
    ///
    /// # Errors
    /// There are too many beacons, or one cannot be set up.
    pub fn new(fleet: Arc<Fleet>, common: &Common, before: Option<&Generation>) -> Result<Self, EngineError> {
        if fleet.beacons.len() > BeaconSet::MOST {
            return Err(EngineError::TooMany(fleet.beacons.len()));
        }
        let mut next_key = before.map_or(0, |before| before.next_key);
        let mut seats = Vec::new();
        for (index, beacon) in fleet.beacons.iter().enumerate() {
            let id = BeaconId(index as u16);
            let old = before.and_then(|before| Some((before, before.seat_of(beacon)?)));
            seats.push(if let Some((before, seat)) = old {
                seat.again(id, beacon, &fleet, &before.fleet, &common.cancel)?
            } else {
                next_key += 1;
                Seat::new(Key(next_key), id, beacon, &fleet, common)?
            });
        }
        Ok(Self { fleet, seats, next_key })
    }

    /// The generation, not in force yet, and what the pool's task must know of it.
    pub fn build(self, common: &Common, before: Option<&Generation>) -> (Generation, Course) {
        let Self { fleet, seats, next_key } = self;
        let labels = labels(&fleet, common);
        let table = match before {
            // Nobody reads it before the pool's task has published the first one.
            Some(before) => Arc::new(ArcSwap::new(before.router.table.load_full())),
            None => Arc::new(ArcSwap::from_pointee(Table::default())),
        };
        let memory = match before {
            Some(before) => before.router.memory.succeed(places(before, &seats)),
            None => Arc::default(),
        };
        let router = router(&fleet, &seats, common, before, (table.clone(), memory.clone()), &labels);
        let course = course(&fleet, &seats, table, memory);
        (Generation { fleet, router: Arc::new(router), labels, seats, next_key }, course)
    }
}

/// All that is built of a fleet file.
pub struct Generation {
    /// The fleet file.
    pub fleet: Arc<Fleet>,
    /// Its router.
    pub router: Arc<Router>,
    labels: Arc<Labels>,
    seats: Vec<Seat>,
    next_key: u32,
}

impl Generation {
    fn seat_of(&self, beacon: &Beacon) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.beacon.is_same(beacon))
    }

    /// The beacons, by their place.
    pub fn names(&self) -> Vec<BeaconName> {
        self.labels.names.beacons.clone()
    }

    /// Starts what watches the beacons that are new in it, and changes how the others are watched.
    pub fn start(&mut self, common: &Common) {
        for seat in &mut self.seats {
            if seat.is_new {
                let listening = seat.watcher.clone().listen_until(seat.stream.clone());
                common.tasks.spawn(listening);
            }
            if seat.is_new || seat.is_probed_anew {
                common.tasks.spawn(seat.watcher.clone().probe_until(seat.probes.clone()));
            }
            seat.watcher.feeds.store(seat.beacon.has(Role::Events), Relaxed);
            (seat.is_new, seat.is_probed_anew) = (false, false);
        }
        let clients = self.seats.iter().map(|seat| seat.watcher.client.clone());
        common.eye.clients.store(Arc::new(clients.collect()));
    }

    /// Ends what only this generation has, now that `next` is in force.
    pub fn end(self, next: &Generation, common: &Common) {
        for seat in &self.seats {
            let heir = next.seats.iter().find(|heir| heir.watcher.key == seat.watcher.key);
            if heir.is_none() {
                seat.stream.cancel();
            }
            if heir.is_none_or(|heir| heir.watcher.probing != seat.watcher.probing) {
                seat.probes.cancel();
            }
        }
        common.metrics.forget(&self.labels.names.for_metrics(), &next.labels.names.for_metrics());
    }
}

impl Seat {
    fn new(
        key: Key,
        id: BeaconId,
        beacon: &Beacon,
        fleet: &Fleet,
        common: &Common,
    ) -> Result<Self, EngineError> {
        let gauge: Arc<Gauge> = Arc::default();
        let upstream = Upstream::new(id, beacon, tls::client(beacon)?, gauge, fleet.limits.in_flight)?;
        let watcher = Watcher {
            key,
            name: beacon.name.clone(),
            client: client(beacon, fleet)?,
            clock: common.clock.clone(),
            to: common.pool.clone(),
            hub: common.hub.clone(),
            feeds: Arc::new(AtomicBool::new(beacon.has(Role::Events))),
            probing: fleet.probing,
            is_here: beacon.local,
            look: Arc::default(),
            doubt: Arc::default(),
        };
        Ok(Self {
            beacon: beacon.clone(),
            upstream: Arc::new(upstream),
            watcher,
            stream: common.cancel.child_token(),
            probes: common.cancel.child_token(),
            is_new: true,
            is_probed_anew: false,
        })
    }

    /// The same beacon under another fleet file.
    fn again(
        &self,
        id: BeaconId,
        beacon: &Beacon,
        fleet: &Fleet,
        before: &Fleet,
        cancel: &CancellationToken,
    ) -> Result<Self, EngineError> {
        let mut upstream = self.upstream.at(id);
        if fleet.limits.in_flight != before.limits.in_flight {
            upstream = upstream.bounded(fleet.limits.in_flight);
        }
        let (mut watcher, mut probes) = (self.watcher.clone(), self.probes.clone());
        let is_probed_anew = fleet.probing != before.probing;
        if is_probed_anew {
            watcher.client = client(beacon, fleet)?;
            watcher.probing = fleet.probing;
            probes = cancel.child_token();
        }
        Ok(Self {
            beacon: beacon.clone(),
            upstream: Arc::new(upstream),
            watcher,
            stream: self.stream.clone(),
            probes,
            is_new: false,
            is_probed_anew,
        })
    }
}

fn client(beacon: &Beacon, fleet: &Fleet) -> Result<BeaconClient, EngineError> {
    BeaconClient::new(beacon, fleet.probing.timeout).map_err(|error| EngineError::Client(Box::new(error)))
}

/// Each old beacon's place in the new fleet file; none if it is gone.
fn places(before: &Generation, seats: &[Seat]) -> Vec<Option<BeaconId>> {
    let place = |old: &Seat| {
        let place = seats.iter().position(|seat| seat.watcher.key == old.watcher.key);
        place.map(|place| BeaconId(place as u16))
    };
    before.seats.iter().map(place).collect()
}

fn labels(fleet: &Fleet, common: &Common) -> Arc<Labels> {
    let clients = fleet.clients.iter().map(|client| client.name.clone());
    let names = Names {
        beacons: fleet.beacons.iter().map(|beacon| beacon.name.clone()).collect(),
        clients: std::iter::once("unnamed".to_owned()).chain(clients).collect(),
    };
    let series = common.metrics.series(&names.for_metrics());
    Arc::new(Labels { names, series })
}

fn router(
    fleet: &Fleet,
    seats: &[Seat],
    common: &Common,
    before: Option<&Generation>,
    (table, memory): (Arc<ArcSwap<Table>>, Arc<Memory>),
    labels: &Arc<Labels>,
) -> Router {
    let keys: Vec<Key> = seats.iter().map(|seat| seat.watcher.key).collect();
    let reports = common.pool.clone();
    let lane = Lane {
        upstreams: seats.iter().map(|seat| seat.upstream.clone()).collect(),
        clock: common.clock.clone(),
        // A full queue means the pool's task hears of this beacon already.
        report: Arc::new(move |id| drop(reports.try_send(Message::Said(keys[id.index()], Said::Broken)))),
    };
    let same_bodies = before.filter(|before| before.fleet.limits.bodies == fleet.limits.bodies);
    let bodies = || Arc::new(Semaphore::new(Router::permits(&fleet.limits)));
    Router {
        lane,
        table,
        facts: common.facts.clone(),
        hub: common.hub.clone(),
        memory,
        seeding: Seeding::new(common.desk.clone(), fleet.clients.iter().map(|client| client.name.as_str())),
        tenures: common.tenures.clone(),
        policy: Policy::new(&fleet.routing, &fleet.probing),
        clients: Clients::new(fleet.clients.clone()),
        open: fleet.routing.open.clone(),
        limits: fleet.limits,
        sink: Arc::new(Recorder { journal: common.journal.clone(), labels: labels.clone() }),
        gauge: common.gauge.clone(),
        bodies: same_bodies.map_or_else(bodies, |before| before.router.bodies.clone()),
        lasting: common.lasting.clone(),
        turns: common.turns.clone(),
        traces: common.traces.clone(),
    }
}

fn course(fleet: &Fleet, seats: &[Seat], table: Arc<ArcSwap<Table>>, memory: Arc<Memory>) -> Course {
    let mut hosts: Vec<String> = Vec::new();
    let places = seats.iter().map(|seat| {
        let beacon = &seat.beacon;
        let host = beacon.host().to_owned();
        let place = hosts.iter().position(|known| *known == host).unwrap_or_else(|| {
            hosts.push(host);
            hosts.len() - 1
        });
        let near = fleet.zone.is_some() && beacon.label("zone") == fleet.zone.as_deref();
        Place {
            name: beacon.name.clone(),
            member: Member { roles: beacon.roles, weight: beacon.weight, near, host: place as u16 },
            gauge: seat.upstream.gauge.clone(),
            watcher: seat.watcher.clone(),
        }
    });
    Course {
        fleet: fleet.name.clone(),
        wanted: fleet.genesis_validators_root,
        health: fleet.health,
        places: places.collect(),
        table,
        memory,
    }
}
