//! An agent as a process of its own, with a clock of its own.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use beacondeck::model::AgentAddress;

/// Where Debian has it.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const PATIENCE: Duration = Duration::from_secs(60);

/// The program under test.
pub fn beacondeck() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beacondeck"));
    command.env_remove("BEACONDECK_FLEET");
    command
}

/// What a command that succeeds prints.
pub fn text(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}{told}");
    said.into_owned()
}

/// One that runs.
pub struct Agent {
    pub address: AgentAddress,
    child: Child,
    dir: tempfile::TempDir,
    more: String,
}

#[allow(dead_code, reason = "each test file uses its own part of it")]
impl Agent {
    /// Starts one whose clock is shifted by so many seconds, with more of its file.
    pub fn start(shift: Option<&str>, more: &str) -> Self {
        let mut command = beacondeck();
        if let Some(shift) = shift {
            assert!(Path::new(FAKETIME).exists(), "{FAKETIME} is not there: apt-get install faketime");
            command.env("LD_PRELOAD", FAKETIME).env("FAKETIME", shift);
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
        }
        Self::by(command, tempfile::tempdir().unwrap(), more)
    }

    /// Starts one by a command that the arguments of `beacondeck` are appended to.
    pub fn by(command: Command, dir: tempfile::TempDir, more: &str) -> Self {
        let (child, address) = run(command, dir.path(), "127.0.0.1:0", more);
        Self { address, child, dir, more: more.to_owned() }
    }

    /// Kills it without a warning and starts it again, at the same address.
    pub fn killed_and_started_again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let (child, address) = run(beacondeck(), self.dir.path(), &self.address.at.to_string(), &self.more);
        assert_eq!(address, self.address, "it is known by the same key");
        self.child = child;
    }

    /// Its directory, which is that of its state, too.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Lets a router in; what is printed for the fleet file. The file has no port: it is asked for by another that has.
    pub fn pair(&self, key: &str) -> String {
        let file = self.dir.path().join("pair.yaml");
        fs::write(&file, format!("listen: {}\nstate: .\n", self.address.at)).unwrap();
        text(beacondeck().arg("agent").arg("--config").arg(file).args(["pair", key]))
    }

    /// Its log.
    pub fn said(&self) -> String {
        said(self.dir.path())
    }
}

fn run(mut command: Command, dir: &Path, listen: &str, more: &str) -> (Child, AgentAddress) {
    fs::write(dir.join("agent.yaml"), format!("listen: {listen}\nstate: .\n{more}")).unwrap();
    command.arg("agent").arg("--config").arg(dir.join("agent.yaml"));
    let log = File::create(dir.join("log")).unwrap();
    let child = command.stderr(Stdio::from(log)).stdout(Stdio::null()).spawn().unwrap();
    (child, reports_at(dir))
}

/// Waits until it says where it answers.
fn reports_at(dir: &Path) -> AgentAddress {
    let began = Instant::now();
    loop {
        let said = said(dir);
        if let Some(line) = said.lines().find(|line| line.contains("reporting")) {
            let of = |key: &str| line.split(key).nth(1).unwrap().split(' ').next().unwrap().to_owned();
            return format!("{}@{}", of(" key="), of(" address=")).parse().unwrap();
        }
        assert!(began.elapsed() < PATIENCE, "{said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn said(dir: &Path) -> String {
    fs::read_to_string(dir.join("log")).unwrap_or_default()
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
