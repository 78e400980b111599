//! What a router costs: the same load straight at a beacon, through HAProxy, and through `beacondeck serve`.
//!
//! It owns processes on loopback: two origins that answer like beacon nodes (this same binary with `--role origin`), HAProxy
//! and beacondeck before them, and the load. All targets are measured in turns within one run, so that what disturbs the
//! machine disturbs all of them. It never judges speed: `--smoke` fails only if something does not work. To add a load,
//! add it to `load::steady_loads`; to add a target, add it to `proxy::Kind`.
//!
//! ```text
//! cargo bench --bench router                         # the whole of it, some ten minutes
//! cargo bench --bench router -- --smoke              # everything once and short (or BEACONDECK_BENCH_SMOKE=1)
//! cargo bench --bench router -- --targets direct,haproxy --delay-ms 1
//! cargo bench --bench router -- --parts slot          # one minute
//! ```

mod chain;
mod http;
mod load;
mod origin;
mod process;
mod proxy;
mod report;
mod slot;
mod stats;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

use chain::Chain;
use load::Load;
use proxy::{Kind, Target};
use report::Row;
use stats::Sample;

/// Processor time of one `produceAttestationData` at a Lodestar 1.5 with a state of 64 validators, in microseconds (230 by
/// /proc, over one connection); larger states take more.
const WORK_US: u64 = 200;
/// `EX_UNAVAILABLE`: a program that is measured is not installed.
const UNAVAILABLE: u8 = 69;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Starts everything and measures.
    Driver,
    /// Answers like a beacon node until its standard input ends.
    Origin,
}

/// What is measured of each target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Throughput, latency and processor time under steady load.
    Steady,
    /// The burst of publications at the due point.
    Burst,
    /// Resident memory over many requests.
    Memory,
    /// One slot's attestation data.
    Slot,
}

#[derive(Debug, Parser)]
#[command(name = "router", about = "Measures direct, haproxy and beacondeck with the same load")]
struct Args {
    /// What this process is
    #[arg(long, value_enum, default_value_t = Role::Driver)]
    role: Role,
    /// Everything once and short; speed is not judged
    #[arg(long, env = "BEACONDECK_BENCH_SMOKE", value_parser = clap::builder::FalseyValueParser::new())]
    smoke: bool,
    /// What to measure
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Direct, Kind::Haproxy, Kind::Beacondeck])]
    targets: Vec<Kind>,
    /// What to measure of them
    #[arg(long, value_enum, value_delimiter = ',',
        default_values_t = [Part::Steady, Part::Burst, Part::Memory, Part::Slot])]
    parts: Vec<Part>,
    /// Time an origin takes for each answer, in milliseconds
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Processor time that attestation data takes an origin in the one-slot measurement, in microseconds
    #[arg(long, default_value_t = WORK_US)]
    work_us: u64,
    /// Beacons a signed message goes to through beacondeck (`routing.broadcast.messages`)
    #[arg(long, default_value_t = 3)]
    broadcast: u8,
    /// Time of each measurement in a round, in milliseconds [default: 3000, with --smoke 250]
    #[arg(long)]
    time_ms: Option<u64>,
    /// Rounds over all targets [default: 5, with --smoke 1]
    #[arg(long)]
    rounds: Option<u32>,
    /// Requests of the memory check [default: 1000000, with --smoke 2000]
    #[arg(long)]
    memory_requests: Option<u64>,
    /// Genesis of the origins' chain, Unix seconds; the driver chooses it for all of them
    #[arg(long, default_value_t = 0)]
    genesis: u64,
    /// Given by cargo; means nothing here
    #[arg(long, hide = true)]
    bench: bool,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Effort {
    time: Duration,
    rounds: u32,
    memory_requests: u64,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    // What asks an origin how much it was asked is built with TLS, which needs one of its providers, once.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // One thread: the load and an origin each take a core at most, and the proxy is what is measured.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match args.role {
        Role::Origin => {
            let chain = Chain { genesis: args.genesis };
            let (delay, work) = (Duration::from_millis(args.delay_ms), Duration::from_micros(args.work_us));
            runtime.block_on(origin::run(chain, delay, work))?;
            Ok(ExitCode::SUCCESS)
        }
        Role::Driver if args.targets.contains(&Kind::Haproxy) && !proxy::haproxy_is_there() => {
            report::complain(
                "HAProxy is not installed: apt-get install haproxy, or leave it out with --targets",
            );
            Ok(ExitCode::from(UNAVAILABLE))
        }
        Role::Driver => runtime.block_on(drive(&args)),
    }
}

async fn drive(args: &Args) -> anyhow::Result<ExitCode> {
    let (time_ms, rounds, requests) = if args.smoke { (250, 1, 2_000) } else { (3_000, 5, 1_000_000) };
    let effort = Effort {
        time: Duration::from_millis(args.time_ms.unwrap_or(time_ms)),
        rounds: args.rounds.unwrap_or(rounds).max(1),
        memory_requests: args.memory_requests.unwrap_or(requests),
    };
    let chain = Chain::begun_before_now();
    let scratch = tempfile::TempDir::new().context("making a scratch directory")?;
    let mut origins = Vec::new();
    for _ in 0..2 {
        origins.push(origin::Origin::start(chain, args.delay_ms, 0).await?);
    }
    let addresses: Vec<SocketAddr> = origins.iter().map(|origin| origin.address).collect();
    let mut targets = Vec::new();
    for kind in &args.targets {
        let mut target = Target::start(*kind, scratch.path(), &addresses, args.broadcast).await?;
        target.wait_until_ready(&load::ready_request(chain)).await?;
        targets.push(target);
    }
    let mut failed = 0;
    for part in &args.parts {
        failed += match part {
            Part::Steady => measure_steady(&targets, chain, &effort).await?,
            Part::Burst => measure_burst(&targets, chain, effort.rounds).await?,
            Part::Memory => measure_memory(&targets, chain, effort.memory_requests).await?,
            Part::Slot => {
                slot::measure(&args.targets, scratch.path(), chain, args.work_us, effort.rounds).await?
            }
        };
    }
    if failed > 0 {
        report::complain(&format!("{failed} requests failed"));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Throughput, latency and processor time under steady load. Gives the number of failed requests.
async fn measure_steady(targets: &[Target], chain: Chain, effort: &Effort) -> anyhow::Result<u64> {
    let mut rows = Vec::new();
    for load in Load::ALL {
        for connections in [1, 64] {
            let mut samples: Vec<Sample> = targets.iter().map(|_| Sample::default()).collect();
            for _ in 0..effort.rounds {
                for (target, sample) in targets.iter().zip(&mut samples) {
                    sample.add(load::steady(target, load, chain, connections, effort.time).await?);
                }
            }
            let name = format!("{}, {connections} conn", load.name());
            rows.extend(
                targets.iter().zip(samples).map(|(target, sample)| Row::new(&name, target.kind, sample)),
            );
        }
    }
    report::steady(&rows)
}

/// The due point: 200 clients with 10 attestations each, released at one instant.
async fn measure_burst(targets: &[Target], chain: Chain, rounds: u32) -> anyhow::Result<u64> {
    let mut samples: Vec<Sample> = targets.iter().map(|_| Sample::default()).collect();
    for _ in 0..rounds {
        for (target, sample) in targets.iter().zip(&mut samples) {
            sample.add(load::burst(target, chain).await?);
        }
    }
    let name = format!("burst {}x{} POST", load::BURST_CLIENTS, load::BURST_EACH);
    let rows: Vec<Row> =
        targets.iter().zip(samples).map(|(target, sample)| Row::new(&name, target.kind, sample)).collect();
    report::burst(&rows)
}

/// Resident memory before and after many requests.
async fn measure_memory(targets: &[Target], chain: Chain, requests: u64) -> anyhow::Result<u64> {
    let mut rows = Vec::new();
    let mut failed = 0;
    for target in targets.iter().filter(|target| target.kind != Kind::Direct) {
        // Caches and pools fill with the first requests; what grows after them is what is looked for.
        let warm_up = load::count(target, chain, requests / 10).await?;
        let before = target.resident()?;
        let run = load::count(target, chain, requests).await?;
        for why in [warm_up.why, run.why].into_iter().flatten() {
            report::complain(&format!("{}: a request failed with: {why}", target.kind.name()));
        }
        failed += warm_up.failed + run.failed;
        rows.push((target.kind, before, target.resident()?));
    }
    report::memory(&rows, requests)?;
    Ok(failed)
}
