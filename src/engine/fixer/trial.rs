//! What stops a link or a disk: written, and taken back unless somebody keeps it in time.

use std::sync::PoisonError;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Fixer, Outcome, Said, Waiting, tried};
use crate::engine::hosts::AtWork;
use crate::host::apply::{ApplyError, Entry, Plan, Workshop};
use crate::model::{HostRemedy, RemedyState, RemedyVerb, UnixMs};

impl Fixer {
    /// Writes it and takes it back unless somebody keeps it in time.
    pub(super) async fn try_out(
        &self,
        check: &str,
        plans: Vec<Plan>,
        who: &str,
        cancel: &CancellationToken,
    ) -> Outcome {
        let (root, state) = (self.machine.root().to_owned(), (self.place)().state);
        let (by, now) = (who.to_owned(), self.now());
        // The workshop is held all the while: nobody else writes, and what nobody keeps is known as unfinished.
        let begun = tokio::task::spawn_blocking(move || {
            let mut workshop = Workshop::open(&root, &state)?;
            let entries = tried(&mut workshop, &plans, &by, now)?;
            Ok::<_, ApplyError>((workshop, entries))
        });
        let (mut workshop, entries) = match begun.await {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => return Outcome::Failed(format!("{check}: {}", error.sentence())),
            Err(error) => return Outcome::Failed(format!("{check}: {error}")),
        };
        let (within, ordered) = (self.keep_within, who.to_owned());
        let (said, _) = tokio::join!(self.wait(check, &entries, who, cancel), self.verify(check));
        let now = self.now();
        let ended = tokio::task::spawn_blocking(move || match said {
            Some(Said { verb: RemedyVerb::Keep, who }) => {
                entries.iter().try_for_each(|entry| workshop.keep(entry, now))?;
                // Who ordered it is named beside this.
                Ok::<_, ApplyError>(if who == ordered { "kept".to_owned() } else { format!("kept by {who}") })
            }
            other => {
                let same = other.as_ref().is_some_and(|said| said.who == ordered);
                let why = other.map_or_else(
                    || format!("nobody kept it within {} s", within.as_secs()),
                    |said| format!("by order of {}", said.who),
                );
                let each = entries.iter().rev().map(|entry| workshop.take_back(entry, now, &why));
                let said: Vec<String> = each.collect::<Result<Vec<_>, ApplyError>>()?.concat();
                let why = if same { String::new() } else { format!(", {why}") };
                Ok(format!("taken back{why}: {}", said.join("; ")))
            }
        });
        let ended = ended.await;
        self.verify(check).await;
        match ended {
            Ok(Ok(words)) => Outcome::Done(format!("{check}: {words}")),
            Ok(Err(error)) => {
                Outcome::Failed(format!("{check} stands and could not be ended: {}", error.sentence()))
            }
            Err(error) => Outcome::Failed(format!("{check}: {error}")),
        }
    }

    /// What is said of it in time; none: nothing, or it is ended.
    async fn wait(
        &self,
        check: &str,
        entries: &[Entry],
        who: &str,
        cancel: &CancellationToken,
    ) -> Option<Said> {
        let (tell, mut told) = mpsc::channel(1);
        let set = |to: Option<Waiting>| *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = to;
        set(Some(Waiting { check: check.to_owned(), tell }));
        let now = self.now();
        let until = UnixMs(now.0 + self.keep_within.as_millis() as u64);
        let what = entries.iter().find_map(|entry| entry.files.first());
        let what =
            what.map_or_else(String::new, |file| format!("{}: {} to {}", file.shown(), file.was, file.to));
        self.machine.written(entries.first().map(|entry| AtWork {
            number: entry.number,
            shown: HostRemedy {
                check: check.to_owned(),
                at: now,
                who: who.to_owned(),
                what,
                state: RemedyState::Until(until),
            },
        }));
        let said = tokio::select! {
            said = told.recv() => said,
            () = cancel.cancelled() => None,
            () = tokio::time::sleep(self.keep_within) => None,
        };
        set(None);
        said
    }
}
