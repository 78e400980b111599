//! The routers an agent lets in: a file of keys, a line each, that is read again when it changes.
//!
//! `sha256:… [name]`; lines that begin with `#` and empty ones are nothing. It can be written by hand or by whatever sets
//! the machine up; [`add`] and [`remove`] are what `beacondeck agent pair` and `unpair` do.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::files::{self, Lasts};
use crate::model::AgentKey;

/// The file in the agent's state directory.
pub const FILE: &str = "routers";
/// Routers one agent can be paired with.
pub const MOST: usize = 16;

type Stamp = Option<(SystemTime, u64, u64)>;

/// Who is let in.
#[derive(Debug)]
pub struct Paired {
    path: PathBuf,
    known: Mutex<(Stamp, Vec<AgentKey>)>,
}

impl Paired {
    /// Those of the file in this directory; nobody if there is none.
    pub fn new(state: &Path) -> Self {
        Self { path: state.join(FILE), known: Mutex::default() }
    }

    /// Whether this router is let in now.
    pub fn has(&self, key: AgentKey) -> bool {
        self.keys().contains(&key)
    }

    /// How many are let in now.
    pub fn count(&self) -> usize {
        self.keys().len()
    }

    fn keys(&self) -> Vec<AgentKey> {
        let now =
            fs::metadata(&self.path).ok().and_then(|of| Some((of.modified().ok()?, of.len(), of.ino())));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != now {
            *known = (now, read(&self.path).unwrap_or_default());
        }
        known.1.clone()
    }
}

/// The keys of the file; a line that is none is told in the log.
fn read(path: &Path) -> io::Result<Vec<AgentKey>> {
    let text = fs::read_to_string(path)?;
    let mut keys = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !is_nothing(line)) {
        match key_in(line) {
            Some(key) if keys.len() < MOST => keys.push(key),
            Some(_) => tracing::warn!(line = number + 1, "more than {MOST} routers; this one is not let in"),
            None => {
                tracing::warn!(line = number + 1, file = %path.display(), "not a key; nobody is let in by it");
            }
        }
    }
    Ok(keys)
}

fn is_nothing(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with('#')
}

fn key_in(line: &str) -> Option<AgentKey> {
    line.split_whitespace().next()?.parse().ok()
}

/// Lets a router in; whether it was not before.
pub fn add(state: &Path, key: AgentKey) -> io::Result<bool> {
    let text = text_of(state)?;
    let keys: Vec<AgentKey> = text.lines().filter_map(key_in).collect();
    if keys.contains(&key) {
        return Ok(false);
    }
    if keys.len() >= MOST {
        return Err(io::Error::other(format!("it has {MOST} routers already; `unpair` one")));
    }
    let line_end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    put(state, &format!("{text}{line_end}{key}\n"))?;
    Ok(true)
}

/// Lets a router in no more; whether it was before.
pub fn remove(state: &Path, key: AgentKey) -> io::Result<bool> {
    let text = text_of(state)?;
    let left: Vec<&str> = text.lines().filter(|line| key_in(line) != Some(key)).collect();
    if left.len() == text.lines().count() {
        return Ok(false);
    }
    let end = if left.is_empty() { "" } else { "\n" };
    put(state, &format!("{}{end}", left.join("\n")))?;
    Ok(true)
}

fn text_of(state: &Path) -> io::Result<String> {
    match fs::read_to_string(state.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

/// Whole or not at all. It holds nothing secret: whoever runs the agent must be able to read it, whoever pairs it.
fn put(state: &Path, text: &str) -> io::Result<()> {
    files::put(&state.join(FILE), 0o644, Lasts::Power, |file| file.write_all(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(of: u8) -> AgentKey {
        AgentKey([of; 32])
    }

    #[test]
    fn whoever_is_paired_is_let_in_at_once_and_no_more_once_unpaired() {
        let dir = tempfile::tempdir().unwrap();
        let paired = Paired::new(dir.path());
        assert!(!paired.has(key(1)), "nobody is");
        assert_eq!((add(dir.path(), key(1)).unwrap(), add(dir.path(), key(1)).unwrap()), (true, false));
        add(dir.path(), key(2)).unwrap();
        assert!(paired.has(key(1)) && paired.has(key(2)) && !paired.has(key(3)));
        assert!(remove(dir.path(), key(1)).unwrap() && !remove(dir.path(), key(1)).unwrap());
        assert_eq!((paired.has(key(1)), paired.count()), (false, 1));
    }

    #[test]
    fn what_was_written_by_hand_is_kept_and_a_broken_line_lets_nobody_in() {
        let dir = tempfile::tempdir().unwrap();
        let by_hand = format!("# routers\n\n{} fra-1\nsha256:zz\n*", key(7));
        fs::write(dir.path().join(FILE), &by_hand).unwrap();
        let paired = Paired::new(dir.path());
        assert_eq!((paired.has(key(7)), paired.count()), (true, 1));
        add(dir.path(), key(8)).unwrap();
        let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert_eq!(text, format!("{by_hand}\n{}\n", key(8)));
        remove(dir.path(), key(7)).unwrap();
        assert!(!fs::read_to_string(dir.path().join(FILE)).unwrap().contains("fra-1"));
        for of in 9..9 + MOST as u8 {
            let told = add(dir.path(), key(of));
            assert_eq!(told.is_ok(), usize::from(of) - 8 < MOST, "{of}: {told:?}");
        }
    }
}
