//! The shape of a row.

use crate::model::{Bps, Role, Step, Use};

/// A row's index in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId(pub u16);

/// Request method of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// GET (and HEAD).
    Get,
    /// POST.
    Post,
    /// DELETE.
    Delete,
    /// Every method.
    Any,
}

/// How a request finds its beacon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Any eligible beacon, hedged by what is left of the budget, retried elsewhere.
    Any,
    /// One eligible beacon at a time, of blocks the best of several, the next after an error or a soft deadline, never
    /// hedged.
    One,
    /// The beacon that produced the thing first; others only after it failed.
    Pinned,
    /// Same bytes to several beacons; first success answers, laggards run on.
    Broadcast,
    /// Only beacons that hold the subscription; most bits win, 404 means the next.
    Subscribed,
    /// State told to a seed set of beacons.
    Seed,
    /// Logical or over the answers of all.
    Or,
    /// Merged event stream.
    Stream,
    /// The router's own answer.
    Local,
    /// Refused unless the fleet file opens [`Row::namespace`]; then passed through as [`Strategy::Any`], within
    /// [`Row::follow`].
    Deny,
}

/// Which attempt may follow which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Follow {
    /// A read: the next may start any time, in parallel too, whatever became of the earlier ones.
    Anytime,
    /// Same signed bytes: parallel and repeated attempts are idempotent on the network.
    SameBytes,
    /// Costly or stateful: beyond those that are asked at once, the next only after one failed or the soft deadline passed.
    AfterFailure,
    /// The next only after the producer definitely failed (an answer or a broken connection).
    AfterProducer,
    /// No second attempt.
    Never,
}

/// What happens to bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Body {
    /// Request buffered once, answer buffered (small, inspected or retried).
    Buffer,
    /// Request buffered, answer streamed (bulk reads).
    Stream,
}

/// What the router reads of a body off (or, for production and aggregates, on) the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Inspect {
    /// Nothing.
    Nothing,
    /// Answer: a produced block; its 80-byte key is remembered with its producer.
    ProducedBlock,
    /// Request: a signed block (full or blinded); its key finds the producer.
    SignedBlock,
    /// Request: an execution payload envelope.
    Envelope,
    /// Answer: an aggregate or contribution; its bits are counted.
    Bits,
    /// Request: attestations.
    Attestations,
    /// Request: aggregates with proofs.
    Aggregates,
    /// Request: sync committee messages.
    SyncMessages,
    /// Request: contributions with proofs.
    Contributions,
    /// Request: payload attestation messages.
    PayloadAttestations,
    /// Answer: attester duties.
    AttesterDuties,
    /// Answer: proposer duties.
    ProposerDuties,
    /// Answer: sync duties.
    SyncDuties,
    /// Answer: duties of attesting to payloads.
    PayloadDuties,
    /// Request: beacon committee subscriptions.
    CommitteeSubscriptions,
    /// Request: sync committee subscriptions.
    SyncSubscriptions,
    /// Request: fee recipients (`prepare_beacon_proposer`).
    Preparations,
    /// Request: builder registrations.
    Registrations,
    /// Request: proposer preferences.
    Preferences,
    /// Request: persistent subnets (Teku).
    Subnets,
    /// Answer: liveness of validators.
    Liveness,
}

/// Where in the API's history a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// In today's specification.
    Current,
    /// In the specification's drafts, or newer than the snapshot the table was made from.
    Draft,
    /// Removed from the specification and still called.
    Removed,
    /// A client's own.
    Vendor,
}

/// Which list of the fleet file opens a row that is closed by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// Open to all.
    Standard,
    /// `/eth/*/debug`, node identity and peers.
    Debug,
    /// Key manager API.
    Keymanager,
    /// A client's own namespace, e.g. `lighthouse`; empty: whatever the path's first segment says
    /// ([`super::Found::vendor`]).
    Vendor(&'static str),
    /// Voluntary exits.
    Exits,
    /// BLS to execution changes.
    CredentialChanges,
}

/// Time an endpoint may take, as shares of the slot, so that it holds on every network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    /// When the next beacon may be asked although the first has not failed; none: never hedged.
    pub hedge: Option<Bps>,
    /// When the attempt is given up.
    pub attempt: Bps,
    /// When the request is given up.
    pub total: Bps,
}

/// One endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Method.
    pub verb: Verb,
    /// Path template, `{name}` for one segment, a trailing `*` for the rest, none included.
    pub path: &'static str,
    /// The specification's operation id, or our name where it has none.
    pub name: &'static str,
    /// How it finds its beacon.
    pub strategy: Strategy,
    /// To which use the answer is put.
    pub needs: Use,
    /// The role a beacon needs.
    pub role: Option<Role>,
    /// The duty step whose due point is near.
    pub step: Option<Step>,
    /// How long it may take.
    pub budget: Budget,
    /// Which attempt may follow which.
    pub follow: Follow,
    /// What happens to bodies.
    pub body: Body,
    /// What the router reads of them.
    pub inspect: Inspect,
    /// Default number of beacons for broadcast and seed; 0 is all.
    pub width: u8,
    /// Which list opens it.
    pub namespace: Namespace,
    /// Where in the API's history it stands.
    pub status: Status,
}
