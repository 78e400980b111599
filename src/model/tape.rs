//! A recording that is played: where in it what is shown lies, and what can be asked of it.

use serde::{Deserialize, Serialize};

use super::Slot;

/// Where in a recording a snapshot lies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tape {
    /// Its place among the slots that were read so far, from 1.
    pub place: u64,
    /// Slots that were read so far.
    pub slots: u64,
    /// Whether the recording was read to its end.
    pub whole: bool,
    /// Whether it plays, or stands.
    pub playing: bool,
    /// So many seconds of the recording pass in one.
    pub speed: u32,
    /// What must be known of the recording itself, one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Tape {
    /// Whether nothing follows.
    pub fn has_ended(&self) -> bool {
        self.whole && self.place == self.slots
    }
}

/// What is asked of a recording that is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Play {
    /// Play if it stands, stand if it plays.
    Toggle,
    /// The next faster speed.
    Faster,
    /// The next slower speed.
    Slower,
    /// This speed.
    Speed(u32),
    /// One slot further; it stands then, as after all that follow.
    Forward,
    /// One slot back.
    Back,
    /// This slot, or the last before it that was recorded.
    Goto(Slot),
    /// The next slot at whose end incidents are others than before, or stand otherwise.
    NextChange,
    /// The last such slot before.
    LastChange,
}
