//! Parsers of what kernels, daemons and clients say, fed with a corpus and with what mutation makes of it: none may panic, and
//! what they take they must take again from their own words.
//!
//! Which parsers and which corpus is said in `tests/parsers/targets.rs`: what stands there is replayed for ever and mutated with the
//! others. `BEACONDECK_FUZZ_SECONDS=N` goes on for that long, with fresh seeds that are printed.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]
#![allow(clippy::print_stderr, reason = "a run that goes on for long says by which seed")]

#[path = "parsers/targets.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use beacondeck::host::clock::chrony::wire::{self, Question};
use beacondeck::host::clock::sntp::packet::{self, Stamp};
use beacondeck::host::clock::{date, ntpd_rs};
use targets::{TARGETS, Target, corpus};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
/// Mutations of a corpus in a usual run.
const ROUNDS: u32 = 400;
/// Longest input, in bytes.
const LONGEST: usize = 1 << 16;

/// Small and repeatable (`splitmix64`): a test needs no better one.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end.max(1) as u64) as usize
    }
}

/// Numbers and signs that parsers trip over.
const ODD: [&[u8]; 12] = [
    b"18446744073709551616",
    b"-1",
    b"NaN",
    b"1e999",
    b"\0",
    b"\xff\xfe",
    "é".as_bytes(),
    b"\n\n",
    b"[",
    b": ",
    b"0x",
    b"9223372036854775807",
];

fn mutated(corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = corpus[dice.below(corpus.len())].clone();
    for _ in 0..=dice.below(6) {
        let (at, to) = (dice.below(bytes.len()), dice.below(bytes.len() + 1));
        let part = at.min(to)..at.max(to);
        match dice.below(7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(part)),
            3 => {
                let again = bytes[part].to_vec();
                bytes.splice(at..at, again);
            }
            4 => {
                let odd = ODD[dice.below(ODD.len())];
                let end = bytes.len().min(at + dice.below(4));
                bytes.splice(at..end, odd.iter().copied());
            }
            5 => {
                let other = &corpus[dice.below(corpus.len())];
                let piece = &other[dice.below(other.len())..];
                bytes.splice(at..at, piece.iter().copied());
            }
            _ if !bytes.is_empty() => bytes[at] = dice.roll() as u8,
            _ => {}
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

fn try_on(target: &Target, bytes: &[u8]) {
    let ended = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)));
    assert!(
        ended.is_ok(),
        "{} broke on these bytes; keep them in tests/fixtures/corpus/{}:\n{:?}\n{}",
        target.name,
        target.name,
        bytes,
        String::from_utf8_lossy(bytes)
    );
}

#[test]
fn nothing_of_the_corpus_breaks_a_parser_nor_what_becomes_of_it() {
    let seconds = std::env::var("BEACONDECK_FUZZ_SECONDS").ok().and_then(|text| text.parse::<u64>().ok());
    for target in &TARGETS {
        let corpus = corpus(target, Path::new(FIXTURES));
        for bytes in &corpus {
            try_on(target, bytes);
        }
        let mut dice = Dice(1);
        for _ in 0..ROUNDS {
            try_on(target, &mutated(&corpus, &mut dice));
        }
        let Some(seconds) = seconds else { continue };
        let seed = std::process::id().into();
        eprintln!("{}: seed {seed}", target.name);
        let (mut dice, began) = (Dice(seed), Instant::now());
        while began.elapsed() < Duration::from_secs(seconds) {
            try_on(target, &mutated(&corpus, &mut dice));
        }
    }
}

/// What was recorded of real programs is understood, so that mutations begin at what is right.
#[test]
fn what_real_daemons_said_is_understood() {
    let file = |path: &str| fs::read(format!("{FIXTURES}/corpus/{path}")).unwrap();
    for (name, question) in [
        ("tracking", Question::Tracking),
        ("count", Question::SourceCount),
        ("source", Question::Source(0)),
        ("stats", Question::SourceStats(0)),
    ] {
        assert!(wire::decode(question, 7, &file(&format!("chrony/{name}"))).is_ok(), "{name}");
    }
    assert!(wire::decode(Question::Tracking, 7, &file("chrony/refused")).is_err());
    let at = Stamp::since_1970(Duration::from_secs(1_700_000_000));
    assert!(packet::decode(7, at, at, &file("sntp/answer")).is_ok());
    assert!(ntpd_rs::decode(&file("ntpd-rs/one-source")).is_some());
    assert_eq!(date::parse("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
}
