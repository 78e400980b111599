//! Writing what a remedy says, so that it can always be taken back.
//!
//! A plan is made of a finding and of what stands there now. It is carried out in this order: what stood there is looked at
//! again and must be as planned; the journal is told, on disk, what was and what shall be; the file of ours is put in its
//! place, whole; the values are written and read again. What does not come out as meant is taken back at once. An entry of
//! the journal without an end is one that was cut off: it is taken back before anything else is done.
//!
//! Never writes what [`super::Change::allowed`] refuses, never takes back what somebody else has changed since.
//!
//! | file | owns |
//! |---|---|
//! | `command` | the command that does it by hand |
//! | `plan` | what would be written where, and why something is not offered |
//! | `hands` | the only writing: files below a root, or in a network namespace |
//! | `journal` | what was written, on disk before it is |
//! | `workshop` | carrying out, taking back, what was cut off |

mod command;
mod hands;
mod journal;
mod plan;
mod workshop;

use std::io;
use std::time::Duration;

use thiserror::Error;

use super::finding::{Finding, Verdict};
use super::path_words;
pub use command::command;
pub use hands::Hands;
pub use journal::{End, Entry, How, Journal, Placed, Written};
pub use plan::{NotOffered, Plan};
pub use workshop::Workshop;

/// What stops a link or a disk is taken back after this time unless somebody keeps it.
pub const KEEP_WITHIN: Duration = Duration::from_secs(60);

/// What the check says of a remedy that was written: a setting must be well, a counter needs its time.
pub fn verified(finding: Option<&Finding>) -> String {
    match finding {
        None => "written and read again".to_owned(),
        Some(finding) if finding.verdict == Verdict::Ok => format!("written and read again; now {finding}"),
        Some(finding) => format!(
            "written and read again; the check still says {finding}: counters need time, look again in 10 minutes"
        ),
    }
}

/// Why something was not written, or not taken back.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The journal cannot be opened, read or written.
    #[error("the journal {path} cannot be {what}; nothing was written")]
    Journal {
        /// Its path.
        path: String,
        /// What was tried.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process has it.
    #[error("another beacondeck is writing by {path}; one at a time: wait until it has ended")]
    Busy {
        /// The journal's path.
        path: String,
    },
    /// Somebody changed it since the plan.
    #[error("{path} has changed since the plan, from `{was}` to `{is}`: nothing was written; look again")]
    Changed {
        /// The file.
        path: String,
        /// What was planned upon.
        was: String,
        /// What stands there.
        is: String,
    },
    /// A file cannot be read or written.
    #[error("{path} cannot be {what}: {hint}")]
    File {
        /// The file.
        path: String,
        /// What was tried.
        what: &'static str,
        /// What is the case then.
        hint: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The kernel lets nobody write it, root neither: what is remedied so does not apply to this machine.
    #[error(
        "n/a: the kernel lets nobody move the interrupt of {path}, its driver manages it; all is as it was"
    )]
    Refused {
        /// The file.
        path: String,
        /// How.
        #[source]
        source: io::Error,
    },
    /// The kernel took the value and made another of it.
    #[error("{path} was written `{to}` and says `{is}`: it was taken back")]
    NotTaken {
        /// The file.
        path: String,
        /// What was written.
        to: String,
        /// What it says.
        is: String,
    },
    /// Our name is taken by a file of somebody else.
    #[error("{path} is not of beacondeck, though it is called so: move it away; nothing was written")]
    Foreign {
        /// The file.
        path: String,
    },
}

impl ApplyError {
    /// Of a file that could not be written.
    fn unwritten(path: &str, hint: &str, source: io::Error) -> Self {
        let path = path_words(path).into_owned();
        // A managed interrupt: EPERM since Linux 6.16 or so, EIO before. Who may not even open the file gets EACCES.
        let managed = matches!(source.raw_os_error(), Some(libc::EPERM | libc::EIO));
        if managed && path.starts_with("/proc/irq/") {
            return Self::Refused { path, source };
        }
        Self::File { path, what: "written", hint: hint.to_owned(), source }
    }

    /// What failed, with its cause, in one sentence.
    pub fn sentence(&self) -> String {
        std::error::Error::source(self).map_or_else(|| self.to_string(), |cause| format!("{self}: {cause}"))
    }
}
