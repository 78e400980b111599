//! A record: what the checks read of a machine at two moments, as text. Bundle for support and fixture alike.
//!
//! ```text
//! beacondeck-snapshot 1
//! file /proc/uptime
//!  100.02 190.11
//! later file /proc/uptime
//!  105.02 199.80
//! denied file /proc/1/limits
//! absent file /proc/pressure/cpu
//! failed file /sys/class/net/eth0/speed
//!  Invalid argument
//! ```
//!
//! A line of content begins with a space. `later` is the second moment, if it differs from the first.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use thiserror::Error;

use super::source::{Ask, Kind, Reading, Source, Unread};

const HEAD: &str = "beacondeck-snapshot 1";

/// What was read at two moments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The first moment.
    pub first: BTreeMap<Ask, Reading>,
    /// The second: what differs from the first.
    pub later: BTreeMap<Ask, Reading>,
}

/// Why text is no record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordError {
    /// It does not begin as one.
    #[error("not a snapshot of beacondeck: the first line is not `{HEAD}`")]
    Head,
    /// A line does not say what follows.
    #[error(
        "line {line} is neither content (which begins with a space) nor `file`, `list`, `link`, … and a path"
    )]
    Line {
        /// Counted from one.
        line: usize,
    },
}

/// One moment of a record.
pub struct Moment<'a> {
    newer: Option<&'a BTreeMap<Ask, Reading>>,
    older: &'a BTreeMap<Ask, Reading>,
}

impl Source for Moment<'_> {
    fn read(&self, ask: &Ask) -> Reading {
        let newer = self.newer.and_then(|newer| newer.get(ask));
        newer.or_else(|| self.older.get(ask)).cloned().unwrap_or(Err(Unread::Absent))
    }
}

impl Record {
    /// The first moment.
    pub fn before(&self) -> Moment<'_> {
        Moment { newer: None, older: &self.first }
    }

    /// The second moment.
    pub fn now(&self) -> Moment<'_> {
        Moment { newer: Some(&self.later), older: &self.first }
    }

    /// The record as text.
    pub fn render(&self) -> String {
        let mut out = format!("{HEAD}\n");
        for (prefix, readings) in [("", &self.first), ("later ", &self.later)] {
            for (ask, reading) in readings {
                let (state, content) = match reading {
                    Ok(text) => ("", text.as_str()),
                    Err(Unread::Absent) => ("absent ", ""),
                    Err(Unread::Denied) => ("denied ", ""),
                    Err(Unread::Failed(reason)) => ("failed ", reason.as_str()),
                };
                let _ = writeln!(out, "{prefix}{state}{ask}");
                if reading.is_ok() || !content.is_empty() {
                    for line in content.split('\n') {
                        let _ = writeln!(out, " {line}");
                    }
                }
            }
        }
        out
    }

    /// Reads a record's text.
    ///
    /// # Errors
    /// It is not one; the first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        let mut lines = text.split('\n').enumerate().peekable();
        if lines.next().map(|(_, line)| line.trim_end()) != Some(HEAD) {
            return Err(RecordError::Head);
        }
        let mut record = Self::default();
        while let Some((number, line)) = lines.next() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (later, state, ask) = head(line).ok_or(RecordError::Line { line: number + 1 })?;
            let mut content = Vec::new();
            while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with(' ')) {
                content.push(line.get(1..).unwrap_or_default());
            }
            let text = content.join("\n");
            let reading = match state {
                State::Read => Ok(text),
                State::Absent => Err(Unread::Absent),
                State::Denied => Err(Unread::Denied),
                State::Failed => Err(Unread::Failed(text)),
            };
            if later { &mut record.later } else { &mut record.first }.insert(ask, reading);
        }
        Ok(record)
    }
}

enum State {
    Read,
    Absent,
    Denied,
    Failed,
}

fn head(line: &str) -> Option<(bool, State, Ask)> {
    let (later, line) = line.strip_prefix("later ").map_or((false, line), |line| (true, line));
    let (state, line) = match line.split_once(' ')? {
        ("absent", rest) => (State::Absent, rest),
        ("denied", rest) => (State::Denied, rest),
        ("failed", rest) => (State::Failed, rest),
        _ => (State::Read, line),
    };
    let (word, path) = line.split_once(' ')?;
    let (kind, _) = Kind::WORDS.iter().find(|(_, known)| *known == word)?;
    Some((later, state, Ask::new(*kind, path.trim_end())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading() -> impl Strategy<Value = Reading> {
        prop_oneof![
            "[ -~\n]{0,40}".prop_map(Ok),
            Just(Err(Unread::Absent)),
            Just(Err(Unread::Denied)),
            "[a-z]{1,20}".prop_map(|reason| Err(Unread::Failed(reason))),
        ]
    }

    fn moment() -> impl Strategy<Value = BTreeMap<Ask, Reading>> {
        let ask = (0..Kind::WORDS.len(), "/[a-z0-9/:._-]{1,30}")
            .prop_map(|(at, path)| Ask::new(Kind::WORDS[at].0, path));
        proptest::collection::btree_map(ask, reading(), 0..8)
    }

    proptest! {
        #[test]
        fn what_is_rendered_is_read_back(first in moment(), later in moment()) {
            let record = Record { first, later };
            prop_assert_eq!(Record::parse(&record.render()), Ok(record));
        }

        #[test]
        fn any_text_is_a_record_or_an_error(text in "(beacondeck-snapshot 1\n)?(\\PC|\n| |file |later |absent ){0,60}") {
            let _ = Record::parse(&text);
        }
    }

    #[test]
    fn the_first_wrong_line_is_named() {
        assert_eq!(Record::parse("hello"), Err(RecordError::Head));
        let text = format!("{HEAD}\nfile /a\n 1\nnonsense\n");
        assert_eq!(Record::parse(&text), Err(RecordError::Line { line: 4 }));
    }
}
