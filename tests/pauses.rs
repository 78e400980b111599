//! `beacondeck audit --metrics URL` against a server that tells metrics as clients do, over real HTTP, twice.
//!
//! A file of `tests/fixtures/metrics` is what one client tells at the first look and, behind a line `== later`, at the second.
//! `node.txt` was recorded of a real Node with prom-client, which Lodestar uses, while it collected a large heap
//! (`node.js` beside it records it anew), `go.txt` of a real Prometheus 2.42 (Go 1.19.8) with `GOGC=5`; the others are written
//! as the runtime's library writes them.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::thread;

use assert_cmd::cargo::CommandCargoExt as _;
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/metrics");

/// Answers each connection with the next of these, whole HTTP answers.
fn serve(answers: Vec<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (answer, stream) in answers.into_iter().zip(listener.incoming()) {
            let mut stream = stream.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                asked.push(byte[0]);
            }
            assert!(asked.starts_with(b"GET /metrics HTTP/1.1\r\n"));
            // Whoever has read enough may hang up.
            let _ = stream.write_all(&answer);
        }
    });
    address
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn ok(body: &str) -> Vec<u8> {
    answer("200 OK", body.as_bytes())
}

fn audit(addresses: &[SocketAddr], more: &[&str]) -> Output {
    let mut command = Command::cargo_bin("beacondeck").unwrap();
    command.args(["audit", "--json", "--seconds", "1"]).args(more);
    for address in addresses {
        command.args(["--metrics", &format!("http://{address}/metrics")]);
    }
    command.output().unwrap()
}

/// The finding: verdict, and what it says.
fn said(output: &Output) -> (String, String) {
    let json: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let found = json["findings"].as_array().unwrap().iter().find(|of| of["id"] == "proc.gc_pause").unwrap();
    let words =
        found["actual"].as_str().filter(|words| !words.is_empty()).or(found["reason"].as_str()).unwrap();
    (found["verdict"].as_str().unwrap().to_owned(), words.to_owned())
}

fn of(client: &str) -> (String, String) {
    let text = std::fs::read_to_string(format!("{FOLDER}/{client}.txt")).unwrap();
    let (first, later) = text.split_once("\n== later\n").unwrap();
    let address = serve(vec![ok(first), ok(later)]);
    let (verdict, words) = said(&audit(&[address], &[]));
    (verdict, timeless(&words.replace(&address.to_string(), "client")))
}

/// Without the seconds between the looks, which are as many as this machine takes.
fn timeless(words: &str) -> String {
    let cut = words.split_once(" in ").and_then(|(before, rest)| Some((before, rest.split_once(" s, ")?.1)));
    cut.map_or_else(|| words.to_owned(), |(before, rest)| format!("{before} within T, {rest}"))
}

#[test]
fn each_runtime_is_understood_and_none_is_mistaken_for_another() {
    let (verdict, words) = of("node");
    assert_eq!(verdict, "bad", "{words}");
    assert!(words.starts_with("Node: ") && words.contains("loop late by "), "{words}");
    let expected = [
        ("jvm", "bad", "JVM: 5 pauses within T, 812 ms together, one of at least 700 ms; client"),
        ("jvm-zgc", "ok", "JVM: 3 pauses within T, 0 ms together, one of at least 0 ms; client"),
        ("micrometer", "warn", "JVM: 2 pauses within T, 180 ms together, one of at least 150 ms; client"),
        ("go", "ok", "Go: 100 pauses within T, 39 ms together, one of at least 4 ms; client"),
        ("dotnet", "warn", ".NET: 3 pauses within T, 420 ms together, one of at least 250 ms; client"),
        ("dotnet-meter", "bad", ".NET: 2 pauses within T, 1200 ms together, one of at least 600 ms; client"),
        ("rust", "n/a", "the metrics of client tell of no pauses; its runtime may have none"),
    ];
    for (client, verdict, words) in expected {
        assert_eq!(of(client), (verdict.to_owned(), words.to_owned()), "{client}");
    }
}

#[test]
fn the_worst_of_several_clients_is_named() {
    let read = |client: &str| std::fs::read_to_string(format!("{FOLDER}/{client}.txt")).unwrap();
    let served = |client: &str| {
        let text = read(client);
        let (first, later) = text.split_once("\n== later\n").unwrap();
        serve(vec![ok(first), ok(later)])
    };
    let (go, jvm) = (served("go"), served("jvm"));
    let (verdict, words) = said(&audit(&[go, jvm], &["--limit", "proc.gc_pause.bad=10000"]));
    assert_eq!(verdict, "warn", "{words}");
    assert!(words.starts_with("JVM: ") && words.ends_with(&jvm.to_string()), "{words}");
}

#[test]
fn what_is_no_answer_is_unknown_with_its_reason() {
    let said = |answers: Vec<Vec<u8>>| said(&audit(&[serve(answers)], &[]));
    let gone = answer("404 Not Found", b"no");
    let (verdict, words) = said(vec![gone.clone(), gone]);
    assert_eq!(verdict, "unknown");
    assert!(words.ends_with("its metrics cannot be read: the answer is 404"), "{words}");
    let moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (verdict, words) = said(vec![moved.to_vec(), moved.to_vec()]);
    assert!(verdict == "unknown" && words.ends_with("the answer is 302"), "nobody is followed: {words}");
    let flood = answer("200 OK", &b"up 1\n".repeat(4 << 20));
    let (verdict, words) = said(vec![flood.clone(), flood]);
    assert!(verdict == "unknown" && words.ends_with("the answer is longer than 16 MiB"), "{words}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (verdict, words) = self::said(&audit(&[nobody], &[]));
    assert!(verdict == "unknown" && words.contains("refused"), "{words}");
}

#[test]
fn a_snapshot_keeps_the_lines_that_are_judged_and_no_other() {
    let text = "up{password=\"hunter2\"} 1\ngo_gc_duration_seconds_sum 1\ngo_gc_duration_seconds_count 2\n";
    let address =
        serve(vec![ok(text), ok(&text.replace("_sum 1", "_sum 2").replace("_count 2", "_count 3"))]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle.txt");
    let url = format!("http://{address}/metrics");
    let written = Command::cargo_bin("beacondeck")
        .unwrap()
        .args(["snapshot", file.to_str().unwrap(), "--seconds", "0", "--metrics", &url])
        .output()
        .unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    assert!(!std::fs::read_to_string(&file).unwrap().contains("hunter2"));
    let judged = Command::cargo_bin("beacondeck")
        .unwrap()
        .args(["audit", "--json", "--root"])
        .arg(&file)
        .output()
        .unwrap();
    let (verdict, words) = said(&judged);
    assert_eq!(verdict, "bad", "{words}");
    assert!(timeless(&words).contains("1 pause within T, 1000 ms together"), "{words}");
}

#[test]
fn a_url_with_a_password_is_refused_and_not_shown() {
    let output = Command::cargo_bin("beacondeck")
        .unwrap()
        .args(["audit", "--metrics", "http://bob:hunter2@127.0.0.1:1/metrics"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
}
