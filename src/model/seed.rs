//! Seeds: what validator clients tell beacons ahead of a duty, and what of it each beacon has been told.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::UnixMs;

/// A kind of seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeedKind {
    /// `beacon_committee_subscriptions`.
    Committees,
    /// `sync_committee_subscriptions`.
    Sync,
    /// `prepare_beacon_proposer`: fee recipients.
    Preparations,
    /// `register_validator`: builder registrations.
    Registrations,
    /// `proposer_preferences` (Gloas).
    Preferences,
    /// Teku's `persistent_subnets_subscription`.
    Subnets,
}

impl SeedKind {
    /// Every kind; the index of one is its discriminant.
    pub const ALL: [SeedKind; 6] = [
        SeedKind::Committees,
        SeedKind::Sync,
        SeedKind::Preparations,
        SeedKind::Registrations,
        SeedKind::Preferences,
        SeedKind::Subnets,
    ];

    /// The word it is stored and shown by.
    pub fn word(self) -> &'static str {
        match self {
            SeedKind::Committees => "committees",
            SeedKind::Sync => "sync",
            SeedKind::Preparations => "preparations",
            SeedKind::Registrations => "registrations",
            SeedKind::Preferences => "preferences",
            SeedKind::Subnets => "subnets",
        }
    }

    /// The kind of a word.
    pub fn of_word(word: &str) -> Option<SeedKind> {
        SeedKind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for SeedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a beacon has been told of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Told {
    /// The kind.
    pub kind: SeedKind,
    /// Entries it holds that are still valid.
    pub count: u32,
    /// Entries it was told and refused.
    #[serde(default)]
    pub refused: u32,
    /// When it was told last.
    pub at: UnixMs,
}

impl Told {
    /// In words: `64 preparations`, `60 preparations (refuses 4)`.
    pub fn said(&self) -> String {
        let Self { kind, count, refused, .. } = self;
        let refuses = if *refused > 0 { format!(" (refuses {refused})") } else { String::new() };
        format!("{count} {kind}{refuses}")
    }
}

/// What a beacon custodies because of what it has been told, as far as that can be known from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CustodyEstimate {
    /// Validators it has been told of by subscriptions and preparations.
    pub validators: u32,
    /// Custody groups that follow, each validator counted with 32 ETH: its effective balance is not known here.
    pub groups: u32,
    /// All groups there are.
    pub of: u32,
}
