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
use std::process::ExitStatus;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::heritage::{Estate, Line, Word};
use super::step;

/// Within this the next process must run.
const HERE_WITHIN: Duration = Duration::from_secs(20);
/// Within this the next process must be able to serve: it reads the fleet file and asks every beacon.
const ABLE_WITHIN: Duration = Duration::from_secs(60);
/// Within this it must open what was let go.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// Within this a process that was killed has ended.
const DEAD_WITHIN: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

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
    /// It ended instead of being started.
    #[error("the next process ended ({status}) before it served; its log says why")]
    Broke {
        /// How.
        status: ExitStatus,
    },
    /// It ended instead of serving.
    #[error("the next process ended before it served{}", said(why.as_deref()))]
    Ended {
        /// What it said.
        why: Option<String>,
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
    /// Its end would be the end of all others.
    #[error("this serve is process 1 of its container, which ends with it: restart the container instead")]
    Init,
    /// This one is about to end.
    #[error("this serve is stopping")]
    Stopping,
}

fn said(why: Option<&str>) -> String {
    why.map_or_else(|| "; its log says why".to_owned(), |why| format!(": {why}"))
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

/// The next process, until it serves. It is a child of the service manager, not of this process (see [`step`]).
pub struct Successor {
    id: u32,
    /// What it is ended by; none if it has ended already.
    process: Option<OwnedFd>,
    line: Line,
}

impl Successor {
    /// Starts it with these listening sockets, and waits until it runs.
    ///
    /// # Errors
    /// It is not there, or cannot be started.
    pub async fn start(program: &Program, sockets: Vec<OwnedFd>) -> Result<Self, HandOverError> {
        if rustix::process::getpid().is_init() {
            return Err(HandOverError::Init);
        }
        if !program.path.is_file() {
            return Err(HandOverError::NoProgram { path: program.path.clone() });
        }
        let failed = |source| HandOverError::Start { path: program.path.clone(), source };
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let mut line = Line::new(UnixStream::from_std(ours).map_err(failed)?);
        let command = step::command(program, sockets, theirs).map_err(failed)?;
        // A terminal that ends the group of this process must not end the next one.
        let mut between = Command::from(command).process_group(0).spawn().map_err(failed)?;
        let late = HandOverError::Late { seconds: HERE_WITHIN.as_secs(), doing: "starting" };
        let here = timeout(HERE_WITHIN, here(&mut line, &mut between)).await.unwrap_or(Err(late));
        match here {
            Ok(id) => Ok(Self { id, process: process(id).map_err(failed)?, line }),
            Err(error) => {
                // Nothing is there to kill if that is why.
                let _ = between.kill().await;
                Err(error)
            }
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.id
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
        match timeout(within, self.line.hear()).await {
            Err(_) => Err(HandOverError::Late { seconds: within.as_secs(), doing }),
            Ok(Ok(word)) if word == *wanted => Ok(()),
            Ok(Ok(Word::Ends(why))) => Err(HandOverError::Ended { why: Some(why) }),
            Ok(Err(error)) if has_ended(&error) => Err(HandOverError::Ended { why: None }),
            Ok(_) => Err(HandOverError::Language),
        }
    }

    /// Ends it: it did not come to serve, and must not begin to.
    pub async fn end(self) {
        let Some(process) = self.process else { return };
        let ended = spawn_blocking(move || match kill(&process) {
            Err(Errno::SRCH) => Ok(true),
            ended => ended,
        });
        match ended.await {
            Ok(Ok(true)) => {}
            Ok(Err(error)) => tracing::warn!(%error, id = self.id, "the next process could not be ended"),
            _ => tracing::warn!(id = self.id, "the next process was killed and has not ended yet"),
        }
    }

    /// It serves, and the service manager follows it: from now on it is only told what was produced late.
    pub async fn tell(self, mut words: mpsc::Receiver<Word>) {
        let mut line = self.line;
        // If it has ended, the service manager has seen it.
        let _ = line.say(&Word::Followed).await;
        tokio::spawn(async move {
            while let Some(word) = words.recv().await {
                if line.say(&word).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Waits until the next process says that it runs, and until the one between has ended.
async fn here(line: &mut Line, between: &mut Child) -> Result<u32, HandOverError> {
    let heard = line.hear().await;
    let is_here = matches!(heard, Ok(Word::Here(_)));
    if !is_here && !heard.as_ref().is_err_and(has_ended) {
        return Err(HandOverError::Language);
    }
    let Ok(status) = between.wait().await else { return Err(HandOverError::Language) };
    match heard {
        Ok(Word::Here(id)) => Ok(id),
        _ if status.success() => Err(HandOverError::Ended { why: None }),
        _ => Err(HandOverError::Broke { status }),
    }
}

/// Whether a process has ended once it was killed.
fn kill(process: &OwnedFd) -> rustix::io::Result<bool> {
    pidfd_send_signal(process, Signal::KILL)?;
    let ended = poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&DEAD_WITHIN))?;
    Ok(ended > 0)
}

/// Nobody is left who could say something, or hear what it was told last.
fn has_ended(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
}

/// What a process is ended by, whatever becomes of its number; none if it has ended already.
fn process(id: u32) -> io::Result<Option<OwnedFd>> {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    match pidfd_open(id, PidfdFlags::NONBLOCK) {
        Ok(process) => Ok(Some(process)),
        Err(Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
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

    fn shell(script: &str) -> Program {
        Program { path: "/bin/sh".into(), args: ["-c".into(), script.into()].into() }
    }

    async fn refused(program: Program) -> HandOverError {
        let started = Successor::start(&program, Vec::new()).await;
        started.err().expect("nobody serves")
    }

    #[tokio::test]
    async fn one_that_cannot_be_started_or_ends_or_says_something_else_is_told_apart() {
        let missing = Program { path: "/nowhere/serve".into(), args: Vec::new() };
        assert!(matches!(refused(missing).await, HandOverError::NoProgram { .. }));
        let plain = Program { path: "/etc/passwd".into(), args: Vec::new() };
        assert!(matches!(refused(plain).await, HandOverError::Start { .. }));
        let error = refused(shell("exit 7")).await.to_string();
        assert!(error.contains("the next process ended (exit status: 7)"), "{error}");
        assert!(matches!(refused(shell("exit 0")).await, HandOverError::Ended { why: None }));
        assert!(matches!(refused(shell("echo hello >&3; exec sleep 60")).await, HandOverError::Language));
        let able = r#"echo '"able"' >&3; exec sleep 60"#;
        assert!(
            matches!(refused(shell(able)).await, HandOverError::Language),
            "it is no child of the manager"
        );
    }

    /// Says who it is, then this, then waits.
    fn next(words: &str) -> Program {
        shell(&format!(
            r#"(echo "{{\"here\":$(exec sh -c 'echo $PPID')}}" >&3; {words}; exec sleep 60 3>&-) &"#
        ))
    }

    #[tokio::test]
    async fn the_next_process_is_no_child_of_this_one_says_why_it_ends_and_is_ended_if_it_does_not() {
        let mut successor = Successor::start(&next("exec 3>&-"), Vec::new()).await.unwrap();
        let stat = |id: u32| std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let parent = |id: u32| stat(id).rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().to_owned();
        assert_ne!(parent(successor.id()), std::process::id().to_string());
        let error = successor.able().await.unwrap_err().to_string();
        assert_eq!(error, "the next process ended before it served; its log says why");
        let id = successor.id();
        successor.end().await;
        let left = stat(id);
        assert!(left.is_empty() || left.contains(") Z "), "{left}");

        let ends = r#"echo '{"ends":"fleet.yaml is empty"}' >&3"#;
        let mut successor = Successor::start(&next(ends), Vec::new()).await.unwrap();
        let error = successor.able().await.unwrap_err().to_string();
        assert_eq!(error, "the next process ended before it served: fleet.yaml is empty");
        successor.end().await;
    }
}
