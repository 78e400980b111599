//! Owns child processes: starting them with their output in a file, signalling them by id, ending them
//! whatever happens. Never looks for a process by name.
//!
//! Every child is started through `setpriv --pdeathsig KILL`, so it dies with the test even where no
//! destructor runs, and may get a group of its own, by which a packet filter can tell its packets from others'.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// Lines of a log that are shown when a test fails.
const TAIL_LINES: usize = 25;

/// A running child.
#[derive(Debug)]
pub struct Process {
    /// What it is called in reports and in the name of its log.
    pub name: String,
    child: Child,
    log: PathBuf,
}

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
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Sends a signal; one that has ended already does not mind.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends it at once and waits for its end.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            self.signal(Signal::CONT);
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    /// Asks it to end, and ends it if it has not within `bound`. True if it ended by itself.
    pub fn terminate(&mut self, bound: Duration) -> bool {
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
        let end = Instant::now() + bound;
        while self.ended().is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
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
