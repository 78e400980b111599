//! Duties as people ask for them: who was to do what, by which path it went, what became of it.

use serde::{Deserialize, Serialize};

use super::{BeaconName, Epoch, Slot, ValidatorIndex};

/// Which duties are asked for; all conditions hold at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct DutiesAsked {
    /// Of this validator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validator: Option<ValidatorIndex>,
    /// Of validators of this client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Whose data this beacon served, or whose message it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beacon: Option<BeaconName>,
    /// Due in this slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
    /// Due in this epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// Only those that did not go as they should.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bad: bool,
    /// At most so many, the newest.
    pub limit: u32,
}

/// What became of a duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DutyFate {
    /// The chain does not say yet, or is not known so far back.
    Unknown,
    /// The chain never says: aggregates, contributions. Or there was nothing to do: a payload attestation in a slot without a
    /// block.
    Untold,
    /// An attestation that a block includes, or a payload attestation.
    Included,
    /// Not included in any block so far.
    Missed,
    /// The block is the chain's.
    Proposed,
    /// The block is on another branch.
    Orphaned,
    /// The next block includes the sync message.
    Synced,
}

impl DutyFate {
    /// The word people are shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "not known yet",
            Self::Untold => "-",
            Self::Included => "included",
            Self::Missed => "missed",
            Self::Proposed => "proposed",
            Self::Orphaned => "orphaned",
            Self::Synced => "synced",
        }
    }
}

/// One duty, its path and its fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DutyTold {
    /// Whose.
    pub validator: ValidatorIndex,
    /// When due.
    pub slot: Slot,
    /// What, in the plural: `attestations`.
    pub kind: String,
    /// The client that published, or that asked for the duty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The beacon that told the duty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duties_by: Option<BeaconName>,
    /// The beacon whose data was to be signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_by: Option<BeaconName>,
    /// When that was answered, in milliseconds against the due point (negative: before).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_ms: Option<i32>,
    /// When the message came to be published, in milliseconds against its due point (negative: before).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_ms: Option<i32>,
    /// The beacons that took it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<BeaconName>,
    /// What became of it.
    pub fate: DutyFate,
    /// Slots to the first block that includes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<u16>,
    /// Of an included attestation: whether the source was in time, the target right, the head right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<VotesRight>,
    /// Of an included payload attestation: whether it says of the payload what most of its committee do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_right: Option<bool>,
}

/// What was right of an included attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VotesRight {
    /// Included soon enough for the source reward.
    pub source: bool,
    /// The target is the chain's.
    pub target: bool,
    /// The head is the chain's.
    pub head: bool,
}

/// Attestations of the last epochs that one client asked for, or one beacon's data was signed for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct DutySums {
    /// The client's or the beacon's name; empty: the path is not known.
    pub name: String,
    /// How many were due.
    pub due: u32,
    /// For how many data was served; none, here and below: not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served: Option<u32>,
    /// How many were published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<u32>,
    /// How many the chain includes.
    pub included: u32,
    /// How many it does not.
    pub missed: u32,
    /// How many it includes later than it could have.
    pub late: u32,
    /// With another head than the chain's.
    pub wrong_head: u32,
    /// With another target than the chain's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong_target: Option<u32>,
    /// Mean slots to inclusion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance: Option<f32>,
    /// When half of them had come to be published, in milliseconds against the due point (negative: before).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<i32>,
    /// The same of 99 in 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<i32>,
}

/// Payload attestations of the last epochs by validators of one client (Gloas).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct PayloadSums {
    /// The client's name.
    pub name: String,
    /// How many were due.
    pub due: u32,
    /// How many the chain includes.
    pub included: u32,
    /// How many it does not.
    pub missed: u32,
    /// How many of those included say of the payload what most of their committee do not.
    pub disagree: u32,
}

/// Sums of duties, as the status tells them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct DutyStatus {
    /// First slot that is counted.
    pub from: Slot,
    /// Last slot that is counted.
    pub to: Slot,
    /// Validators that were seen; 0: they were not counted.
    pub validators: u32,
    /// By client, in the order of the fleet file.
    pub clients: Vec<DutySums>,
    /// By beacon whose data was signed, in the order of the fleet file.
    pub beacons: Vec<DutySums>,
    /// By client with validators in payload timeliness committees, in the order of the fleet file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub payloads: Vec<PayloadSums>,
}
