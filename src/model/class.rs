//! What a request is for: the duty step it belongs to, the role a beacon needs, the use it is put to.

use serde::{Deserialize, Serialize};

/// The duty step whose due point bounds a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Block proposal, due at the slot's start.
    Propose,
    /// Attestation, due at `ATTESTATION_DUE_BPS`.
    Attest,
    /// Sync committee message, due at `SYNC_MESSAGE_DUE_BPS`.
    SyncMessage,
    /// Aggregate, due at `AGGREGATE_DUE_BPS`.
    Aggregate,
    /// Sync contribution, due at `CONTRIBUTION_DUE_BPS`.
    Contribution,
    /// Payload attestation (Gloas), due at `PAYLOAD_ATTESTATION_DUE_BPS`.
    PayloadAttest,
}

impl Step {
    /// All, in the order of their due points.
    pub const ALL: [Step; 6] = [
        Step::Propose,
        Step::Attest,
        Step::SyncMessage,
        Step::Aggregate,
        Step::Contribution,
        Step::PayloadAttest,
    ];
}

/// What a beacon may be asked to do; the fleet file's `roles`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Attestation and sync data, their publication.
    Attest,
    /// Block production and publication.
    Propose,
    /// Aggregates and contributions, and the subscriptions they need.
    Aggregate,
    /// Event streams.
    Events,
}

impl Role {
    /// Every role, in the order of the fleet file's documentation.
    pub const ALL: [Role; 4] = [Role::Attest, Role::Propose, Role::Aggregate, Role::Events];

    /// This role's bit in a set of roles.
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// To which use an answer is put; eligibility is decided by use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// Plain reads.
    Read,
    /// What a validator will sign: never from an optimistic or wrong-chain beacon.
    Sign,
    /// Signed messages on their way out.
    Publish,
    /// State a beacon must be told.
    Seed,
    /// Event streams.
    Events,
}

impl Use {
    /// Every use; the index of one is its discriminant.
    pub const ALL: [Use; 5] = [Use::Read, Use::Sign, Use::Publish, Use::Seed, Use::Events];
}
