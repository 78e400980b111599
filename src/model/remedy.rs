//! Remedies of a host as everyone is shown them: what would be done, and what was.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Fact, UnixMs};

/// What is done with a check's remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemedyVerb {
    /// It is written.
    Fix,
    /// What is taken back by itself unless somebody says so stays.
    Keep,
    /// What was written is taken back.
    Revert,
}

impl RemedyVerb {
    /// The word, as `audit` and the journal have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fix => "fix",
            Self::Keep => "keep",
            Self::Revert => "revert",
        }
    }
}

impl fmt::Display for RemedyVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A remedy somebody is about to order: of which check, on which host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RemedyAsked {
    /// What is to be done.
    pub verb: RemedyVerb,
    /// The host, as the status names it.
    pub host: String,
    /// The check: `net.somaxconn`.
    pub check: String,
}

/// What would be done on one machine, as whoever would do it there tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct RemedyDraft {
    /// Why it is not done; nothing was and nothing will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What does the same by hand, a command a line; said of what is not done.
    pub commands: Vec<String>,
    /// What is written, for now and for good, what it disturbs, what takes it back.
    pub facts: Vec<Fact>,
    /// Whether it is better written when nothing is due.
    pub disturbs: bool,
    /// Whether it stops a link or a disk: it is taken back by itself unless somebody keeps it.
    pub resets: bool,
    /// Of the order and the machine as it is now: what has another seal is another draft, and is refused.
    pub seal: String,
}

/// What an order would do, told before it is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RemedyPlan {
    /// The order.
    #[serde(flatten)]
    pub asked: RemedyAsked,
    /// Why it is not done from here; nothing was and nothing will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What is written, for now and for good, what it disturbs, what takes it back.
    pub facts: Vec<Fact>,
    /// What does the same by hand, a command a line; said of what is not done from here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// What must be typed to confirm it; none: `y` will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
    /// Of the order and the machine as it is now: what has another seal is another plan, and is refused.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub seal: String,
}

impl RemedyPlan {
    /// Of an order of which nothing is known yet.
    pub fn of(asked: RemedyAsked) -> Self {
        let (facts, commands) = (Vec::new(), Vec::new());
        Self { asked, refusal: None, facts, commands, typed: None, seal: String::new() }
    }
}

/// A remedy that was begun on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostRemedy {
    /// The check.
    pub check: String,
    /// When.
    pub at: UnixMs,
    /// Who ordered it.
    pub who: String,
    /// What was written: `/proc/sys/net/core/somaxconn: 128 to 4096`.
    pub what: String,
    /// What became of it.
    pub state: RemedyState,
}

/// What became of a remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemedyState {
    /// Waits for a moment when nothing is due.
    Due(UnixMs),
    /// Stands, and is taken back then unless somebody keeps it.
    Until(UnixMs),
    /// Stands.
    Stands,
    /// Was cut off while it was written.
    CutOff,
    /// Was taken back, when and why.
    Reverted(UnixMs, String),
}

impl RemedyState {
    /// Whether it can be taken back.
    pub fn stands(&self) -> bool {
        matches!(self, Self::Stands | Self::Until(_) | Self::CutOff)
    }
}
