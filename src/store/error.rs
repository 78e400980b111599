//! What can go wrong with the state, in the words an operator reads.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The error underneath, whichever backend it comes from.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// An operation on the state that failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The path in the fleet file cannot be a directory.
    #[error("`state:` names {}, which cannot be a directory (correct it in the fleet file)", path.display())]
    BadPath {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// Another process has it.
    #[error("the state in {} is in use by {holder}: stop that one, or give this one a `state:` of its own", dir.display())]
    Held {
        /// The directory.
        dir: PathBuf,
        /// What the other one wrote of itself: its process, user, and since when.
        holder: String,
    },
    /// The disk or the file's mode does not let us write.
    #[error("could not {doing} {}: it is read-only for this user (make it writable, or set another `state:`)", path.display())]
    ReadOnly {
        /// What was being done.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// No space is left.
    #[error("could not {doing} {}: the disk is full (free space there)", path.display())]
    Full {
        /// What was being done.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The file is not what was written.
    #[error("{} is damaged (put a copy back, or move it and its -wal file aside to start with an empty one)", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The file is somebody else's.
    #[error("{} is a database of another program: set another `state:`", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version.
    #[error("{} has schema {theirs} and this beacondeck knows {ours}: run the newer beacondeck, or move the file aside to start with an empty one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's schema version.
        theirs: i64,
        /// The newest we know.
        ours: i64,
    },
    /// Anything else.
    #[error("could not {doing} {}", path.display())]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The thread that owns the state has ended.
    #[error("the state is closed: this process is stopping")]
    Closed,
}

impl StoreError {
    /// Whether the fleet file is at fault.
    pub fn is_config(&self) -> bool {
        matches!(self, StoreError::BadPath { .. })
    }

    /// The whole sentence, causes included.
    pub fn sentence(&self) -> String {
        let (mut text, mut cause) = (self.to_string(), self.source());
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        text
    }

    /// Sorts an error of the system.
    pub(super) fn system(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let (kind, path, source) = (source.kind(), path.to_owned(), Arc::new(source));
        match kind {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { doing, path, source }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { doing, path, source },
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists | io::ErrorKind::InvalidFilename => {
                Self::BadPath { path, source }
            }
            _ => Self::Failed { doing, path, source },
        }
    }
}
