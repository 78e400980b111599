//! Operations: what an engineer has done to a beacon, step by step, and what it would mean to do it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{BeaconName, UnixMs};

/// What is done to a beacon's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// By `restart:` of the fleet file.
    Restart,
    /// By `upgrade:` of the fleet file.
    Upgrade,
}

impl Verb {
    /// The word, which is also the fleet file's key and the command's name.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Restart => "restart",
            Verb::Upgrade => "upgrade",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A step of an operation, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// No new work; ends when nothing is in flight.
    Drain,
    /// The fleet file's unit or command.
    Run,
    /// Reachable, synced, execution client online, at the agreed head.
    Wait,
    /// Work again; before it gives a block or an aggregate it is told what it must know.
    Resume,
}

impl Step {
    /// All, in order.
    pub const ALL: [Step; 4] = [Step::Drain, Step::Run, Step::Wait, Step::Resume];

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Step::Drain => "drain",
            Step::Run => "run",
            Step::Wait => "wait",
            Step::Resume => "resume",
        }
    }
}

/// How far a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Its turn has not come.
    Pending,
    /// At work.
    Running,
    /// Done.
    Done,
    /// It failed; no later step is taken.
    Failed,
}

/// One step of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepStatus {
    /// Which.
    pub step: Step,
    /// How far.
    pub state: StepState,
    /// What it waits for, or what came of it; empty before its turn.
    pub detail: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<UnixMs>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<UnixMs>,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Every step is done.
    Succeeded,
    /// A step failed; the beacon is left drained.
    Failed,
    /// Somebody ended it; the beacon is left drained, unless nothing had been run yet.
    Aborted,
}

/// One operation, running or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Operation {
    /// Identity within this serve.
    pub id: u64,
    /// What.
    pub verb: Verb,
    /// At which beacon.
    pub beacon: BeaconName,
    /// Who gave the order.
    pub who: String,
    /// When it began.
    pub began: UnixMs,
    /// Every step, in order.
    pub steps: Vec<StepStatus>,
    /// How and when it ended, in words; none while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<(Ending, UnixMs, String)>,
    /// The end of what the command printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

impl Operation {
    /// The step at work, or the one that failed.
    pub fn current(&self) -> Option<&StepStatus> {
        self.steps.iter().find(|step| matches!(step.state, StepState::Running | StepState::Failed))
    }

    /// The key by which its failure is acknowledged.
    pub fn page(&self) -> String {
        format!("{} of {} failed", self.verb, self.beacon)
    }

    /// The step at work or the one that failed, in a few words: `drain: 2 in flight`.
    pub fn now_at(&self) -> String {
        self.current().map_or_else(String::new, |step| format!("{}: {}", step.step.word(), step.detail))
    }

    /// Whether it has failed.
    pub fn has_failed(&self) -> bool {
        matches!(self.end, Some((Ending::Failed, ..)))
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        self.end.is_none()
    }
}

/// What somebody is about to order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    /// To give beacons no new work.
    Drain,
    /// To give drained beacons work again.
    Resume,
    /// To restart a beacon's process.
    Restart,
    /// To upgrade it.
    Upgrade,
    /// To end the restart or upgrade that runs.
    Abort,
}

impl Intent {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Intent::Drain => "drain",
            Intent::Resume => "resume",
            Intent::Restart => "restart",
            Intent::Upgrade => "upgrade",
            Intent::Abort => "abort",
        }
    }

    /// The verb, if it begins an operation.
    pub fn verb(self) -> Option<Verb> {
        match self {
            Intent::Restart => Some(Verb::Restart),
            Intent::Upgrade => Some(Verb::Upgrade),
            Intent::Drain | Intent::Resume | Intent::Abort => None,
        }
    }
}

impl From<Verb> for Intent {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Restart => Intent::Restart,
            Verb::Upgrade => Intent::Upgrade,
        }
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Duties of the present and the next epoch, as far as clients have told of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ahead {
    /// Attestations, by committee subscriptions.
    pub attestations: usize,
    /// Validators in a sync committee, by subscriptions.
    pub sync: usize,
    /// Blocks, by proposer preferences (Gloas).
    pub blocks: usize,
    /// Validators that may be asked for a block, by preparations.
    pub proposers: usize,
}

/// How much one consequence weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// All is well there.
    Fine,
    /// So it is.
    Plain,
    /// To be thought about.
    Careful,
    /// It costs duties.
    Grave,
}

/// One consequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fact {
    /// What it is about, in a word or a beacon's name.
    pub about: String,
    /// How much it weighs.
    pub weight: Weight,
    /// One sentence.
    pub words: String,
}

/// What an order would mean, told before it is confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Consequences {
    /// The order.
    pub intent: Intent,
    /// At which beacons.
    pub beacons: Vec<BeaconName>,
    /// Why it cannot be done at all; nothing else counts then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Whether no other healthy beacon would be left: its name must be typed, or `--force` given.
    pub last_healthy: bool,
    /// Whether more than half of the healthy beacons would go: that is not confirmed by one key.
    pub most: bool,
    /// The gravest first: beacons left, load, duties ahead, requests in flight, who else is acting.
    pub facts: Vec<Fact>,
}
