//! What happens to the console, and what it wants done: the two ends of `update`.

use crate::control::{Answer, Event as Said, Order, Welcome};
use crate::model::{BeaconName, Consequences, Explanation, Intent, Play, RemedyAsked, RemedyPlan, Slot};

use super::key::Key;

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The mouse was clicked at this column and row; only while it is on.
    Click(u16, u16),
    /// Its wheel was turned by so many rows, down if positive; only while it is on.
    Wheel(i8),
    /// The terminal has another size.
    Resize(u16, u16),
    /// A second may have passed.
    Tick,
    /// Serve answers.
    Connected(Welcome),
    /// Serve said something.
    Said(Said),
    /// Serve does not answer.
    Lost {
        /// Why, one sentence.
        why: String,
        /// Milliseconds until it is tried again.
        pause_ms: u64,
    },
    /// Whether this console may give orders; if not, why.
    Rights(Result<(), String>),
    /// An order was answered.
    Answered(u64, Result<Answer, String>),
    /// What an order would mean, or why that is not known.
    Preflight(Result<Consequences, String>),
    /// What an order about a remedy would do, or why that is not known.
    Remedy(Result<RemedyPlan, String>),
    /// Requests, explained, newest first.
    Explained(Result<Vec<Explanation>, String>),
    /// The recording did as asked, or why not.
    Played(Result<(), String>),
    /// Text was copied, or not.
    Copied(Result<String, String>),
    /// A picture took so many milliseconds to write.
    Wrote(u64),
    /// A thread that does not draw panicked: with which words, where.
    Panicked(String),
    /// The terminal is gone.
    Gone,
}

/// Something is wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Give an order; its answer comes with this number.
    Order(u64, Order),
    /// Ask what an order would mean.
    Preflight(Intent, Vec<BeaconName>),
    /// Ask what an order about a remedy would do.
    Remedy(RemedyAsked),
    /// Have requests explained.
    Explain {
        /// Of this slot only.
        slot: Option<Slot>,
    },
    /// Move in the recording that is looked at.
    Play(Play),
    /// Copy text to the clipboard of whoever looks at the terminal.
    Copy {
        /// What it is, for the message.
        what: String,
        /// The text.
        text: String,
    },
    /// Wake whoever should be looking.
    Ring(String),
    /// Draw everything anew.
    Redraw,
    /// Take the mouse, or leave it to the terminal.
    Mouse(bool),
    /// To the shell, until continued.
    Suspend,
    /// Leave.
    Leave(Leave),
}

/// How the console is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leave {
    /// What becomes of routing, if it runs here.
    pub routing: Routing,
    /// Whether the last picture stays in the scrollback.
    pub keep: bool,
}

/// What becomes of routing that runs in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// It runs elsewhere.
    Elsewhere,
    /// It stops: what is in flight finishes.
    Stop,
    /// It goes on in a `serve` of its own.
    HandOver,
}
