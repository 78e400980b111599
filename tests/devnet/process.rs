//! Owns processes: starting them with their output in a file, signalling them by id, ending them whatever happens. One that
//! a child of ours started can be taken in too. Never looks for a process by name.
//!
//! Every child is started through `setpriv --pdeathsig KILL`, so it dies with the test even where no
//! destructor runs, and may get a group of its own, by which a packet filter can tell its packets from others'.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

/// Lines of a log that are shown when a test fails.
const TAIL_LINES: usize = 25;
/// How often an awaited end is looked for.
const LOOK: Duration = Duration::from_millis(20);
/// Within this the kernel must have ended what was killed.
const KILL_BOUND: Duration = Duration::from_secs(10);

/// A running process.
#[derive(Debug)]
pub struct Process {
    /// What it is called in reports and in the name of its log.
    pub name: String,
    held: Held,
    log: PathBuf,
}

/// By what a process is held.
#[derive(Debug)]
enum Held {
    Child(Child),
    /// Somebody else's child, with its id. The descriptor stays its own even when the id is another's.
    Adopted(u32, OwnedFd),
}

/// How a process ended; of one that is no child of ours only that it did is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End(pub Option<ExitStatus>);

/// A command that runs `program` with nothing of this process's Lodestar settings, dies with this
/// process, and has the group `gid` if one is given.
pub fn command(program: impl AsRef<OsStr>, gid: Option<u32>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some(gid) = gid {
        command.args(["--regid", &gid.to_string(), "--clear-groups"]);
    }
    command.arg(program);
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("LODESTAR") {
            command.env_remove(key);
        }
    }
    command
}

impl Process {
    /// Starts `command`; both its outputs are appended to `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let out = File::options().create(true).append(true).open(log).context("opening a log")?;
        let err = out.try_clone().context("opening a log twice")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { name: name.to_owned(), held: Held::Child(child), log: log.to_owned() })
    }

    /// Takes in a process that a child of ours started; what it says goes to `log` already.
    pub fn adopt(name: &str, id: u32, log: &Path) -> Result<Self> {
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).context("no process id")?;
        let held = pidfd_open(pid, PidfdFlags::empty()).with_context(|| format!("taking in {name}"))?;
        Ok(Self { name: name.to_owned(), held: Held::Adopted(id, held), log: log.to_owned() })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        match &self.held {
            Held::Child(child) => child.id(),
            Held::Adopted(id, _) => *id,
        }
    }

    /// Sends a signal; one that has ended already does not mind.
    pub fn signal(&self, signal: Signal) {
        match &self.held {
            Held::Child(child) => {
                if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                    let _ = kill_process(pid, signal);
                }
            }
            Held::Adopted(_, held) => {
                let _ = pidfd_send_signal(held, signal);
            }
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<End> {
        match &mut self.held {
            Held::Child(child) => child.try_wait().ok().flatten().map(|status| End(Some(status))),
            Held::Adopted(_, held) => is_over(held, Duration::ZERO).then_some(End(None)),
        }
    }

    /// Ends it at once and waits for its end.
    pub fn kill(&mut self) {
        if self.ended().is_some() {
            return;
        }
        self.signal(Signal::CONT);
        self.signal(Signal::KILL);
        match &mut self.held {
            Held::Child(child) => {
                let _ = child.wait();
            }
            Held::Adopted(_, held) => {
                is_over(held, KILL_BOUND);
            }
        }
    }

    /// Waits until it ends by itself, and well as far as can be known.
    pub fn wait(&mut self, bound: Duration) -> Result<()> {
        let begun = Instant::now();
        while self.ended().is_none() && begun.elapsed() < bound {
            std::thread::sleep(LOOK);
        }
        let end = self.ended().with_context(|| format!("{} does not end\n{}", self.name, self.tail()))?;
        ensure!(end.0.is_none_or(|status| status.success()), "{} ended: {end:?}\n{}", self.name, self.tail());
        Ok(())
    }

    /// Asks it to end, and ends it if it has not within `bound`. True if it ended by itself.
    pub fn terminate(&mut self, bound: Duration) -> bool {
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
        let end = Instant::now() + bound;
        while self.ended().is_none() && Instant::now() < end {
            std::thread::sleep(LOOK);
        }
        let by_itself = self.ended().is_some();
        self.kill();
        by_itself
    }

    /// The last lines it has said.
    pub fn tail(&self) -> String {
        tail(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether an adopted process is over, or is so within `bound`.
fn is_over(held: &OwnedFd, bound: Duration) -> bool {
    let bound = Timespec::try_from(bound).ok();
    matches!(poll(&mut [PollFd::new(held, PollFlags::IN)], bound.as_ref()), Ok(1..))
}

/// Prints the last lines of every log in a folder.
pub fn print_tails(folder: &Path) {
    let mut logs: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path()).collect();
    logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.sort();
    for log in logs {
        eprintln!("--- the end of {} ---\n{}", log.display(), tail(&log));
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
