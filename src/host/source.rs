//! What can be asked of a machine, and what it may answer.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

/// What is asked for at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A file's text.
    File,
    /// Names in a directory, a line each, sorted.
    List,
    /// Where a symbolic link points to.
    Link,
    /// `statvfs`: block size, blocks, free to users, inodes, inodes free to users; in this order.
    Space,
    /// What a process runs, by its command line: `lighthouse`, `lighthouse validator`, or nothing. The command line itself, which may
    /// hold secrets, is not remembered.
    Program,
    /// A file as a process sees it from its network namespace: `PID/proc/sys/net/…`.
    Netns,
    /// What a witness of [`super::clock::places`] says of the clock, as JSON on one line.
    Clock,
    /// What a probe of durable writes measured, as JSON on one line.
    Durable,
    /// A number of an interface that ethtool sets: `eth0/rx-ring`; see `host::nic`.
    Nic,
    /// The queueing disciplines of an interface: `eth0`; see `host::qdisc`.
    Qdisc,
    /// The lines of a client's metrics that tell of its pauses, and when they were told.
    Pauses,
    /// Who may read and write a file, in octal: `644`.
    Mode,
}

impl Kind {
    /// All, with the word a record has for each.
    pub const WORDS: &[(Self, &str)] = &[
        (Self::File, "file"),
        (Self::List, "list"),
        (Self::Link, "link"),
        (Self::Space, "space"),
        (Self::Program, "program"),
        (Self::Netns, "netns"),
        (Self::Clock, "clock"),
        (Self::Durable, "durable"),
        (Self::Nic, "nic"),
        (Self::Qdisc, "qdisc"),
        (Self::Pauses, "pauses"),
        (Self::Mode, "mode"),
    ];

    /// The word a record has for it.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(kind, _)| *kind == self).map_or("file", |(_, word)| *word)
    }
}

/// A question to a machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ask {
    /// What is asked for.
    pub kind: Kind,
    /// Absolute path; of [`Kind::Netns`], [`Kind::Nic`], [`Kind::Qdisc`], [`Kind::Clock`], [`Kind::Durable`] and [`Kind::Pauses`], and of what lists names of these, a name.
    pub path: String,
}

impl Ask {
    /// The question of this kind about this path.
    pub fn new(kind: Kind, path: impl Into<String>) -> Self {
        Self { kind, path: path.into() }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.path)
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// There is no such thing on this machine.
    Absent,
    /// This user may not.
    Denied,
    /// It is there and cannot be read; the reason.
    Failed(String),
}

/// What a machine answered: text without its last line break, or why there is none.
pub type Reading = Result<String, Unread>;

/// Something that answers: a machine, a record.
pub trait Source {
    /// The answer of this moment.
    fn read(&self, ask: &Ask) -> Reading;
}

/// Remembers all that was read through it.
pub struct Recorder<'a> {
    source: &'a dyn Source,
    read: RefCell<BTreeMap<Ask, Reading>>,
}

impl<'a> Recorder<'a> {
    pub fn new(source: &'a dyn Source) -> Self {
        Self { source, read: RefCell::default() }
    }

    pub fn into_read(self) -> BTreeMap<Ask, Reading> {
        self.read.into_inner()
    }
}

impl Source for Recorder<'_> {
    fn read(&self, ask: &Ask) -> Reading {
        if let Some(known) = self.read.borrow().get(ask) {
            return known.clone();
        }
        let reading = self.source.read(ask);
        self.read.borrow_mut().insert(ask.clone(), reading.clone());
        reading
    }
}
