//! The fleet file: raw text becomes a [`Fleet`], which cannot be wrong.
//!
//! `load` is the one file that reads disk; the rest is pure and reports every problem at once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use crate::model::Fleet;

/// A loaded fleet file.
#[derive(Debug)]
pub struct Loaded {
    /// The fleet.
    pub fleet: Fleet,
}

/// A fleet file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is none.
    #[error("no fleet file at {}", path.display())]
    Find {
        /// Where.
        path: PathBuf,
    },
}

impl LoadError {
    /// For people.
    pub fn render(&self) -> String {
        self.to_string()
    }
}

/// Where the fleet file is.
pub fn locate(flag: Option<&Path>, _env: &dyn Fn(&str) -> Option<OsString>) -> PathBuf {
    flag.map_or_else(|| PathBuf::from("/etc/beacondeck/fleet.yaml"), Path::to_owned)
}

/// Loads a fleet file.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    Err(LoadError::Find { path: path.to_owned() })
}
