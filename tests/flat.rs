//! Memory and descriptors of `serve` stay flat: 200 simulated clients on real sockets, slots of half a second. The short form
//! runs everywhere; the long one takes an hour of 7,200 slots and prints a table:
//!
//! ```text
//! cargo test --release --test flat -- --ignored --nocapture
//! ```

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
#![allow(clippy::print_stdout, reason = "what was measured is told")]

#[path = "store/program.rs"]
mod program;

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use beacondeck::model::Slot;
use beacondeck::sim::{SimConfig, SimNetwork};
use program::Serve;

const CLIENTS: usize = 200;
const BEACONS: usize = 4;
const SLOT_MS: u64 = 500;

/// What `serve` has at the end of a slot.
#[derive(Debug, Clone, Copy)]
struct Sample {
    slot: u64,
    /// Resident kibibytes (`VmRSS`, `proc(5)`).
    resident: u64,
    descriptors: u64,
}

fn sample(pid: u32, slot: u64) -> Sample {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64;
    Sample { slot, resident: resident.unwrap().parse().unwrap(), descriptors }
}

/// Growth in a hundred slots: the median of what any two of these points tell (Theil and Sen), which a single step does not move.
fn slope(samples: &[Sample], of: fn(&Sample) -> u64) -> f64 {
    let mut all = Vec::new();
    for (place, one) in samples.iter().enumerate() {
        for other in &samples[place + 1..] {
            let slots = other.slot as f64 - one.slot as f64;
            all.push((of(other) as f64 - of(one) as f64) / slots * 100.0);
        }
    }
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn fleet(dir: &Path, door: SocketAddr, network: &SimNetwork) -> PathBuf {
    let at = dir.display();
    let mut text = format!("fleet: flat\nlisten: {door}\ncontrol: {at}/run\nstate: {at}/state\nbeacons:\n");
    for (place, url) in network.urls().iter().enumerate() {
        writeln!(text, "  - {{name: b{place}, url: \"{url}\", labels: {{host: h{place}}}}}").unwrap();
    }
    let file = dir.join("fleet.yaml");
    std::fs::write(&file, text).unwrap();
    file
}

/// Runs so many slots; what `serve` has every `every` of them.
async fn run(slots: u64, every: u64) -> Vec<Sample> {
    let mut network = SimNetwork::start(SimConfig {
        beacons: BEACONS,
        clients: CLIENTS,
        validators: CLIENTS as u64 * 8,
        slot_ms: SLOT_MS,
        slots_per_epoch: 8,
        past_epochs: 3,
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    // Free a moment ago, and nobody else is told of it.
    let door = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
    let serve = Serve::start(&fleet(dir.path(), door, &network));
    let began = Instant::now();
    let well = || {
        let status = serve.status();
        status["beacons"].as_array().is_some_and(|all| all.iter().all(|beacon| beacon["healthy"] == true))
    };
    while !well() {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", serve.status());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let idle = sample(serve.pid(), 0).descriptors;
    network.start_clients(&format!("http://{door}"));
    let first = network.slot().unwrap().0;
    let mut samples = Vec::new();
    for slot in (first + every..=first + slots).step_by(every as usize) {
        network.until_slot(Slot(slot)).await;
        samples.push(sample(serve.pid(), slot - first));
        if samples.len() == 1 {
            println!("{:>6} {:>10} {:>11}", "slot", "RSS, KiB", "descriptors");
        }
        let last = samples[samples.len() - 1];
        println!("{:>6} {:>10} {:>11}", last.slot, last.resident, last.descriptors);
    }
    let status = serve.status();
    let answered: u64 =
        status["beacons"].as_array().unwrap().iter().filter_map(|beacon| beacon["answered"].as_u64()).sum();
    println!("beacons answered {answered} requests in {slots} slots");
    assert!(answered > slots * CLIENTS as u64 / 2, "the clients did nothing: {answered} requests");
    for client in 0..CLIENTS {
        network.stop_client(client).await;
    }
    let began = Instant::now();
    while sample(serve.pid(), 0).descriptors > idle + BEACONS as u64 * 16 {
        let left = sample(serve.pid(), 0).descriptors;
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{left} descriptors without clients, {idle} before"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(serve.terminate(), Some(0));
    network.stop().await;
    samples
}

/// After a warm-up, in which caches fill, memory grows by no more than so many KiB a hundred slots, and the last third has no
/// more descriptors than the first: how many depends on who asks at once, so means are compared.
fn judge(samples: &[Sample], warm_up: u64, kib: f64) {
    let warm: Vec<Sample> = samples.iter().copied().filter(|sample| sample.slot > warm_up).collect();
    let memory = slope(&warm, |sample| sample.resident);
    let third = warm.len() / 3;
    let mean = |part: &[Sample]| {
        part.iter().map(|sample| sample.descriptors as f64).sum::<f64>() / part.len() as f64
    };
    let (first, last) = (mean(&warm[..third]), mean(&warm[warm.len() - third..]));
    println!(
        "after {warm_up} slots: {memory:+.1} KiB a hundred slots, {first:.0} descriptors, then {last:.0}"
    );
    assert!(memory <= kib, "memory grows by {memory:.1} KiB a hundred slots: {samples:?}");
    assert!(last <= first * 1.5, "{first:.0} descriptors, then {last:.0}: {samples:?}");
}

/// Forty seconds: memory is still what the first epochs fill, so only what is kept of every request would show.
#[tokio::test(flavor = "multi_thread")]
async fn memory_and_descriptors_of_eighty_slots() {
    judge(&run(80, 5).await, 20, 100.0 * 1_024.0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "an hour"]
async fn memory_and_descriptors_are_flat_over_7200_slots() {
    judge(&run(7_200, 100).await, 1_800, 128.0);
}

#[test]
fn a_slope_is_what_a_hundred_slots_add() {
    let samples: Vec<Sample> =
        (1..=5).map(|n| Sample { slot: n * 50, resident: 1_000 + n * 7, descriptors: 12 }).collect();
    assert!((slope(&samples, |sample| sample.resident) - 14.0).abs() < 1e-9);
    let step = |n: u64| Sample { slot: n * 50, resident: if n > 2 { 4_000 } else { 1_000 }, descriptors: 12 };
    assert!(slope(&(0..20).map(step).collect::<Vec<_>>(), |sample| sample.resident).abs() < 1e-9);
    assert!(slope(&samples, |sample| sample.descriptors).abs() < 1e-9);
}
