//! What would be written: of a finding, on this machine as it is now.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::hands::Hands;
use super::journal::{Placed, Written};
use crate::host::change::{is_ours, normal};
use crate::host::{Apply, Change, Finding, path_words};

/// Why a remedy is not offered.
#[derive(Debug, PartialEq, Eq)]
pub enum NotOffered {
    /// There is nothing to remedy.
    Well(String),
    /// It is for a person: the command, or what to look at.
    ByHand(String),
    /// It cannot be written here; why.
    Cannot(String),
}

/// What would be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The check.
    pub check: &'static str,
    /// The values.
    pub files: Vec<Written>,
    /// The file of ours.
    pub drop_in: Option<Placed>,
    /// What it does to the running machine.
    pub apply: Apply,
    /// What has to be done beside it, or makes it last where no file of ours can.
    pub beside: Option<String>,
}

impl Plan {
    /// The plan of a finding; `lasting`: with the file of ours.
    ///
    /// # Errors
    /// It is not offered.
    pub fn of(finding: &Finding, hands: &Hands, lasting: bool) -> Result<Self, NotOffered> {
        if finding.remedy.is_empty() {
            return Err(NotOffered::Well(finding.to_string()));
        }
        let Some(change) = finding.change.as_ref().filter(|_| finding.apply != Apply::Reboot) else {
            return Err(NotOffered::ByHand(finding.remedy.clone()));
        };
        change.allowed().map_err(NotOffered::Cannot)?;
        let cannot = |path: &str, error: &std::io::Error| {
            let path = path_words(path);
            NotOffered::Cannot(format!("{path} cannot be read here: {error}; by hand: {}", finding.remedy))
        };
        let mut named = change.named();
        if named.is_empty() {
            let paths = hands.expand(&change.path).map_err(|error| cannot(&change.path, &error))?;
            named.extend(paths.into_iter().map(|path| (path, change.to.clone())));
        }
        let within = match change.process {
            Some(pid) => Some((pid, hands.namespace(pid).map_err(|error| cannot("its namespace", &error))?)),
            None => None,
        };
        let mut files = Vec::new();
        for (path, to) in named {
            let text = hands.read(change.process, &path).map_err(|error| cannot(&path, &error))?;
            let was = normal(&path, &text);
            let to = change.wanted(&to, &was);
            if normal(&path, &to) != was {
                files.push(Written { path, within: within.clone(), was, to });
            }
        }
        let Some(first) = files.first() else {
            let Change { path, to, .. } = change;
            return Err(NotOffered::Cannot(format!(
                "{} is `{to}` or better already; there is another cause",
                path_words(path)
            )));
        };
        let lasts = change.drop_in.as_ref().zip(change.lasting(&first.to)).filter(|_| lasting);
        let drop_in = lasts.map(|(own, text)| {
            let was = hands.look(&own.path).map_err(|error| cannot(&own.path, &error))?;
            if was.as_deref().is_some_and(|was| !is_ours(was)) {
                return Err(NotOffered::Cannot(format!("{} is a file of somebody else", own.path)));
            }
            Ok((was.as_deref() != Some(&text)).then(|| Placed { path: own.path.clone(), was, text }))
        });
        let drop_in = drop_in.transpose()?.flatten();
        let restart = (finding.apply == Apply::Restart)
            .then(|| "restart the client after it: what it has opened keeps the old value".to_owned());
        let lasts =
            (lasting && change.drop_in.is_none()).then(|| format!("to make it last: {}", finding.persistent));
        let beside: Vec<String> = restart.into_iter().chain(lasts).collect();
        let beside = (!beside.is_empty()).then(|| beside.join("; "));
        Ok(Self { check: finding.id, files, drop_in, apply: finding.apply, beside })
    }
}

impl Plan {
    /// What of it this process may not write, and why; none: it may write all of it. Nothing is written.
    pub fn forbidden(&self, hands: &Hands) -> Option<String> {
        let why = |path: &str, tried: std::io::Result<()>| {
            tried.err().map(|error| format!("{}: {error}", path_words(path)))
        };
        let values = self.files.iter().find_map(|Written { path, within, .. }| {
            why(path, hands.may_write(within.as_ref().map(|(pid, _)| *pid), path))
        });
        values.or_else(|| {
            let Placed { path, .. } = self.drop_in.as_ref()?;
            why(path, hands.may_put(path))
        })
    }

    /// What tells it from any other plan, and from itself on a machine that is not as it was.
    pub fn seal(plans: &[Self]) -> String {
        let mut hasher = DefaultHasher::new();
        for plan in plans {
            format!("{plan:?}").hash(&mut hasher);
        }
        format!("{:016x}", hasher.finish())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.check, self.apply.words())?;
        for file @ Written { within, was, to, .. } in &self.files {
            let within = within
                .as_ref()
                .map_or(String::new(), |(pid, _)| format!(", for process {pid} and its container"));
            writeln!(f, "     write: {} = {to}   (now {was}{within})", file.shown())?;
        }
        if let Some(Placed { path, text, .. }) = &self.drop_in {
            writeln!(f, "  for good: {path}: {}", text.lines().last().unwrap_or_default())?;
        }
        if let Some(beside) = &self.beside {
            writeln!(f, "      then: {beside}")?;
        }
        Ok(())
    }
}
