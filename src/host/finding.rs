//! What a check says: verdict, expected, actual.

use std::fmt;

use serde::Serialize;

use super::change::Change;
use super::check::{Apply, Check, Class, Cost};
use super::processes::Process;

/// A check's verdict, the better first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "reason", rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Could be better; costs below 10 ms, or nothing yet.
    Advice,
    /// Can cost a duty.
    Warn,
    /// Costs duties: it was measured, or a counter moved.
    Bad,
    /// Does not apply to this machine, and why.
    #[serde(rename = "n/a")]
    NotApplicable(String),
    /// Could not be told, and why.
    Unknown(String),
}

impl Verdict {
    /// The word operators and scripts read.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Advice => "advice",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::NotApplicable(_) => "n/a",
            Self::Unknown(_) => "unknown",
        }
    }

    /// How it counts.
    pub fn worst(&self) -> Worst {
        match self {
            Self::Ok | Self::Advice | Self::NotApplicable(_) => Worst::Fine,
            Self::Unknown(_) => Worst::Unknown,
            Self::Warn => Worst::Warn,
            Self::Bad => Worst::Bad,
        }
    }
}

/// The worst of several verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worst {
    /// Ok, advice, n/a.
    Fine,
    /// Something could not be told.
    Unknown,
    /// Something can cost a duty.
    Warn,
    /// Something does.
    Bad,
}

/// What a check judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Ok, advice, warn or bad.
    pub verdict: Verdict,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub actual: String,
    /// What the remedy's `{on}` stands for: a device, an interface, a path.
    pub on: String,
    /// What the remedy's `{to}` stands for, if this machine's size decides it.
    pub to: String,
}

impl Judged {
    /// A verdict with what it should be and what it is.
    pub fn new(verdict: Verdict, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        let (expected, actual) = (expected.into(), actual.into());
        Self { verdict, expected, actual, on: String::new(), to: String::new() }
    }

    /// The device, interface or path it is about.
    #[must_use]
    pub fn on(self, on: impl Into<String>) -> Self {
        Self { on: on.into(), ..self }
    }

    /// The value the remedy writes.
    #[must_use]
    pub fn to(self, to: impl std::fmt::Display) -> Self {
        Self { to: to.to_string(), ..self }
    }

    /// The worse of two; the first, if they are as bad.
    #[must_use]
    pub fn or_worse(self, other: Self) -> Self {
        if rank(&other.verdict) > rank(&self.verdict) { other } else { self }
    }
}

fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Ok | Verdict::NotApplicable(_) | Verdict::Unknown(_) => 0,
        Verdict::Advice => 1,
        Verdict::Warn => 2,
        Verdict::Bad => 3,
    }
}

/// Why a check cannot judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cannot {
    /// It does not apply.
    NotApplicable(String),
    /// It cannot be told.
    Unknown(String),
}

impl From<Cannot> for Verdict {
    fn from(cannot: Cannot) -> Self {
        match cannot {
            Cannot::NotApplicable(reason) => Self::NotApplicable(reason),
            Cannot::Unknown(reason) => Self::Unknown(reason),
        }
    }
}

/// *n/a*, with the reason.
pub fn not_applicable<T>(reason: impl Into<String>) -> Result<T, Cannot> {
    Err(Cannot::NotApplicable(reason.into()))
}

/// *unknown*, with the reason.
pub fn unknown<T>(reason: impl Into<String>) -> Result<T, Cannot> {
    Err(Cannot::Unknown(reason.into()))
}

/// What a check says of a machine, with all an operator needs to act on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check.
    pub id: &'static str,
    /// Part of the machine.
    pub class: Class,
    /// The processes it is about: `lighthouse (process 42)`; empty: the machine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub process: String,
    /// The verdict and, of *n/a* and *unknown*, the reason.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What it should be; empty if it could not be judged.
    pub expected: String,
    /// What it is; empty if it could not be judged.
    pub actual: String,
    /// Why it matters.
    pub why: &'static str,
    /// Why it matters, in milliseconds.
    pub cost: Cost,
    /// The command that helps now; empty for ok and what could not be judged, as the following are.
    pub remedy: String,
    /// What makes it last.
    pub persistent: String,
    /// What takes it back.
    pub revert: String,
    /// What is written, if that alone is the remedy: what `--fix` does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// What the remedy does to the running machine.
    pub apply: Apply,
    /// What it reads.
    pub needs: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
}

impl Finding {
    /// What a check says, within the worst it may say: of a process if one was judged, in another network namespace if that
    /// process is in one.
    pub fn of(
        check: &Check,
        judged: Result<Judged, Cannot>,
        process: Option<&Process>,
        elsewhere: Option<u32>,
    ) -> Self {
        let judged = judged.unwrap_or_else(|cannot| Judged::new(cannot.into(), "", ""));
        let acts = matches!(judged.verdict, Verdict::Advice | Verdict::Warn | Verdict::Bad);
        let pid = process.map_or_else(|| "PID".to_owned(), |process| process.pid.to_string());
        let say = |text: String| if acts { text.replace("{pid}", &pid) } else { String::new() };
        let change = acts.then(|| check.remedy.change(check.id, &judged, elsewhere)).flatten();
        let remedy = check.remedy;
        Self {
            id: check.id,
            class: check.class,
            process: String::new(),
            why: check.why,
            cost: check.cost,
            remedy: say(remedy.live(change.as_ref(), &judged)),
            persistent: say(remedy.persistent(change.as_ref(), &judged)),
            revert: say(remedy.revert(change.as_ref(), &judged)),
            change,
            apply: check.apply,
            needs: check.needs,
            source: check.source,
            verdict: judged.verdict,
            expected: judged.expected,
            actual: judged.actual,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.verdict.word();
        let of = if self.process.is_empty() { String::new() } else { format!("{}: ", self.process) };
        match &self.verdict {
            Verdict::NotApplicable(reason) | Verdict::Unknown(reason) => {
                write!(f, "{} {word}: {of}{reason}", self.id)
            }
            _ => write!(f, "{} {word}: {of}{} (expected {})", self.id, self.actual, self.expected),
        }
    }
}
