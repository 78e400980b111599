//! Owns what stands between the validator clients and the beacons: the router under test, or nothing, to
//! compare. Starts the router with a fleet file of its own and speaks to it by its commands.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::Client;
use rustix::process::Signal;
use serde_json::Value;

use super::clock::eventually;
use super::fleet::Fleet;
use super::network::{Network, free_ports, url_of};
use super::process::{self, Process};
use super::proxy::Proxy;

/// The program.
pub const ROUTER: &str = env!("CARGO_BIN_EXE_beacondeck");
/// Within this the router must answer that it is healthy.
const UP_BOUND: Duration = Duration::from_secs(60);
/// Within this a command must have done its work, a drain too.
const COMMAND_BOUND: Duration = Duration::from_secs(60);
/// Within this the router must end by itself.
const STOP_BOUND: Duration = Duration::from_secs(20);
/// Within this a signal must have done its work: the next process serves, or the fleet file is in force.
const SIGNAL_BOUND: Duration = Duration::from_secs(60);
/// Within this a process that has handed over must have ended: what clients keep open is closed by then.
const RETIRE_BOUND: Duration = Duration::from_secs(60);

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
    proxies: Vec<Proxy>,
}

impl Door {
    /// Opens it, with a proxy before each beacon if there is a router; returns when it answers. Some beacons are given no
    /// blocks through it.
    pub async fn open(topology: Topology, net: &Network, without_blocks: &[usize]) -> Result<Self> {
        if topology != Topology::Router {
            return Ok(Self { topology, router: None, proxies: Vec::new() });
        }
        let mut proxies = Vec::new();
        for (beacon, port) in free_ports(net.beacons.len())?.into_iter().enumerate() {
            proxies.push(Proxy::start(beacon, port, net.beacons[beacon].args.rest).await?);
        }
        Ok(Self { topology, router: Some(Router::start(net, &proxies, without_blocks).await?), proxies })
    }

    /// The beacon URLs that each validator client is given.
    pub fn urls(&self, net: &Network) -> Vec<Vec<String>> {
        let all = net.urls();
        let of_client = |i: usize| match (&self.router, self.topology) {
            (Some(router), _) => vec![format!("http://{}", router.fleet.door(i))],
            (None, Topology::Fallback) => all[i..].iter().chain(&all[..i]).cloned().collect(),
            (None, _) => vec![all[i].clone()],
        };
        (0..all.len()).map(of_client).collect()
    }

    /// The router, where there is one.
    pub fn router(&self) -> Option<&Router> {
        self.router.as_ref()
    }

    /// The router, to do something to it.
    pub fn router_mut(&mut self) -> Option<&mut Router> {
        self.router.as_mut()
    }

    /// The proxy before a beacon, where there is one.
    pub fn proxy(&self, beacon: usize) -> Option<&Proxy> {
        self.proxies.iter().find(|proxy| proxy.beacon == beacon)
    }

    /// The proxies.
    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    /// Stops the router as systemd would; fails if it has ended before or does not end.
    pub fn close(mut self) -> Result<()> {
        let Some(router) = &mut self.router else { return Ok(()) };
        let ended = router.process.ended();
        ensure!(ended.is_none(), "the router ended by itself: {ended:?}\n{}", router.process.tail());
        for process in &mut router.retiring {
            process.wait(RETIRE_BOUND)?;
        }
        ensure!(router.process.terminate(STOP_BOUND), "the router does not stop\n{}", router.process.tail());
        Ok(())
    }
}

/// A running router, from one process to the next.
#[derive(Debug)]
pub struct Router {
    /// Where it listens.
    pub url: String,
    /// Its fleet file.
    pub fleet: Fleet,
    process: Process,
    /// Processes that have handed over.
    retiring: Vec<Process>,
    log: PathBuf,
}

impl Router {
    async fn start(net: &Network, proxies: &[Proxy], without_blocks: &[usize]) -> Result<Self> {
        let dir = net.dir().join("router");
        std::fs::create_dir_all(dir.join("run")).context("creating the router's folder")?;
        std::fs::create_dir_all(dir.join("state")).context("creating the router's folder")?;
        let ports = free_ports(2)?;
        let mut fleet = Fleet::new(&dir, ports[0], ports[1], net);
        for proxy in proxies {
            fleet.beacons[proxy.beacon].url = url_of(proxy.port);
        }
        for &beacon in without_blocks {
            fleet.beacons[beacon].proposes = false;
        }
        fleet.write()?;
        let log = net.dir().join("router.log");
        let process = serve(&fleet, &log)?;
        let mut router = Self { url: url_of(ports[0]), fleet, process, retiring: Vec::new(), log };
        router.healthy(&net.http).await?;
        Ok(router)
    }

    /// Hands over to the next process (SIGUSR2). How long it took until that one served.
    pub async fn hand_over(&mut self) -> Result<Duration> {
        let began = Instant::now();
        let line = self.signalled(Signal::USR2, "handed over: the next process serves").await?;
        let took = began.elapsed();
        let id = line.rsplit_once("id=").and_then(|(_, id)| id.trim().parse().ok());
        let id = id.with_context(|| format!("no process id in: {line}"))?;
        let next = Process::adopt("the next router", id, &self.log)?;
        self.retiring.push(std::mem::replace(&mut self.process, next));
        Ok(took)
    }

    /// Makes a changed fleet file be read (SIGHUP). What the log says it changed.
    pub async fn reload(&mut self, change: impl FnOnce(&mut Fleet)) -> Result<String> {
        change(&mut self.fleet);
        self.fleet.write()?;
        let line = self.signalled(Signal::HUP, "fleet file reloaded").await?;
        Ok(line.rsplit_once("outcome=").map_or(line.clone(), |(_, outcome)| outcome.to_owned()))
    }

    /// Ends it as a crash does and starts it again at once. How long it was until it said that it is healthy.
    pub async fn kill_and_start(&mut self, http: &Client) -> Result<Duration> {
        let began = Instant::now();
        self.process.kill();
        self.process = serve(&self.fleet, &self.log)?;
        self.healthy(http).await?;
        Ok(began.elapsed())
    }

    /// Sends a signal; the log's new line that has `words`.
    async fn signalled(&self, signal: Signal, words: &str) -> Result<String> {
        let before = self.log_text().len();
        self.process.signal(signal);
        let what = format!("the router's log says: {words}");
        let line = eventually(&what, SIGNAL_BOUND, async || {
            let text = self.log_text();
            let new = text.get(before..).unwrap_or_default();
            // The last line may be half written.
            let whole = &new[..new.rfind('\n')?];
            whole.lines().find(|line| line.contains(words)).map(str::to_owned)
        });
        line.await.with_context(|| self.process.tail())
    }

    fn log_text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
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

    /// Every incident it remembers, one object each.
    pub async fn incidents(&self) -> Result<Vec<Value>> {
        let output = self.run(&["incidents", "--all", "--json"]).await?;
        let text = String::from_utf8(output.stdout).context("the router's incidents")?;
        text.lines().map(|line| serde_json::from_str(line).context("an incident")).collect()
    }

    /// The published status.
    pub async fn status(&self) -> Result<Value> {
        let output = self.run(&["status", "--json"]).await?;
        serde_json::from_slice(&output.stdout).context("the router's status")
    }

    async fn order(&self, args: &[&str]) -> Result<()> {
        let output = self.run(args).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "beacondeck {} failed: {}", args.join(" "), said.trim());
        Ok(())
    }

    async fn run(&self, args: &[&str]) -> Result<Output> {
        command(&self.fleet.path(), args).await
    }
}

/// Runs a command of the program against the router of a fleet file.
pub async fn command(fleet: &Path, args: &[&str]) -> Result<Output> {
    let mut command = tokio::process::Command::new(ROUTER);
    command.args(args).arg("--fleet").arg(fleet).kill_on_drop(true);
    let output = tokio::time::timeout(COMMAND_BOUND, command.output()).await;
    Ok(output.with_context(|| format!("beacondeck {} takes too long", args.join(" ")))??)
}

fn serve(fleet: &Fleet, log: &Path) -> Result<Process> {
    let mut command = process::command(ROUTER, None);
    command.arg("serve").arg("--fleet").arg(fleet.path());
    Process::start("router", command, log)
}
