//! One slot: every attester asks for its data at once, of beacons to which that is work. What it costs router and beacons.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::time::sleep;

use crate::chain::{Chain, SLOTS_PER_EPOCH};
use crate::http::{Connection, get};
use crate::load;
use crate::origin::Origin;
use crate::proxy::{Kind, Target};
use crate::report;
use crate::stats::{Run, Sample};

/// Validators, each of which attests once an epoch.
const VALIDATORS: u64 = 10_000;
const CLIENTS: u64 = 200;
const PER_SLOT: u64 = VALIDATORS / SLOTS_PER_EPOCH;
/// Committees of a slot: each is asked for by its index, as clients do.
const COMMITTEES: u64 = 64;
/// From a slot's start, when its head is told, to the clients' questions.
const AFTER_HEAD: Duration = Duration::from_millis(500);

/// A target with beacons of its own, so that their processor time is known apart.
struct Stand {
    target: Target,
    origins: Vec<Origin>,
}

/// What one target took in all rounds.
pub struct Taken {
    pub kind: Kind,
    pub slots: u32,
    /// Attestation data that beacons were asked for.
    pub reads: u64,
    pub sample: Sample,
    /// Nanoseconds of processor time of the proxy, and of its beacons.
    pub cpu_ns: (u64, u64),
}

/// Measures so many slots, all targets in each. Gives the number of failed requests.
pub async fn measure(
    kinds: &[Kind],
    dir: &Path,
    chain: Chain,
    work_us: u64,
    slots: u32,
) -> anyhow::Result<u64> {
    let mut stands = Vec::new();
    for kind in kinds {
        stands.push(Stand::start(*kind, &dir.join(format!("slot-{}", kind.name())), chain, work_us).await?);
    }
    let mut taken: Vec<Taken> = kinds.iter().map(|kind| Taken::none(*kind)).collect();
    for _ in 0..slots {
        sleep(chain.until_next() + AFTER_HEAD).await;
        for (stand, taken) in stands.iter().zip(&mut taken) {
            stand.slot(chain, taken).await?;
        }
    }
    report::slot(taken, PER_SLOT, work_us)
}

impl Taken {
    fn none(kind: Kind) -> Self {
        Self { kind, slots: 0, reads: 0, sample: Sample::default(), cpu_ns: (0, 0) }
    }
}

impl Stand {
    async fn start(kind: Kind, dir: &Path, chain: Chain, work_us: u64) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        let mut origins = Vec::new();
        for _ in 0..2 {
            origins.push(Origin::start(chain, 0, work_us).await?);
        }
        let addresses: Vec<SocketAddr> = origins.iter().map(|origin| origin.address).collect();
        let mut target = Target::start(kind, dir, &addresses, 1).await?;
        target.wait_until_ready(&load::ready_request(chain)).await?;
        Ok(Self { target, origins })
    }

    async fn slot(&self, chain: Chain, taken: &mut Taken) -> anyhow::Result<()> {
        // Clients keep their connections: opening them is not what is measured.
        let mut clients = Vec::new();
        for client in 0..CLIENTS {
            let connection = load::open(self.target.address, &get("/eth/v1/node/version")).await?;
            clients.push((connection, questions(client, chain.slot())));
        }
        let (reads, proxy, beacons) = (self.reads().await?, self.target.cpu_ns(), self.cpu_ns()?);
        taken.sample.add(ask(clients).await?);
        taken.slots += 1;
        taken.reads += self.reads().await? - reads;
        taken.cpu_ns.0 += self.target.cpu_ns().zip(proxy).map_or(0, |(now, then)| now.saturating_sub(then));
        taken.cpu_ns.1 += self.cpu_ns()?.saturating_sub(beacons);
        Ok(())
    }

    async fn reads(&self) -> anyhow::Result<u64> {
        let mut all = 0;
        for origin in &self.origins {
            all += origin.reads().await?;
        }
        Ok(all)
    }

    fn cpu_ns(&self) -> anyhow::Result<u64> {
        let each = self.origins.iter().map(Origin::cpu_ns);
        each.sum::<Option<u64>>().context("the kernel does not say what processor time origins used")
    }
}

/// What a client asks in a slot: data for each of its validators that attests.
fn questions(client: u64, slot: u64) -> Vec<Vec<u8>> {
    let validators = (0..PER_SLOT).filter(|validator| validator % CLIENTS == client);
    let question = |validator: u64| {
        let committee = validator % COMMITTEES;
        get(&format!("/eth/v1/validator/attestation_data?slot={slot}&committee_index={committee}"))
    };
    validators.map(question).collect()
}

async fn ask(clients: Vec<(Connection, Vec<Vec<u8>>)>) -> anyhow::Result<Run> {
    let (mut tasks, began) = load::at_once(clients, Instant::now).await;
    let mut all = Run::default();
    while let Some(run) = tasks.join_next().await {
        all.merge(run.context("a client of the load panicked")?);
    }
    all.wall = began.elapsed();
    Ok(all)
}
