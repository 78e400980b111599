//! What a console costs: attached to a real `serve` of 100 simulated beacons, on a terminal of 200x50 of this program's own.
//!
//! It owns the simulated network, the serve, the terminal and the console in it. It measures the time from a key to the picture
//! that shows what it did, in calm and with every core busy, the console's share of a core while data come in, and its memory.
//! It never judges speed: `--smoke` fails only if something does not work.
//!
//! ```text
//! cargo bench --bench console                 # a minute and a half
//! cargo bench --bench console -- --smoke      # everything once and short (or BEACONDECK_BENCH_SMOKE=1)
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot be set up fails, and prints"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use beacondeck::sim::{SimConfig, SimNetwork};
use clap::Parser;

#[path = "../tests/console/processes.rs"]
mod processes;
#[path = "../tests/console/terminal.rs"]
mod terminal;

use terminal::Terminal;

const BEACONS: usize = 100;
const SIZE: (u16, u16) = (200, 50);
/// What is promised: a key is seen within, share of a core, memory.
const PROMISED: &str = "promised: every key within 30 ms, 3 % of a core, 40 MB";
/// Pauses between two keys are up to this, in milliseconds, so that they meet the console at any moment.
const PAUSE_MS: u64 = 97;

#[derive(Debug, Parser)]
#[command(name = "console", about = "Measures an attached console of 100 beacons")]
struct Args {
    /// Everything once and short; speed is not judged
    #[arg(long, env = "BEACONDECK_BENCH_SMOKE", value_parser = clap::builder::FalseyValueParser::new())]
    smoke: bool,
    /// Given by cargo; means nothing here
    #[arg(long, hide = true)]
    bench: bool,
}

/// A serve of the network; it ends with this.
struct Serve {
    child: Child,
    dir: tempfile::TempDir,
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serve {
    fn start(network: &SimNetwork) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().display();
        let mut text =
            format!("fleet: bench\nlisten: 127.0.0.1:0\ncontrol: {at}/run\nstate: {at}/state\nbeacons:\n");
        for beacon in network.beacons() {
            writeln!(text, "  - {{name: {}, url: \"{}\"}}", beacon.name(), beacon.url()).unwrap();
        }
        std::fs::write(dir.path().join("fleet.yaml"), text).unwrap();
        let mut command = program(&["serve"], &dir.path().join("fleet.yaml"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, dir }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("fleet.yaml")
    }

    /// Waits until it answers questions.
    async fn answers(&self) {
        for _ in 0..600 {
            let asked = program(&["status", "--json"], &self.file()).stderr(Stdio::null()).output().unwrap();
            if asked.status.success() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("serve does not answer within a minute");
    }
}

fn program(args: &[&str], file: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beacondeck"));
    command.args(args).arg("--fleet").arg(file);
    command
}

/// Every core busy until it is dropped.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn start() -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            let ended = ended.clone();
            std::thread::spawn(move || {
                while !ended.load(Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self(ended)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Presses so many keys that move the cursor; the time from each to the picture with the cursor in its new place, sorted.
async fn keys(terminal: &Terminal, number: usize, at: &mut usize) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut pause = 41;
    for _ in 0..number {
        pause = pause * 31 % PAUSE_MS;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let down = pause % 3 > 0 && *at < BEACONS || *at == 1;
        *at = if down { *at + 1 } else { *at - 1 };
        let wanted = format!("› beacon-{at} ");
        times.push(
            terminal.paints(if down { "j" } else { "k" }, |screen| screen.contents().contains(&wanted)),
        );
    }
    times.sort_unstable();
    times
}

fn distribution(what: &str, times: &[Duration]) {
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
    println!(
        "key to paint, {what}: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, most {:.1} ms of {} keys",
        at(50),
        at(90),
        at(99),
        at(100),
        times.len()
    );
}

/// Most memory that was resident, in MB (10^6 bytes).
fn memory(id: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1_024.0 / 1e6
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let (presses, watched) = if args.smoke { (20, 2) } else { (300, 20) };
    let config =
        SimConfig { beacons: BEACONS, auto_blocks_ms: Some(100), past_epochs: 1, ..SimConfig::default() };
    let network = SimNetwork::start(config).await.unwrap();
    let serve = Serve::start(&network);
    serve.answers().await;
    let mut console = program(&["console"], &serve.file());
    console.env("COLORTERM", "truecolor");
    let terminal = Terminal::start(console, SIZE);
    terminal.sees(&["ATTACHED", "/100 up"]).await;
    terminal.press("2");
    terminal.sees(&["› beacon-1 ", "CLIENT"]).await;

    println!("an attached console, {BEACONS} beacons, {}x{}; {PROMISED}", SIZE.0, SIZE.1);
    let share = processes::share(terminal.id(), Duration::from_secs(watched)).await;
    println!("share of a core while data come in: {:.1} % over {watched} s", share * 100.0);
    let mut at = 1;
    distribution("in calm", &keys(&terminal, presses, &mut at).await);
    let busy = Busy::start();
    distribution("every core busy", &keys(&terminal, presses, &mut at).await);
    drop(busy);
    println!("memory: {:.1} MB at most", memory(terminal.id()));
    drop(terminal);
    drop(serve);
    network.stop().await;
}
