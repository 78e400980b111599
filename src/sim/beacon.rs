//! A simulated beacon as tests and the demo hold it: where it listens, and what befalls it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clock::SimClock;
use super::fault::Fault;
use super::gate::{Door, Gate, Order};
use super::server::{self, Server};
use super::world::{Link, Mood, Shared};
use crate::model::{Root, Slot, ValidatorIndex};

/// A beacon node on loopback.
#[derive(Debug)]
pub struct SimBeacon {
    name: String,
    address: SocketAddr,
    server: Arc<Server>,
    orders: watch::Sender<Order>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl SimBeacon {
    /// Binds a free port of 127.0.0.1 and serves there until `cancel`.
    pub(super) async fn start(
        node: usize,
        world: Shared,
        clock: SimClock,
        latency_ms: u64,
        cancel: CancellationToken,
        tasks: TaskTracker,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let name = world.with(|world| world.nodes[node].name.clone());
        let server = Arc::new(Server {
            node,
            world,
            clock,
            fault: Mutex::new(None),
            latency_ms,
            requests: AtomicU64::new(0),
            tags: Mutex::default(),
            gate: Arc::new(Gate::default()),
            obeyed: watch::Sender::new(0),
        });
        let (orders, watched) = watch::channel(Order::OPEN);
        tasks.spawn(server::run(server.clone(), listener, watched, cancel.clone()));
        Ok(Self { name, address, server, orders, cancel, tasks })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is wrong with it at present.
    pub fn fault(&self) -> Option<Fault> {
        *self.server.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests whose head has arrived since the start.
    pub fn requests(&self) -> u64 {
        self.server.requests.load(Ordering::Relaxed)
    }

    /// How often a request with each value of the header `x-sim-tag` has arrived since the start.
    pub fn tags(&self) -> HashMap<String, u32> {
        self.server.tags.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whom a block of this validator made here pays; none: nobody told it since its start.
    pub fn fee_recipient(&self, validator: ValidatorIndex) -> Option<[u8; 20]> {
        self.server
            .world
            .with(|world| world.nodes[self.server.node].memory.preparations.get(&validator).copied())
    }

    /// From now on it refuses any body that names a fee recipient for this validator.
    pub fn deny(&self, validator: ValidatorIndex) {
        self.server.world.with(|world| world.nodes[self.server.node].denied.insert(validator));
    }

    /// Committees it holds subscriptions of.
    pub fn subscribed(&self) -> usize {
        self.server.world.with(|world| world.nodes[self.server.node].memory.subscribed.len())
    }

    /// Sync subcommittees it holds subscriptions of.
    pub fn sync_subscribed(&self) -> usize {
        self.server.world.with(|world| world.nodes[self.server.node].memory.sync_subnets.len())
    }

    /// Registrations of each body it got since its start, in order.
    pub fn registered(&self) -> Vec<usize> {
        self.server.world.with(|world| world.nodes[self.server.node].memory.bodies.clone())
    }

    /// What it was told (`committees`, `preparations`) and asked for (`block`, `aggregate`) since its start, the first time
    /// of each, in order.
    pub fn firsts(&self) -> Vec<&'static str> {
        self.server.world.with(|world| world.nodes[self.server.node].memory.firsts.clone())
    }

    /// Its own head.
    pub fn head(&self) -> (Slot, Root) {
        let (node, now) = (self.server.node, self.server.clock.now());
        self.server.world.with(|world| {
            world.advance(node, now);
            let root = world.nodes[node].head;
            (world.tree.slot(root), root)
        })
    }

    /// Lets a fault befall it, in place of the one it has.
    pub fn set(&self, fault: Fault) {
        let turn = self.change(Some(fault));
        if let Fault::Gc { pause_ms, run_ms } = fault {
            let (pause, run) = (Duration::from_millis(pause_ms), Duration::from_millis(run_ms));
            let turns = collect_garbage(self.server.gate.clone(), turn, pause, run);
            let cancel = self.cancel.clone();
            self.tasks.spawn(async move { cancel.run_until_cancelled(turns).await });
        }
    }

    /// Nothing is wrong any more.
    pub fn heal(&self) {
        self.change(None);
    }

    /// Takes it down for `down`; it comes back without what it was told, and listens when this returns.
    pub async fn restart(&self, down: Duration) {
        self.set(Fault::Restart);
        self.settled().await;
        tokio::time::sleep(down).await;
        self.heal();
        self.settled().await;
    }

    /// Restarts it behind a proxy that keeps every connection and stream: no wire tells of it.
    pub fn restart_unseen(&self) {
        let (node, now) = (self.server.node, self.server.clock.now());
        self.server.world.with(|world| {
            world.advance(node, now);
            world.nodes[node].reborn(now);
        });
    }

    /// Waits until its sockets follow the last [`set`](Self::set) or [`heal`](Self::heal); both return before that.
    pub async fn settled(&self) {
        let turn = self.orders.borrow().turn;
        let mut obeyed = self.server.obeyed.subscribe();
        tokio::select! {
            // Its sender lives as long as this beacon.
            _ = obeyed.wait_for(|obeyed| *obeyed >= turn) => {}
            () = self.cancel.cancelled() => {}
        }
    }

    fn change(&self, fault: Option<Fault>) -> u64 {
        let was =
            std::mem::replace(&mut *self.server.fault.lock().unwrap_or_else(PoisonError::into_inner), fault);
        let (node, now) = (self.server.node, self.server.clock.now());
        self.server.world.with(|world| {
            // Going down it forgets, and what others sent while it was down it never had.
            if [was, fault].contains(&Some(Fault::Restart)) {
                world.advance(node, now);
                world.nodes[node].reborn(now);
            }
            world.nodes[node].clock_ms = fault.map_or(0, Fault::clock_ms);
            world.nodes[node].mood = fault.map_or(Mood::default(), Fault::mood);
            world.link(node, fault.map_or(Link::Main, Fault::link), now);
        });
        let door = fault.map_or(Door::Open, Fault::door);
        let turn = self.server.gate.set(door);
        self.orders.send_modify(|order| *order = order.next(door, turn));
        turn
    }
}

/// Silence and speech in turn, until the gate is set to something else.
async fn collect_garbage(gate: Arc<Gate>, turn: u64, pause: Duration, run: Duration) {
    while gate.blink(turn, true) {
        tokio::time::sleep(pause).await;
        gate.blink(turn, false);
        tokio::time::sleep(run).await;
    }
}
