//! Owns the faults that befall a beacon of the network or a validator client, and undoing each; what befalls the router is
//! `upkeep`'s, what is done by keys `hands`'. Never reads what they cost.
//!
//! To add one: a variant, its word, its arm in [`Fault::strike`].

use std::io::Write;
use std::ops::Range;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};

use super::clock::{Clock, SLOTS_PER_EPOCH};
use super::network::{Beacon, Network};
use super::router::{Door, Topology};
use super::upkeep::Upkeep;
use super::{hands, screen};

/// A garbage collector's pause, and how long it lets the program run between two.
const GC_PAUSE: Duration = Duration::from_millis(1_500);
const GC_RUN: Duration = Duration::from_millis(500);

/// What befalls a beacon, or a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Stopped for the whole period: connections stay open, nothing answers.
    Hang,
    /// Stopped 1.5 s and running 0.5 s in turn.
    GcPauses,
    /// Killed, and started again with the same data at the end of the period.
    Kill,
    /// Its packets dropped but those of its Beacon API: a stale head that calls itself synced. Started again
    /// at the end of the period, as an operator would who finds it so.
    NoPeers,
    /// The process of the validator client of the same number is ended, and started again an epoch before the period is
    /// over: by its last epoch's end it attests again.
    ClientStop,
    /// Drained by the router's own command, and resumed at the end of the period.
    Drain,
    /// Stopped, seen and drained at the console, going on again in the middle of the period, and resumed at the console.
    HangAndKeys,
    /// Restarted at the console, by what the fleet file says; before that by commands that fail and hang.
    RestartByKeys,
    /// Nothing befalls a beacon, but the router.
    Router(Upkeep),
}

impl Fault {
    /// Its name in the report.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hang => "hang",
            Self::GcPauses => "gc pauses",
            Self::Kill => "kill",
            Self::NoPeers => "no peers",
            Self::ClientStop => "client stops",
            Self::Drain => "drain",
            Self::HangAndKeys => "hang, keys",
            Self::RestartByKeys => "restart, keys",
            Self::Router(upkeep) => upkeep.word(),
        }
    }

    /// Why it cannot be done here, if so.
    pub fn obstacle(self, topology: Topology) -> Option<String> {
        match self {
            Self::Drain | Self::HangAndKeys | Self::RestartByKeys | Self::Router(_)
                if topology != Topology::Router =>
            {
                Some("there is no router".into())
            }
            Self::HangAndKeys | Self::RestartByKeys => screen::obstacle(),
            Self::NoPeers => packet_filter().err().map(|error| format!("{error:#}")),
            _ => None,
        }
    }

    /// Whom it befalls at place `i`, as the fleet file names it: a beacon or a client; `-` where neither has a part in it.
    pub fn whom(self, i: usize) -> String {
        match self {
            Self::Router(Upkeep::HandOver | Upkeep::Kill) => "-".to_owned(),
            Self::ClientStop => format!("v{}", i + 1),
            _ => format!("b{}", i + 1),
        }
    }

    /// Does it to beacon `i` in these slots, then undoes it; a beacon that is started again for that is not waited for.
    /// What there was to see.
    pub async fn strike(
        self,
        net: &mut Network,
        door: &mut Door,
        i: usize,
        slots: Range<u64>,
    ) -> Result<Vec<String>> {
        let (clock, end) = (net.clock, slots.end);
        match self {
            Self::Hang => {
                let peer = net.identity(i).await?;
                net.freeze(i);
                net.forsake(i, &peer).await;
                clock.reach_slot(end).await;
                net.thaw(i);
                net.rejoin(i).await?;
            }
            Self::GcPauses => gc_pauses(net, i, clock, end).await,
            Self::Kill => {
                net.kill(i);
                clock.reach_slot(end).await;
                if let Some(proxy) = door.proxy(i) {
                    proxy.restarts();
                }
                net.restart(i).await?;
            }
            Self::NoPeers => {
                let cut = Cut::new(&net.beacons[i])?;
                clock.reach_slot(end).await;
                drop(cut);
                // It has lost its trust in the others and they theirs in it; as a new peer it has none to lose.
                net.kill(i);
                net.restart(i).await?;
            }
            Self::ClientStop => {
                net.stop_client(i);
                clock.reach_slot(end - SLOTS_PER_EPOCH).await;
                let urls = door.urls(net);
                net.start_client(i, &urls[i])?;
            }
            Self::Drain => {
                let router = door.router().context("no router")?;
                router.drain(&net.beacons[i].name).await?;
                clock.reach_slot(end).await;
                router.resume(&net.beacons[i].name).await?;
            }
            Self::HangAndKeys => {
                return hands::hang(net, door.router().context("no router")?, i, slots).await;
            }
            Self::RestartByKeys => {
                return hands::restart(net, door.router().context("no router")?, i, slots).await;
            }
            Self::Router(upkeep) => return upkeep.strike(net, door, i, slots).await,
        }
        Ok(Vec::new())
    }
}

async fn gc_pauses(net: &Network, i: usize, clock: Clock, end: u64) {
    let end = clock.start_of(end);
    let left = || end.duration_since(SystemTime::now()).unwrap_or_default();
    while !left().is_zero() {
        net.freeze(i);
        tokio::time::sleep(GC_PAUSE.min(left())).await;
        net.thaw(i);
        tokio::time::sleep(GC_RUN.min(left())).await;
    }
}

/// A beacon cut off from its peers; healed when dropped.
#[derive(Debug)]
struct Cut {
    table: String,
}

impl Cut {
    /// Drops what the beacon sends, told by the group it runs as, except from its REST port. What it is sent
    /// ends with that too: its acknowledgements are among the dropped.
    fn new(beacon: &Beacon) -> Result<Self> {
        let gid = beacon.args.gid.context("only root may cut a beacon off")?;
        let (table, rest) = (format!("beacondeck_devnet_{rest}", rest = beacon.args.rest), beacon.args.rest);
        nft(&format!(
            "table inet {table} {{\n\
             chain out {{\n\
             type filter hook output priority 0; policy accept;\n\
             meta skgid {gid} tcp sport {rest} accept\n\
             meta skgid {gid} drop\n\
             }}\n\
             }}\n"
        ))?;
        Ok(Self { table })
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        if let Err(error) = nft(&format!("delete table inet {}\n", self.table)) {
            eprintln!("the cut could not be undone, delete it by hand: {error:#}");
        }
    }
}

/// Whether packets may be filtered here at all.
fn packet_filter() -> Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "only root may cut a beacon off");
    let probe = format!("beacondeck_devnet_probe_{}", std::process::id());
    nft(&format!("add table inet {probe}\ndelete table inet {probe}\n"))
}

fn nft(script: &str) -> Result<()> {
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("nft is needed to cut a beacon off; install nftables")?;
    child.stdin.take().context("nft's input")?.write_all(script.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "nft refused: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
