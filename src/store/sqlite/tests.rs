//! What is SQLite's own: the file's settings, its versions, and each way in which it can be unusable.

use rstest::rstest;
use tempfile::TempDir;

use super::migrate::{APPLICATION, STEPS, older};
use super::*;
use crate::model::{Slot, UnixMs};
use crate::store::tests::suite::{Backend, suite};
use crate::store::tests::words::{entry, note, seed};
use crate::store::{Expiry, StoredSeed};

struct Directory(TempDir);

impl Backend for Directory {
    type Store = SqliteStore;

    fn fresh() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.0.path(), "test").unwrap()
    }
}

suite!(Directory);

/// Why the state in a directory cannot be opened.
fn refused(dir: &Path) -> StoreError {
    SqliteStore::open(dir, "test").expect_err("it was opened")
}

fn said(error: &StoreError, words: &[&str]) {
    let sentence = error.sentence();
    assert!(words.iter().all(|word| sentence.contains(word)), "{words:?}: {sentence}");
    assert!(!sentence.contains('\n'), "{sentence}");
}

#[test]
fn what_is_written_is_on_disk_when_the_write_returns() {
    let place = Directory::fresh();
    let store = place.open();
    let setting = |name: &str| {
        store
            .connection
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .unwrap()
    };
    assert_eq!(setting("journal_mode"), String::from("wal").into());
    assert_eq!(setting("synchronous"), 2_i64.into());
    assert_eq!(setting("user_version"), (STEPS.len() as i64).into());
    assert_eq!(setting("application_id"), APPLICATION.into());
}

#[test]
fn a_second_one_is_told_who_has_it() {
    let place = Directory::fresh();
    let _first = SqliteStore::open(place.0.path(), "beacondeck (pid 7, alice)").unwrap();
    said(&refused(place.0.path()), &["in use by beacondeck (pid 7, alice)", "`state:`"]);
}

#[test]
fn an_older_file_is_brought_up_to_date_and_keeps_what_it_has() {
    for version in 0..=STEPS.len() {
        let place = Directory::fresh();
        let file = older::make(&place.0.path().join(FILE), version);
        if version > 0 {
            seeds::put(&file, &seed("c", "k", b"old")).unwrap();
        }
        if version > 2 {
            journal::append(&file, &entry(1)).unwrap();
        }
        drop(file);
        let mut store = place.open();
        assert_eq!(migrate::version_of(&store.connection, &store.file).unwrap(), STEPS.len() as i64);
        let bodies: Vec<_> = store.seeds().unwrap().into_iter().map(|seed| seed.body).collect();
        assert_eq!(bodies, vec![&b"old"[..]; usize::from(version > 0)]);
        assert_eq!(store.journal_last(9).unwrap().len(), usize::from(version > 2));
        store.write(&[note(2), Write::Raise { mark: "m".into(), to: 1 }]).unwrap();
        assert_eq!(store.drains().unwrap().len(), 0);
    }
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let place = Directory::fresh();
    let path = place.0.path().join(FILE);
    let file = older::make(&path, STEPS.len());
    file.pragma_update(None, "user_version", STEPS.len() as i64 + 2).unwrap();
    drop(file);
    let before = std::fs::read(&path).unwrap();
    let path = path.display().to_string();
    said(&refused(place.0.path()), &[&path, "schema 9", "knows 7", "run the newer beacondeck"]);
    assert_eq!(std::fs::read(path).unwrap(), before);
}

#[test]
fn another_programs_file_is_refused() {
    let place = Directory::fresh();
    let file = Connection::open(place.0.path().join(FILE)).unwrap();
    file.execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    drop(file);
    said(&refused(place.0.path()), &["beacondeck.db", "another program", "`state:`"]);
}

/// A file with content and no write-ahead log, changed by `harm`.
fn damaged(harm: impl FnOnce(&mut Vec<u8>)) -> TempDir {
    let place = Directory::fresh();
    let mut store = place.open();
    for number in 0..50 {
        store.write(&[note(number), Write::Seed(seed("c", &number.to_string(), &[7; 3_000]))]).unwrap();
    }
    drop(store);
    let path = place.0.path().join(FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    harm(&mut bytes);
    std::fs::write(path, bytes).unwrap();
    place.0
}

#[rstest]
#[case::header(|bytes: &mut Vec<u8>| bytes[..16].copy_from_slice(b"not a database!!"))]
#[case::middle(|bytes: &mut Vec<u8>| bytes[4_096..40_960].fill(0xa5))]
#[case::cut(|bytes: &mut Vec<u8>| bytes.truncate(20_000))]
#[case::text(|bytes: &mut Vec<u8>| *bytes = b"hello, world\n".repeat(99))]
fn a_damaged_file_is_named(#[case] harm: fn(&mut Vec<u8>)) {
    let dir = damaged(harm);
    let error = refused(dir.path());
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    said(&error, &["beacondeck.db is damaged", "put a copy back"]);
}

#[test]
fn an_undamaged_file_is_not_refused() {
    let dir = damaged(|_| {});
    let mut store = SqliteStore::open(dir.path(), "test").unwrap();
    assert_eq!((store.seeds().unwrap().len(), store.journal_last(99).unwrap().len()), (50, 50));
}

#[test]
fn a_path_that_is_no_directory_is_the_fleet_files_fault() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("state"), dir.path().join("x".repeat(300))] {
        let error = refused(&path);
        assert!(error.is_config(), "{error:?}");
        said(&error, &["`state:` names", &path.display().to_string(), "fleet file"]);
    }
}

#[test]
fn a_full_file_takes_all_of_a_batch_or_nothing() {
    let place = Directory::fresh();
    let mut store = place.open();
    store.write(&[note(1)]).unwrap();
    let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    store.connection.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(())).unwrap();
    let beacon = BeaconName::new("b1");
    let drain = Write::Drain(beacon, Drain { by: "alice".into(), since: UnixMs(1) });
    let error =
        store.write(&[drain.clone(), note(2), Write::Seed(seed("c", "k", &vec![1; 100_000]))]).unwrap_err();
    said(&error, &["could not write to", "beacondeck.db", "the disk is full"]);
    assert_eq!((store.drains().unwrap().len(), store.journal_last(9).unwrap().len()), (0, 1));
    store.write(&[drain]).unwrap();
    assert_eq!(store.drains().unwrap().len(), 1);
}

#[test]
fn the_file_itself_keeps_the_journal_append_only() {
    let place = Directory::fresh();
    let mut store = place.open();
    store.write(&[note(1)]).unwrap();
    for sql in ["UPDATE journal SET who = 'eve'", "DELETE FROM journal"] {
        let error = store.connection.execute_batch(sql).unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    assert_eq!(store.journal_last(9).unwrap()[0].who, "alice");
}

#[test]
fn a_seed_that_never_expires_is_never_dropped() {
    let place = Directory::fresh();
    let mut store = place.open();
    store
        .write(&[Write::Seed(StoredSeed { expiry: Expiry::Slot(Slot(u64::MAX)), ..seed("c", "k", b"") })])
        .unwrap();
    store.write(&[Write::Expire { slot: Some(Slot(u64::MAX)), at: UnixMs(u64::MAX) }]).unwrap();
    assert_eq!(store.seeds().unwrap()[0].expiry, Expiry::Slot(Slot(i64::MAX as u64)));
}
