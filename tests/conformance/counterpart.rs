//! Beacons and a client of the typed Beacon API that are not of our making: processes of Node.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::compare::{Arrived, Row};
use crate::wire::{ask, post, read};

/// Length of a slot: all calls of a fork are made within one, whatever else the machine does.
pub const SLOT_MS: u64 = 60_000;
/// The slot the calls are made in, of the sixth epoch.
pub const SLOT: u64 = 165;
/// How far it has come when the beacons start.
const INTO_SLOT_MS: u64 = 1_000;
/// Within this all calls are answered.
const BOUND: Duration = Duration::from_secs(50);

fn dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

fn node(script: &str, given: &Value) -> Command {
    let mut command = Command::new("node");
    command.arg(dir().join(script)).arg(given.to_string()).env_remove("LODESTAR_PRESET").kill_on_drop(true);
    command
}

/// Beacons of one chain.
pub struct Beacons {
    /// When slot 0 began, in milliseconds of Unix time.
    pub genesis_ms: u64,
    fork: &'static str,
    ports: Vec<u16>,
    control: u16,
    process: Child,
}

impl Beacons {
    /// Starts so many, of a chain of this fork.
    pub async fn start(fork: &'static str, count: usize) -> Self {
        assert!(
            dir().join("node_modules/.conformance-installed").exists(),
            "the typed client and server are not installed; run tests/conformance/setup.sh, which needs node and npm"
        );
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let genesis = (now - INTO_SLOT_MS - SLOT * SLOT_MS) / 1_000;
        let given = json!({"fork": fork, "genesis": genesis, "slotMs": SLOT_MS, "beacons": count});
        let mut command = node("server.js", &given);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node runs");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("the beacons start");
        let ready: Value = serde_json::from_str(&line).unwrap();
        let ports = serde_json::from_value(ready["beacons"].clone()).unwrap();
        let control = serde_json::from_value(ready["control"].clone()).unwrap();
        Self { genesis_ms: genesis * 1_000, fork, ports, control, process }
    }

    /// Where one is asked.
    pub fn url(&self, beacon: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[beacon])
    }

    /// Makes these tell their events of a topic about the block of a slot, once they are asked for them.
    pub async fn tell(&self, beacons: &[usize], topic: &str, slot: u64) {
        let body = json!({"beacons": beacons, "topics": [topic], "slot": slot}).to_string();
        let told =
            ask(self.control(), &post("/events", body.as_bytes())).await.expect("the beacons are told");
        assert_eq!(told.status, 200, "nobody asked for {topic}");
    }

    /// Calls every route at `url`; events are told by `beacons`.
    pub async fn calls(&self, url: &str, beacons: &[usize]) -> Vec<Row> {
        let given = json!({"fork": self.fork, "genesis": self.genesis_ms / 1_000, "slotMs": SLOT_MS, "slot": SLOT, "url": url,
            "control": self.control, "beacons": beacons});
        let output = tokio::time::timeout(BOUND, node("client.js", &given).output()).await;
        let output = output.expect("the client comes to an end").unwrap();
        let (out, error) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(
            output.status.success(),
            "the client failed at {url} after {} calls: {error}",
            out.lines().count()
        );
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What arrived since it was asked last.
    pub async fn arrived(&self) -> Vec<Arrived> {
        let reply = read(self.control(), "/requests").await;
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// The slot it is.
    pub fn slot(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        (now - self.genesis_ms) / SLOT_MS
    }

    /// Ends them.
    pub async fn stop(mut self) {
        drop(self.process.stdin.take());
        self.process.wait().await.unwrap();
    }

    fn control(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.control).into()
    }
}
