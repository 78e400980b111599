//! Incidents, as everyone is shown them: one culprit set, why, since when, what it costs, what was done, what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{BeaconName, Silence, Slot, UnixMs};

/// What kind of thing a culprit is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CulpritKind {
    /// Everybody's: late and missing blocks, losses of the whole network.
    Network,
    /// A beacon node.
    Beacon,
    /// A validator client.
    Client,
    /// What signs for several clients.
    Signer,
    /// A machine.
    Host,
    /// An execution client of some version.
    El,
    /// A consensus client of some version.
    Cl,
    /// A data centre.
    Zone,
    /// What clients reach beacons by.
    Router,
    /// Keys that sign at two places: `vc-1+vc-2`, or `vc-1+elsewhere`.
    Key,
    /// Heads that part along the lines of consensus clients: `Lighthouse / Teku`, the side validators stay with first.
    ChainSplit,
    /// Any other label.
    #[serde(untagged)]
    Label(String),
}

impl CulpritKind {
    /// One of this kind as it is shown and silenced: `beacon b2`. There is one network.
    pub fn called(&self, name: impl fmt::Display) -> String {
        match self {
            Self::Network => self.to_string(),
            _ => format!("{self} {name}"),
        }
    }
}

impl fmt::Display for CulpritKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "network",
            Self::Beacon => "beacon",
            Self::Client => "client",
            Self::Signer => "signer",
            Self::Host => "host",
            Self::El => "el",
            Self::Cl => "cl",
            Self::Zone => "zone",
            Self::Router => "router",
            Self::Key => "key",
            Self::ChainSplit => "chain split",
            Self::Label(key) => key,
        })
    }
}

/// Something that may be to blame.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Culprit {
    /// What kind of thing.
    pub kind: CulpritKind,
    /// Which.
    pub name: String,
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind.called(&self.name))
    }
}

/// Where an incident stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentState {
    /// Somebody is blamed, and it could still be chance or another.
    Suspected,
    /// It is certain enough to act.
    Open,
    /// The culprit is routed around, or its cost has ended: nothing is lost by it now.
    Mitigated,
    /// It has ended.
    Resolved,
}

impl IncidentState {
    /// The word people are shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Suspected => "suspected",
            Self::Open => "open",
            Self::Mitigated => "mitigated",
            Self::Resolved => "resolved",
        }
    }

    /// Whether it goes on.
    pub fn is_live(self) -> bool {
        self != Self::Resolved
    }
}

/// How bad an incident is, by what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing is lost by it: redundancy is.
    #[default]
    Notice,
    /// Duties are late or vote wrongly, or are about to.
    Warning,
    /// Duties are missed, or validators could be slashed.
    Critical,
}

impl Severity {
    /// The word people are shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What an incident has cost since it began, as far as the chain has told.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Cost {
    /// Validators whose duties go by the culprit.
    pub validators: u64,
    /// Attestations that were due by it.
    pub due: u64,
    /// Of them not included.
    pub missed: u64,
    /// Of them included late.
    pub late: u64,
    /// Of them included with another head than the chain's.
    pub wrong_head: u64,
    /// What that comes to an hour at the present rate, in ETH; none while nothing is lost or rewards are not known. An
    /// estimate: the base reward at the mean effective balance of a sample of our validators, the network's balance taken from
    /// its committees and a sample of them (altair spec, `get_base_reward`; missed source and target cost the reward and a
    /// penalty as high).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eth_per_hour: Option<f64>,
}

impl Cost {
    /// What was lost, worst first, in one phrase; none: nothing so far.
    pub fn lost(&self) -> Option<String> {
        let Self { due, missed, late, wrong_head, .. } = self;
        let what = match (missed, late + wrong_head) {
            (0, 0) => return None,
            (0, odd) => format!("{odd} of {due} attestations late or wrong"),
            (missed, _) => format!("{missed} of {due} attestations missed"),
        };
        Some([what].into_iter().chain(self.eth()).collect::<Vec<_>>().join(", "))
    }

    /// All of it: `about 96 validators, 12 of 300 attestations missed, 3 late, about 0.00012 ETH/h`.
    pub fn words(&self) -> String {
        let Self { validators, due, missed, late, wrong_head, .. } = self;
        let mut words = vec![format!("about {validators} validators")];
        words.push(match due {
            0 => "nothing counted yet".to_owned(),
            _ => format!("{missed} of {due} attestations missed"),
        });
        for (n, what) in [(late, "late"), (wrong_head, "with another head")] {
            if *n > 0 {
                words.push(format!("{n} {what}"));
            }
        }
        words.extend(self.eth());
        words.join(", ")
    }

    fn eth(&self) -> Option<String> {
        self.eth_per_hour.map(|eth| format!("about {eth:.5} ETH/h"))
    }
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Incident {
    /// Its number, from 1, the same over restarts.
    pub id: u64,
    /// Where it stands.
    pub state: IncidentState,
    /// How bad it is.
    pub severity: Severity,
    /// Who is to blame; never empty.
    pub culprits: Vec<Culprit>,
    /// The beacons it stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beacons: Vec<BeaconName>,
    /// Why, in a few words.
    pub cause: String,
    /// Between 0 and 1.
    pub confidence: f64,
    /// The slot at whose end it was known first.
    pub slot: Slot,
    /// When that was.
    pub since: UnixMs,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<UnixMs>,
    /// What it costs.
    pub cost: Cost,
    /// What speaks for it, with numbers.
    pub evidence: Vec<String>,
    /// Who cannot be told apart from the culprit by what was seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ambiguous_with: Vec<Culprit>,
    /// Who else was looked at, and why it is not they.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ruled_out: Vec<String>,
    /// Symptoms that are part of it, with counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folded: Vec<String>,
    /// What the router has done about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<String>,
    /// What to do next.
    pub next: String,
    /// What happened to it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Happening>,
    /// Who keeps it quiet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
}

/// A line of an incident's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// The slot.
    pub slot: Slot,
    /// When.
    pub at: UnixMs,
    /// What, in a few words.
    pub what: String,
}

impl Incident {
    /// One that begins: suspected, and nothing else is known of it.
    pub fn new(id: u64, culprits: Vec<Culprit>, cause: String, slot: Slot, since: UnixMs) -> Self {
        Self {
            id,
            state: IncidentState::Suspected,
            severity: Severity::Notice,
            culprits,
            beacons: Vec::new(),
            cause,
            confidence: 0.0,
            slot,
            since,
            ended: None,
            cost: Cost::default(),
            evidence: Vec::new(),
            ambiguous_with: Vec::new(),
            ruled_out: Vec::new(),
            folded: Vec::new(),
            done: Vec::new(),
            next: String::new(),
            timeline: Vec::new(),
            silence: None,
        }
    }

    /// The key it is acknowledged and silenced by.
    pub fn key(&self) -> String {
        format!("incident {}", self.id)
    }

    /// `incident 7: beacon b1 does not answer (critical, open)`: a line that says it all.
    pub fn line(&self) -> String {
        let (key, who, cause) = (self.key(), self.who(), &self.cause);
        format!("{key}: {who}: {cause} ({}, {})", self.severity.word(), self.state.word())
    }

    /// Who is to blame, in words.
    pub fn who(&self) -> String {
        let names: Vec<String> = self.culprits.iter().map(Culprit::to_string).collect();
        names.join(" and ")
    }

    /// What kind of thing is to blame; `several` if the culprits differ in it.
    pub fn kind(&self) -> String {
        let mut kinds = self.culprits.iter().map(|culprit| culprit.kind.to_string());
        let first = kinds.next().unwrap_or_default();
        if kinds.all(|kind| kind == first) { first } else { "several".to_owned() }
    }

    /// Whether this beacon is what is blamed.
    pub fn blames(&self, kind: &CulpritKind, name: &str) -> bool {
        self.culprits.iter().any(|culprit| culprit.kind == *kind && culprit.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_told_in_short_and_in_full() {
        let cost = Cost {
            validators: 96,
            due: 300,
            missed: 12,
            late: 3,
            wrong_head: 1,
            eth_per_hour: Some(0.000_42),
        };
        assert_eq!(cost.lost().as_deref(), Some("12 of 300 attestations missed, about 0.00042 ETH/h"));
        assert_eq!(
            cost.words(),
            "about 96 validators, 12 of 300 attestations missed, 3 late, 1 with another head, about 0.00042 ETH/h"
        );
        let odd = Cost { missed: 0, eth_per_hour: None, ..cost };
        assert_eq!(odd.lost().as_deref(), Some("4 of 300 attestations late or wrong"));
        assert_eq!(Cost::default().lost(), None);
        assert_eq!(Cost::default().words(), "about 0 validators, nothing counted yet");
    }
}
