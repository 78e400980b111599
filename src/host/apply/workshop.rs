//! Carrying out and taking back, by the journal.

use std::path::Path;

use super::ApplyError;
use super::hands::Hands;
use super::journal::{Entry, How, Journal, Placed, Written};
use super::plan::Plan;
use crate::host::change::{is_ours, normal};
use crate::host::path_words;
use crate::model::UnixMs;

/// A machine with its journal, held by this process alone.
#[derive(Debug)]
pub struct Workshop {
    hands: Hands,
    journal: Journal,
}

impl Workshop {
    /// The machine whose `/` is a directory, and the journal of a directory of state.
    ///
    /// # Errors
    /// See [`Journal::open`].
    pub fn open(root: &Path, state: &Path) -> Result<Self, ApplyError> {
        Ok(Self { hands: Hands::new(root), journal: Journal::open(state)? })
    }

    /// The machine.
    pub fn hands(&self) -> &Hands {
        &self.hands
    }

    /// What was begun and cut off, newest first.
    pub fn unfinished(&self) -> Vec<Entry> {
        self.journal.unfinished()
    }

    /// What stands, newest first.
    pub fn standing(&self) -> Vec<Entry> {
        self.journal.standing()
    }

    /// Writes a plan.
    ///
    /// # Errors
    /// Something has changed since the plan; something cannot be written, or says another value: then all of it was taken
    /// back.
    pub fn carry_out(&mut self, plan: &Plan, who: &str, now: UnixMs) -> Result<Entry, ApplyError> {
        let entry = self.try_out(plan, who, now)?;
        self.keep(&entry, now)?;
        Ok(entry)
    }

    /// Writes a plan that stands only once it is kept: if this process ends before, whoever comes next takes it back.
    ///
    /// # Errors
    /// As of [`Workshop::carry_out`].
    pub fn try_out(&mut self, plan: &Plan, who: &str, now: UnixMs) -> Result<Entry, ApplyError> {
        let entry = self.begin(plan, who, now)?;
        match self.write(&entry) {
            Ok(()) => Ok(entry),
            Err(error) => {
                self.take_back(&entry, now, &error.to_string())?;
                Err(error)
            }
        }
    }

    /// What was tried out stands from now on.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn keep(&mut self, entry: &Entry, now: UnixMs) -> Result<(), ApplyError> {
        self.journal.end(entry.number, now, How::Applied, "")
    }

    /// Looks whether all is as planned, and tells the journal what will be.
    pub fn begin(&mut self, plan: &Plan, who: &str, now: UnixMs) -> Result<Entry, ApplyError> {
        for file in &plan.files {
            if let Some((pid, was)) = &file.within {
                let is = self.hands.namespace(*pid).unwrap_or_else(|_| "gone".to_owned());
                if is != *was {
                    let path = format!("the network namespace of process {pid}");
                    return Err(ApplyError::Changed { path, was: was.clone(), is });
                }
            }
            let is = self.now(file)?;
            if is != file.was {
                return Err(ApplyError::Changed {
                    path: file.shown().into_owned(),
                    was: file.was.clone(),
                    is,
                });
            }
        }
        if let Some(placed) = &plan.drop_in {
            let is =
                self.hands.look(&placed.path).map_err(fault(&placed.path, "read", "nothing was written"))?;
            if is.as_deref().is_some_and(|is| !is_ours(is)) {
                return Err(ApplyError::Foreign { path: placed.path.clone() });
            }
            if is != placed.was {
                let words = |text: Option<String>| text.unwrap_or_else(|| "no file".to_owned());
                let (was, is) = (words(placed.was.clone()), words(is));
                return Err(ApplyError::Changed { path: placed.path.clone(), was, is });
            }
        }
        self.journal.start(Entry {
            number: 0,
            at: now,
            who: who.to_owned(),
            check: plan.check.to_owned(),
            files: plan.files.clone(),
            drop_in: plan.drop_in.clone(),
        })
    }

    fn write(&self, entry: &Entry) -> Result<(), ApplyError> {
        const TAKEN_BACK: &str = "what was written before it was taken back";
        if let Some(Placed { path, text, .. }) = &entry.drop_in {
            self.hands.put(path, text).map_err(fault(path, "written", TAKEN_BACK))?;
        }
        for file in &entry.files {
            let process = file.within.as_ref().map(|(pid, _)| *pid);
            self.hands
                .write(process, &file.path, &file.to)
                .map_err(|error| ApplyError::unwritten(&file.path, TAKEN_BACK, error))?;
            let is = self.now(file)?;
            if is != normal(&file.path, &file.to) {
                return Err(ApplyError::NotTaken {
                    path: file.shown().into_owned(),
                    to: file.to.clone(),
                    is,
                });
            }
        }
        Ok(())
    }

    fn now(&self, file: &Written) -> Result<String, ApplyError> {
        let process = file.within.as_ref().map(|(pid, _)| *pid);
        let text = self.hands.read(process, &file.path).map_err(fault(
            &file.path,
            "read",
            "it is not known what stands there",
        ))?;
        Ok(normal(&file.path, &text))
    }

    /// Takes an entry back as far as it is still ours, and says what was done, a sentence a file.
    ///
    /// # Errors
    /// A file cannot be read or written; the entry is kept, to be tried again.
    pub fn take_back(&mut self, entry: &Entry, now: UnixMs, why: &str) -> Result<Vec<String>, ApplyError> {
        let mut said = Vec::new();
        if let Some(placed) = &entry.drop_in {
            said.push(self.take_away(placed)?);
        }
        for file in entry.files.iter().rev() {
            said.push(self.write_back(file)?);
        }
        self.journal.end(entry.number, now, How::Reverted, why)?;
        Ok(said)
    }

    fn take_away(&self, Placed { path, was, text }: &Placed) -> Result<String, ApplyError> {
        let is = self.hands.look(path).map_err(fault(path, "read", "it may still be there"))?;
        match (is, was) {
            (None, _) => Ok(format!("{path}: was not there")),
            (Some(is), Some(was)) if is == *was => Ok(format!("{path}: stands as before")),
            (Some(is), _) if is != *text => Ok(format!("{path}: somebody has changed it; left alone")),
            (Some(_), Some(was)) => {
                self.hands.put(path, was).map_err(fault(path, "written", "it is as it was left"))?;
                Ok(format!("{path}: as before"))
            }
            (Some(_), None) => {
                self.hands.remove(path).map_err(fault(path, "removed", "it is still there"))?;
                Ok(format!("{path}: removed"))
            }
        }
    }

    fn write_back(&self, file: &Written) -> Result<String, ApplyError> {
        let Written { path, within, was, to } = file;
        let shown = file.shown();
        let process = match within {
            None => None,
            Some((pid, namespace)) if self.hands.namespace(*pid).is_ok_and(|its| its == *namespace) => {
                Some(*pid)
            }
            Some((_, namespace)) => match self.hands.process_in(namespace) {
                Some(pid) => Some(pid),
                None => return Ok(format!("{shown}: its network namespace is gone, and the value with it")),
            },
        };
        let read = |hint: &'static str| {
            self.hands.read(process, path).map_err(fault(path, "read", hint)).map(|text| normal(path, &text))
        };
        let is = read("it may still have our value")?;
        if is == *was {
            return Ok(format!("{shown}: is `{was}`, as before"));
        }
        if is != normal(path, to) {
            return Ok(format!("{shown}: somebody has made it `{is}` since; left alone"));
        }
        self.hands.write(process, path, was).map_err(fault(path, "written", "it still has our value"))?;
        let is = read("it may still have our value")?;
        if is != *was {
            return Err(ApplyError::NotTaken { path: shown.into_owned(), to: was.clone(), is });
        }
        Ok(format!("{shown}: `{was}` again"))
    }
}

fn fault(path: &str, what: &'static str, hint: &str) -> impl FnOnce(std::io::Error) -> ApplyError {
    let (path, hint) = (path_words(path).into_owned(), hint.to_owned());
    move |source| ApplyError::File { path, what, hint, source }
}
