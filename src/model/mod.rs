//! The words everyone uses. Data only: no clock, no I/O, no other room.
//!
//! To add a word, put it in the file of its kind (ids, time, class, trace, status, journal, observation) and re-export it here.

mod agent;
pub mod capacity;
mod class;
mod duty;
mod explain;
mod fleet;
mod fork;
mod host;
mod ids;
mod incident;
mod journal;
mod log;
mod logging;
mod notify;
mod observation;
mod operation;
mod quoted;
mod remedy;
mod seed;
mod silence;
mod split;
mod status;
mod tape;
mod time;
mod trace;
mod traffic;

pub use agent::{AgentAddress, AgentFile, AgentKey, AgentStatus, Host, ParseAgentError};
pub use class::{Role, Step, Use};
pub use duty::{DutiesAsked, DutyFate, DutyStatus, DutySums, DutyTold, PayloadSums, VotesRight};
pub use explain::{Explanation, Publication, Skipped, Tried};
pub use fleet::{
    Beacon, Broadcast, Client, ClientFrom, Confirm, Fleet, Header, Health, HostChecks, How, Impossible,
    Limits, Listen, ListenTls, Opened, Probing, Procedure, Quorum, Routing, Secret, Seeding, Voter,
};
pub use fork::{ComingFork, Readiness};
pub use host::{ClockMeasured, HostChange, HostClock, HostFinding, HostStatus, cost_words};
pub use ids::{BeaconId, BeaconName, BeaconSet, ClientId, Epoch, ParseRootError, Root, Slot, ValidatorIndex};
pub use incident::{Cost, Culprit, CulpritKind, Happening, Incident, IncidentState, Severity};
pub use journal::{Ack, Drain, JournalEntry};
pub use log::{LogLevel, LogLine};
pub use logging::{LogFormat, Logging};
pub use notify::{Notifier, Placeholder, TEMPLATE_MAX, Target, Template, TemplateError};
pub use observation::{
    BlockSeen, CanarySeen, DutiesSeen, FleetSeen, HeadSeen, HostLevel, HostSeen, KeyHow, KeySeen, Labelled,
    MsSpread, Observation, ProbeSeen, RECORDING_VERSION, ServedSeen, ServedStep, ShadowSeen, SlotSeen,
    SplitSeen,
};
pub use operation::{
    Ahead, Consequences, Ending, Fact, Intent, Operation, Step as OperationStep, StepState, StepStatus, Verb,
    Weight,
};
pub use quoted::Quoted;
pub use remedy::{HostRemedy, RemedyAsked, RemedyDraft, RemedyPlan, RemedyState, RemedyVerb};
pub use seed::{CustodyEstimate, SeedKind, Told};
pub use silence::{LONGEST_SILENCE_S, Silence, read_seconds, silence_of};
pub use split::{ChainSplit, SplitSide};
pub use status::{BeaconStatus, FleetStatus, HeadStatus, Lifecycle, Reason, page_of};
pub use tape::{Play, Tape};
pub use time::{Bps, Clock, Moment, UnixMs};
pub use trace::{Attempt, Outcome, Served, Shared, TRACE_ATTEMPTS, Trace};
pub use traffic::{Flow, Load, LoadError, SPREAD, StepAnswers, Timing, Traffic};
