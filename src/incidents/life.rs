//! The life of an incident, and what is told of it.

use serde::{Deserialize, Serialize};

use super::findings;
use crate::model::{Culprit, CulpritKind};

/// What has happened to an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// It is there.
    Opened,
    /// Its culprit, its cause or its reach is another one now, or it is back.
    Changed,
    /// It has ended.
    Resolved,
}

/// A line of what `beacondeck replay --json` prints: one change of one incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// The slot at whose end it was known.
    pub slot: u64,
    /// What happened.
    pub event: Event,
    /// Number of the incident, from 1; it stays the same over its life.
    pub id: u64,
    /// Who is to blame.
    pub culprits: Vec<Culprit>,
    /// Why, in a few words.
    pub cause: String,
    /// Between 0 and 1.
    pub confidence: f64,
    /// Validators whose duties go by the culprit, as far as known.
    pub validators: u64,
    /// What speaks for it, with numbers.
    pub evidence: Vec<String>,
    /// Who cannot be told apart from the culprit by what was seen.
    pub ambiguous_with: Vec<Culprit>,
}

impl Change {
    /// Somebody is blamed, as yet without a number.
    pub(super) fn blames(culprit: Culprit, cause: String, slot: u64) -> Self {
        Self {
            slot,
            event: Event::Opened,
            id: 0,
            culprits: vec![culprit],
            cause,
            confidence: 1.0,
            validators: 0,
            evidence: Vec::new(),
            ambiguous_with: Vec::new(),
        }
    }
}

/// An incident.
#[derive(Debug, Clone)]
pub(super) struct Incident {
    pub(super) change: Change,
    /// Newest slot that speaks for it.
    pub(super) seen: u64,
    /// Slots without a sign after which it has ended.
    pub(super) patience: u64,
    pub(super) score: f64,
    pub(super) open: bool,
    /// When it was opened first.
    pub(super) began: u64,
    /// When it was opened or ended last.
    pub(super) at: u64,
    /// Another cause that has been the better one since a slot.
    pub(super) turning: Option<(String, u64)>,
}

/// The first word on the cause may be mended within so many slots, by a blame so many times as strong; from then on another
/// cause has to have been the better one for so many slots: pauses and flapping show by turns as one thing and as another.
const HASTY: (u64, f64) = (3, 1.2);
const STEADY: u64 = 4;
/// Something blamed again within so many slots of its end is the same incident.
const AGAIN: u64 = 64;

impl Incident {
    /// Who is blamed.
    pub(super) fn culprit(&self) -> &Culprit {
        &self.change.culprits[0]
    }

    /// Whether what is blamed again belongs to it.
    pub(super) fn is_recent(&self, now: u64) -> bool {
        self.open || self.at + AGAIN >= now
    }

    /// One that opens.
    pub(super) fn new(change: Change, score: f64, patience: u64) -> Self {
        let now = change.slot;
        Self { change, seen: now, patience, score, open: true, began: now, at: now, turning: None }
    }

    /// It is blamed again: what is to be told of that.
    pub(super) fn again(
        &mut self,
        change: Change,
        score: f64,
        patience: u64,
        taken_over: bool,
    ) -> Option<Change> {
        let (now, reopened) = (change.slot, !self.open);
        let told = Change { id: self.change.id, event: Event::Changed, ..change };
        let grown = told.validators > self.change.validators * 3 / 2 + 8;
        let new = taken_over || reopened;
        let other = self.turns(&told.cause, now, score) && !new;
        let holds = !new && !other && self.is_inferred();
        let cause = if holds { self.change.cause.clone() } else { told.cause.clone() };
        let told = Change { cause, ..told };
        let found = findings::news(&self.change.evidence, &told.evidence);
        self.seen = now;
        self.patience = if taken_over { patience } else { self.patience.min(patience) };
        self.score = score.max(self.score * 0.95);
        if !(taken_over || reopened || grown || other || found) {
            return None;
        }
        (self.open, self.score) = (true, score);
        if new {
            self.at = now;
            self.turning = None;
        }
        self.change = told.clone();
        Some(told)
    }

    /// Whether its cause is inferred; what keys and heads show is a fact.
    fn is_inferred(&self) -> bool {
        !matches!(self.culprit().kind, CulpritKind::Key | CulpritKind::ChainSplit)
    }

    /// Whether the cause has turned out to be another one.
    fn turns(&mut self, cause: &str, now: u64, score: f64) -> bool {
        if cause == self.change.cause {
            self.turning = None;
            return false;
        }
        let since = match self.turning.take() {
            Some((other, since)) if other == cause => since,
            _ => now,
        };
        let hasty = (self.at + HASTY.0 > now || !self.is_inferred()) && score > self.score * HASTY.1;
        if hasty || since + STEADY <= now {
            return true;
        }
        self.turning = Some((cause.to_owned(), since));
        false
    }
}
