//! Whom a fault befalls, and what faults there are.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sim::fault::Fault;

/// A part of the fleet, or the network around it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// A beacon, by name.
    Beacon(String),
    /// A host: all its beacons.
    Host(String),
    /// An execution client and version.
    El(String),
    /// A consensus client and version.
    Cl(String),
    /// A zone: all its hosts.
    Zone(String),
    /// A validator client.
    Client(String),
    /// A signer: all its clients.
    Signer(String),
    /// A router: all clients that go through it.
    Router(String),
    /// The network: nobody of ours.
    Network,
}

impl At {
    /// The word of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Beacon(_) => "beacon",
            Self::Host(_) => "host",
            Self::El(_) => "el",
            Self::Cl(_) => "cl",
            Self::Zone(_) => "zone",
            Self::Client(_) => "client",
            Self::Signer(_) => "signer",
            Self::Router(_) => "router",
            Self::Network => "network",
        }
    }

    /// Its name; the network has its kind's.
    pub fn name(&self) -> &str {
        match self {
            Self::Beacon(name)
            | Self::Host(name)
            | Self::El(name)
            | Self::Cl(name)
            | Self::Zone(name)
            | Self::Client(name)
            | Self::Signer(name)
            | Self::Router(name) => name,
            Self::Network => "network",
        }
    }

    /// Whether it is a beacon or what beacons stand on.
    pub fn is_of_beacons(&self) -> bool {
        matches!(self, Self::Beacon(_) | Self::Host(_) | Self::El(_) | Self::Cl(_) | Self::Zone(_))
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network => f.write_str("the network"),
            other => write!(f, "{} {}", other.kind(), other.name()),
        }
    }
}

/// What goes wrong. The first ones are those of simulated beacons over HTTP (see [`Fault`]); the others are known to
/// recordings only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ill {
    /// Accepts connections and never answers; a client or signer does nothing at all.
    Hang,
    /// Every connection is reset.
    Reset,
    /// Nobody listens.
    Refuse,
    /// The process is down, forgets, and has to catch up.
    Restart,
    /// Each answer (of a client, signer or router: each step) comes so many milliseconds later.
    Slow(u64),
    /// No peers: its view stands still, what it is given stays with it, and it calls itself synced.
    StaleHead,
    /// Its head is not verified by the execution client, and it refuses duties.
    Optimistic,
    /// Its execution client is offline: no block is imported, duties are refused.
    ElOffline,
    /// Answers everything with this status.
    Errors(u16),
    /// It is of another network.
    WrongChain,
    /// It follows another branch.
    Fork,
    /// Answers break off in the middle.
    Truncate,
    /// It stands still for `pause-ms`, runs for `run-ms`, and again.
    #[serde(rename_all = "kebab-case")]
    Gc {
        /// Milliseconds of silence.
        pause_ms: u64,
        /// Milliseconds between.
        run_ms: u64,
    },
    /// It is syncing, and says so.
    Syncing,
    /// This share of what it accepts never reaches gossip.
    Drop(f64),
    /// This share of requests gets lost on the way.
    Lose(f64),
    /// Blocks take so many milliseconds longer to be imported.
    SlowImport(u64),
    /// It has so few peers that gossip comes late and in part.
    FewPeers(u64),
    /// Its clock is off by so many milliseconds; negative: behind.
    Clock(i64),
    /// It gets slower by so many milliseconds with every slot.
    Drift(u64),
    /// It is stopped: it asks nothing and signs nothing.
    Stop,
    /// This share of blocks comes after the due point.
    LateBlocks(f64),
    /// This share of slots has no block.
    MissedBlocks(f64),
    /// This share of all attestations gets lost, everybody's.
    Losses(f64),
}

impl Ill {
    /// Whether it can befall this part.
    pub fn befalls(self, at: &At) -> bool {
        match self {
            Self::LateBlocks(_) | Self::MissedBlocks(_) | Self::Losses(_) => *at == At::Network,
            Self::Slow(_) | Self::Drift(_) | Self::Lose(_) | Self::Hang => *at != At::Network,
            Self::Clock(_) | Self::Gc { .. } => at.is_of_beacons() || matches!(at, At::Client(_)),
            Self::Stop => matches!(at, At::Client(_) | At::Signer(_)),
            _ => at.is_of_beacons(),
        }
    }

    /// The same as befalls a simulated beacon over HTTP, if it knows it.
    pub(in crate::sim) fn over_http(self) -> Option<Fault> {
        Some(match self {
            Self::Hang => Fault::Hang,
            Self::Reset => Fault::Reset,
            Self::Refuse => Fault::Refuse,
            Self::Restart => Fault::Restart,
            Self::Slow(ms) => Fault::Slow(ms),
            Self::StaleHead => Fault::StaleHead,
            Self::Optimistic => Fault::Optimistic,
            Self::ElOffline => Fault::ElOffline,
            Self::Errors(status) => Fault::Errors(status),
            Self::WrongChain => Fault::WrongChain,
            Self::Fork => Fault::Fork,
            Self::Truncate => Fault::Truncate,
            Self::Gc { pause_ms, run_ms } => Fault::Gc { pause_ms, run_ms },
            Self::Syncing => Fault::Syncing,
            Self::Clock(ms) => Fault::Clock(ms),
            _ => return None,
        })
    }
}
