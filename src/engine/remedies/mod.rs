//! Remedies of this machine as orders: told before they are given, written one at a time and outside what is due, by the
//! same journal as `beacondeck audit --fix`. What stops a link or a disk is taken back by itself unless somebody keeps it.
//!
//! Never writes what was not shown: an order carries the seal of the plan it was given for, and another plan is refused.
//!
//! | file | owns |
//! |---|---|
//! | `draft` | what an order would do |
//! | `course` | carrying it out |

mod course;
mod draft;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex as Turn, mpsc, watch};

use super::book::Book;
use super::common::Common;
use crate::control::Answer;
use crate::host::apply::{ApplyError, Journal, KEEP_WITHIN, Workshop};
use crate::model::{FleetStatus, RemedyAsked, RemedyPlan, RemedyVerb};
use crate::router::Router;
use course::Course;
use draft::{Draft, Known};

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

/// Shows and orders remedies. Cheap to clone.
#[derive(Clone)]
pub struct Remedies {
    common: Common,
    router: Arc<ArcSwap<Router>>,
    status: watch::Receiver<Arc<FleetStatus>>,
    book: Arc<Book>,
    turn: Arc<Turn<()>>,
    waiting: Arc<Mutex<Option<Waiting>>>,
    /// What stops a link must be kept in so long.
    keep_within: Duration,
}

fn refused(message: impl Into<String>) -> Answer {
    Answer::Refused { message: message.into() }
}

impl Remedies {
    /// None is under way. What was cut off before this process is taken back, as far as it may.
    pub fn start(
        common: &Common,
        router: Arc<ArcSwap<Router>>,
        status: watch::Receiver<Arc<FleetStatus>>,
        book: Arc<Book>,
    ) -> Self {
        let remedies = Self {
            common: common.clone(),
            router,
            status,
            book,
            turn: Arc::default(),
            waiting: Arc::default(),
            keep_within: KEEP_WITHIN,
        };
        common.tasks.spawn(remedies.clone().mend());
        remedies
    }

    /// What an order would do.
    pub async fn plan(&self, asked: RemedyAsked) -> RemedyPlan {
        self.draft(asked).await.told
    }

    async fn draft(&self, asked: RemedyAsked) -> Draft {
        let known = Known {
            fleet: self.common.fleet.load_full(),
            status: self.status.borrow().clone(),
            clock: self.router.load().table.load().clock.clone(),
            proposing: self.common.eye.shown.load().proposing.clone(),
            now: (self.common.clock)().wall,
        };
        let machine = self.common.machine.clone();
        let copy = asked.clone();
        let drawn = tokio::task::spawn_blocking(move || Draft::of(asked, &machine, &known)).await;
        drawn.unwrap_or_else(|error| {
            let refusal = Some(format!("the machine could not be read: {error}"));
            let told = RemedyPlan { refusal, ..RemedyPlan::of(copy) };
            Draft { told, plans: Vec::new(), entries: Vec::new() }
        })
    }

    /// Does what was shown under this seal.
    pub async fn order(&self, asked: RemedyAsked, seal: &str, who: &str) -> Answer {
        if let Some(answer) = self.tell(&asked, who) {
            return answer;
        }
        if asked.verb == RemedyVerb::Keep {
            return refused(format!("no remedy of {} waits to be kept", asked.check));
        }
        let Ok(turn) = self.turn.clone().try_lock_owned() else {
            let at = self.common.machine.at_work();
            let what = at.map_or_else(String::new, |of| format!(": {} by {}", of.shown.check, of.shown.who));
            return refused(format!("another remedy is under way{what}; one at a time"));
        };
        let draft = self.draft(asked).await;
        if let Some(why) = draft.told.refusal {
            return refused([vec![why], draft.told.commands].concat().join(" "));
        }
        if draft.told.seal != seal {
            return refused(
                "the machine is not as it was when this was shown: nothing was written; look again",
            );
        }
        Course { remedies: self.clone(), draft, who: who.to_owned() }.run(turn).await
    }

    /// Tells the one that waits to be kept, if it is about that.
    fn tell(&self, asked: &RemedyAsked, who: &str) -> Option<Answer> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let of = waiting.as_ref().filter(|of| of.check == asked.check)?;
        let message = match asked.verb {
            RemedyVerb::Fix => return None,
            RemedyVerb::Keep => format!("{} stays", asked.check),
            RemedyVerb::Revert => format!("{} is taken back", asked.check),
        };
        match of.tell.try_send(Said { verb: asked.verb, who: who.to_owned() }) {
            Ok(()) => Some(Answer::Done { message }),
            Err(_) => Some(refused(format!("{} is being kept or taken back already", asked.check))),
        }
    }

    /// Takes back what was cut off before this process.
    async fn mend(self) {
        let (state, root) = (self.common.fleet.load().state.clone(), self.common.machine.root().to_owned());
        let now = (self.common.clock)().wall;
        let mended = tokio::task::spawn_blocking(move || {
            if Journal::cut_off(&state).is_empty() {
                return Ok(Vec::new());
            }
            let mut workshop = Workshop::open(&root, &state)?;
            let cut_off = workshop.unfinished();
            let each = cut_off.into_iter().map(|entry| {
                let said = workshop.take_back(&entry, now, "was cut off")?;
                Ok((entry.check, said.join("; ")))
            });
            each.collect::<Result<Vec<_>, ApplyError>>()
        });
        match mended.await {
            Ok(Ok(mended)) => {
                for (check, said) in mended {
                    self.note(None, format!("{check} was cut off; taken back: {said}")).await;
                }
            }
            Ok(Err(error)) => {
                let error = error.sentence();
                tracing::warn!(%error, "a remedy that was cut off stands: `beacondeck audit --revert` takes it back");
            }
            Err(error) => tracing::warn!(%error, "remedies could not be read"),
        }
    }
}
