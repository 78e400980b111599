//! Where in a recording we are: it plays at a speed, stands, goes a slot on or back, or anywhere. Pure.
//!
//! Time is the monotonic microseconds it is told. A pause of the recording, as between two files, is not waited for.

use super::archive::{Archive, Block};
use crate::model::{FleetStatus, Play, Slot, Tape};

/// The speeds keys go through.
const SPEEDS: [u32; 8] = [1, 2, 5, 10, 20, 60, 120, 300];
/// The speed at the beginning.
const FIRST_SPEED: u32 = 10;
/// The fastest.
const MOST_SPEED: u32 = 1_000;

/// Plays what was read so far.
#[derive(Debug)]
pub struct Player {
    archive: Archive,
    place: usize,
    /// When the next slot is due; none: it stands.
    due_us: Option<u64>,
    speed: u32,
    whole: bool,
    note: Option<String>,
}

impl Player {
    /// Stands at the first slot.
    pub fn new(first: Block) -> Self {
        let mut archive = Archive::default();
        archive.push(first);
        Self { archive, place: 0, due_us: None, speed: FIRST_SPEED, whole: false, note: None }
    }

    /// More was read.
    pub fn add(&mut self, block: Block) {
        self.archive.push(block);
        self.place = self.place.max(self.archive.first());
    }

    /// All was read; what must be known of it.
    pub fn end(&mut self, note: Option<String>) {
        (self.whole, self.note) = (true, note);
    }

    /// The snapshot of where it is.
    pub fn status(&mut self) -> Option<FleetStatus> {
        let first = self.archive.first();
        let tape = Tape {
            place: (self.place - first + 1) as u64,
            slots: (self.archive.end() - first) as u64,
            whole: self.whole,
            playing: self.due_us.is_some(),
            speed: self.speed,
            note: self.note.clone(),
        };
        Some(FleetStatus { tape: Some(tape), ..self.archive.get(self.place)? })
    }

    /// When [`Player::tick`] has something to do; none: never.
    pub fn due_us(&self) -> Option<u64> {
        // Played to the end of what was read, it waits for more.
        self.due_us.filter(|_| self.place + 1 < self.archive.end() || self.whole)
    }

    /// Time passes.
    pub fn tick(&mut self, now_us: u64) {
        while self.due_us.is_some_and(|due| due <= now_us) {
            if self.place + 1 < self.archive.end() {
                self.place += 1;
                self.wait(self.due_us.unwrap_or(now_us));
            } else if self.whole {
                self.due_us = None;
            } else {
                self.due_us = Some(now_us + 1);
            }
        }
        if self.whole && self.place + 1 == self.archive.end() {
            self.due_us = None;
        }
    }

    /// Does what is asked; the error is a sentence.
    pub fn play(&mut self, how: Play, now_us: u64) -> Result<(), String> {
        match how {
            Play::Toggle if self.due_us.is_some() => self.due_us = None,
            Play::Toggle => {
                self.next("plays no further")?;
                self.wait(now_us);
            }
            Play::Faster => self.speed(SPEEDS.iter().copied().find(|speed| *speed > self.speed), now_us),
            Play::Slower => {
                self.speed(SPEEDS.iter().rev().copied().find(|speed| *speed < self.speed), now_us);
            }
            Play::Speed(speed) if !(1..=MOST_SPEED).contains(&speed) => {
                return Err(format!("a speed is 1 to {MOST_SPEED}"));
            }
            Play::Speed(speed) => self.speed(Some(speed), now_us),
            Play::Forward => self.place = self.next("goes no further")?,
            Play::Back => {
                let first = self.archive.first();
                let before = self.place.checked_sub(1).filter(|place| *place >= first);
                self.place = before.ok_or_else(|| self.begins())?;
            }
            Play::Goto(slot) => self.place = self.place_of(slot)?,
            Play::NextChange => {
                let found = (self.place + 1..self.archive.end()).find(|place| self.moved(*place));
                let far = if self.whole { "" } else { ", as far as it was read" };
                self.place = found.ok_or_else(|| format!("no incident changes after this{far}"))?;
            }
            Play::LastChange => {
                let found = (self.archive.first()..self.place).rev().find(|place| self.moved(*place));
                self.place = found.ok_or("no incident changes before this")?;
            }
        }
        if !matches!(how, Play::Toggle | Play::Faster | Play::Slower | Play::Speed(_)) {
            self.due_us = None;
        }
        Ok(())
    }

    fn moved(&self, place: usize) -> bool {
        self.archive.entry(place).is_some_and(|entry| entry.moved)
    }

    fn speed(&mut self, speed: Option<u32>, now_us: u64) {
        self.speed = speed.unwrap_or(self.speed);
        if self.due_us.is_some() {
            self.wait(now_us);
        }
    }

    /// The next slot is due as long after a moment as this one lasts.
    fn wait(&mut self, from_us: u64) {
        let ms = self.archive.entry(self.place).map_or(0, |entry| entry.ms);
        self.due_us = Some(from_us + (ms * 1_000 / u64::from(self.speed)).max(1));
    }

    fn next(&self, what: &str) -> Result<usize, String> {
        let next = self.place + 1;
        match self.archive.entry(self.place) {
            _ if next < self.archive.end() => Ok(next),
            Some(last) if self.whole => Err(format!("it {what}: the recording ends with slot {}", last.slot)),
            _ => Err(format!("it {what} yet: the recording is still being read")),
        }
    }

    fn begins(&self) -> String {
        let first = self.archive.entry(self.archive.first()).map(|entry| entry.slot).unwrap_or_default();
        format!("what is kept of the recording begins with slot {first}")
    }

    fn place_of(&self, slot: Slot) -> Result<usize, String> {
        let place = self.archive.place_of(slot).ok_or_else(|| self.begins())?;
        let last = self.archive.entry(self.archive.end() - 1).map(|entry| entry.slot).unwrap_or_default();
        match slot {
            slot if slot <= last => Ok(place),
            _ if self.whole => Err(format!("the recording ends with slot {last}")),
            _ => Err(format!("the recording was read to slot {last} so far")),
        }
    }
}
