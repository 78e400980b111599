//! Owns the command lines of Lodestar 1.5.1 and where it is installed. Never starts anything.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::clock::Clock;
use super::process;

/// Validators in the genesis state.
pub const VALIDATORS: usize = 64;

/// Where the packages are, if `setup.sh` has installed them.
pub fn installed() -> Option<PathBuf> {
    let folder = folder();
    folder.join("node_modules/.devnet-installed").exists().then_some(folder)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/devnet")
}

/// What one beacon is told at its start.
#[derive(Clone, Debug)]
pub struct BeaconArgs {
    /// Its data and working directory.
    pub dir: PathBuf,
    /// TCP and UDP port for its peers.
    pub p2p: u16,
    /// Port of its Beacon API.
    pub rest: u16,
    /// The group it runs as, by which its packets are told apart.
    pub gid: Option<u32>,
}

/// The command of a beacon node that shall find its peers by the records `bootnodes`.
pub fn beacon(args: &BeaconArgs, clock: Clock, bootnodes: &[String]) -> Command {
    let (p2p, rest) = (args.p2p.to_string(), args.rest.to_string());
    let mut command = lodestar("dev", args.gid, clock, &args.dir);
    command
        .args(["--genesisValidators", &VALIDATORS.to_string()])
        .args(["--genesisTime", &clock.genesis.to_string()])
        .args(["--listenAddress", "127.0.0.1", "--enr.ip", "127.0.0.1"])
        .args(["--port", &p2p, "--discoveryPort", &p2p, "--enr.tcp", &p2p, "--enr.udp", &p2p])
        .args(["--rest.namespace", "*", "--rest.port", &rest])
        .args(["--network.connectToDiscv5Bootnodes", "true", "--targetPeers", "10"]);
    if !bootnodes.is_empty() {
        command.arg("--bootnodes").args(bootnodes);
    }
    command
}

/// The command of a validator client with the interop keys `first..=last`, at the beacon nodes `urls`.
pub fn validator_client(dir: &Path, clock: Clock, urls: &[String], first: usize, last: usize) -> Command {
    let mut command = lodestar("validator", None, clock, dir);
    command
        .args(["--network", "dev", "--interopIndexes", &format!("{first}..{last}")])
        .arg("--beaconNodes")
        .args(urls);
    command
}

fn lodestar(what: &str, gid: Option<u32>, clock: Clock, dir: &Path) -> Command {
    let folder = folder();
    let mut command = process::command("node", gid);
    command
        .arg(folder.join("node_modules/@chainsafe/lodestar/lib/index.js"))
        .arg(what)
        .arg("--dataDir")
        .arg(dir)
        .args(["--params.ALTAIR_FORK_EPOCH", "0"])
        .args(["--params.SECONDS_PER_SLOT", &clock.seconds_per_slot.to_string()])
        .current_dir(dir)
        .env("LODESTAR_PRESET", "minimal")
        .env("NODE_OPTIONS", format!("--require {}", folder.join("promise.js").display()));
    command
}
