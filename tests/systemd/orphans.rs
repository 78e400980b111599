//! A test that is killed leaves no machine behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::machine::{Machine, PATIENCE, is_skipped};

const VARIABLE: &str = "BEACONDECK_TEST_PROCESSES";

/// Not a test of its own: starts a machine, says which processes it is of, and waits to be killed.
#[test]
#[ignore = "the child of a_machine_dies_with_the_test_that_is_killed"]
fn child_with_a_machine() {
    let Some(file) = std::env::var_os(VARIABLE).map(PathBuf::from) else { return };
    let machine = Machine::start("", "").unwrap();
    let [shell, init] = machine.processes();
    fs::write(file.with_extension("new"), format!("{shell} {init}")).unwrap();
    fs::rename(file.with_extension("new"), file).unwrap();
    std::thread::sleep(2 * PATIENCE);
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < 2 * PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_machine_dies_with_the_test_that_is_killed() {
    if is_skipped() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("processes");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "orphans::child_with_a_machine"])
        .env(VARIABLE, &file)
        .env("TMPDIR", dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("it is up", || file.exists());
    let told = fs::read_to_string(&file).unwrap();
    let its: Vec<PathBuf> = told.split(' ').map(|pid| Path::new("/proc").join(pid)).collect();
    assert!(its.len() == 2 && its.iter().all(|of| of.exists()), "{told}");
    child.kill().unwrap();
    child.wait().unwrap();
    until("they are gone", || its.iter().all(|of| !of.exists()));
}
