//! Writers that are killed at random instants: everything they were told is on disk, and nothing by halves.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use beacondeck::model::{BeaconName, Drain, JournalEntry, Slot, UnixMs};
use beacondeck::store::{Expiry, SqliteStore, Store as _, StoreHandle, StoredSeed, Write};
use bytes::Bytes;

/// Set for a writer that is to write until it is killed.
const DIR: &str = "BEACONDECK_TEST_STATE";
/// Writers in one process, so that writes share transactions.
const WRITERS: u64 = 4;
/// Kills, at random instants.
const KILLS: u64 = 24;
/// What a writer that nobody kills writes.
const FEW: u64 = 25;
/// Longest life of a child.
const BOUND: Duration = Duration::from_secs(60);

fn name(writer: u64) -> String {
    format!("writer-{writer}")
}

/// The n-th change of a writer: one of each kind, all telling n.
fn change(writer: u64, n: u64) -> Vec<Write> {
    let name = name(writer);
    // Of many sizes, so that transactions have one page or many.
    let mut body = n.to_be_bytes().to_vec();
    body.resize(8 + (n * 7_919 % 20_000) as usize, writer as u8);
    let entry = JournalEntry {
        id: 0,
        at: UnixMs(n),
        who: name.clone(),
        what: "write".into(),
        target: None,
        order: Some(format!("{name}/{n}")),
        outcome: n.to_string(),
    };
    vec![
        Write::Journal(entry),
        Write::Seed(StoredSeed {
            client: name.clone(),
            kind: "k".into(),
            body: Bytes::from(body),
            expiry: Expiry::Slot(Slot(n)),
        }),
        Write::Raise { mark: name.clone(), to: n },
        Write::Drain(BeaconName::new(name), Drain { by: n.to_string(), since: UnixMs(n) }),
    ]
}

/// Writes on from where the last one was killed, and says each change on standard output once it is acknowledged.
async fn write(dir: &Path, most: u64) {
    let (store, dir) = (StoreHandle::waiting().unwrap(), dir.to_owned());
    store.open(move || SqliteStore::open(&dir, "writer")).await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        async move {
            let first = store.mark(name(writer)).await.unwrap() + 1;
            for n in first..first.saturating_add(most) {
                store.write(change(writer, n)).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {writer} {n}").unwrap();
                out.flush().unwrap();
            }
        }
    });
    futures_util::future::join_all(writers).await;
    store.close().await;
}

/// What of each writer is there, all its traces telling the same.
fn written(dir: &Path) -> BTreeMap<u64, u64> {
    let mut store = SqliteStore::open(dir, "test").unwrap();
    let (seeds, drains) = (store.seeds().unwrap(), store.drains().unwrap());
    let journal = store.journal_since(0, usize::MAX).unwrap();
    let written = (0..WRITERS).map(|writer| {
        let name = name(writer);
        let mark = store.mark(&name).unwrap();
        let lines: Vec<u64> =
            journal.iter().filter(|entry| entry.who == name).map(|entry| entry.at.0).collect();
        assert_eq!(lines, (1..=mark).collect::<Vec<_>>(), "the journal of {name}");
        let seed = seeds.iter().find(|seed| seed.client == name).map(|seed| seed.body.clone());
        let Some(Write::Seed(expected)) = change(writer, mark).into_iter().nth(1) else { unreachable!() };
        assert_eq!(seed, (mark > 0).then_some(expected.body), "the seed of {name}");
        let by = drains.get(&BeaconName::new(name.as_str())).map(|drain| drain.by.clone());
        assert_eq!(by, (mark > 0).then(|| mark.to_string()), "the drain of {name}");
        (writer, mark)
    });
    let written = written.collect();
    drop(store);
    let file = rusqlite::Connection::open(dir.join("beacondeck.db")).unwrap();
    let whole: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    written
}

/// The same test binary as a writer that does not end.
fn start(dir: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kill::a_writer_that_lives_leaves_all_it_wrote", "--nocapture"]);
    command.env(DIR, dir).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_writer_that_lives_leaves_all_it_wrote() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Some(dir) = std::env::var_os(DIR) {
        runtime.block_on(write(dir.as_ref(), u64::MAX));
    }
    let dir = tempfile::tempdir().unwrap();
    runtime.block_on(write(dir.path(), FEW));
    assert_eq!(written(dir.path()), (0..WRITERS).map(|writer| (writer, FEW)).collect());
}

#[test]
fn everything_acknowledged_survives_kill_9_at_random_instants() {
    let dir = tempfile::tempdir().unwrap();
    let (mut told, mut random) = (BTreeMap::<u64, u64>::new(), std::process::id());
    for round in 0..KILLS {
        let began = Instant::now();
        let mut child = start(dir.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        // Some die before they wrote anything, while the file is opened or made.
        let life = Duration::from_micros(u64::from(random % 120_000));
        let acknowledged = u64::from(random >> 20) % 40 * u64::from(round % 4 > 0);
        let mut heard = 0;
        let mut line = String::new();
        while heard < acknowledged && began.elapsed() < BOUND {
            heard += u64::from(hear(&mut lines, &mut line, &mut told));
            assert!(!line.is_empty(), "round {round}: the writer ended by itself");
        }
        assert_eq!(heard, acknowledged, "round {round}: the writer does not write");
        std::thread::sleep(life);
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had said before it died counts as told.
        while hear(&mut lines, &mut line, &mut told) || !line.is_empty() {}
        let there = written(dir.path());
        for (writer, n) in &told {
            assert!(
                there[writer] >= *n,
                "round {round}: {writer} was told {n} and {} is there",
                there[writer]
            );
        }
    }
    assert!(told.len() as u64 == WRITERS && told.values().all(|n| *n > 20), "{told:?}");
}

/// Takes one line; whether it acknowledged something. A line cut by the kill tells nothing.
fn hear(from: &mut impl BufRead, line: &mut String, told: &mut BTreeMap<u64, u64>) -> bool {
    line.clear();
    from.read_line(line).unwrap();
    let Some(words) = line.strip_suffix('\n').and_then(|line| line.split_once("acknowledged ")) else {
        return false;
    };
    let (writer, n) = words.1.split_once(' ').unwrap();
    told.insert(writer.parse().unwrap(), n.parse().unwrap());
    true
}
