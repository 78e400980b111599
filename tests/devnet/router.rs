//! Owns what stands between the validator clients and the beacons: the router under test, or nothing, to
//! compare. Starts the router with a fleet file of its own and speaks to it by its commands.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reqwest::Client;
use serde_json::Value;

use super::clock::eventually;
use super::network::{Network, free_ports, url_of};
use super::process::{self, Process};

const ROUTER: &str = env!("CARGO_BIN_EXE_beacondeck");
/// Within this the router must answer that it is healthy.
const UP_BOUND: Duration = Duration::from_secs(60);
/// Within this a command must have done its work, a drain too.
const COMMAND_BOUND: Duration = Duration::from_secs(60);
/// Within this the router must end by itself.
const STOP_BOUND: Duration = Duration::from_secs(20);

/// How the validator clients reach the beacons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// All through the router.
    Router,
    /// Each at its own beacon.
    Direct,
    /// Each with the list of all beacons, its own first: the client's own fallback.
    Fallback,
}

impl Topology {
    /// The topology called so.
    pub fn parse(word: &str) -> Result<Self> {
        Ok(match word {
            "router" => Self::Router,
            "direct" => Self::Direct,
            "fallback" => Self::Fallback,
            _ => bail!("'{word}' is no topology: router, direct or fallback"),
        })
    }
}

/// The place at which the validator clients knock.
#[derive(Debug)]
pub struct Door {
    topology: Topology,
    router: Option<Router>,
}

impl Door {
    /// Opens it; returns when it answers.
    pub async fn open(topology: Topology, net: &Network) -> Result<Self> {
        let router = match topology {
            Topology::Router => Some(Router::start(net).await?),
            Topology::Direct | Topology::Fallback => None,
        };
        Ok(Self { topology, router })
    }

    /// The beacon URLs that each validator client is given.
    pub fn urls(&self, net: &Network) -> Vec<Vec<String>> {
        let all = net.urls();
        let of_client = |i: usize| match (&self.router, self.topology) {
            (Some(router), _) => vec![router.url.clone()],
            (None, Topology::Fallback) => all[i..].iter().chain(&all[..i]).cloned().collect(),
            (None, _) => vec![all[i].clone()],
        };
        (0..all.len()).map(of_client).collect()
    }

    /// The router, where there is one.
    pub fn router(&self) -> Option<&Router> {
        self.router.as_ref()
    }

    /// Stops the router as systemd would; fails if it has ended before or does not end.
    pub fn close(mut self) -> Result<()> {
        let Some(router) = &mut self.router else { return Ok(()) };
        let ended = router.process.ended();
        ensure!(ended.is_none(), "the router ended by itself: {ended:?}\n{}", router.process.tail());
        ensure!(router.process.terminate(STOP_BOUND), "the router does not stop\n{}", router.process.tail());
        Ok(())
    }
}

/// A running router.
#[derive(Debug)]
pub struct Router {
    /// Where it listens.
    pub url: String,
    fleet: PathBuf,
    process: Process,
}

impl Router {
    async fn start(net: &Network) -> Result<Self> {
        let dir = net.dir().join("router");
        std::fs::create_dir_all(dir.join("run")).context("creating the router's folder")?;
        std::fs::create_dir_all(dir.join("state")).context("creating the router's folder")?;
        let ports = free_ports(2)?;
        let fleet = dir.join("fleet.yaml");
        std::fs::write(&fleet, fleet_file(&dir, ports[0], ports[1], &named_urls(net)))?;
        let mut command = process::command(ROUTER, None);
        command.arg("serve").arg("--fleet").arg(&fleet);
        let process = Process::start("router", command, &net.dir().join("router.log"))?;
        let mut router = Self { url: url_of(ports[0]), fleet, process };
        router.healthy(&net.http).await?;
        Ok(router)
    }

    async fn healthy(&mut self, http: &Client) -> Result<()> {
        let health = format!("{}/eth/v1/node/health", self.url);
        let up = eventually("the router is healthy", UP_BOUND, async || {
            if self.process.ended().is_some() {
                return Some(false);
            }
            let answer = http.get(&health).send().await.ok()?;
            (answer.status().as_u16() == 200).then_some(true)
        });
        let up = up.await;
        ensure!(matches!(up, Ok(true)), "the router did not come up\n{}", self.process.tail());
        Ok(())
    }

    /// Takes a beacon out of routing; returns when it is drained.
    pub async fn drain(&self, beacon: &str) -> Result<()> {
        self.order(&["drain", beacon, "--wait"]).await
    }

    /// Takes a drained beacon back into routing.
    pub async fn resume(&self, beacon: &str) -> Result<()> {
        self.order(&["resume", beacon]).await
    }

    /// What the router remembers of its requests, one object each; none if it cannot tell.
    pub async fn explain(&self) -> Option<Vec<Value>> {
        let output = self.run(&["explain", "--json", "--limit", "10000"]).await.ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output
            .status
            .success()
            .then(|| text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    async fn order(&self, args: &[&str]) -> Result<()> {
        let output = self.run(args).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "beacondeck {} failed: {}", args.join(" "), said.trim());
        Ok(())
    }

    async fn run(&self, args: &[&str]) -> Result<Output> {
        let mut command = tokio::process::Command::new(ROUTER);
        command.args(args).arg("--fleet").arg(&self.fleet).kill_on_drop(true);
        let output = tokio::time::timeout(COMMAND_BOUND, command.output()).await;
        Ok(output.with_context(|| format!("beacondeck {} takes too long", args.join(" ")))??)
    }
}

fn named_urls(net: &Network) -> Vec<(String, String)> {
    net.beacons.iter().map(|beacon| (beacon.name.clone(), beacon.url())).collect()
}

fn fleet_file(dir: &std::path::Path, listen: u16, metrics: u16, beacons: &[(String, String)]) -> String {
    let mut text = format!(
        "fleet: devnet\n\
         listen: [127.0.0.1:{listen}]\n\
         control: {dir}/run\n\
         state: {dir}/state\n\
         metrics: 127.0.0.1:{metrics}\n\
         beacons:\n",
        dir = dir.display()
    );
    for (i, (name, url)) in beacons.iter().enumerate() {
        let _ = writeln!(text, "  - {{name: {name}, url: \"{url}\", labels: {{host: h{}}}}}", i + 1);
    }
    text
}

#[test]
fn fleet_file_names_every_beacon() {
    let beacons = [("b1".to_owned(), url_of(5_001)), ("b2".to_owned(), url_of(5_002))];
    let text = fleet_file(std::path::Path::new("/d"), 5_003, 5_004, &beacons);
    assert!(text.contains("control: /d/run\n"));
    assert!(text.ends_with("  - {name: b2, url: \"http://127.0.0.1:5002\", labels: {host: h2}}\n"));
}
