//! The one file that reads disk, environment and clock.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use thiserror::Error;

use super::problem::{Problem, Severity};
use super::{Outside, Parsed, agent, parse};
use crate::model::{AgentFile, Fleet, UnixMs};

/// Names the fleet file if no flag does.
pub const VARIABLE: &str = "BEACONDECK_FLEET";
/// Looked for in the working directory.
const HERE: &str = "fleet.yaml";
/// Looked for last.
const SYSTEM: &str = "/etc/beacondeck/fleet.yaml";
/// Where an agent's file is, unless a flag says otherwise.
const AGENT: &str = "/etc/beacondeck-agent/agent.yaml";
const FLEET_FILE: &str = "fleet file";
const AGENTS_FILE: &str = "agent's file";
/// No fleet file, secret or bundle is larger; a device file would never end.
const MAX_FILE: u64 = 4 << 20;

/// Access to the environment.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// A fleet file that was read and is valid.
#[derive(Debug)]
pub struct Loaded {
    /// Where it was read from.
    pub path: PathBuf,
    /// What it says.
    pub fleet: Fleet,
    /// What is allowed and not advised.
    pub warnings: Vec<Problem>,
}

impl Loaded {
    /// The warnings as text, one after the other; empty if there are none.
    pub fn render_warnings(&self) -> String {
        render(&self.path, &self.warnings)
    }
}

/// Why there is no fleet.
#[derive(Debug, Error)]
pub enum LoadError {
    /// There is no such file.
    #[error(
        "no fleet file at {}; it is named by --fleet, else by ${VARIABLE}, else it is ./{HERE}, else {SYSTEM}",
        path.display()
    )]
    Find {
        /// The place looked at last.
        path: PathBuf,
    },
    /// There is no agent's file.
    #[error(
        "no agent's file at {}; it is named by --config, else it is {AGENT}. An empty file is enough; `beacondeck print \
         agent-config` prints one with every setting",
        path.display()
    )]
    FindAgent {
        /// The place looked at.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot read the {what} {}", path.display())]
    Read {
        /// `fleet file` or `agent's file`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not valid.
    #[error("the {what} {} has problems: {}", path.display(), errors(problems))]
    Problems {
        /// `fleet file` or `agent's file`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Errors and warnings in order of place.
        problems: Vec<Problem>,
    },
}

impl LoadError {
    /// The first thing to say, on one line, its place first.
    pub fn summary(&self) -> String {
        let Self::Problems { path, problems, .. } = self else { return self.render() };
        let mut errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        let Some(first) = errors.next() else { return self.to_string() };
        let more = match errors.count() {
            0 => String::new(),
            more => format!(", and {more} more; `beacondeck check` shows all"),
        };
        format!("{}:{}:{}: {}{more}", path.display(), first.line, first.column, first.message)
    }

    /// Everything there is to say, for people.
    pub fn render(&self) -> String {
        match self {
            Self::Find { .. } | Self::FindAgent { .. } => self.to_string(),
            Self::Read { source, .. } => format!("{self}: {source}"),
            Self::Problems { path, problems, .. } => render(path, problems),
        }
    }
}

fn errors(problems: &[Problem]) -> usize {
    problems.iter().filter(|problem| problem.severity == Severity::Error).count()
}

fn render(path: &Path, problems: &[Problem]) -> String {
    problems.iter().map(|problem| problem.render(path)).collect::<Vec<_>>().join("\n")
}

/// Where the fleet file is: the flag, else `$BEACONDECK_FLEET`, else `./fleet.yaml` if it exists, else the system's.
pub fn locate(flag: Option<&Path>, env: Env<'_>) -> PathBuf {
    let named = || env(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = flag.map(Path::to_owned).or_else(named) {
        return path;
    }
    PathBuf::from(if Path::new(HERE).exists() { HERE } else { SYSTEM })
}

/// Reads and checks a fleet file with the environment of this process.
///
/// # Errors
/// The file is missing, cannot be read, or has problems, all of which are reported at once.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    load_with(path, &|name| std::env::var_os(name))
}

/// [`load`] with another environment.
///
/// # Errors
/// Those of [`load`].
pub fn load_with(path: &Path, env: Env<'_>) -> Result<Loaded, LoadError> {
    let text = read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => LoadError::Find { path: path.to_owned() },
        _ => LoadError::Read { what: FLEET_FILE, path: path.to_owned(), source },
    })?;
    match parse(&text, &Machine::at(path, env)) {
        Ok(Parsed { fleet, warnings }) => Ok(Loaded { path: path.to_owned(), fleet, warnings }),
        Err(problems) => Err(LoadError::Problems { what: FLEET_FILE, path: path.to_owned(), problems }),
    }
}

/// Where an agent's file is: the flag, else the system's.
pub fn locate_agent(flag: Option<&Path>) -> PathBuf {
    flag.map_or_else(|| PathBuf::from(AGENT), Path::to_owned)
}

/// Reads and checks an agent's file; with it come its warnings as text, empty if there are none.
///
/// # Errors
/// As of [`load`].
pub fn load_agent(path: &Path) -> Result<(AgentFile, String), LoadError> {
    let text = read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => LoadError::FindAgent { path: path.to_owned() },
        _ => LoadError::Read { what: AGENTS_FILE, path: path.to_owned(), source },
    })?;
    match agent::parse(&text, &Machine::at(path, &|name| std::env::var_os(name))) {
        Ok((file, warnings)) => Ok((file, render(path, &warnings))),
        Err(problems) => Err(LoadError::Problems { what: AGENTS_FILE, path: path.to_owned(), problems }),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("larger than {} MiB", MAX_FILE >> 20),
        ));
    }
    Ok(text)
}

struct Machine<'a> {
    base: PathBuf,
    env: Env<'a>,
}

impl<'a> Machine<'a> {
    /// As a file there sees it.
    fn at(path: &Path, env: Env<'a>) -> Self {
        let base = std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_owned));
        Self { base: base.unwrap_or_default(), env }
    }
}

impl Outside for Machine<'_> {
    fn resolve(&self, path: &str) -> PathBuf {
        self.base.join(path)
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        read(path)
    }

    fn env(&self, name: &str) -> Option<String> {
        (self.env)(name)?.into_string().ok()
    }

    fn now(&self) -> UnixMs {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        UnixMs(since.as_millis() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_goes_before_the_variable_and_an_empty_variable_is_none() {
        let set = |name: &str| (name == VARIABLE).then(|| OsString::from("/from/env.yaml"));
        assert_eq!(locate(Some(Path::new("/f.yaml")), &set), Path::new("/f.yaml"));
        assert_eq!(locate(None, &set), Path::new("/from/env.yaml"));
        let empty = |_: &str| Some(OsString::new());
        assert_eq!(locate(None, &empty), Path::new(SYSTEM), "the crate's root holds no fleet.yaml");
    }

    #[test]
    fn a_missing_file_names_the_places() {
        let error = load(Path::new("/nowhere/fleet.yaml")).unwrap_err().render();
        for place in ["/nowhere/fleet.yaml", "--fleet", "BEACONDECK_FLEET", "./fleet.yaml", SYSTEM] {
            assert!(error.contains(place), "{error}");
        }
    }

    #[test]
    fn a_file_without_end_is_refused() {
        assert!(matches!(load(Path::new("/dev/zero")), Err(LoadError::Read { .. })));
    }
}
