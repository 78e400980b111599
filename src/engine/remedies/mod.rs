//! Remedies of hosts as orders: told before they are given, on one host at a time and outside what is due. On this machine serve
//! writes itself, elsewhere the agent of the host does, both in one way ([`super::fixer`]).
//!
//! Decides where and when; what is written is the writer's. An order carries the seal of the plan it was given for.
//!
//! | file | owns |
//! |---|---|
//! | `site` | who writes on a host, and the way to it |
//! | `judge` | what speaks against it now |

mod judge;
mod site;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard, watch};

use super::book::Book;
use super::common::Common;
use super::fixer::{Fixer, Outcome, Place, Wanted, Writer};
use super::hosts::limits;
use super::persist;
use crate::control::Answer;
use crate::model::{
    FleetStatus, HostRemedy, JournalEntry, RemedyAsked, RemedyDraft, RemedyPlan, RemedyState, RemedyVerb,
    UnixMs,
};
use crate::router::Router;
use judge::Known;
use site::Site;

const SERVE: Writer = Writer { name: "serve", hint: "" };

/// Shows and orders remedies. Cheap to clone.
#[derive(Clone)]
pub struct Remedies {
    common: Common,
    router: Arc<ArcSwap<Router>>,
    status: watch::Receiver<Arc<FleetStatus>>,
    book: Arc<Book>,
    fixer: Fixer,
    turn: Arc<Turn<()>>,
}

/// An order that is given, and where.
struct Course {
    remedies: Remedies,
    site: Site,
    asked: RemedyAsked,
    draft: RemedyDraft,
    who: String,
}

fn refused(message: impl Into<String>) -> Answer {
    Answer::Refused { message: message.into() }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done(message) => Self::Done { message },
            Outcome::Refused(message) => Self::Refused { message },
            Outcome::Failed(message) => Self::Failed { message },
        }
    }
}

impl Remedies {
    /// None is under way. What was cut off on this machine before this process is taken back, as far as it may.
    pub fn start(
        common: &Common,
        router: Arc<ArcSwap<Router>>,
        status: watch::Receiver<Arc<FleetStatus>>,
        book: Arc<Book>,
    ) -> Self {
        let of = common.clone();
        let place = move || {
            let state = of.fleet.load().state.clone();
            Place { state, limits: limits(&of), roles: Vec::new() }
        };
        let fixer = Fixer::new(common.machine.clone(), common.clock.clone(), SERVE, place);
        let remedies = Self { common: common.clone(), router, status, book, fixer, turn: Arc::default() };
        common.tasks.spawn(remedies.clone().mend());
        remedies
    }

    /// What an order would do.
    pub async fn plan(&self, asked: RemedyAsked) -> RemedyPlan {
        self.drawn(&asked).await.1
    }

    /// What would be done, by whoever does it; and as it is told.
    async fn drawn(&self, asked: &RemedyAsked) -> (RemedyDraft, RemedyPlan) {
        let known = self.known();
        let draft = match self.site(asked, &known) {
            Ok(site) => site.draft(asked).await,
            Err((why, commands)) => RemedyDraft { refusal: Some(why), commands, ..RemedyDraft::default() },
        };
        let told = judge::told(asked, draft.clone(), &known);
        (draft, told)
    }

    fn known(&self) -> Known {
        Known {
            fleet: self.common.fleet.load_full(),
            status: self.status.borrow().clone(),
            clock: self.router.load().table.load().clock.clone(),
            proposing: self.common.eye.shown.load().proposing.clone(),
            now: self.now(),
        }
    }

    fn now(&self) -> UnixMs {
        (self.common.clock)().wall
    }

    /// Does what was shown under this seal.
    pub async fn order(&self, asked: RemedyAsked, seal: &str, who: &str) -> Answer {
        let site = match self.site(&asked, &self.known()) {
            Ok(site) => site,
            Err((why, commands)) => return refused([vec![why], commands].concat().join(" ")),
        };
        if self.is_for_what_waits(&asked) {
            return self.tell(&site, asked, seal, who).await.into();
        }
        let Ok(turn) = self.turn.clone().try_lock_owned() else {
            return refused(format!("another remedy is under way{}; one at a time", self.busy()));
        };
        let (draft, told) = self.drawn(&asked).await;
        if let Some(why) = told.refusal {
            return refused([vec![why], told.commands].concat().join(" "));
        }
        if told.seal != seal {
            return refused(
                "the machine is not as it was when this was shown: nothing was written; look again",
            );
        }
        let course = Course { remedies: self.clone(), site, asked, draft, who: who.to_owned() };
        course.run(turn).await
    }

    /// What is said to a remedy that waits to be kept needs no turn: its own is not over.
    fn is_for_what_waits(&self, asked: &RemedyAsked) -> bool {
        let under_way = self.common.errands.under_way();
        let begun = under_way.borrow();
        let same = begun.as_ref().is_some_and(|of| of.host == asked.host && of.check == asked.check);
        asked.verb == RemedyVerb::Keep || asked.verb == RemedyVerb::Revert && same
    }

    async fn tell(&self, site: &Site, asked: RemedyAsked, seal: &str, who: &str) -> Outcome {
        let RemedyAsked { verb, check, .. } = asked;
        let wanted = Wanted { verb, check, seal: seal.to_owned(), who: who.to_owned() };
        site.order(wanted, &self.common.cancel).await
    }

    /// What is under way, in words that follow.
    fn busy(&self) -> String {
        let due = self.common.errands.due();
        let due = due.as_deref().map(|(host, of)| (host.clone(), of.check.clone(), of.who.clone()));
        let at = self.common.machine.at_work();
        let here = at.map(|of| (String::new(), of.shown.check.clone(), of.shown.who.clone()));
        let under_way = self.common.errands.under_way().borrow().clone();
        let there = under_way.map(|of| (of.host, of.check, String::new()));
        match due.or(here).or(there) {
            None => String::new(),
            Some((host, check, who)) => {
                let on = if host.is_empty() { host } else { format!(" on {host}") };
                let by = if who.is_empty() { who } else { format!(" by {who}") };
                format!(": {check}{on}{by}")
            }
        }
    }

    /// Writes down what nobody waits for an answer about.
    async fn note(&self, host: Option<&str>, outcome: String) {
        tracing::info!(%outcome, host, "remedy");
        let entry = JournalEntry {
            id: 0,
            at: self.now(),
            who: persist::OURSELVES.to_owned(),
            what: "remedy".to_owned(),
            target: host.map(str::to_owned),
            order: None,
            outcome,
        };
        self.book.append(entry).await;
        self.common.errands.tell();
    }

    /// Takes back what was cut off before this process.
    async fn mend(self) {
        for (check, said) in self.fixer.mend().await {
            self.note(None, format!("{check} was cut off; taken back: {said}")).await;
        }
    }
}

impl Course {
    /// Carries it out; `hold` is held until nothing of it is under way.
    async fn run(self, hold: OwnedMutexGuard<()>) -> Answer {
        if self.asked.verb == RemedyVerb::Revert || !self.draft.disturbs {
            return self.order().await.into();
        }
        let (errands, now) = (&self.remedies.common.errands, self.remedies.now());
        let clock = self.remedies.router.load().table.load().clock.clone();
        let at = clock.and_then(|clock| clock.free_from(now)).unwrap_or(now);
        let ms = at.0.saturating_sub(now.0);
        let first = self.draft.facts.first().map_or_else(String::new, |fact| fact.words.clone());
        let (check, who) = (self.asked.check.clone(), self.who.clone());
        let due = HostRemedy { check, at: now, who, what: first, state: RemedyState::Due(at) };
        errands.wait(Some((self.asked.host.clone(), due)));
        let message = format!("{} is written in {ms} ms, when no duty is due", self.asked.check);
        let tasks = self.remedies.common.tasks.clone();
        tasks.spawn(self.later(Duration::from_millis(ms), hold));
        Answer::Done { message }
    }

    /// Has it written or taken back by whoever does that there.
    async fn order(&self) -> Outcome {
        let errands = &self.remedies.common.errands;
        errands.begin(Some(self.asked.clone()));
        let outcome = self.remedies.tell(&self.site, self.asked.clone(), &self.draft.seal, &self.who).await;
        errands.begin(None);
        outcome
    }

    /// What nobody waits for: the wait, the writing, and the time in which it must be kept.
    async fn later(self, wait: Duration, hold: OwnedMutexGuard<()>) {
        let (cancel, errands) = (&self.remedies.common.cancel, &self.remedies.common.errands);
        let stopped = tokio::select! {
            () = cancel.cancelled() => true,
            () = tokio::time::sleep(wait) => false,
        };
        errands.wait(None);
        if stopped {
            return;
        }
        let outcome = match self.order().await {
            Outcome::Done(message) => message,
            Outcome::Refused(message) => format!("refused: {message}"),
            Outcome::Failed(message) => format!("failed: {message}"),
        };
        drop(hold);
        let outcome = format!("{outcome} (by order of {})", self.who);
        self.remedies.note(Some(&self.asked.host), outcome).await;
    }
}
