//! The real program, its successors, and its commands.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::stub::Stub;
use crate::wire::{read, until};

/// Longer than anything takes here, even where much else runs.
const BOUND: Duration = Duration::from_secs(30);

/// What serve says when its doors are open.
const ROUTES: &str = "routing fleet";

/// A port nobody listens at.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What follows name and directories in a fleet file. What is found of this machine is no matter of its beacons.
pub fn fleet(ports: &[u16], beacons: &[(&str, &Stub)], extra: &str) -> String {
    let doors: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let mut text = format!("fleet: test\nlisten: [{}]\nbeacons:\n", doors.join(", "));
    for (name, stub) in beacons {
        let url = stub.url();
        writeln!(text, "  - {{name: {name}, url: \"{url}\", local: false, labels: {{host: h-{name}}}}}")
            .unwrap();
    }
    text + extra
}

/// It, from one process to the next.
pub struct Program {
    pub port: u16,
    dir: tempfile::TempDir,
    file: PathBuf,
    child: Option<Child>,
    successor: Option<u32>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Drop for Program {
    fn drop(&mut self) {
        // A successor is no child of this process.
        if let Some(id) = self.successor {
            let _ = std::process::Command::new("kill").args(["-KILL", &id.to_string()]).status();
        }
        if std::thread::panicking() {
            #[allow(clippy::print_stderr, reason = "the log of a program that failed its test")]
            let show = |log: String| eprintln!("{log}");
            show(self.log.lock().unwrap().join("\n"));
        }
    }
}

impl Program {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fleet.yaml");
        Self { port: free_port(), dir, file, child: None, successor: None, log: Arc::default() }
    }

    /// The fleet file.
    pub fn file(&self) -> &std::path::Path {
        &self.file
    }

    /// The directory of its sockets.
    pub fn sockets(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// Another process routes now.
    pub fn succeeded_by(&mut self, id: u32) {
        self.successor = Some(id);
    }

    /// Whether a log file has such a line.
    pub fn logged(&self, words: &str) -> bool {
        let mut files = std::fs::read_dir(self.dir.path().join("state/logs")).unwrap();
        files.any(|file| std::fs::read_to_string(file.unwrap().path()).unwrap().contains(words))
    }

    pub fn door(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub fn id(&self) -> u32 {
        self.successor.or_else(|| self.child.as_ref()?.id()).unwrap()
    }

    /// The fleet file with directories of its own before `rest`.
    pub fn write(&self, rest: &str) {
        self.write_with(rest, "");
    }

    /// The same with another control directory.
    pub fn write_with(&self, rest: &str, other: &str) {
        let at = self.dir.path().display();
        let text = format!("control: {at}/run{other}\nstate: {at}/state\n{rest}");
        let new = self.dir.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &self.file).unwrap();
    }

    /// The same once a successor has read the file and complained.
    pub async fn write_when_read(&self, rest: &str) {
        self.said("not handed over").await;
        self.write(rest);
    }

    pub async fn start(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_beacondeck"));
        command.arg("serve").arg("--fleet").arg(&self.file).env("NO_COLOR", "1").env_remove("RUST_LOG");
        let before = self.count(ROUTES);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = self.log.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                log.lock().unwrap().push(line);
            }
        });
        self.child = Some(child);
        self.said_more_than(ROUTES, before).await;
        let door = self.door();
        until("a healthy beacon", async || read(door, "/eth/v1/node/health").await.status == 200).await;
        until("all are healthy", async || {
            let status = self.status().await;
            status["beacons"].as_array().unwrap().iter().all(|beacon| beacon["healthy"] == true)
        })
        .await;
    }

    /// Lines of the log with these words.
    pub fn count(&self, words: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| line.contains(words)).count()
    }

    /// Waits until the log, of whichever process, has a line with these words that it had not.
    async fn said(&self, words: &str) {
        self.said_more_than(words, 0).await;
    }

    async fn said_more_than(&self, words: &str, times: usize) {
        let began = Instant::now();
        while self.count(words) <= times {
            assert!(began.elapsed() < BOUND, "it never said {words}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        assert!(
            std::process::Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success()
        );
    }

    /// Reloads; the log tells all `changes`, separated by a comma.
    pub async fn reload(&self, changes: &str) {
        let before = self.count("fleet file reloaded");
        self.signal("HUP");
        self.said_more_than("fleet file reloaded", before).await;
        let log = self.log.lock().unwrap();
        let line = log.iter().rev().find(|line| line.contains("fleet file reloaded")).unwrap();
        assert!(changes.split(", ").all(|change| line.contains(change)), "{changes}: {line}");
    }

    /// Hands over to the next process; returns when it serves.
    pub async fn hand_over(&mut self) {
        let before = self.count("handed over: the next process serves");
        self.signal("USR2");
        self.said_more_than("handed over: the next process serves", before).await;
        let log = self.log.lock().unwrap();
        let line = log.iter().rev().find(|line| line.contains("handed over: the next")).unwrap();
        let id = line.rsplit_once("id=").unwrap().1.trim();
        self.successor = Some(id.parse().unwrap());
    }

    /// Hands over by order; the command says who serves.
    pub async fn hand_over_by_order(&mut self) {
        let output = self.run(&["hand-over", "--wait"]).await;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let id = said.lines().last().unwrap().strip_prefix("process ").unwrap();
        self.successor = Some(id.split(' ').next().unwrap().parse().unwrap());
    }

    pub async fn run(&self, args: &[&str]) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_beacondeck"));
        command.args(args).arg("--fleet").arg(self.asked_with()).kill_on_drop(true);
        tokio::time::timeout(BOUND, command.output()).await.unwrap().unwrap()
    }

    /// A valid fleet file for commands, whatever the served one holds now.
    fn asked_with(&self) -> PathBuf {
        let at = self.dir.path().display();
        let file = self.dir.path().join("ask.yaml");
        let rest = "fleet: test\nlisten: 127.0.0.1:0\nbeacons: [{name: a, url: \"http://127.0.0.1:1\"}]\n";
        std::fs::write(&file, format!("control: {at}/run\nstate: {at}/state\n{rest}")).unwrap();
        file
    }

    pub async fn order(&self, args: &[&str]) {
        let output = self.run(args).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The published status.
    pub async fn status(&self) -> Value {
        let began = Instant::now();
        loop {
            let output = self.run(&["status", "--json"]).await;
            if let Ok(status) = serde_json::from_slice(&output.stdout) {
                return status;
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(began.elapsed() < BOUND, "{said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it remembers of its requests, one object each.
    pub async fn explain(&self) -> Vec<Value> {
        let output = self.run(&["explain", "--json", "--limit", "10000"]).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// It ends as a crash ends it.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().await.unwrap();
    }

    /// Files of its directory of state below a folder.
    pub fn state(&self, folder: &str) -> Vec<PathBuf> {
        let folder = std::fs::read_dir(self.dir.path().join("state").join(folder)).unwrap();
        folder.map(|entry| entry.unwrap().path()).collect()
    }

    pub async fn terminate(&mut self) -> Option<i32> {
        self.signal("TERM");
        let mut child = self.child.take().unwrap();
        tokio::time::timeout(BOUND, child.wait()).await.unwrap().unwrap().code()
    }

    /// The first process has retired; the last one is asked to end and does.
    pub async fn end_successor(&mut self) {
        let mut first = self.child.take().unwrap();
        let code = tokio::time::timeout(BOUND, first.wait()).await.expect("it retires").unwrap().code();
        assert_eq!(code, Some(0));
        let stopped = self.count("stopped");
        self.signal("TERM");
        self.said_more_than("stopped", stopped).await;
        self.successor = None;
    }
}
