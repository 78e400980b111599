//! What the end-to-end tests share: an engine of its own with a directory of its own, and bounded waits.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use beacondeck::config;
use beacondeck::control::{Access, Answer, Client, Order, Request};
use beacondeck::engine::Engine;
use beacondeck::model::{BeaconStatus, Explanation, Fleet, FleetStatus};
use beacondeck::sim::{SimConfig, SimNetwork};

/// What a fleet file says where beacons are found well, or ill, at once.
#[allow(dead_code, reason = "each test file uses its own part of the rig")]
pub const KNOBS: &str = "probing: {interval: 200ms, timeout: 400ms}\nhealth: {rise: 1, warm-up-slots: 0}\n";

/// Three beacons and a client, in epochs of two slots, which begin often.
#[allow(dead_code, reason = "each test file uses its own part of the rig")]
pub async fn short_epochs() -> SimNetwork {
    let config = SimConfig {
        beacons: 3,
        clients: 1,
        validators: 16,
        slot_ms: 1_000,
        slots_per_epoch: 2,
        past_epochs: 3,
        ..SimConfig::default()
    };
    SimNetwork::start(config).await.unwrap()
}

/// An engine in front of a simulated network.
pub struct Rig {
    pub engine: Engine,
    pub fleet: Fleet,
    dir: tempfile::TempDir,
}

#[allow(dead_code, reason = "each test file uses its own part of the rig")]
impl Rig {
    /// Starts one; `extra` is appended to the fleet file.
    pub async fn start(network: &SimNetwork, extra: &str) -> Self {
        let mut beacons = String::new();
        for (place, url) in network.urls().iter().enumerate() {
            writeln!(beacons, "  - {{name: b{place}, url: \"{url}\", labels: {{host: h{place}}}}}").unwrap();
        }
        Self::with(&format!("beacons:\n{beacons}{extra}")).await
    }

    /// Starts one with a fleet file of which only names, addresses and directories are given here.
    pub async fn with(rest: &str) -> Self {
        Self::at("127.0.0.1:0", rest).await
    }

    /// The same at doors of one's own: what follows `listen:`.
    pub async fn at(listen: &str, rest: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fleet.yaml");
        let at = dir.path().display();
        let text = format!(
            "fleet: test\nlisten: {listen}\nmetrics: 127.0.0.1:0\ncontrol: {at}/run\nstate: {at}/state\n{rest}"
        );
        std::fs::write(&file, text).unwrap();
        let fleet = config::load(&file).unwrap_or_else(|error| panic!("{}", error.render())).fleet;
        let engine = Engine::start(&fleet).await.unwrap();
        Self { engine, fleet, dir }
    }

    /// The fleet file.
    pub fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("fleet.yaml")
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.engine.doors[0])
    }

    pub fn status(&self) -> Arc<FleetStatus> {
        self.engine.status().borrow().clone()
    }

    pub fn beacon(&self, place: usize) -> BeaconStatus {
        self.status().beacons[place].clone()
    }

    /// Asks by the control socket.
    pub async fn ask(&self, request: Request) -> Answer {
        let mut client = Client::connect(&self.fleet.control, Access::Control, "test").await.unwrap();
        client.call(request).await.unwrap()
    }

    /// Drain (true) or resume by the control socket.
    pub async fn order(&self, place: usize, drain: bool) {
        let beacon = self.beacon(place).name;
        let order = if drain { Order::Drain { beacon } } else { Order::Resume { beacon } };
        assert!(matches!(self.ask(Request::order(order)).await, Answer::Done { .. }));
    }

    /// The newest explanations.
    pub async fn explain(&self, limit: u32) -> Vec<Explanation> {
        match self.ask(Request::Explain { slot: None, client: None, limit }).await {
            Answer::Explained(list) => list,
            other => panic!("{other:?}"),
        }
    }

    /// Stops it; what it left behind is for [`Rig::again`].
    pub async fn stop_for_now(self) -> (Fleet, tempfile::TempDir) {
        self.engine.stop().await;
        (self.fleet, self.dir)
    }

    /// Starts it again with the same fleet file and state.
    pub async fn again((fleet, dir): (Fleet, tempfile::TempDir)) -> Self {
        let engine = Engine::start(&fleet).await.unwrap();
        Self { engine, fleet, dir }
    }

    pub async fn stop(self) {
        self.engine.stop().await;
    }
}

/// Waits until `holds`, at most `bound`. Whether it came to hold.
#[allow(dead_code, reason = "each test file uses its own part of the rig")]
pub async fn wait_for(bound: Duration, holds: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > bound {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}
