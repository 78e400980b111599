//! What a check is: data about it, and the function that judges.

use super::facts::Facts;
use super::finding::{Cannot, Judged};
use super::remedy::Remedy;

/// What part of the machine a check looks at; a column of the hosts panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The clock and what disciplines it.
    Time,
    /// Disks and file systems.
    Storage,
    /// Packets, sockets, links.
    Network,
    /// Processors.
    Cpu,
    /// Memory and NUMA.
    Memory,
    /// The beacon's own process.
    Process,
    /// The machine as a whole.
    System,
}

impl Class {
    /// The word operators read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Storage => "storage",
            Self::Network => "network",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Process => "process",
            Self::System => "system",
        }
    }
}

/// What a host is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs a beacon node.
    Beacon,
    /// Runs an execution client.
    Execution,
    /// Runs a validator client or a signer.
    Validator,
}

impl Role {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Beacon, Self::Execution, Self::Validator];

    /// The word operators read and write.
    pub fn word(self) -> &'static str {
        match self {
            Self::Beacon => "beacon",
            Self::Execution => "execution",
            Self::Validator => "validator",
        }
    }

    /// The role of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.word() == word)
    }
}

/// What a change to the running machine does at its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Apply {
    /// Nothing else than what is meant.
    Safe,
    /// Holds for new connections or queues only, or disturbs for a moment.
    Transient,
    /// Stops a link or disk for 0.1 to 5 s: only outside duty windows, and to be confirmed within 60 s.
    Resets,
    /// A service has to be restarted.
    Restart,
    /// The machine has to be rebooted: printed, never applied.
    Reboot,
    /// To be looked into; nothing to write.
    Investigate,
}

impl Apply {
    /// Whether it waits until no duty is due.
    pub fn disturbs(self) -> bool {
        matches!(self, Self::Transient | Self::Resets)
    }

    /// The words operators read.
    pub fn words(self) -> &'static str {
        match self {
            Self::Safe => "safe while it runs",
            Self::Transient => "disturbs for a moment, or holds for new connections only",
            Self::Resets => "stops the link or disk for up to 5 s",
            Self::Restart => "needs a restart of the service",
            Self::Reboot => "needs a reboot",
            Self::Investigate => "to be looked into",
        }
    }
}

/// The worst a check may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Most {
    /// A setting that costs below 10 ms.
    Advice,
    /// A setting that can cost more, without a symptom.
    Warn,
    /// A measurement, or a counter that moved.
    Bad,
}

/// What a finding can cost, in milliseconds before an attestation is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Cost {
    /// On a usual bad slot.
    pub from_ms: u32,
    /// On the worst.
    pub to_ms: u32,
}

/// A check: one file of `checks`.
pub struct Check {
    /// `class.name`, for ever the same.
    pub id: &'static str,
    /// Part of the machine.
    pub class: Class,
    /// What it reads, and the right it needs to, if one is needed.
    pub needs: &'static str,
    /// Hosts it is of use on.
    pub roles: &'static [Role],
    /// The worst it may say.
    pub most: Most,
    /// Why it matters, in a sentence.
    pub why: &'static str,
    /// Why it matters, in milliseconds.
    pub cost: Cost,
    /// What helps.
    pub remedy: Remedy,
    /// What the remedy does to the running machine.
    pub apply: Apply,
    /// Where rule and thresholds come from.
    pub source: &'static str,
    /// Judges. `Err` is *n/a* or *unknown*.
    pub judge: fn(&Facts<'_>) -> Result<Judged, Cannot>,
}

impl Check {
    /// Whether it measures what the machine does, and not how it is set.
    pub fn measures(&self) -> bool {
        self.most == Most::Bad && self.class != Class::Time
    }

    /// Whether a value written is all of its remedy.
    pub fn is_written(&self) -> bool {
        self.remedy.is_of_values() && self.apply != Apply::Reboot
    }
}
