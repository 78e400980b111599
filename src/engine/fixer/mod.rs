//! Remedies of this machine, written and taken back: by `serve` on its own, by an agent on its host. One at a time, by the same
//! journal as `beacondeck audit --fix`. What stops a link or a disk is taken back by itself unless somebody keeps it, whoever
//! ordered it and whether or not they can still be heard.
//!
//! Knows nothing of a fleet: when it may be ordered is judged by whoever orders it. Never writes what was not shown: an order
//! carries the seal of the draft it was given for, and another one is refused.

mod draft;
mod trial;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, mpsc};
use tokio_util::sync::CancellationToken;

use super::hosts::Machine;
use crate::host::apply::{ApplyError, Entry, Journal, KEEP_WITHIN, Plan, Workshop, verified};
use crate::host::{Beside, Live, Overrides, Role, audit_as, check_of, collect};
use crate::model::{Clock, RemedyDraft, RemedyVerb, UnixMs};
use draft::Draft;
pub use draft::{audit, by_hand};

/// Who writes, in words for somebody who is told that it may not.
#[derive(Debug, Clone, Copy)]
pub struct Writer {
    /// `serve`.
    pub name: &'static str,
    /// What would give it the right; empty: nothing that is worth it.
    pub hint: &'static str,
}

/// What is in force on the machine.
#[derive(Debug, Clone)]
pub struct Place {
    /// Directory of the journal.
    pub state: PathBuf,
    /// Thresholds.
    pub limits: Overrides,
    /// What the machine is for; empty: what runs there says.
    pub roles: Vec<Role>,
}

/// What a draft is made of.
pub struct Ground<'a> {
    machine: &'a Machine,
    state: &'a Path,
    writer: Writer,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done(String),
    /// It was not begun.
    Refused(String),
    /// It was begun and did not end well.
    Failed(String),
}

/// An order about a remedy of this machine.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What is to be done.
    pub verb: RemedyVerb,
    /// The check.
    pub check: String,
    /// Of the draft it was given for.
    pub seal: String,
    /// On whose behalf.
    pub who: String,
}

/// What is said to a remedy that waits to be kept.
#[derive(Debug)]
struct Said {
    verb: RemedyVerb,
    who: String,
}

/// A remedy that waits to be kept, and how to tell it.
#[derive(Debug)]
struct Waiting {
    check: String,
    tell: mpsc::Sender<Said>,
}

/// Writes and takes back. Cheap to clone.
#[derive(Clone)]
pub struct Fixer {
    machine: Arc<Machine>,
    clock: Clock,
    place: Arc<dyn Fn() -> Place + Send + Sync>,
    writer: Writer,
    turn: Arc<Turn<()>>,
    waiting: Arc<Mutex<Option<Waiting>>>,
    /// What stops a link must be kept in so long.
    keep_within: Duration,
}

impl Fixer {
    /// None is under way.
    pub fn new(
        machine: Arc<Machine>,
        clock: Clock,
        writer: Writer,
        place: impl Fn() -> Place + Send + Sync + 'static,
    ) -> Self {
        let (turn, waiting) = (Arc::default(), Arc::default());
        Self { machine, clock, place: Arc::new(place), writer, turn, waiting, keep_within: KEEP_WITHIN }
    }

    /// The same, where what stops a link must be kept in another time.
    #[cfg(test)]
    pub fn keeping_within(self, keep_within: Duration) -> Self {
        Self { keep_within, ..self }
    }

    /// What an order would do.
    pub async fn draft(&self, verb: RemedyVerb, check: &str) -> RemedyDraft {
        self.drawn(verb, check).await.told
    }

    async fn drawn(&self, verb: RemedyVerb, check: &str) -> Draft {
        let (machine, check, writer) = (self.machine.clone(), check.to_owned(), self.writer);
        let Place { state, .. } = (self.place)();
        let drawn = tokio::task::spawn_blocking(move || {
            Draft::of(verb, &check, &Ground { machine: &machine, state: &state, writer })
        });
        drawn.await.unwrap_or_else(|error| {
            let refusal = Some(format!("the machine could not be read: {error}"));
            let told = RemedyDraft { refusal, ..RemedyDraft::default() };
            Draft { told, plans: Vec::new(), entries: Vec::new() }
        })
    }

    /// Does what was shown under this seal, to its end: of what stops a link, until it is kept or taken back. `cancel` takes
    /// that back at once.
    pub async fn order(&self, wanted: Wanted, cancel: &CancellationToken) -> Outcome {
        let Wanted { verb, check, seal, who } = wanted;
        let (check, who) = (check.as_str(), who.as_str());
        if let Some(outcome) = self.tell(verb, check, who) {
            return outcome;
        }
        if verb == RemedyVerb::Keep {
            return Outcome::Refused(format!("no remedy of {check} waits to be kept"));
        }
        let Ok(_turn) = self.turn.clone().try_lock_owned() else {
            let at = self.machine.at_work();
            let what = at.map_or_else(String::new, |of| format!(": {} by {}", of.shown.check, of.shown.who));
            return Outcome::Refused(format!("another remedy is under way{what}; one at a time"));
        };
        let drawn = self.drawn(verb, check).await;
        if let Some(why) = drawn.told.refusal {
            return Outcome::Refused([vec![why], drawn.told.commands].concat().join(" "));
        }
        if drawn.told.seal != seal {
            return Outcome::Refused(
                "the machine is not as it was when this was shown: nothing was written; look again"
                    .to_owned(),
            );
        }
        let outcome = match verb {
            RemedyVerb::Revert => self.take_back(check, drawn.entries, who).await,
            _ if drawn.told.resets => self.try_out(check, drawn.plans, who, cancel).await,
            _ => self.write(check, drawn.plans, who).await,
        };
        self.machine.written(None);
        outcome
    }

    /// Tells the one that waits to be kept, if it is about that.
    fn tell(&self, verb: RemedyVerb, check: &str, who: &str) -> Option<Outcome> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let of = waiting.as_ref().filter(|of| of.check == check)?;
        let message = match verb {
            RemedyVerb::Fix => return None,
            RemedyVerb::Keep => format!("{check} stays"),
            RemedyVerb::Revert => format!("{check} is taken back"),
        };
        Some(match of.tell.try_send(Said { verb, who: who.to_owned() }) {
            Ok(()) => Outcome::Done(message),
            Err(_) => Outcome::Refused(format!("{check} is being kept or taken back already")),
        })
    }

    fn now(&self) -> UnixMs {
        (self.clock)().wall
    }

    /// Does blocking work by a workshop, which is let go at its end.
    async fn by<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Workshop) -> Result<T, ApplyError> + Send + 'static,
    ) -> Result<T, String> {
        let (root, state) = (self.machine.root().to_owned(), (self.place)().state);
        let done = tokio::task::spawn_blocking(move || work(&mut Workshop::open(&root, &state)?));
        done.await.map_err(|error| error.to_string())?.map_err(|error| error.sentence())
    }

    /// Writes it, to stand.
    async fn write(&self, check: &str, plans: Vec<Plan>, who: &str) -> Outcome {
        let (who, now) = (who.to_owned(), self.now());
        let done = self.by(move |workshop| {
            let entries = match tried(workshop, &plans, &who, now) {
                Err(refused @ ApplyError::Refused { .. }) => return Ok(Some(refused.sentence())),
                tried => tried?,
            };
            entries.iter().try_for_each(|entry| workshop.keep(entry, now)).map(|()| None)
        });
        match done.await {
            Ok(Some(refused)) => Outcome::Done(format!("{check} {refused}")),
            Ok(None) => Outcome::Done(format!("{check}: {}", self.verify(check).await)),
            Err(why) => Outcome::Failed(format!("{check}: {why}")),
        }
    }

    async fn take_back(&self, check: &str, entries: Vec<Entry>, who: &str) -> Outcome {
        let (now, why) = (self.now(), format!("by order of {who}"));
        let done = self.by(move |workshop| {
            let each = entries.iter().map(|entry| workshop.take_back(entry, now, &why));
            Ok(each.collect::<Result<Vec<_>, _>>()?.concat().join("; "))
        });
        let done = done.await;
        self.verify(check).await;
        match done {
            Ok(said) => Outcome::Done(format!("{check}: {said}")),
            Err(why) => Outcome::Failed(format!("{check}: {why}")),
        }
    }

    /// What the check says now; of a setting it is what was found from now on, whenever the next look comes.
    async fn verify(&self, check: &str) -> String {
        let Place { limits, roles, .. } = (self.place)();
        let root = self.machine.root().to_owned();
        let looked = tokio::task::spawn_blocking(move || {
            let live = Live::new(root);
            audit_as(&collect(&Beside::new(&live), || ()), &roles, &limits)
        });
        let mut findings = match looked.await {
            Ok(findings) => findings,
            Err(error) => return format!("written; the check could not be asked: {error}"),
        };
        findings.retain(|finding| finding.id == check);
        if check_of(check).is_some_and(|of| !of.measures()) {
            self.machine.judged(check, &findings);
        }
        verified(findings.first())
    }

    /// Takes back what was cut off before this process, as far as it may, and logs it: of each check what was done.
    pub async fn mend(&self) -> Vec<(String, String)> {
        let (state, root) = ((self.place)().state, self.machine.root().to_owned());
        let (now, at) = (self.now(), state.clone());
        let mended = tokio::task::spawn_blocking(move || {
            if Journal::cut_off(&at).is_empty() {
                return Ok(Vec::new());
            }
            let mut workshop = Workshop::open(&root, &at)?;
            let cut_off = workshop.unfinished();
            let each = cut_off.into_iter().map(|entry| {
                let said = workshop.take_back(&entry, now, "was cut off")?;
                Ok((entry.check, said.join("; ")))
            });
            each.collect::<Result<Vec<_>, ApplyError>>()
        });
        let error = match mended.await {
            Ok(Ok(mended)) => {
                for (check, said) in &mended {
                    tracing::warn!(%check, %said, "a remedy that was cut off is taken back");
                }
                return mended;
            }
            Ok(Err(error)) => error.sentence(),
            Err(error) => format!("remedies could not be read: {error}"),
        };
        let by_hand = audit("revert", "", &state);
        tracing::warn!(%error, "a remedy that was cut off stands; as root: {by_hand}");
        Vec::new()
    }
}

/// Writes them all, or none.
fn tried(workshop: &mut Workshop, plans: &[Plan], who: &str, now: UnixMs) -> Result<Vec<Entry>, ApplyError> {
    let mut entries: Vec<Entry> = Vec::new();
    for plan in plans {
        match workshop.try_out(plan, who, now) {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                for entry in entries.iter().rev() {
                    workshop.take_back(entry, now, &error.to_string())?;
                }
                return Err(error);
            }
        }
    }
    Ok(entries)
}
