//! Owns the real network: beacon nodes joined over p2p and the validator clients at them, their ports,
//! folders and processes. Never judges what they do; that is `truth`'s.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::clock::{Clock, eventually};
use super::lodestar::{self, BeaconArgs, VALIDATORS};
use super::process::Process;

/// Beacon nodes of the network, and validator clients too.
pub const BEACONS: usize = 4;
/// Validators in one client.
pub const PER_CLIENT: usize = VALIDATORS / BEACONS;

/// From the first start to genesis: four beacons and their clients are up by then on two cores.
const TO_GENESIS: Duration = Duration::from_secs(25);
/// Within this a beacon must answer after its start.
const UP_BOUND: Duration = Duration::from_secs(60);
/// What one question to a beacon may take; a hung one is given up after this.
pub const ASK_BOUND: Duration = Duration::from_secs(2);
/// Groups of the beacons: their REST port above this, so that no two on a machine are the same.
const GID_BASE: u32 = 100_000;

/// One beacon node.
#[derive(Debug)]
pub struct Beacon {
    /// `b1`, `b2`, …, as in the fleet file.
    pub name: String,
    /// How it is started.
    pub args: BeaconArgs,
    /// Its process.
    pub process: Process,
}

impl Beacon {
    /// Where its Beacon API is.
    pub fn url(&self) -> String {
        url_of(self.args.rest)
    }
}

/// The whole network. What it holds ends with it, folders last.
#[derive(Debug)]
pub struct Network {
    /// Its slot clock.
    pub clock: Clock,
    /// The beacon nodes, in order.
    pub beacons: Vec<Beacon>,
    /// Asks the beacons.
    pub http: Client,
    clients: Vec<Process>,
    dir: TempDir,
}

impl Network {
    /// Starts the beacon nodes and waits until each answers. Genesis is a while ahead still.
    pub async fn start(seconds_per_slot: u64) -> Result<Self> {
        ensure!(lodestar::installed().is_some(), "Lodestar is not installed; run tests/devnet/setup.sh");
        let mut dir = tempfile::Builder::new().prefix("beacondeck-devnet-").tempdir()?;
        if std::env::var_os("BEACONDECK_DEVNET_KEEP").is_some() {
            dir.disable_cleanup(true);
            println!("logs and data stay in {}", dir.path().display());
        }
        let clock = Clock::starting_in(TO_GENESIS, seconds_per_slot);
        let ports = free_ports(2 * BEACONS)?;
        let root = rustix::process::geteuid().is_root();
        let mut net = Self { clock, beacons: Vec::new(), http: client()?, clients: Vec::new(), dir };
        let mut bootnodes = Vec::new();
        for (i, pair) in ports.chunks_exact(2).enumerate() {
            let folder = net.folder(&format!("b{}", i + 1))?;
            let gid = root.then(|| GID_BASE + u32::from(pair[0]));
            let args = BeaconArgs { dir: folder, rest: pair[0], p2p: pair[1], gid };
            let name = format!("b{}", i + 1);
            let process = net.spawn_beacon(&name, &args, &bootnodes)?;
            net.beacons.push(Beacon { name, args, process });
            if i == 0 {
                bootnodes.push(net.identity(0).await?.enr);
            }
        }
        for i in 0..BEACONS {
            net.identity(i).await?;
        }
        Ok(net)
    }

    /// Starts the validator clients; the i-th one talks to the beacon nodes `urls[i]`.
    pub fn start_clients(&mut self, urls: &[Vec<String>]) -> Result<()> {
        for (i, urls) in urls.iter().enumerate() {
            let client = self.spawn_client(i, urls)?;
            self.clients.push(client);
        }
        Ok(())
    }

    /// Ends a validator client at once.
    pub fn stop_client(&mut self, i: usize) {
        self.clients[i].kill();
    }

    /// Starts a validator client again, with its data, at the beacon nodes `urls`.
    pub fn start_client(&mut self, i: usize, urls: &[String]) -> Result<()> {
        self.clients[i] = self.spawn_client(i, urls)?;
        Ok(())
    }

    /// Where files of this network lie, its logs among them.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Ends the network; its logs outlive it as long as what is returned does.
    pub fn end(self) -> TempDir {
        self.dir
    }

    /// The base URL of every beacon.
    pub fn urls(&self) -> Vec<String> {
        self.beacons.iter().map(Beacon::url).collect()
    }

    /// Stops a beacon, as a hang or a pause does; nothing it holds is closed.
    pub fn freeze(&self, i: usize) {
        self.beacons[i].process.signal(Signal::STOP);
    }

    /// Lets a frozen beacon go on.
    pub fn thaw(&self, i: usize) {
        self.beacons[i].process.signal(Signal::CONT);
    }

    /// Ends a beacon as a crash does.
    pub fn kill(&mut self, i: usize) {
        self.beacons[i].process.kill();
    }

    /// Starts a killed beacon again, with its data and its ports; the others are its bootnodes.
    pub async fn restart(&mut self, i: usize) -> Result<()> {
        let mut bootnodes = Vec::new();
        for other in (0..BEACONS).filter(|other| *other != i) {
            bootnodes.push(self.identity(other).await?.enr);
        }
        let beacon = &self.beacons[i];
        let process = self.spawn_beacon(&beacon.name, &beacon.args, &bootnodes)?;
        self.beacons[i].process = process;
        Ok(())
    }

    /// Fails if one of the processes has ended by itself.
    pub fn all_alive(&mut self) -> Result<()> {
        let beacons = self.beacons.iter_mut().map(|beacon| &mut beacon.process);
        for process in beacons.chain(self.clients.iter_mut()) {
            let ended = process.ended();
            ensure!(ended.is_none(), "{} ended: {ended:?}\n{}", process.name, process.tail());
        }
        Ok(())
    }

    /// Who a beacon is for its peers; waits until it answers.
    pub async fn identity(&self, i: usize) -> Result<Identity> {
        let url = format!("{}/eth/v1/node/identity", self.beacons[i].url());
        let name = &self.beacons[i].name;
        let data =
            eventually(&format!("{name} answers"), UP_BOUND, async || data(&self.http, &url).await.ok())
                .await;
        let data = data.with_context(|| self.beacons[i].process.tail())?;
        let text = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
        Ok(Identity { enr: text("enr"), peer_id: text("peer_id") })
    }

    /// Makes the others hang up on the peer that was beacon `i`. Else their pings at it, unanswered, would make
    /// them refuse it for half an hour after it is well again.
    pub async fn forsake(&self, i: usize, peer: &Identity) {
        for other in (0..BEACONS).filter(|other| *other != i) {
            let query = format!("peerId={}", peer.peer_id);
            let url = format!("{}/eth/v1/lodestar/disconnect_peer?{query}", self.beacons[other].url());
            // Where it fails the beacon is slower to be well again; what is tested is not that.
            let _ = self.http.post(url).send().await;
        }
    }

    /// Makes a beacon dial the others. It would find them again by itself, but its discovery runs every
    /// 30 s only, longer than an epoch here.
    pub async fn rejoin(&self, i: usize) -> Result<()> {
        self.identity(i).await?;
        for other in (0..BEACONS).filter(|other| *other != i) {
            let peer = self.identity(other).await?.peer_id;
            let (from, port) = (self.beacons[i].url(), self.beacons[other].args.p2p);
            let query = format!("peerId={peer}&multiaddr=/ip4/127.0.0.1/tcp/{port}");
            // Whether it helped is seen by the peers, not by the answer.
            let _ = self.http.post(format!("{from}/eth/v1/lodestar/connect_peer?{query}")).send().await;
        }
        Ok(())
    }

    fn spawn_client(&self, i: usize, urls: &[String]) -> Result<Process> {
        let name = format!("v{}", i + 1);
        let dir = self.folder(&name)?;
        let first = i * PER_CLIENT;
        let command = lodestar::validator_client(&dir, self.clock, urls, first, first + PER_CLIENT - 1);
        Process::start(&name, command, &self.log(&name))
    }

    fn spawn_beacon(&self, name: &str, args: &BeaconArgs, bootnodes: &[String]) -> Result<Process> {
        Process::start(name, lodestar::beacon(args, self.clock, bootnodes), &self.log(name))
    }

    fn folder(&self, name: &str) -> Result<std::path::PathBuf> {
        let folder = self.dir.path().join(name);
        std::fs::create_dir_all(&folder).context("creating a data folder")?;
        Ok(folder)
    }

    fn log(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(format!("{name}.log"))
    }
}

/// Who a beacon is for its peers.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its node record.
    pub enr: String,
    /// Its libp2p id.
    pub peer_id: String,
}

/// The member `data` of a beacon's answer.
pub async fn data(http: &Client, url: &str) -> Result<Value> {
    let answer = http.get(url).send().await?.error_for_status()?;
    let mut body: Value = answer.json().await?;
    Ok(body["data"].take())
}

/// The URL of a port on loopback.
pub fn url_of(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn client() -> Result<Client> {
    // A second network of the same process finds the provider in place.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(ASK_BOUND).build().context("building the HTTP client")
}

/// Ports free for TCP and UDP, below the range from which the system takes ports for outgoing connections:
/// a killed beacon must find its own still free at its restart.
pub fn free_ports(count: usize) -> Result<Vec<u16>> {
    let first = 20_000 + u16::try_from(std::process::id() % 1_000)? * 10;
    let mut held = Vec::new();
    for port in (first..32_000).chain(20_000..first) {
        let at = (Ipv4Addr::LOCALHOST, port);
        if let (Ok(tcp), Ok(udp)) = (TcpListener::bind(at), UdpSocket::bind(at)) {
            held.push((port, tcp, udp));
        }
        if held.len() == count {
            break;
        }
    }
    ensure!(held.len() == count, "no {count} free ports between 20000 and 32000");
    Ok(held.into_iter().map(|(port, ..)| port).collect())
}
