//! What router and agent say to each other. Data only.
//!
//! The agent speaks first: a [`Greeting`] with a session of its own choice. Every question carries that session and a number
//! one above the last one's, so that a frame that was recorded is refused, on this connection and on any other. An order
//! has an id of the router's choice: however often it comes, it is carried out once. No question carries anything that is
//! run: an order names what the agent's own file allows.

use serde::{Deserialize, Serialize};

use crate::chain::{Genesis, SlotClock, Spec, SpecError};
use crate::model::{
    HostClock, HostFinding, HostLevel, HostRemedy, RemedyDraft, RemedyVerb, Root, Slot, Verb,
};

/// The protocol and its version, as both sides name it within the handshake (ALPN, RFC 7301).
pub const PROTOCOL: &[u8] = b"beacondeck-agent/1";
/// Longest name, id or word of who ordered, in bytes.
pub const WORD_LIMIT: usize = 128;
/// Longest seal of a draft, in bytes.
pub const SEAL_LIMIT: usize = 1024;

/// The agent's first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Greeting {
    /// Of this connection only.
    pub session: String,
    /// Of this life of the agent's process.
    pub life: String,
    /// The program's version.
    pub version: String,
    /// What may be ordered.
    pub allows: Allows,
    /// Whether it is of use to tell it where slots lie.
    #[serde(default)]
    pub wants_slots: bool,
}

/// What may be ordered, by the names of the agent's file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Allows {
    /// What can be restarted.
    pub restart: Vec<String>,
    /// What can be upgraded.
    pub upgrade: Vec<String>,
    /// Checks whose remedies can be written.
    pub remedies: Vec<String>,
}

impl Allows {
    /// The names of a verb.
    pub fn of(&self, verb: Verb) -> &[String] {
        match verb {
            Verb::Restart => &self.restart,
            Verb::Upgrade => &self.upgrade,
        }
    }

    /// Whether the remedy of a check can be written.
    pub fn remedy(&self, check: &str) -> bool {
        self.remedies.iter().any(|allowed| allowed == check)
    }
}

/// A question with its place on the connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Asked {
    /// The greeting's.
    pub session: String,
    /// 1, 2, 3, …
    pub number: u64,
    /// What is asked.
    pub question: Question,
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Question {
    /// What is the time?
    Clock,
    /// That is where slots lie.
    Slots(Slots),
    /// What was found on the host?
    Report {
        /// The look that is known already.
        known: Option<u64>,
    },
    /// Do this, once.
    Order(Order),
    /// What would be done about a check?
    Draft {
        /// Written or taken back.
        verb: RemedyVerb,
        /// The check.
        check: String,
    },
    /// Do this about a check, once.
    Remedy(RemedyOrder),
    /// What has become of an order?
    Outcome {
        /// Its id.
        id: String,
    },
    /// End what an order began.
    End {
        /// Its id.
        id: String,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Order {
    /// Chosen by the router; the same id is the same order.
    pub id: String,
    /// Restart or upgrade.
    pub verb: Verb,
    /// What, as the agent's file calls it.
    pub name: String,
    /// On whose behalf, for the agent's log.
    pub who: String,
}

/// Where slots lie, and what is due in them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Slots {
    /// When slot 0 starts, in seconds since the Unix epoch.
    pub genesis_s: u64,
    /// What of the chain's spec tells of time.
    pub spec: Spec,
    /// The next slots in which a block of the router's validators is due.
    pub proposing: Vec<Slot>,
    /// Validators the router sees.
    pub validators: Option<u32>,
}

impl Slots {
    /// As a clock.
    ///
    /// # Errors
    /// No chain has such slots.
    pub fn clock(&self) -> Result<SlotClock, SpecError> {
        let genesis =
            Genesis { time: self.genesis_s, validators_root: Root::default(), fork_version: [0; 4] };
        SlotClock::new(&genesis, &self.spec)
    }
}

/// What is to be done about a check. Neither what is written nor where: that is what the agent drew up itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RemedyOrder {
    /// Chosen by the router; the same id is the same order.
    pub id: String,
    /// Written, kept, or taken back.
    pub verb: RemedyVerb,
    /// The check.
    pub check: String,
    /// Of the draft it is given for: what has another seal is not done.
    pub seal: String,
    /// On whose behalf, for the agent's journal and log.
    pub who: String,
}

/// An order of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Something that the agent's file names.
    Procedure(Order),
    /// A remedy.
    Remedy(RemedyOrder),
}

impl What {
    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Procedure(order) => &order.id,
            Self::Remedy(order) => &order.id,
        }
    }

    /// On whose behalf.
    pub fn who(&self) -> &str {
        match self {
            Self::Procedure(order) => &order.who,
            Self::Remedy(order) => &order.who,
        }
    }

    /// Why it cannot be one, if so: words that are too long, or none.
    pub fn misshapen(&self) -> Option<String> {
        let (words, seal) = match self {
            Self::Procedure(Order { id, name, who, .. }) => ([id, name, who], ""),
            Self::Remedy(RemedyOrder { id, check, who, seal, .. }) => ([id, check, who], seal.as_str()),
        };
        let long = words.iter().any(|word| word.len() > WORD_LIMIT) || seal.len() > SEAL_LIMIT;
        (self.id().is_empty() || long).then(|| format!("an order's words have 1 to {WORD_LIMIT} bytes"))
    }

    /// As a log names it.
    pub fn words(&self) -> String {
        match self {
            Self::Procedure(Order { verb, name, .. }) => shown(&format!("{verb} of {name}")),
            Self::Remedy(RemedyOrder { verb, check, .. }) => shown(&format!("{verb} of {check}")),
        }
    }

    /// As a question.
    pub fn question(self) -> Question {
        match self {
            Self::Procedure(order) => Question::Order(order),
            Self::Remedy(order) => Question::Remedy(order),
        }
    }
}

impl From<Order> for What {
    fn from(order: Order) -> Self {
        Self::Procedure(order)
    }
}

/// An answer with its question's number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answered {
    /// The question's.
    pub number: u64,
    /// The answer.
    pub answer: Answer,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// When the question came and this answer left, by the host's clock: microseconds since the Unix epoch.
    Clock {
        /// Came.
        came_us: i64,
        /// Left.
        left_us: i64,
    },
    /// It is noted.
    Noted,
    /// What was found; none: nothing newer than what is known.
    Report(Option<Box<Report>>),
    /// What would be done about a check.
    Draft(Box<RemedyDraft>),
    /// How far an order has come.
    Order(OrderState),
    /// It is not done, and why.
    Refused {
        /// One sentence.
        why: String,
    },
}

/// What was found on a host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Number of the report.
    pub look: u64,
    /// How long ago it was, in milliseconds; the host's clock may be wrong.
    pub age_ms: u64,
    /// What the host is for.
    pub roles: Vec<String>,
    /// What asks for something, worst first.
    pub findings: Vec<HostFinding>,
    /// Every part of the machine that was looked at, and the worst of it.
    pub classes: Vec<(String, HostLevel)>,
    /// The clock as the host's own time daemon sees it.
    pub clock: Option<HostClock>,
    /// Remedies that were begun there, newest first, by the host's clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedies: Vec<HostRemedy>,
}

/// How far an order has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderState {
    /// At work.
    Running,
    /// It ended well; the end of what it printed.
    Done {
        /// At most 16 KiB.
        output: String,
    },
    /// It did not.
    Failed {
        /// One sentence.
        why: String,
        /// The end of what it printed, at most 16 KiB.
        output: String,
    },
    /// It was not begun: the machine or the turn is not as the order takes it to be.
    Refused {
        /// One sentence.
        why: String,
    },
    /// The agent knows nothing of it: it was started anew since.
    Unknown,
}

/// A word from the wire as a log may show it.
pub fn shown(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(WORD_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_what_is_known_is_understood() {
        let read = |text: &str| serde_json::from_str::<Asked>(text).is_ok();
        assert!(read(r#"{"session":"s","number":1,"question":"clock"}"#));
        assert!(read(
            r#"{"session":"s","number":1,"question":{"order":{"id":"1","verb":"restart","name":"a","who":"b"}}}"#
        ));
        assert!(read(
            r#"{"session":"s","number":1,"question":{"remedy":{"id":"1","verb":"fix","check":"a.b","seal":"0","who":"b"}}}"#
        ));
        for wrong in [
            r#"{"session":"s","number":1,"question":{"remedy":{"id":"1","verb":"fix","check":"a.b","seal":"0","who":"b","path":"/proc/sys/x"}}}"#,
            r#"{"session":"s","number":1,"question":{"draft":{"verb":"fix","check":"a.b","to":"1"}}}"#,
            r#"{"session":"s","number":1,"question":"shell"}"#,
            r#"{"session":"s","number":1,"question":{"order":{"id":"1","verb":"restart","name":"a","who":"b","command":["/bin/sh"]}}}"#,
            r#"{"session":"s","number":1,"question":{"order":{"id":"1","verb":"run","name":"a","who":"b"}}}"#,
            r#"{"session":"s","number":-1,"question":"clock"}"#,
            r#"{"number":1,"question":"clock"}"#,
        ] {
            assert!(!read(wrong), "{wrong}");
        }
        assert_eq!(shown("a\u{1b}[31mb\nc"), "a[31mbc");
    }
}
