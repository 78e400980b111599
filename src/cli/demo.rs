//! `demo`: the whole thing against a simulated fleet on loopback. Nothing to install, an incident to watch.

use std::fmt::Write as _;
use std::fs::{DirBuilder, File};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Global, say};
use crate::config;
use crate::engine::Engine;
use crate::model::{FleetStatus, Labelled, LogFormat, Logging};
use crate::sim::{Recording, Scenario, Script, SimConfig, SimNetwork, scenario, scenarios};
use crate::telemetry;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What happens to the fleet: a scenario's name, or its file; `list` shows them all.
    #[arg(default_value = "hung-beacon")]
    scenario: String,
    /// Write what the engine would have seen to this file, to be replayed, instead of playing it.
    #[arg(long, value_name = "FILE", conflicts_with = "seconds")]
    recording: Option<PathBuf>,
    /// Stop after so many seconds instead of at Ctrl-C.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

/// Runs a scenario until Ctrl-C.
#[expect(clippy::needless_pass_by_value, reason = "all commands have one shape")]
pub fn run(args: Args, _global: &Global) -> anyhow::Result<ExitCode> {
    if args.scenario == "list" {
        for scenario in scenarios()? {
            let played = if scenario.over_http().is_some() { "" } else { " (as a recording only)" };
            say(&format!("{:<22} {}{played}", scenario.name, scenario.story))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = choose(&args.scenario)?;
    if let Some(file) = &args.recording {
        return record(&chosen, file);
    }
    let Some((network, script)) = chosen.over_http() else {
        let name = &chosen.name;
        let words = format!(
            "simulated beacons cannot play {name}; write it with `beacondeck demo {} --recording FILE` and replay that",
            args.scenario
        );
        return Err(Failure::Usage(words).into());
    };
    let dir = Dir::make()?;
    let logging = Logging {
        filter: "info".to_owned(),
        format: LogFormat::Text,
        directory: Some(dir.0.join("logs")),
        keep: 1,
    };
    let _logs = telemetry::start(&logging)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(demo(&chosen, (network, &script), &dir.0, args.seconds))?;
    Ok(ExitCode::SUCCESS)
}

/// The scenario of a name or a file.
fn choose(name: &str) -> anyhow::Result<Scenario> {
    let file = Path::new(name);
    if file.extension().is_some_and(|ending| ending == "yaml") {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        return Ok(Scenario::parse(&stem, &text)?);
    }
    scenario(name)?.ok_or_else(|| {
        let words = format!("there is no scenario {name}; `beacondeck demo list` shows those there are");
        Failure::Usage(words).into()
    })
}

/// Writes a scenario's recording, one object a line.
fn record(scenario: &Scenario, file: &Path) -> anyhow::Result<ExitCode> {
    let cannot = || format!("cannot write {}", file.display());
    let mut out = BufWriter::new(File::create(file).with_context(cannot)?);
    for line in Recording::new(scenario, 0) {
        serde_json::to_writer(&mut out, &line).with_context(cannot)?;
        out.write_all(b"\n").with_context(cannot)?;
    }
    out.flush().with_context(cannot)?;
    say(&format!("{} slots of {} are in {}", scenario.slots, scenario.name, file.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// A directory of the demo's own, gone with it.
struct Dir(PathBuf);

impl Dir {
    fn make() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("beacondeck-demo-{}", std::process::id()));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // What is left behind lies in the system's own directory for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn demo(
    scenario: &Scenario,
    (network, script): (SimConfig, &Script),
    dir: &Path,
    seconds: Option<u64>,
) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut network = SimNetwork::start(network).await?;
    let file = dir.join("fleet.yaml");
    std::fs::write(&file, fleet_file(scenario, &network, dir))?;
    let loaded = config::load(&file)?;
    let engine = Engine::start(&loaded.fleet).await?;
    let doors: Vec<String> = engine.doors.iter().map(|door| format!("http://{door}")).collect();
    network.start_clients_at(&doors);
    // Clients that come in the middle of an epoch have missed its first duties: what counts begins with the next.
    let first = network.epoch().0 + 1;
    network.run(script)?;
    say(&greeting(scenario, &network, &file, &engine))?;
    let mut status = engine.status();
    let mut shown = String::new();
    let end = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    let mut end = std::pin::pin!(end);
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            () = &mut end => break,
            changed = status.changed() => if changed.is_err() { break },
        }
        let line = line(&status.borrow_and_update().clone());
        if line != shown {
            say(&format!("{} {line}", slot_words(&network)))?;
            shown = line;
        }
    }
    let report = network.report_of(first..network.epoch().0);
    say(&format!(
        "\nin the epochs since: attestations due {}, missed {}, late {}, wrong head {}; blocks due {}, missed {}",
        report.due,
        report.missed,
        report.late,
        report.wrong_head,
        report.proposals_due,
        report.proposals_missed
    ))?;
    engine.stop().await;
    network.stop().await;
    Ok(())
}

fn fleet_file(scenario: &Scenario, network: &SimNetwork, dir: &Path) -> String {
    let labels = |of: &Labelled| -> String {
        let labels: Vec<String> = of.labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        labels.join(", ")
    };
    let mut clients = scenario.fleet.clients();
    clients.truncate(network.config().clients);
    // A door a client, so that each is known by name: whoever comes by loopback looks alike otherwise.
    let door = |place: usize| format!("127.0.{}.{}:0", place / 250, place % 250 + 1);
    let doors: Vec<String> = (0..clients.len().max(1)).map(|place| format!("\"{}\"", door(place))).collect();
    let mut text = format!(
        "fleet: demo\nlisten: [{1}]\nmetrics: 127.0.0.1:0\ncontrol: {0}/run\nstate: {0}/state\nclients:\n",
        dir.display(),
        doors.join(", ")
    );
    for (place, of) in clients.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  - {{name: {}, from: \"{}\", labels: {{{}}}}}",
            of.name,
            door(place),
            labels(of)
        );
    }
    text.push_str("beacons:\n");
    for (beacon, of) in network.beacons().iter().zip(scenario.fleet.beacons()) {
        let _ = writeln!(
            text,
            // What is found on this machine is no fault of simulated hosts.
            "  - {{name: {}, url: \"{}\", local: false, labels: {{{}}}}}",
            beacon.name(),
            beacon.url(),
            labels(&of)
        );
    }
    text
}

fn greeting(scenario: &Scenario, network: &SimNetwork, file: &Path, engine: &Engine) -> String {
    let file = file.display();
    let doors: Vec<String> = engine.doors.iter().take(1).map(|door| format!("http://{door}")).collect();
    let metrics = engine.metrics.map_or_else(|| "off".to_owned(), |at| format!("http://{at}/metrics"));
    format!(
        "{}: {}\n\n\
         {} simulated beacons, {} validators in {} clients, slots of {} ms; the router is at {}, metrics at {metrics}\n\n\
         in another terminal, the console and some commands:\n  \
         beacondeck         --fleet {file}\n  \
         beacondeck status  --fleet {file} --watch\n  \
         beacondeck incidents --fleet {file}\n  \
         beacondeck explain --fleet {file} --limit 5\n  \
         beacondeck drain beacon-1 --wait --fleet {file}\n\n\
         Ctrl-C ends it. What changes:",
        scenario.name,
        scenario.story,
        network.beacons().len(),
        network.config().validators,
        network.config().clients,
        network.config().slot_ms,
        doors.join(", "),
    )
}

fn slot_words(network: &SimNetwork) -> String {
    network.slot().map_or_else(|| "before genesis".to_owned(), |slot| format!("slot {slot}:"))
}

fn line(status: &Arc<FleetStatus>) -> String {
    let each: Vec<String> = status
        .beacons
        .iter()
        .map(|beacon| match beacon.reasons.first() {
            None => format!("{} up", beacon.name),
            Some(reason) => format!("{} {reason}", beacon.name),
        })
        .collect();
    each.join(", ")
}
