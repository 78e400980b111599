//! Owns what is done to the router itself while validators work through it: handing over, reloading, killing. Never reads
//! what it costs.

use std::ops::Range;

use anyhow::{Context, Result, ensure};

use super::clock::SLOTS_PER_EPOCH;
use super::network::Network;
use super::router::Door;

/// The slot of an epoch at which something is done, so that what it costs is in that epoch's count.
const SLOT: usize = 2;

/// What is done to the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Hand over to the next process (SIGUSR2).
    HandOver,
    /// Read a changed fleet file (SIGHUP): without a beacon, then with it again under another label, and so on.
    Reload,
    /// `kill -9`, and start again at once.
    Kill,
}

impl Upkeep {
    /// Its name in the report.
    pub const fn word(self) -> &'static str {
        match self {
            Self::HandOver => "hand-over",
            Self::Reload => "reload",
            Self::Kill => "kill -9",
        }
    }

    /// Does it once an epoch, when a block is to be proposed and when attestations are due in turn; a reload removes
    /// beacon `i` and adds it again. A sentence each time.
    pub async fn strike(
        self,
        net: &Network,
        door: &mut Door,
        i: usize,
        slots: Range<u64>,
    ) -> Result<Vec<String>> {
        let router = door.router_mut().context("no router")?;
        let all = router.fleet.beacons.clone();
        let mut notes = Vec::new();
        for (time, slot) in slots.clone().skip(SLOT).step_by(SLOTS_PER_EPOCH as usize).enumerate() {
            let odd = time % 2 == 1;
            let when = if odd {
                net.clock.reach_due(slot).await;
                "when attestations were due"
            } else {
                net.clock.reach_slot(slot).await;
                "when its block was due"
            };
            let what = match self {
                Self::HandOver => {
                    format!("the next process served after {:.1} s", router.hand_over().await?.as_secs_f64())
                }
                Self::Kill => format!(
                    "healthy again after {:.1} s",
                    router.kill_and_start(&net.http).await?.as_secs_f64()
                ),
                Self::Reload => {
                    let mut beacons = all.clone();
                    if odd {
                        beacons[i].host = format!("moved-{slot}");
                    } else {
                        beacons.remove(i);
                    }
                    let count = beacons.len();
                    let outcome = router.reload(|fleet| fleet.beacons = beacons).await?;
                    let listed = router.status().await?["beacons"].as_array().map_or(0, Vec::len);
                    ensure!(listed == count, "{listed} beacons in the status, {count} in the fleet file");
                    outcome
                }
            };
            notes.push(format!("slot {slot}, {when}: {what}"));
        }
        net.clock.reach_slot(slots.end).await;
        if self == Self::Reload && router.fleet.beacons.len() < all.len() {
            router.reload(|fleet| fleet.beacons = all).await?;
        }
        Ok(notes)
    }
}
