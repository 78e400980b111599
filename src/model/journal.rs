//! What was ordered and done, by whom: entries of the journal, and the orders that still stand.

use serde::{Deserialize, Serialize};

use super::UnixMs;

/// One line of the journal. It is append-only: an entry never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JournalEntry {
    /// Its number: later entries have greater ones, there may be gaps. The store gives it; 0 before.
    pub id: u64,
    /// When.
    pub at: UnixMs,
    /// Who: `alice (uid 1000)`, or `serve` for what the program did by itself.
    pub who: String,
    /// One verb: `drain`, `resume`, `start`, `stop`, …
    pub what: String,
    /// What it was done to, a beacon's name mostly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The order's id, given by whoever ordered; no other entry has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// What came of it, one sentence.
    pub outcome: String,
}

/// An order that keeps a beacon out of use until it is resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Drain {
    /// Who gave it.
    pub by: String,
    /// When.
    pub since: UnixMs,
}

/// Somebody has taken note of something that is wrong; it stands until that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ack {
    /// What identifies the thing, as [`super::FleetStatus::pages`] has it.
    pub key: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: UnixMs,
    /// Why, or what is being done, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Ack {
    /// `acknowledged by alice (uid 1000): it is being restarted`.
    pub fn words(&self) -> String {
        format!("acknowledged {}", self.by_whom())
    }

    /// `by alice (uid 1000): it is being restarted`.
    pub fn by_whom(&self) -> String {
        let why = self.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        format!("by {}{why}", self.by)
    }
}
