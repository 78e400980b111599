//! Answers of the Beacon API as values: what we read of each, and how it is written.

use std::time::Duration;

use serde::Deserialize;

use super::family::{Family, client_family};
use crate::chain::wire::quoted;
use crate::model::{Root, Slot, UnixMs};

/// The envelope of almost every answer.
#[derive(Deserialize)]
pub(super) struct Data<T> {
    pub(super) data: T,
}

/// `/eth/v1/node/syncing`.
///
/// A beacon's word about itself. Clients differ in what they mean by it: Teku counts the distance to the highest peer,
/// Grandine says 0 once synced, Lodestar calls itself synced for 32 slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Syncing {
    /// Slot of its head.
    #[serde(deserialize_with = "slot")]
    pub head_slot: Slot,
    /// Slots it says it lacks.
    #[serde(deserialize_with = "quoted::deserialize")]
    pub sync_distance: u64,
    /// Whether it says it is syncing.
    pub is_syncing: bool,
    /// Whether its head is not verified by its execution client, where told.
    #[serde(default)]
    pub is_optimistic: Option<bool>,
    /// Whether its execution client is offline, where told.
    #[serde(default)]
    pub el_offline: Option<bool>,
}

/// A block's header, as far as heads are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderInfo {
    /// Slot of the block.
    pub slot: Slot,
    /// Root of the block.
    pub root: Root,
    /// Root of its parent.
    pub parent: Root,
    /// Whether the block is not verified by the execution client, where told.
    pub optimistic: Option<bool>,
}

/// What the pool judges a beacon by: one round of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Its word about itself.
    pub syncing: Syncing,
    /// Its head.
    pub head: HeaderInfo,
    /// Time until both were answered; none where this process was late itself meanwhile.
    pub took: Option<Duration>,
}

/// Which software a beacon runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeVersion {
    /// Its client.
    pub family: Family,
    /// Name and version, e.g. `Lighthouse/v8.0.1`; the whole free text where the beacon only has that.
    pub text: String,
    /// Name and version of its execution client, where told.
    pub execution: Option<String>,
}

/// `/eth/v1/node/identity`, the parts that change with the process.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NodeRecord {
    /// Its node record (ENR), whose sequence number is within.
    pub enr: String,
    /// Its metadata.
    pub metadata: Metadata,
}

/// Metadata of the p2p protocol (consensus spec, `MetaData`), as far as compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    /// Grows with each change, and begins anew with some clients' processes.
    #[serde(deserialize_with = "quoted::deserialize")]
    pub seq_number: u64,
}

/// `/lighthouse/ui/health`.
#[derive(Deserialize)]
pub(super) struct UiHealth {
    /// Seconds since the process started.
    pub(super) app_uptime: u64,
}

/// `/lighthouse/health`, as far as it tells of processors: seconds of all of them together since the machine's start.
#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "its own words")]
pub(super) struct MachineHealth {
    cpu_time_total: u64,
    idle_seconds_total: u64,
    iowait_seconds_total: u64,
}

/// Processor time of a machine so far, all its processors together; of the same unit from one look to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTime {
    /// All of it.
    pub total: u64,
    /// When there was nothing to do, or only a disk was waited for.
    pub idle: u64,
}

impl From<MachineHealth> for CpuTime {
    fn from(told: MachineHealth) -> Self {
        Self { total: told.cpu_time_total, idle: told.idle_seconds_total + told.iowait_seconds_total }
    }
}

/// When a process started, by its own clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessStart {
    /// It did then.
    pub started: UnixMs,
    /// Its clock when it told, where it tells (RFC 9110, 6.6.1).
    pub date: Option<String>,
}

/// What Prometheus' client libraries call it, in seconds since the Unix epoch.
const STARTED: &str = "process_start_time_seconds";

/// Finds it in a page of metrics (Prometheus text format, a sample a line).
pub(super) fn started(page: &str) -> Option<UnixMs> {
    let sample = page.lines().find_map(|line| line.strip_prefix(STARTED)?.strip_prefix(' '))?;
    let seconds: f64 = sample.split_whitespace().next()?.parse().ok()?;
    let is_time = seconds.is_finite() && (1e9..1e11).contains(&seconds);
    is_time.then_some(UnixMs((seconds * 1_000.0) as u64))
}

#[derive(Deserialize)]
pub(super) struct HeaderAnswer {
    execution_optimistic: Option<bool>,
    data: HeaderData,
}

#[derive(Deserialize)]
struct HeaderData {
    root: Root,
    header: SignedHeader,
}

#[derive(Deserialize)]
struct SignedHeader {
    message: HeaderMessage,
}

#[derive(Deserialize)]
struct HeaderMessage {
    #[serde(deserialize_with = "slot")]
    slot: Slot,
    parent_root: Root,
}

/// `/eth/v2/node/version` (beacon-APIs #568).
#[derive(Deserialize)]
pub(super) struct VersionTwo {
    beacon_node: ClientVersion,
    execution_client: Option<ClientVersion>,
}

/// `ClientVersionV1` of the Engine API.
#[derive(Deserialize)]
struct ClientVersion {
    name: String,
    version: String,
}

/// `/eth/v1/node/version`.
#[derive(Deserialize)]
pub(super) struct VersionOne {
    version: String,
}

/// `/eth/v1/node/peer_count`.
#[derive(Deserialize)]
pub(super) struct PeerCount {
    #[serde(deserialize_with = "quoted::deserialize")]
    pub(super) connected: u64,
}

fn slot<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Slot, D::Error> {
    quoted::deserialize(deserializer).map(Slot)
}

impl From<HeaderAnswer> for HeaderInfo {
    fn from(answer: HeaderAnswer) -> Self {
        let message = answer.data.header.message;
        HeaderInfo {
            slot: message.slot,
            root: answer.data.root,
            parent: message.parent_root,
            optimistic: answer.execution_optimistic,
        }
    }
}

impl From<VersionTwo> for NodeVersion {
    fn from(answer: VersionTwo) -> Self {
        NodeVersion {
            family: client_family(&answer.beacon_node.name),
            text: answer.beacon_node.text(),
            execution: answer.execution_client.map(|client| client.text()),
        }
    }
}

impl From<VersionOne> for NodeVersion {
    fn from(answer: VersionOne) -> Self {
        NodeVersion { family: client_family(&answer.version), text: answer.version, execution: None }
    }
}

impl ClientVersion {
    fn text(&self) -> String {
        format!("{}/{}", self.name, self.version)
    }
}
