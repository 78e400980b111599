//! Disks that do not take it: at the start `serve` refuses in one sentence, while it runs it goes on and says so.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use beacondeck::store::{SqliteStore, Store as _};

use crate::disk::{Disk, fill};
use crate::program::{Serve, command, fleet, refusal};

const DATABASE: &str = "beacondeck.db";
/// What the status says while changes are in memory only.
const ALERT: &str = "state is not persisted: ";

/// A state that was used before.
fn used(dir: &Path) -> PathBuf {
    let state = dir.join("state");
    drop(SqliteStore::open(&state, "test").unwrap());
    state
}

/// `serve` on this state ends with this code and one sentence that has all these words.
fn refuses(dir: &Path, state: &Path, code: i32, words: &[&str]) {
    let (ended, said) = refusal(command(&fleet(dir, "run", state), &["serve"]));
    assert_eq!(ended, Some(code), "{said}");
    assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
}

#[test]
fn a_state_that_is_no_directory_is_the_fleet_files_fault() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let path = file.display().to_string();
    refuses(dir.path(), &file, 78, &["`state:` names", &path, "cannot be a directory"]);
    refuses(dir.path(), &file.join("state"), 78, &["`state:` names", &path, "cannot be a directory"]);
}

#[test]
fn a_newer_file_is_refused_politely() {
    let dir = tempfile::tempdir().unwrap();
    let state = used(dir.path());
    let file = rusqlite::Connection::open(state.join(DATABASE)).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    drop(file);
    refuses(dir.path(), &state, 69, &[DATABASE, "schema 99", "run the newer beacondeck"]);
}

#[test]
fn a_damaged_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let state = used(dir.path());
    std::fs::write(state.join(DATABASE), "a poem\n".repeat(999)).unwrap();
    refuses(dir.path(), &state, 69, &[DATABASE, "is damaged", "put a copy back"]);
}

#[test]
fn a_read_only_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let place = used(dir.path());
    let words = ["could not", "read-only for this user", "make it writable", "`state:`"];
    if let Some(disk) = Disk::mount("1m") {
        let state = disk.dir.path().join("state");
        drop(SqliteStore::open(&state, "test").unwrap());
        disk.remount("ro");
        refuses(dir.path(), &state, 69, &words);
        refuses(dir.path(), &disk.dir.path().join("new"), 69, &words);
    }
    // Modes do not bind root: a user without rights is needed.
    let read_only =
        |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    read_only(&place.join(DATABASE), 0o444);
    let file = fleet(dir.path(), "run", &place);
    let mut serve = command(&file, &["serve"]);
    if std::fs::metadata(dir.path()).unwrap().uid() == 0 {
        serve.uid(65_534).gid(65_534);
        read_only(dir.path(), 0o755);
        read_only(&place, 0o755);
        read_only(&file, 0o644);
    } else {
        read_only(&place.join("beacondeck.lock"), 0o444);
        read_only(&place, 0o555);
    }
    let (code, said) = refusal(serve);
    read_only(&place, 0o755);
    assert_eq!(code, Some(69), "{said}");
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
}

#[test]
fn a_full_disk_stops_no_routing_and_what_did_not_fit_is_written_later() {
    let Some(disk) = Disk::mount("2m") else {
        return a_file_that_may_not_grow_stops_no_routing();
    };
    let dir = tempfile::tempdir().unwrap();
    let state = disk.dir.path().join("state");
    let file = fleet(dir.path(), "run", &state);
    let serve = Serve::start(&file);
    let ballast = fill(disk.dir.path());
    let said = until_refused(&serve);
    assert!(said.contains("not persisted") && said.contains("the disk is full"), "{said}");
    let alert = serve.wait_for_alert(ALERT, true).unwrap();
    assert!(alert.contains(DATABASE) && alert.contains("free space there"), "{alert}");
    assert_ne!(serve.status()["beacons"][0]["lifecycle"]["state"], "active", "the order stands in memory");
    std::fs::remove_file(ballast).unwrap();
    serve.wait_for_alert(ALERT, false);
    serve.kill();
    let drains = SqliteStore::open(&state, "test").unwrap().drains().unwrap();
    assert!(drains.keys().any(|beacon| beacon.as_str() == "b1"), "{drains:?}");

    std::fs::remove_dir_all(&state).unwrap();
    fill(disk.dir.path());
    let words = ["could not", "the disk is full", "free space there"];
    refuses(dir.path(), &state, 69, &words);
}

/// Drains and resumes b1 until the answer says that it is not persisted; b1 is then drained. A log that was written before
/// has pages that need no new room.
fn until_refused(serve: &Serve) -> String {
    for _ in 0..200 {
        let said = serve.order(&["drain", "b1"]);
        if said.contains("not persisted") {
            return said;
        }
        serve.order(&["resume", "b1"]);
    }
    panic!("200 orders fit on a full disk");
}

/// Where no file system can be mounted, a limit on the size of files stands for the full disk (`setrlimit(2)`; with the
/// signal ignored, writing fails).
fn a_file_that_may_not_grow_stops_no_routing() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let file = fleet(dir.path(), "run", &state);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" serve --fleet \"$1\""]);
    shell.arg(env!("CARGO_BIN_EXE_beacondeck")).arg(&file);
    let serve = Serve::start_as(shell, &file);
    let said = until_refused(&serve);
    assert!(said.contains("not persisted"), "{said}");
    let alert = serve.wait_for_alert(ALERT, true).unwrap();
    assert!(alert.contains(DATABASE), "{alert}");
    assert_ne!(serve.status()["beacons"][0]["lifecycle"]["state"], "active", "the order stands in memory");
}
