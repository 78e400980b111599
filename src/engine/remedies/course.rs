//! Carrying an order about a remedy out: at once, or when nothing is due; and what waits to be kept.

use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, mpsc};

use super::draft::{Draft, disturbs, resets};
use super::{Remedies, Said, Waiting};
use crate::control::Answer;
use crate::engine::hosts::{AtWork, limits};
use crate::engine::persist;
use crate::host::apply::{ApplyError, Entry, Plan, Workshop, verified};
use crate::host::{Beside, Live, audit_as, collect};
use crate::model::{HostRemedy, JournalEntry, RemedyState, RemedyVerb, UnixMs};

/// An order on its way.
pub struct Course {
    pub remedies: Remedies,
    pub draft: Draft,
    pub who: String,
}

type Hold = OwnedMutexGuard<()>;

impl Remedies {
    /// Writes down what nobody waits for an answer about.
    pub(super) async fn note(&self, host: Option<&str>, outcome: String) {
        tracing::info!(%outcome, "remedy");
        let entry = JournalEntry {
            id: 0,
            at: (self.common.clock)().wall,
            who: persist::OURSELVES.to_owned(),
            what: "remedy".to_owned(),
            target: host.map(str::to_owned),
            order: None,
            outcome,
        };
        self.book.append(entry).await;
        self.common.machine.written(None);
    }

    fn place(&self) -> (PathBuf, PathBuf) {
        (self.common.machine.root().to_owned(), self.common.fleet.load().state.clone())
    }

    fn now(&self) -> UnixMs {
        (self.common.clock)().wall
    }

    /// Does blocking work by a workshop, which is let go at its end.
    async fn by<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Workshop) -> Result<T, ApplyError> + Send + 'static,
    ) -> Result<T, String> {
        let (root, state) = self.place();
        let done = tokio::task::spawn_blocking(move || work(&mut Workshop::open(&root, &state)?));
        done.await.map_err(|error| error.to_string())?.map_err(|error| error.sentence())
    }

    /// What the check says now.
    async fn verify(&self, check: &str) -> String {
        let (limits, root, check) =
            (limits(&self.common), self.common.machine.root().to_owned(), check.to_owned());
        let looked = tokio::task::spawn_blocking(move || {
            let live = Live::new(root);
            let findings = audit_as(&collect(&Beside::new(&live), || ()), &[], &limits);
            verified(findings.iter().find(|finding| finding.id == check))
        });
        looked.await.unwrap_or_else(|error| format!("written; the check could not be asked: {error}"))
    }
}

impl Course {
    /// Carries it out; `hold` is held until nothing of it is under way.
    pub async fn run(self, hold: Hold) -> Answer {
        if self.draft.told.asked.verb == RemedyVerb::Revert {
            return self.take_back().await;
        }
        if !disturbs(&self.draft.plans) {
            return self.write().await;
        }
        let (check, now) = (self.check(), self.remedies.now());
        let clock = self.remedies.router.load().table.load().clock.clone();
        let at = clock.and_then(|clock| clock.free_from(now)).unwrap_or(now);
        let ms = at.0.saturating_sub(now.0);
        self.shows(None, RemedyState::Due(at));
        let tasks = self.remedies.common.tasks.clone();
        tasks.spawn(self.later(Duration::from_millis(ms), hold));
        Answer::Done { message: format!("{check} is written in {ms} ms, when no duty is due") }
    }

    fn check(&self) -> String {
        self.draft.told.asked.check.clone()
    }

    fn shows(&self, number: Option<u64>, state: RemedyState) {
        let what = match self.draft.plans.iter().find_map(|plan| plan.files.first()) {
            Some(file) => format!("{}: {} to {}", file.path, file.was, file.to),
            None => String::new(),
        };
        let (check, at, who) = (self.check(), self.remedies.now(), self.who.clone());
        let shown = HostRemedy { check, at, who, what, state };
        self.remedies.common.machine.written(Some(AtWork { number, shown }));
    }

    /// Writes it, to stand.
    async fn write(&self) -> Answer {
        let (plans, who, now) = (self.draft.plans.clone(), self.who.clone(), self.remedies.now());
        let done = self.remedies.by(move |workshop| {
            let entries = match tried(workshop, &plans, &who, now) {
                Err(refused @ ApplyError::Refused { .. }) => return Ok(Some(refused.sentence())),
                tried => tried?,
            };
            entries.iter().try_for_each(|entry| workshop.keep(entry, now)).map(|()| None)
        });
        let answer = match done.await {
            Ok(Some(refused)) => Answer::Done { message: format!("{} {refused}", self.check()) },
            Ok(None) => Answer::Done {
                message: format!("{}: {}", self.check(), self.remedies.verify(&self.check()).await),
            },
            Err(why) => Answer::Failed { message: format!("{}: {why}", self.check()) },
        };
        self.remedies.common.machine.written(None);
        answer
    }

    async fn take_back(&self) -> Answer {
        let (entries, now, why) =
            (self.draft.entries.clone(), self.remedies.now(), format!("by order of {}", self.who));
        let done = self.remedies.by(move |workshop| {
            let each = entries.iter().map(|entry| workshop.take_back(entry, now, &why));
            Ok(each.collect::<Result<Vec<_>, _>>()?.concat().join("; "))
        });
        let answer = match done.await {
            Ok(said) => Answer::Done { message: format!("{}: {said}", self.check()) },
            Err(why) => Answer::Failed { message: format!("{}: {why}", self.check()) },
        };
        self.remedies.common.machine.written(None);
        answer
    }

    /// What nobody waits for: the wait, the writing, and the time in which it must be kept.
    async fn later(self, wait: Duration, hold: Hold) {
        let cancel = self.remedies.common.cancel.clone();
        tokio::select! {
            () = cancel.cancelled() => return self.remedies.common.machine.written(None),
            () = tokio::time::sleep(wait) => {}
        }
        let outcome = if resets(&self.draft.plans) {
            self.try_out().await
        } else {
            match self.write().await {
                Answer::Done { message } => message,
                Answer::Failed { message } => format!("failed: {message}"),
                other => format!("failed: {other:?}"),
            }
        };
        drop(hold);
        let outcome = format!("{outcome} (by order of {})", self.who);
        self.remedies.note(Some(&self.draft.told.asked.host), outcome).await;
    }

    /// Writes it and takes it back unless somebody keeps it in time.
    async fn try_out(&self) -> String {
        let (root, state) = self.remedies.place();
        let (plans, who, now) = (self.draft.plans.clone(), self.who.clone(), self.remedies.now());
        let check = self.check();
        // The workshop is held all the while: nobody else writes, and what nobody keeps is known as unfinished.
        let begun = tokio::task::spawn_blocking(move || {
            let mut workshop = Workshop::open(&root, &state)?;
            let entries = tried(&mut workshop, &plans, &who, now)?;
            Ok::<_, ApplyError>((workshop, entries))
        });
        let (mut workshop, entries) = match begun.await {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => return format!("failed: {check}: {}", error.sentence()),
            Err(error) => return format!("failed: {check}: {error}"),
        };
        let within = self.remedies.keep_within;
        let until = UnixMs(now.0 + within.as_millis() as u64);
        let said = self.wait(&entries, until).await;
        let now = self.remedies.now();
        let ended = tokio::task::spawn_blocking(move || match said {
            Some(Said { verb: RemedyVerb::Keep, who }) => {
                entries.iter().try_for_each(|entry| workshop.keep(entry, now))?;
                Ok::<_, ApplyError>(format!("kept by {who}"))
            }
            other => {
                let why = other.map_or_else(
                    || format!("nobody kept it within {} s", within.as_secs()),
                    |said| format!("by order of {}", said.who),
                );
                let each = entries.iter().rev().map(|entry| workshop.take_back(entry, now, &why));
                let said: Vec<String> = each.collect::<Result<Vec<_>, ApplyError>>()?.concat();
                Ok(format!("taken back, {why}: {}", said.join("; ")))
            }
        });
        match ended.await {
            Ok(Ok(words)) => format!("{check}: {words}"),
            Ok(Err(error)) => format!("failed: {check} stands and could not be ended: {}", error.sentence()),
            Err(error) => format!("failed: {check}: {error}"),
        }
    }

    /// What is said of it in time; none: nothing, or serve stops.
    async fn wait(&self, entries: &[Entry], until: UnixMs) -> Option<Said> {
        let (tell, mut told) = mpsc::channel(1);
        let set = |to: Option<Waiting>| {
            *self.remedies.waiting.lock().unwrap_or_else(PoisonError::into_inner) = to;
        };
        set(Some(Waiting { check: self.check(), tell }));
        self.shows(entries.first().map(|entry| entry.number), RemedyState::Until(until));
        let said = tokio::select! {
            said = told.recv() => said,
            () = self.remedies.common.cancel.cancelled() => None,
            () = tokio::time::sleep(self.remedies.keep_within) => None,
        };
        set(None);
        said
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
