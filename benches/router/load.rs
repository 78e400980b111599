//! The load: what validator clients ask, steady and at the due point.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::chain::{Chain, SLOTS_PER_EPOCH, root, signature};
use crate::http::{Connection, get, post};
use crate::proxy::Target;
use crate::stats::Run;

/// Validator clients of a burst.
pub const BURST_CLIENTS: u64 = 200;
/// Attestations each of them publishes.
pub const BURST_EACH: u64 = 10;
/// Validators that sign; what is remembered of each is no growth.
const VALIDATORS: u64 = 10_000;
/// Connections of the memory check.
const MEMORY_CONNECTIONS: u64 = 16;

/// What is asked over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// Small read that is signed: attestation data of the present slot.
    AttestationData,
    /// Small plain read: the head's header.
    Header,
    /// Small write: one attestation.
    Publish,
    /// Bulk read: 200 kB of validators.
    Validators,
}

impl Load {
    /// Every steady load.
    pub const ALL: [Load; 4] = [Load::AttestationData, Load::Header, Load::Publish, Load::Validators];

    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Load::AttestationData => "attestation data",
            Load::Header => "header",
            Load::Publish => "publish",
            Load::Validators => "validators 200 kB",
        }
    }

    /// The request; `seed` tells one validator from another.
    fn request(self, chain: Chain, seed: u64) -> Vec<u8> {
        match self {
            Load::AttestationData => ready_request(chain),
            Load::Header => get("/eth/v1/beacon/headers/head"),
            Load::Publish => publish(chain, seed),
            Load::Validators => get("/eth/v1/beacon/states/head/validators?status=active_ongoing"),
        }
    }
}

/// What a target must answer before it is measured.
pub fn ready_request(chain: Chain) -> Vec<u8> {
    get(&format!("/eth/v1/validator/attestation_data?slot={}&committee_index=0", chain.slot()))
}

fn publish(chain: Chain, seed: u64) -> Vec<u8> {
    let slot = chain.slot();
    let epoch = slot / SLOTS_PER_EPOCH;
    let validator = seed % VALIDATORS;
    let body = serde_json::json!([{
        "committee_index": (validator % 64).to_string(),
        "attester_index": validator.to_string(),
        "data": {
            "slot": slot.to_string(), "index": "0", "beacon_block_root": root(slot),
            "source": {"epoch": epoch.saturating_sub(1).to_string(),
                "root": root(epoch.saturating_sub(1) * SLOTS_PER_EPOCH)},
            "target": {"epoch": epoch.to_string(), "root": root(epoch * SLOTS_PER_EPOCH)},
        },
        "signature": signature(seed),
    }]);
    post("/eth/v2/beacon/pool/attestations", &body.to_string())
}

/// Asks one thing over so many connections for so long.
pub async fn steady(
    target: &Target,
    load: Load,
    chain: Chain,
    connections: u64,
    time: Duration,
) -> anyhow::Result<Run> {
    let mut opened = Vec::new();
    for seed in 0..connections {
        let request = load.request(chain, seed);
        opened.push((open(target.address, &request).await?, request));
    }
    let meter = Meter::start(target);
    let end = meter.start + time;
    let mut tasks = JoinSet::new();
    for (mut connection, request) in opened {
        tasks.spawn(async move {
            let mut run = Run::default();
            let mut sent = Instant::now();
            while sent < end {
                let status = connection.exchange(&request).await;
                let answered = Instant::now();
                if !run.add(sent, answered, status) {
                    break;
                }
                sent = answered;
            }
            run
        });
    }
    gather(tasks, meter).await
}

/// All clients publish at one instant, each its attestations one after the other; times count from that instant.
pub async fn burst(target: &Target, chain: Chain) -> anyhow::Result<Run> {
    let mut clients = Vec::new();
    for client in 0..BURST_CLIENTS {
        let requests = (0..BURST_EACH).map(|n| publish(chain, client * BURST_EACH + n)).collect();
        clients.push((open(target.address, &get("/eth/v1/node/version")).await?, requests));
    }
    let (tasks, meter) = at_once(clients, || Meter::start(target)).await;
    gather(tasks, meter).await
}

/// Releases all clients at one instant, each with its requests, one after the other; times count from that instant. `ready`
/// is called just before it.
pub async fn at_once<T>(
    clients: Vec<(Connection, Vec<Vec<u8>>)>,
    ready: impl FnOnce() -> T,
) -> (JoinSet<Run>, T) {
    let released = Arc::new(Barrier::new(clients.len() + 1));
    let mut tasks = JoinSet::new();
    for (mut connection, requests) in clients {
        let released = released.clone();
        tasks.spawn(async move {
            released.wait().await;
            let start = Instant::now();
            let mut run = Run::default();
            for request in &requests {
                let status = connection.exchange(request).await;
                if !run.add(start, Instant::now(), status) {
                    break;
                }
            }
            run
        });
    }
    let ready = ready();
    released.wait().await;
    (tasks, ready)
}

/// So many requests over a few connections, reads and writes by turns.
pub async fn count(target: &Target, chain: Chain, requests: u64) -> anyhow::Result<Run> {
    let meter = Meter::start(target);
    let mut tasks = JoinSet::new();
    for seed in 0..MEMORY_CONNECTIONS {
        let mut connection = open(target.address, &get("/eth/v1/node/version")).await?;
        tasks.spawn(async move {
            let mut run = Run::default();
            for turn in 0..requests / MEMORY_CONNECTIONS {
                // Made anew each time: slots pass, and no two signatures are alike.
                let load = if turn % 2 == 0 { Load::AttestationData } else { Load::Publish };
                let request = load.request(chain, turn * MEMORY_CONNECTIONS + seed);
                let sent = Instant::now();
                let status = connection.exchange(&request).await;
                if !run.add(sent, Instant::now(), status) {
                    break;
                }
            }
            run
        });
    }
    gather(tasks, meter).await
}

/// Time and the proxy's processor time from the moment all connections are open.
struct Meter<'a> {
    target: &'a Target,
    start: Instant,
    cpu_ns: Option<u64>,
}

impl<'a> Meter<'a> {
    fn start(target: &'a Target) -> Self {
        Self { target, start: Instant::now(), cpu_ns: target.cpu_ns() }
    }

    fn stop(&self, run: &mut Run) {
        run.wall = self.start.elapsed();
        run.cpu_ns = self.target.cpu_ns().zip(self.cpu_ns).map(|(now, then)| now.saturating_sub(then));
    }
}

/// A connection that has been answered once, as those of a validator client have.
pub async fn open(address: SocketAddr, request: &[u8]) -> anyhow::Result<Connection> {
    let mut connection = Connection::open(address).await.context("connecting to a target")?;
    connection.exchange(request).await.context("asking a target once")?;
    Ok(connection)
}

async fn gather(mut tasks: JoinSet<Run>, meter: Meter<'_>) -> anyhow::Result<Run> {
    let mut all = Run::default();
    while let Some(run) = tasks.join_next().await {
        all.merge(run.context("a client of the load panicked")?);
    }
    meter.stop(&mut all);
    Ok(all)
}
