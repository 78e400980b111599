//! How `serve` is restarted or upgraded without its clients' noticing: the next process is started beside this one with
//! its listening sockets, and this one ends when the next one serves.
//!
//! Both accept from the same sockets for a moment, so no connection is refused. What only one process may hold (control
//! socket, metrics address, state) is let go when the next one could serve, and taken back if it does not come to serve
//! after all: then this one goes on and says why.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping, FdMappingCollision};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::heritage::{Estate, Line, Word};
use super::sockets::PREDECESSOR;

/// The first descriptor of `sd_listen_fds(3)`.
const FIRST: i32 = 3;
/// Within this the next process must be able to serve: it reads the fleet file and asks every beacon.
const ABLE_WITHIN: Duration = Duration::from_secs(60);
/// Within this it must open what was let go.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// Why nothing was handed over; this process goes on.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// The program file.
    #[error("there is no program at {} to hand over to", path.display())]
    NoProgram {
        /// Where it was.
        path: PathBuf,
    },
    /// The next process could not be started.
    #[error("{} could not be started: {source}", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended instead of serving.
    #[error("the next process ended ({status}) before it served; its log says why")]
    Ended {
        /// How.
        status: ExitStatus,
    },
    /// It did not come to serve.
    #[error("the next process did not come to serve within {seconds} s ({doing})")]
    Late {
        /// The bound.
        seconds: u64,
        /// What it was about to do.
        doing: &'static str,
    },
    /// It says something else.
    #[error("the next process does not understand this one; restart serve instead")]
    Language,
    /// This one is about to end.
    #[error("this serve is stopping")]
    Stopping,
}

/// What to hand over to.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program file.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

impl Program {
    /// This program as it is on disk now, with the arguments of this process.
    pub fn again() -> Self {
        let running = std::env::current_exe().unwrap_or_default();
        Self { path: replaced(&running), args: std::env::args_os().skip(1).collect() }
    }
}

/// The file a program was started from, whatever lies there now: the kernel marks the path of one that was replaced
/// (`proc_pid_exe(5)`).
fn replaced(running: &Path) -> PathBuf {
    match running.to_str().and_then(|path| path.strip_suffix(" (deleted)")) {
        Some(path) if !running.exists() => path.into(),
        _ => running.to_owned(),
    }
}

/// The next process, until it serves.
pub struct Successor {
    child: Child,
    line: Line,
}

impl Successor {
    /// Starts it with these listening sockets.
    ///
    /// # Errors
    /// It is not there, or cannot be started.
    pub fn start(program: &Program, sockets: Vec<OwnedFd>) -> Result<Self, HandOverError> {
        if !program.path.is_file() {
            return Err(HandOverError::NoProgram { path: program.path.clone() });
        }
        let failed = |source| HandOverError::Start { path: program.path.clone(), source };
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let line = Line::new(UnixStream::from_std(ours).map_err(failed)?);
        let given = sockets.into_iter().chain([theirs.into()]);
        let mappings: Vec<FdMapping> =
            given.zip(FIRST..).map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd }).collect();
        let mut command = Command::new(&program.path);
        command
            .args(&program.args)
            .env("LISTEN_FDS", mappings.len().to_string())
            // Its number is not known before it runs; the variable is absent for "whoever reads it".
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDNAMES")
            // The watchdog will watch the next process instead of this one.
            .env_remove("WATCHDOG_PID")
            .env(PREDECESSOR, std::process::id().to_string())
            .stdin(Stdio::null());
        let mapped =
            command.fd_mappings(mappings).map_err(|FdMappingCollision| io::ErrorKind::InvalidInput.into());
        let child = mapped.map_err(failed)?.spawn().map_err(failed)?;
        Ok(Self { child, line })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Waits until it could serve.
    ///
    /// # Errors
    /// It does not come to it.
    pub async fn able(&mut self) -> Result<(), HandOverError> {
        self.expect(&Word::Able, ABLE_WITHIN, "finding out what its beacons can do").await
    }

    /// Gives it what only one process may hold, and waits until it serves.
    ///
    /// # Errors
    /// It does not come to it.
    pub async fn take_over(&mut self, estate: Estate) -> Result<(), HandOverError> {
        // If it has ended, that is found when it does not answer.
        let _ = self.line.say(&Word::Yours(Box::new(estate))).await;
        self.expect(&Word::Ready, READY_WITHIN, "opening its sockets and state").await
    }

    async fn expect(
        &mut self,
        wanted: &Word,
        within: Duration,
        doing: &'static str,
    ) -> Result<(), HandOverError> {
        let heard = async {
            tokio::select! {
                heard = self.line.hear() => Ok(heard),
                ended = self.child.wait() => Err(ended),
            }
        };
        match timeout(within, heard).await {
            Err(_) => Err(HandOverError::Late { seconds: within.as_secs(), doing }),
            Ok(Ok(Ok(word))) if word == *wanted => Ok(()),
            Ok(Ok(Err(error))) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let ended = self.child.wait().await;
                Err(ended.map_or(HandOverError::Language, |status| HandOverError::Ended { status }))
            }
            Ok(Err(Ok(status))) => Err(HandOverError::Ended { status }),
            Ok(_) => Err(HandOverError::Language),
        }
    }

    /// Ends it: it did not come to serve, and must not begin to.
    pub async fn end(mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "the next process could not be ended");
        }
    }

    /// It serves: from now on it is only told what was produced late.
    pub fn tell(self, mut words: mpsc::Receiver<Word>) {
        let mut line = self.line;
        tokio::spawn(async move {
            while let Some(word) = words.recv().await {
                if line.say(&word).await.is_err() {
                    return;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_replaced_is_found_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("serve (deleted)");
        assert_eq!(replaced(&file), dir.path().join("serve"));
        std::fs::write(&file, "").unwrap();
        assert_eq!(replaced(&file), file, "a program may be called so");
        assert_eq!(replaced(Path::new("/usr/bin/serve")), Path::new("/usr/bin/serve"));
    }

    #[tokio::test]
    async fn one_that_ends_or_says_nothing_or_cannot_be_started_is_told_apart() {
        let program = |path: &str, args: &[&str]| Program {
            path: path.into(),
            args: args.iter().map(Into::into).collect(),
        };
        let missing = Successor::start(&program("/nowhere/serve", &[]), Vec::new());
        assert!(matches!(missing.err(), Some(HandOverError::NoProgram { .. })));
        let plain = Successor::start(&program("/etc/passwd", &[]), Vec::new());
        assert!(matches!(plain.err(), Some(HandOverError::Start { .. })));
        let mut ended = Successor::start(&program("/bin/sh", &["-c", "exit 7"]), Vec::new()).unwrap();
        let error = ended.able().await.unwrap_err().to_string();
        assert!(error.contains("exit status: 7"), "{error}");
        let mut other =
            Successor::start(&program("/bin/sh", &["-c", "echo hello >&3; sleep 60"]), Vec::new()).unwrap();
        assert!(matches!(other.able().await, Err(HandOverError::Language)));
        other.end().await;
    }
}
