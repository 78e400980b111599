//! The program as an operator runs it: `serve` with a state of its own, and the commands that speak to it.

#![allow(dead_code, reason = "each program uses its own part")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for what must happen.
const BOUND: Duration = Duration::from_secs(30);

/// A fleet file of two beacons nobody plays: `serve` runs, and drains are orders all the same.
pub fn fleet(dir: &Path, name: &str, state: &Path) -> PathBuf {
    let mut text = format!(
        "fleet: test\nlisten: 127.0.0.1:0\ncontrol: {}/{name}\nstate: {}\nlimits: {{stop: 1s}}\nbeacons:\n",
        dir.display(),
        state.display()
    );
    for place in 1..=2 {
        writeln!(
            text,
            "  - {{name: b{place}, url: \"http://127.0.0.1:{place}\", labels: {{host: h{place}}}}}"
        )
        .unwrap();
    }
    let file = dir.join(format!("{name}.yaml"));
    std::fs::write(&file, text).unwrap();
    file
}

/// A running `serve`, killed when dropped.
pub struct Serve {
    child: Child,
    file: PathBuf,
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serve {
    /// Starts it and waits until it can be asked.
    pub fn start(file: &Path) -> Self {
        Self::start_as(command(file, &["serve"]), file)
    }

    /// The same by a command of one's own.
    pub fn start_as(mut command: Command, file: &Path) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut serve = Self { child, file: file.to_owned() };
        let began = Instant::now();
        while !serve.run(&["status", "--json"]).status.success() {
            let ended = serve.child.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < BOUND, "serve does not come up: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        serve
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs a command that speaks to it.
    pub fn run(&self, args: &[&str]) -> Output {
        command(&self.file, args).output().unwrap()
    }

    /// Runs an order that must succeed; what it says.
    pub fn order(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The fleet as it tells it.
    pub fn status(&self) -> Value {
        serde_json::from_str(&self.order(&["status", "--json"])).unwrap()
    }

    /// Waits until an alert of the status begins so, or none does.
    pub fn wait_for_alert(&self, begins: &str, there: bool) -> Option<String> {
        let began = Instant::now();
        loop {
            let status = self.status();
            let alerts = status["alerts"].as_array().unwrap().iter().filter_map(Value::as_str);
            let alert = alerts.map(str::to_owned).find(|alert| alert.starts_with(begins));
            if alert.is_some() == there {
                return alert;
            }
            assert!(began.elapsed() < BOUND, "{begins:?} is {alert:?}: {status}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it as a crash does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as systemd does; its exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let began = Instant::now();
        loop {
            if let Some(ended) = self.child.try_wait().unwrap() {
                return ended.code();
            }
            assert!(began.elapsed() < BOUND, "serve does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// `beacondeck` with a fleet file.
pub fn command(file: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beacondeck"));
    command.args(args).arg("--fleet").arg(file).env("NO_COLOR", "1").env_remove("RUST_LOG");
    command.stdin(Stdio::null());
    command
}

/// Why `serve` does not start: its exit code and its one sentence.
pub fn refusal(mut serve: Command) -> (Option<i32>, String) {
    let output = serve.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let said: Vec<&str> = errors.lines().filter(|line| line.starts_with("beacondeck: ")).collect();
    assert_eq!(said.len(), 1, "{errors}");
    (output.status.code(), said[0].to_owned())
}
