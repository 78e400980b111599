//! What serve answers, and what it tells those who watch. Pure.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{
    Consequences, DutyTold, Explanation, FleetStatus, JournalEntry, LogLine, RemedyPlan, UnixMs,
};

/// What serve answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To a hello.
    Welcome(Welcome),
    /// To a question for the status.
    Status(Arc<FleetStatus>),
    /// To a question for explanations.
    Explained(Vec<Explanation>),
    /// To a question for duties.
    Duties(Vec<DutyTold>),
    /// What an order would mean.
    Consequences(Consequences),
    /// What an order about a remedy would do.
    Remedy(RemedyPlan),
    /// To a question for the journal: oldest first.
    Journal(Vec<JournalEntry>),
    /// One of many to a watch.
    Event(Event),
    /// The order was carried out; it is in the journal.
    Done {
        /// One sentence for the operator.
        message: String,
    },
    /// The order was begun and did not succeed; it is in the journal.
    Failed {
        /// One sentence for the operator: what failed, on what, what to do.
        message: String,
    },
    /// Nothing was done: not understood, not allowed, not possible now.
    Refused {
        /// One sentence for the operator: what, why, what to do.
        message: String,
    },
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Welcome {
    /// Version of the running program.
    pub beacondeck: String,
    /// Its process id.
    pub pid: u32,
    /// What may be asked on this connection.
    pub access: Access,
    /// Who the asker is, as the kernel tells: `alice (uid 1000)`.
    pub you: String,
}

/// What a connection may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Reads.
    Observe,
    /// Reads and orders.
    Control,
}

impl Access {
    /// Name of the socket that gives it, within the control directory.
    pub fn socket(self) -> &'static str {
        match self {
            Access::Observe => "observe.sock",
            Access::Control => "control.sock",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.socket())
    }
}

/// What those who watch are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The fleet changed.
    Snapshot(Arc<FleetStatus>),
    /// Somebody did something.
    Journal(JournalEntry),
    /// The daemon said something.
    Log(LogLine),
    /// Who watches now, the asker among them, in the order they came; told whenever it changes.
    Watchers(Vec<Watcher>),
    /// Nothing has changed until now.
    Alive {
        /// The time at serve.
        at: UnixMs,
    },
    /// The last event: serve ends this watch.
    Ended {
        /// One sentence: why.
        message: String,
    },
}

/// Somebody who watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Watcher {
    /// Running number within one serve.
    pub id: u64,
    /// `alice (uid 1000)`.
    pub who: String,
    /// The program, as it called itself: `console`, `status`, …
    pub program: String,
    /// Since when.
    pub since: UnixMs,
}
