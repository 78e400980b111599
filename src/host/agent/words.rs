//! What router and agent say to each other. Data only.
//!
//! The agent speaks first: a [`Greeting`] with a session of its own choice. Every question carries that session and a number
//! one above the last one's, so that a frame that was recorded is refused, on this connection and on any other. An order
//! has an id of the router's choice: however often it comes, it is carried out once. No question carries anything that is
//! run: an order names what the agent's own file allows.

use serde::{Deserialize, Serialize};

use crate::model::{HostClock, HostFinding, HostLevel, Verb};

/// The protocol and its version, as both sides name it within the handshake (ALPN, RFC 7301).
pub const PROTOCOL: &[u8] = b"beacondeck-agent/1";
/// Longest name, id or word of who ordered, in bytes.
pub const WORD_LIMIT: usize = 128;

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
}

/// What may be ordered, by the names of the agent's file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Allows {
    /// What can be restarted.
    pub restart: Vec<String>,
    /// What can be upgraded.
    pub upgrade: Vec<String>,
}

impl Allows {
    /// The names of a verb.
    pub fn of(&self, verb: Verb) -> &[String] {
        match verb {
            Verb::Restart => &self.restart,
            Verb::Upgrade => &self.upgrade,
        }
    }
}

/// A question with its place on the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Question {
    /// What is the time?
    Clock,
    /// What was found on the host?
    Report {
        /// The look that is known already.
        known: Option<u64>,
    },
    /// Do this, once.
    Order(Order),
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
    /// What was found; none: nothing newer than what is known.
    Report(Option<Box<Report>>),
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
    /// Number of the look.
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
        for wrong in [
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
