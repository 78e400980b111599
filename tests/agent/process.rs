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
}

impl Agent {
    /// Starts one whose clock is shifted by so many seconds, with more of its file.
    pub fn start(shift: Option<&str>, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("agent.yaml"), format!("listen: 127.0.0.1:0\nstate: .\n{more}")).unwrap();
        let mut command = beacondeck();
        command.arg("agent").arg("--config").arg(dir.path().join("agent.yaml"));
        if let Some(shift) = shift {
            assert!(Path::new(FAKETIME).exists(), "{FAKETIME} is not there: apt-get install faketime");
            command.env("LD_PRELOAD", FAKETIME).env("FAKETIME", shift);
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
        }
        let log = File::create(dir.path().join("log")).unwrap();
        let child = command.stderr(Stdio::from(log)).stdout(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        let address = loop {
            let said = said(dir.path());
            if let Some(line) = said.lines().find(|line| line.contains("reporting")) {
                let of = |key: &str| line.split(key).nth(1).unwrap().split(' ').next().unwrap().to_owned();
                break format!("{}@{}", of(" key="), of(" address=")).parse().unwrap();
            }
            assert!(began.elapsed() < PATIENCE, "{said}");
            std::thread::sleep(Duration::from_millis(20));
        };
        Self { address, child, dir }
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
