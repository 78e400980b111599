//! What is wrong is told by the real program in one clear sentence that says what to do: a table of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

#[path = "store/disk.rs"]
mod disk;
#[path = "store/program.rs"]
mod program;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use disk::{Disk, fill};
use program::{Serve, command, refusal};
use serde_json::Value;

/// The longest that anything is waited for.
const BOUND: Duration = Duration::from_secs(30);
/// The longest sentence, in characters, paths of this test included.
const LONGEST: usize = 400;
/// What no sentence for people has: how a program writes its values for programmers.
const RAW: [&str; 5] = ["Error(", "Err(", "Os {", "Some(", "\n"];

/// A place with a fleet file of one beacon that nobody plays.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The fleet file: what follows `listen:`, the control directory and the state.
    fn fleet(&self, listen: &str, control: &Path, state: &Path) -> PathBuf {
        let file = self.path("fleet.yaml");
        let text = format!(
            "fleet: test\nlisten: {listen}\ncontrol: {}\nstate: {}\nlog: {{directory: {}}}\nlimits: {{stop: 1s}}\n\
             beacons:\n  - {{name: b1, url: \"http://127.0.0.1:1\"}}\n",
            control.display(),
            state.display(),
            self.path("logs").display()
        );
        std::fs::write(&file, text).unwrap();
        file
    }

    /// The same where only the doors matter.
    fn at(&self, listen: &str) -> PathBuf {
        self.fleet(listen, &self.path("run"), &self.path("state"))
    }

    /// What a line of its log says after these words.
    fn logged(&self, words: &str) -> String {
        let began = Instant::now();
        loop {
            let files = std::fs::read_dir(self.path("logs")).unwrap();
            let text: String =
                files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
            let found = text.lines().find_map(|line| line.split_once(words));
            if let Some((_, rest)) = found {
                return format!("{words}{}", rest.split(" ip=").next().unwrap());
            }
            assert!(began.elapsed() < BOUND, "{words}: {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The message of an error that a door answers with.
fn answered(port: u16, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    // One who hangs up on garbage may reset the connection.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let body = answer.split_once("\r\n\r\n").map_or("null", |(_, body)| body);
    serde_json::from_str::<Value>(body).unwrap_or_default()["message"].as_str().unwrap_or("").to_owned()
}

const READ: &[u8] = b"GET /eth/v1/node/version HTTP/1.1\r\nhost: door\r\nconnection: close\r\n\r\n";

fn broken_at_reload() -> String {
    let place = Place::new();
    let file = place.at("127.0.0.1:0");
    let serve = Serve::start(&file);
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, good.replace("name: b1,", "name: b1, weight: many,")).unwrap();
    assert!(Command::new("kill").args(["-HUP", &serve.pid().to_string()]).status().unwrap().success());
    // Commands read the file, too.
    let ask = place.path("ask.yaml");
    std::fs::write(&ask, good).unwrap();
    let began = Instant::now();
    loop {
        let status = command(&ask, &["status", "--json"]).output().unwrap().stdout;
        let status: Value = serde_json::from_slice(&status).unwrap_or_default();
        let mut alerts = status["alerts"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(alert) = alerts.find(|alert| alert.starts_with("fleet file")) {
            return alert.to_owned();
        }
        assert!(began.elapsed() < BOUND, "{status}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Why `serve` does not start on a disk that this was done to; none where none can be mounted.
fn on_disk(done: impl Fn(&Disk)) -> Option<String> {
    let place = Place::new();
    let disk = Disk::mount("1m")?;
    done(&disk);
    let file = place.fleet("127.0.0.1:0", &place.path("run"), &disk.dir.path().join("state"));
    Some(refusal(command(&file, &["serve"])).1)
}

fn path_too_long() -> String {
    let place = Place::new();
    let file = place.fleet("127.0.0.1:0", &place.path(&"d".repeat(107)), &place.path("state"));
    refusal(command(&file, &["serve"])).1
}

const OTHER_VERSION: &[u8] = b"{\"v\":9,\"id\":4,\"op\":\"status\"}\n";

fn frames_of_another_version() -> String {
    let place = Place::new();
    let _serve = Serve::start(&place.at("127.0.0.1:0"));
    let mut stream = UnixStream::connect(place.path("run/observe.sock")).unwrap();
    stream.write_all(OTHER_VERSION).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["answer"]["refused"]["message"].as_str().unwrap().to_owned()
}

fn a_serve_of_another_version() -> String {
    let place = Place::new();
    let file = place.at("127.0.0.1:0");
    std::fs::create_dir(place.path("run")).unwrap();
    let listener = UnixListener::bind(place.path("run/observe.sock")).unwrap();
    let other = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 512];
        let _ = stream.read(&mut asked).unwrap();
        stream.write_all(OTHER_VERSION).unwrap();
        // Until whoever asked has gone.
        let _ = stream.read(&mut asked);
    });
    let said = refusal(command(&file, &["status"])).1;
    other.join().unwrap();
    said
}

fn door(rest: &str) -> (Place, u16, Serve) {
    let (place, port) = (Place::new(), free_port());
    let serve = Serve::start(&place.at(&format!("{{address: \"127.0.0.1:{port}\", {rest}}}")));
    (place, port, serve)
}

fn locked() -> (Place, u16, Serve) {
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config/tls/door");
    door(&format!("tls: {{certificate: {files}.pem, key: {files}.key}}"))
}

fn garbage_for_tls() -> String {
    let (place, port, _serve) = locked();
    assert_eq!(answered(port, b"\x16\x03\x01\x00\x05hello"), "", "it cannot be told there");
    place.logged("a client was not let in: ")
}

fn no_tls_where_it_is_wanted() -> String {
    let (_place, port, _serve) = locked();
    answered(port, READ)
}

fn a_client_that_may_not() -> String {
    let (_place, port, _serve) = door("allow: [192.0.2.0/24]");
    answered(port, READ)
}

/// A console that would route by itself, on the state of a `serve` with sockets elsewhere.
fn a_console_on_a_state_in_use() -> String {
    let place = Place::new();
    let _serve = Serve::start(&place.at("127.0.0.1:0"));
    let other = place.fleet("127.0.0.1:0", &place.path("elsewhere"), &place.path("state"));
    refusal(command(&other, &["console"])).1
}

/// What is wrong, what is told of it (none where this machine cannot be brought to it), and words that must be in it: what, on
/// what, and what to do.
type Case = (&'static str, fn() -> Option<String>, &'static [&'static str]);

const CASES: [Case; 10] = [
    (
        "a fleet file broken at reload",
        || Some(broken_at_reload()),
        &["fleet file not reloaded: ", "fleet.yaml:8:24: not a whole number"],
    ),
    (
        "a store on a read-only disk",
        || on_disk(|disk| disk.remount("ro")),
        &["read-only for this user", "make it writable", "`state:`"],
    ),
    (
        "a full disk",
        || on_disk(|disk| drop(fill(disk.dir.path()))),
        &["the disk is full", "free space there"],
    ),
    (
        "a socket path too long",
        || Some(path_too_long()),
        &["may have 107", "choose a shorter `control:` directory"],
    ),
    (
        "frames of another version",
        || Some(frames_of_another_version()),
        &["version 9", "version 1", "use the program that serve was started from"],
    ),
    (
        "a serve of another version",
        || Some(a_serve_of_another_version()),
        &["version 9", "version 1", "use the program that serve was started from"],
    ),
    ("garbage for TLS", || Some(garbage_for_tls()), &["a client was not let in: ", "TLS handshake"]),
    ("no TLS where it is wanted", || Some(no_tls_where_it_is_wanted()), &["speaks TLS", "write https://"]),
    (
        "a client that may not",
        || Some(a_client_that_may_not()),
        &["127.0.0.1 may not connect", "add it to allow:"],
    ),
    (
        "an embedded console on a state in use",
        || Some(a_console_on_a_state_in_use()),
        &["in use by beacondeck (pid ", ", since 20", "`state:`"],
    ),
];

#[test]
fn what_is_wrong_is_one_clear_sentence() {
    for (what, tell, words) in CASES {
        let Some(said) = tell() else { continue };
        println!("{what}: {said}");
        for word in words {
            assert!(said.contains(word), "{what}: {word:?} is not in {said:?}");
        }
        assert!(said.chars().count() <= LONGEST, "{what}: {said}");
        for raw in RAW {
            assert!(!said.contains(raw), "{what}: {raw:?} in {said:?}");
        }
    }
}
