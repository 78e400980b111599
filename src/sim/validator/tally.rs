//! What a client did, counted.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a call was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// Genesis and spec.
    Chain,
    /// Duties of an epoch.
    Duties,
    /// Committee and sync subscriptions.
    Subscribe,
    /// Fee recipients.
    Prepare,
    /// Builder registrations.
    Register,
    /// The event stream.
    Events,
    /// Attestation data.
    AttestationData,
    /// Publication of attestations.
    Attest,
    /// Aggregates.
    Aggregate,
    /// Publication of aggregates.
    PublishAggregate,
    /// The head's root for sync messages.
    HeadRoot,
    /// Publication of sync messages.
    SyncMessage,
    /// Sync contributions.
    Contribution,
    /// Publication of contributions.
    PublishContribution,
    /// Block production.
    Produce,
    /// Block publication.
    Publish,
}

/// What a client did since its start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClientReport {
    /// Its name.
    pub name: String,
    /// Calls by purpose and outcome: `ok`, an HTTP status, `connect`, `timeout`, `broken`, `shape`, `optimistic`.
    pub calls: BTreeMap<Job, BTreeMap<String, u64>>,
    /// Attestations published with success.
    pub attested: u64,
    /// Blocks published with success.
    pub proposed: u64,
    /// Attestations it was offered and refused to sign: another one for that target was signed.
    pub double_votes_refused: u64,
    /// Attestations it was offered and refused to sign: they surround a signed one, or lie within or before one.
    pub surround_votes_refused: u64,
    /// Blocks it was offered and refused to sign: one of that slot or a later one was signed.
    pub double_blocks_refused: u64,
    /// Head events it received.
    pub head_events: u64,
}

impl ClientReport {
    /// Calls that succeeded.
    pub fn ok(&self, job: Job) -> u64 {
        self.calls.get(&job).and_then(|outcomes| outcomes.get("ok")).copied().unwrap_or(0)
    }

    /// Calls that did not succeed, whatever the reason.
    pub fn failed(&self, job: Job) -> u64 {
        self.calls.get(&job).map_or(0, |outcomes| {
            outcomes.iter().filter(|(word, _)| *word != "ok").map(|(_, count)| count).sum()
        })
    }
}
