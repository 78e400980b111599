//! The parsers that are fed with what others say, each with its corpus: for `tests/parsers.rs`, which replays and mutates it
//! on any compiler, and for cargo-fuzz.
//!
//! The corpus of a parser is its folder in `tests/fixtures/corpus`, and the fixtures of its kind. `chrony` and `sntp` hold answers of a real
//! chronyd and of a time server that were recorded byte by byte; what fuzzing found to go new ways stands beside them under its hash. To
//! keep an input that broke a parser, put its bytes there as a file named after what it shows.

use std::fs;
use std::path::Path;
use std::time::Duration;

use beacondeck::chain::{BlockKey, EnvelopeKey};
use beacondeck::duties::{self, Committees};
use beacondeck::endpoint::Inspect;
use beacondeck::host::agent::words::{Answered, Asked};
use beacondeck::host::clock::chrony::wire::{self, Question};
use beacondeck::host::clock::sntp::packet::{self, Stamp};
use beacondeck::host::clock::{date, ntpd_rs};
use beacondeck::host::{self, Overrides, Record, Role, pauses};

/// A parser, and the folder of fixtures that are of its kind, too.
pub struct Target {
    pub name: &'static str,
    fixtures: Option<&'static str>,
    pub run: fn(&[u8]),
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, fixtures: None, run }
}

pub const TARGETS: [Target; 9] = [
    target("chrony", chrony),
    target("sntp", sntp),
    target("ntpd-rs", ntpd),
    target("date", dated),
    Target { fixtures: Some("metrics"), ..target("metrics", metrics) },
    Target { fixtures: Some("host"), ..target("record", record) },
    target("agent", agent),
    target("block", block),
    target("publication", publication),
];

fn chrony(bytes: &[u8]) {
    for question in [Question::Tracking, Question::SourceCount, Question::Source(0), Question::SourceStats(0)]
    {
        let _ = wire::decode(question, 7, bytes);
    }
}

fn sntp(bytes: &[u8]) {
    let at = |seconds| Stamp::since_1970(Duration::from_secs(seconds));
    let _ = packet::decode(7, at(1_700_000_000), at(1_700_000_001), bytes);
}

fn ntpd(bytes: &[u8]) {
    let _ = ntpd_rs::decode(bytes);
}

fn dated(bytes: &[u8]) {
    let _ = date::parse(&String::from_utf8_lossy(bytes));
}

fn metrics(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (first, later) = text.split_once("== later").unwrap_or((&text, &text));
    let _ = pauses::between(&pauses::kept(first, 1.0), &pauses::kept(later, 61.0));
}

fn record(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(record) = Record::parse(&text) else { return };
    host::audit(&record, Role::ALL, &Overrides::new());
    assert_eq!(Record::parse(&record.render()), Ok(record), "its own words are read as they were meant");
}

fn agent(bytes: &[u8]) {
    if let Ok(asked) = serde_json::from_slice::<Asked>(bytes) {
        let again = serde_json::to_vec(&asked).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        assert_eq!(again, Some(asked), "its own words are read as they were meant");
    }
    let _ = serde_json::from_slice::<Answered>(bytes);
}

fn block(bytes: &[u8]) {
    for ssz in [true, false] {
        let _ = BlockKey::of_unsigned(bytes, ssz);
        let _ = BlockKey::of_signed(bytes, ssz);
        let _ = EnvelopeKey::of_signed(bytes, ssz);
    }
}

fn publication(bytes: &[u8]) {
    let (body, committees) = (bytes.to_vec().into(), Committees::default());
    for inspect in [
        Inspect::Attestations,
        Inspect::Aggregates,
        Inspect::SyncMessages,
        Inspect::Contributions,
        Inspect::PayloadAttestations,
    ] {
        for ssz in [true, false] {
            let _ = duties::parse(inspect, &body, ssz, &committees);
        }
    }
}

/// Every file of a folder, sorted.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// The corpus of a target, of the fixtures below a folder.
pub fn corpus(target: &Target, fixtures: &Path) -> Vec<Vec<u8>> {
    let mut corpus = files(&fixtures.join("corpus").join(target.name));
    assert!(!corpus.is_empty(), "{} has no corpus", target.name);
    let more = target.fixtures.map(|folder| files(&fixtures.join(folder))).unwrap_or_default();
    for file in more {
        let text = String::from_utf8_lossy(&file).into_owned();
        // A file of checks holds several machines, each without a record's first line.
        match target.name {
            "record" => corpus.extend(format!("\n{text}").split("\n== ").skip(1).map(|case| {
                let body = case.lines().skip(1).filter(|line| !line.starts_with('@'));
                format!("beacondeck-snapshot 1\n{}", body.collect::<Vec<_>>().join("\n")).into_bytes()
            })),
            _ => corpus.push(file),
        }
    }
    corpus
}
