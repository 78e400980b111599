//! This machine: what was found on it last, and the remedies that were begun on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use crate::host::apply::{End, Entry, Hands, How, Journal};
use crate::host::{Finding, Found, Looker, Role, worst_first};
use crate::model::{HostRemedy, RemedyState};

/// Remedies that are shown.
const SHOWN: usize = 20;

/// A remedy this process is at.
#[derive(Debug, Clone)]
pub struct AtWork {
    /// Its number in the journal.
    pub number: u64,
    /// As it is shown.
    pub shown: HostRemedy,
}

/// The machine this program runs on.
#[derive(Debug)]
pub struct Machine {
    root: PathBuf,
    roles: Vec<Role>,
    found: ArcSwapOption<Found>,
    at_work: ArcSwapOption<AtWork>,
    again: Notify,
    changed: Notify,
    writes: AtomicU64,
}

impl Machine {
    /// The machine whose `/` is this directory.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            roles: Vec::new(),
            found: ArcSwapOption::empty(),
            at_work: ArcSwapOption::empty(),
            again: Notify::new(),
            changed: Notify::new(),
            writes: AtomicU64::new(0),
        }
    }

    /// The same, that is for this; else what runs there says.
    pub fn with_roles(self, roles: Vec<Role>) -> Self {
        Self { roles, ..self }
    }

    /// Its `/`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Who looks at it.
    pub fn looker(&self) -> Looker {
        Looker::below(&self.root, self.roles.clone())
    }

    /// Who writes to it.
    pub fn hands(&self) -> Hands {
        Hands::new(&self.root)
    }

    /// What was found last; none before the first look.
    pub fn found(&self) -> Option<Arc<Found>> {
        self.found.load_full()
    }

    /// Something was found.
    pub fn looked(&self, found: Found) {
        self.found.store(Some(Arc::new(found)));
        self.changed.notify_one();
    }

    /// What one check says of a setting right now: it stands for what the last look found of it.
    pub fn judged(&self, check: &str, now: &[Finding]) {
        let Some(found) = self.found() else { return };
        let mut findings: Vec<Finding> = found.findings.iter().filter(|of| of.id != check).cloned().collect();
        findings.extend_from_slice(now);
        worst_first(&mut findings);
        self.looked(Found { findings: Arc::new(findings), ..Found::clone(&found) });
    }

    /// It was written to: it is shown at once, and looked at anew soon.
    pub fn written(&self, at_work: Option<AtWork>) {
        self.writes.fetch_add(1, Relaxed);
        self.at_work.store(at_work.map(Arc::new));
        self.look_again();
        self.changed.notify_one();
    }

    /// How often it was written to: a look in whose time that grew tells of before.
    pub fn writes(&self) -> u64 {
        self.writes.load(Relaxed)
    }

    /// It is worth a look.
    pub fn look_again(&self) {
        self.again.notify_one();
    }

    /// Until somebody wants it looked at.
    pub async fn asked(&self) {
        self.again.notified().await;
    }

    /// Until there is something new to show.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The remedy this process is at.
    pub fn at_work(&self) -> Option<Arc<AtWork>> {
        self.at_work.load_full()
    }

    /// Remedies that were begun on it by whomever, newest first, as the journal of a directory of state tells.
    pub async fn remedies(&self, state: &Path) -> Vec<HostRemedy> {
        let state = state.to_owned();
        // A thread that panicked has read nothing.
        let told = tokio::task::spawn_blocking(move || Journal::read(&state)).await.unwrap_or_default();
        let at_work = self.at_work();
        let newest = told.iter().rev().take(SHOWN);
        newest.map(|(entry, end)| shown(entry, end.as_ref(), at_work.as_deref())).collect()
    }
}

fn shown(entry: &Entry, end: Option<&End>, at_work: Option<&AtWork>) -> HostRemedy {
    let state = match (end, at_work.filter(|work| work.number == entry.number)) {
        (None, Some(work)) => work.shown.state.clone(),
        (None, None) => RemedyState::CutOff,
        (Some(End { how: How::Applied, .. }), _) => RemedyState::Stands,
        (Some(End { how: How::Reverted, at, why }), _) => RemedyState::Reverted(*at, why.clone()),
    };
    let what = match entry.files.as_slice() {
        [] => entry.drop_in.as_ref().map_or_else(String::new, |own| own.path.clone()),
        [one] => format!("{}: {} to {}", one.shown(), one.was, one.to),
        [one, more @ ..] => format!("{}: {} to {}, and {} more", one.shown(), one.was, one.to, more.len()),
    };
    HostRemedy { check: entry.check.clone(), at: entry.at, who: entry.who.clone(), what, state }
}
