//! `beacondeck audit --fix` and `--revert`: below directories of the tests' own, and on real kernel settings in network
//! namespaces the tests make. Nothing of this machine's own is written.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]
#![allow(clippy::print_stderr, reason = "a test that cannot run here says why")]

#[path = "common/namespace.rs"]
mod namespace;
#[path = "console/terminal.rs"]
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::CommandCargoExt as _;
use beacondeck::host::apply::{ApplyError, Hands, Journal, Plan, Workshop};
use beacondeck::host::{self, Finding, Overrides, Record, Role};
use beacondeck::model::UnixMs;
use rustix::process::Signal;
use tempfile::TempDir;
use terminal::Terminal;

const HEAD: &str = "beacondeck-snapshot 1\n";
const SOMAXCONN: &str = "proc/sys/net/core/somaxconn";
const DROP_IN: &str = "etc/sysctl.d/90-beacondeck-net.core.somaxconn.conf";
/// A child that never comes to its point is given up after this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A machine as a directory, with a setting that is too low, and a directory of state.
struct Machine {
    root: TempDir,
    state: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { root: TempDir::new().unwrap(), state: TempDir::new().unwrap() };
        machine.put("proc/uptime", "600.00 1\n");
        machine.put(SOMAXCONN, "128\n");
        machine
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn get(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.path().join(path)).ok()
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::cargo_bin("beacondeck").unwrap();
        command.arg("audit").arg("--root").arg(self.root.path()).arg("--state").arg(self.state.path());
        command.args(more).stdin(Stdio::null()).env_remove("BEACONDECK_FLEET");
        command
    }

    fn audit(&self, more: &[&str]) -> Output {
        self.command(more).output().unwrap()
    }

    fn findings(&self) -> Vec<Finding> {
        let record = host::collect(&host::Live::new(self.root.path()), || ());
        host::audit(&record, &[Role::Beacon], &Overrides::new())
    }

    fn plan(&self) -> Plan {
        let finding = self.findings().into_iter().find(|finding| finding.id == "net.somaxconn").unwrap();
        Plan::of(&finding, &Hands::new(self.root.path()), true).unwrap()
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.state.path().join("remedies.jsonl")).unwrap_or_default()
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_remedy_is_shown_written_verified_and_taken_back() {
    let machine = Machine::new();
    let fixed = machine.audit(&["--fix", "net.somaxconn", "--yes"]);
    let words = said(&fixed);
    assert_eq!(fixed.status.code(), Some(0), "{words}");
    for part in [
        "/proc/sys/net/core/somaxconn = 4096   (now 128)",
        "for good: /etc/sysctl.d/90-beacondeck-net.core.somaxconn.conf: net.core.somaxconn = 4096",
        "written and read again; now net.somaxconn ok: 4096",
    ] {
        assert!(words.contains(part), "{part}:\n{words}");
    }
    assert_eq!(machine.get(SOMAXCONN).as_deref(), Some("4096\n"));
    assert!(machine.get(DROP_IN).unwrap().ends_with("\nnet.core.somaxconn = 4096\n"));
    let (root, state) = (machine.root.path().display(), machine.state.path().display());
    let undo = format!("beacondeck audit --revert net.somaxconn --root {root} --state {state}");
    assert!(words.contains(&format!("undo: {undo}\n")), "{words}");
    let again = machine.audit(&["--fix", "net.somaxconn", "--yes"]);
    assert!(said(&again).contains("nothing to write"), "{}", said(&again));

    // As it is printed, from any directory; only somebody to ask is missing.
    let mut back = Command::cargo_bin("beacondeck").unwrap();
    back.args(undo.split(' ').skip(1)).arg("--yes").current_dir("/").stdin(Stdio::null());
    let back = back.env_remove("BEACONDECK_FLEET").output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", said(&back));
    assert_eq!((machine.get(SOMAXCONN).as_deref(), machine.get(DROP_IN)), (Some("128\n"), None));
    assert!(said(&machine.audit(&["--revert", "--yes"])).contains("nothing that was written stands"));
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_written() {
    let machine = Machine::new();
    let refused = machine.audit(&["--fix", "net.somaxconn"]);
    assert_eq!(refused.status.code(), Some(64), "{}", said(&refused));
    assert!(said(&refused).contains("give --yes"), "{}", said(&refused));
    assert_eq!((machine.get(SOMAXCONN).as_deref(), machine.get(DROP_IN)), (Some("128\n"), None));
    assert_eq!(machine.journal(), "");
}

#[test]
fn an_unknown_check_is_told_the_nearest_and_what_is_for_people_is_printed() {
    let machine = Machine::new();
    let unknown = machine.audit(&["--fix", "net.somaxcon", "--yes"]);
    assert_eq!(unknown.status.code(), Some(64));
    assert!(said(&unknown).contains("did you mean `net.somaxconn`?"), "{}", said(&unknown));
    assert_eq!(machine.audit(&["--revert", "no.such", "--yes"]).status.code(), Some(64));

    machine.put("proc/sys/vm/dirty_background_bytes", "0\n");
    machine.put("proc/sys/vm/dirty_background_ratio", "50\n");
    machine.put("proc/meminfo", "MemTotal: 64000000 kB\n");
    let by_hand = machine.audit(&["--fix", "mem.dirty", "--yes"]);
    assert_eq!(by_hand.status.code(), Some(69), "{}", said(&by_hand));
    assert!(said(&by_hand).contains("by hand: sysctl -w vm.dirty_background_bytes"), "{}", said(&by_hand));
}

#[test]
fn what_has_changed_since_the_plan_is_not_written() {
    let machine = Machine::new();
    let plan = machine.plan();
    machine.put(SOMAXCONN, "256\n");
    let mut workshop = Workshop::open(machine.root.path(), machine.state.path()).unwrap();
    let error = workshop.carry_out(&plan, "me", UnixMs(1)).unwrap_err();
    assert!(matches!(&error, ApplyError::Changed { was, is, .. } if was == "128" && is == "256"), "{error}");
    assert_eq!((machine.get(SOMAXCONN).as_deref(), machine.get(DROP_IN)), (Some("256\n"), None));
    assert!(workshop.unfinished().is_empty() && workshop.standing().is_empty());

    machine.put(SOMAXCONN, "128\n");
    machine.put(DROP_IN, "net.core.somaxconn = 99\n");
    let error = workshop.carry_out(&plan, "me", UnixMs(1)).unwrap_err();
    assert!(matches!(error, ApplyError::Foreign { .. }), "{error}");
    assert_eq!(machine.get(SOMAXCONN).as_deref(), Some("128\n"));
}

#[test]
fn what_somebody_else_has_made_of_it_since_is_left_alone() {
    let machine = Machine::new();
    assert!(machine.audit(&["--fix", "net.somaxconn", "--yes"]).status.success());
    machine.put(SOMAXCONN, "8192\n");
    machine.put(DROP_IN, "net.core.somaxconn = 8192\n");
    let back = machine.audit(&["--revert", "--yes"]);
    assert!(said(&back).contains("somebody has made it `8192` since; left alone"), "{}", said(&back));
    assert_eq!(machine.get(SOMAXCONN).as_deref(), Some("8192\n"));
    assert!(machine.get(DROP_IN).is_some());
}

#[test]
fn on_a_read_only_disk_nothing_stays_written() {
    if !namespace::is_root_with(&["/usr/bin/unshare", "/usr/bin/mount"]) {
        return;
    }
    let machine = Machine::new();
    let command = machine.command(&["--fix", "net.somaxconn", "--yes"]);
    let run = |read_only: &str| {
        let script = "mount -t tmpfs none \"$0\" && mount -o remount,ro \"$0\" && exec \"$@\"";
        fs::create_dir_all(read_only).unwrap();
        Command::new("unshare")
            .args(["-m", "sh", "-c", script, read_only])
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let etc = machine.root.path().join("etc");
    let output = run(etc.to_str().unwrap());
    assert_eq!(output.status.code(), Some(69), "{}", said(&output));
    assert!(said(&output).contains("Read-only file system"), "{}", said(&output));
    assert_eq!(machine.get(SOMAXCONN).as_deref(), Some("128\n"));
    assert!(machine.journal().contains("\"how\":\"reverted\""), "{}", machine.journal());

    let output = run(machine.state.path().to_str().unwrap());
    assert_eq!(output.status.code(), Some(69), "{}", said(&output));
    assert!(said(&output).contains("nothing was written"), "{}", said(&output));
    assert_eq!(machine.get(SOMAXCONN).as_deref(), Some("128\n"));
}

/// Not a test of its own: begins a plan, and waits to be killed.
#[test]
#[ignore = "the child of what_is_cut_off_between_journal_and_write_is_taken_back"]
fn child_that_begins() {
    let Some(root) = std::env::var_os("BEACONDECK_TEST_ROOT").map(PathBuf::from) else { return };
    let state = std::env::var_os("BEACONDECK_TEST_STATE").map(PathBuf::from).unwrap();
    let record = host::collect(&host::Live::new(&root), || ());
    let findings = host::audit(&record, &[Role::Beacon], &Overrides::new());
    let finding = findings.iter().find(|finding| finding.id == "net.somaxconn").unwrap();
    let mut workshop = Workshop::open(&root, &state).unwrap();
    let plan = Plan::of(finding, workshop.hands(), true).unwrap();
    let entry = workshop.begin(&plan, "child", UnixMs(1)).unwrap();
    if std::env::var_os("BEACONDECK_TEST_HALF").is_some() {
        workshop.hands().write(None, &entry.files[0].path, &entry.files[0].to).unwrap();
    }
    fs::write(root.join("begun"), "").unwrap();
    std::thread::sleep(PATIENCE);
}

#[test]
fn what_is_cut_off_between_journal_and_write_is_taken_back() {
    for half in [false, true] {
        let machine = Machine::new();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--ignored", "--exact", "child_that_begins"]).stdout(Stdio::null());
        child
            .env("BEACONDECK_TEST_ROOT", machine.root.path())
            .env("BEACONDECK_TEST_STATE", machine.state.path());
        if half {
            child.env("BEACONDECK_TEST_HALF", "1");
        }
        let mut child = child.spawn().unwrap();
        let began = Instant::now();
        while machine.get("begun").is_none() {
            assert!(began.elapsed() < PATIENCE, "the child never began");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(machine.get(SOMAXCONN).as_deref(), Some(if half { "4096\n" } else { "128\n" }));
        assert_eq!(Journal::cut_off(machine.state.path()).len(), 1);

        let back = machine.audit(&["--revert", "--yes"]);
        assert!(said(&back).contains("was cut off while it was written"), "{}", said(&back));
        assert_eq!(machine.get(SOMAXCONN).as_deref(), Some("128\n"));
        assert!(Journal::cut_off(machine.state.path()).is_empty());
    }
}

#[test]
fn killed_at_any_moment_it_can_be_taken_back() {
    for turn in 0..12_u64 {
        let machine = Machine::new();
        let mut child = machine.command(&["--fix", "net.somaxconn", "--yes", "--seconds", "0"]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while machine.journal().is_empty() && child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "it never began");
            std::thread::yield_now();
        }
        // The journal is there: what follows takes well below a millisecond each.
        std::thread::sleep(Duration::from_micros(turn * 150));
        child.kill().unwrap();
        child.wait().unwrap();
        let back = machine.audit(&["--revert", "--yes"]);
        assert_eq!(back.status.code(), Some(0), "{}", said(&back));
        assert_eq!((machine.get(SOMAXCONN).as_deref(), machine.get(DROP_IN)), (Some("128\n"), None));
    }
}

const IDLE: &str = "/proc/sys/net/ipv4/tcp_slow_start_after_idle";

/// Fixes and takes back a setting of the network namespace it is in.
const OWN: &str = r#"
set -eu
cat "$0"; "$@" --fix net.tcp_slow_start_after_idle --yes --live-only
cat "$0"; "$@" --revert --yes; cat "$0"
"#;

/// The same for a beacon in a namespace of its own, from outside of it.
const OTHERS: &str = r#"
set -eu
unshare -n sh -c 'exec "$0" -e "sleep 120"' "$BEACON" &
beacon=$!
until [ "$(cat /proc/$beacon/comm)" = lighthouse ]; do :; done
value() { nsenter -t $beacon -n cat "$1"; }
value "$0"; "$@" --fix net.tcp_slow_start_after_idle --yes
value "$0"; "$@" --revert --yes; value "$0"
kill $beacon
"#;

fn in_namespace(flags: &[&str], script: &str, machine: &Machine) -> Output {
    let beacon = machine.root.path().join("lighthouse");
    fs::copy("/usr/bin/perl", &beacon).unwrap();
    Command::new("timeout")
        .arg("60")
        .arg("unshare")
        .args(flags)
        .args(["sh", "-c", script, IDLE])
        .arg(Command::cargo_bin("beacondeck").unwrap().get_program())
        .args(["audit", "--seconds", "0", "--role", "beacon", "--state"])
        .arg(machine.state.path())
        .env("BEACON", &beacon)
        .env_remove("BEACONDECK_FLEET")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn a_real_setting_of_a_namespace_is_written_and_taken_back() {
    if !namespace::is_root_with(&["/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/perl"]) {
        return;
    }
    let before = fs::read_to_string(IDLE).unwrap();
    for (flags, script) in
        [(&["-n", "-p", "-f", "--mount-proc"][..], OWN), (&["-p", "-f", "--mount-proc"], OTHERS)]
    {
        let machine = Machine::new();
        let output = in_namespace(flags, script, &machine);
        let words = said(&output);
        assert_eq!(output.status.code(), Some(0), "{words}");
        let values: Vec<&str> = words.lines().filter(|line| ["0", "1"].contains(line)).collect();
        assert_eq!(values, ["1", "0", "1"], "{words}");
        assert!(words.contains("written and read again; now net.tcp_slow_start_after_idle ok"), "{words}");
        assert_eq!(fs::read_to_string(IDLE).unwrap(), before, "this machine's own must not be touched");
        let own = "/etc/sysctl.d/90-beacondeck-net.ipv4.tcp_slow_start_after_idle.conf";
        assert!(!Path::new(own).exists(), "what a container needs is no setting of this machine");
    }
}

/// Not a test of its own: in a network namespace with a veth of several queues, RPS is set by a remedy and taken back.
#[test]
#[ignore = "the child of the_packets_of_a_veth_are_spread_and_taken_back"]
fn child_that_spreads() {
    let Some(state) = std::env::var_os("BEACONDECK_TEST_STATE").map(PathBuf::from) else { return };
    let text = "file /proc/uptime\n 1000.00 1\nlater file /proc/uptime\n 1060.00 1\n\
        file /proc/net/route\n Iface Destination Gateway Flags RefCnt Use Metric\n v0 00000000 0100000A 0003 0 0 0\n";
    let case = fs::read_to_string("tests/fixtures/host/net.softirq_skew.txt").unwrap();
    let case = case.split("\n== ").find(|case| case.starts_with("warn")).unwrap().split_once('\n').unwrap().1;
    let record = Record::parse(&format!("{HEAD}{text}{}", case.replace("@interface", ""))).unwrap();
    let findings = host::audit(&record, &[Role::Beacon], &Overrides::new());
    let finding = findings.iter().find(|finding| finding.id == "net.softirq_skew").unwrap();
    let mut workshop = Workshop::open(Path::new("/"), &state).unwrap();
    let plan = Plan::of(finding, workshop.hands(), true).unwrap_or_else(|why| panic!("{why:?}: {finding}"));
    assert_eq!(plan.files.len(), 2, "{plan}");
    let masks = || -> Vec<String> {
        let of = |queue| fs::read_to_string(format!("/sys/class/net/v0/queues/rx-{queue}/rps_cpus")).unwrap();
        [0, 1].map(of).iter().map(|mask| mask.trim().replace(['0', ','], "")).collect()
    };
    assert_eq!(masks(), ["", ""]);
    let entry = workshop.carry_out(&plan, "me", UnixMs(1)).unwrap();
    assert!(masks().iter().all(|mask| !mask.is_empty()), "{:?}", masks());
    workshop.take_back(&entry, UnixMs(2), "").unwrap();
    assert_eq!(masks(), ["", ""]);
}

#[test]
fn the_packets_of_a_veth_are_spread_and_taken_back() {
    if !namespace::is_root_with(&["/usr/bin/unshare", "/usr/bin/mount", "/sbin/ip"]) {
        return;
    }
    let state = TempDir::new().unwrap();
    let script = "mount -t sysfs none /sys && ip link add v0 numrxqueues 2 numtxqueues 2 type veth peer name v1 && \
                  exec \"$0\" --ignored --exact child_that_spreads";
    namespace::passes(script, &[("BEACONDECK_TEST_STATE", state.path().as_os_str())]);
}

const RING: &str = "@ethtool/eth0/rx-ring";

/// How somebody who was asked whether a card's setting stays answers, and what is written then.
#[derive(Debug)]
enum Says {
    Types(&'static str),
    Signal(Signal),
    GoesAway,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stops_a_link_stays_only_if_somebody_at_the_terminal_keeps_it() {
    for (says, ring) in [
        (Says::Types("y\r"), "4096\n"),
        (Says::Types("n\r"), "512\n"),
        (Says::Types("\x03"), "512\n"),
        (Says::Signal(Signal::HUP), "512\n"),
        (Says::Signal(Signal::TERM), "512\n"),
        (Says::GoesAway, "512\n"),
    ] {
        let machine = Machine::new();
        machine.put("proc/net/route", "I D\neth0 00000000 0 3 0 0 0\n");
        machine.put(RING, "512 of 4096\n");
        for counter in ["rx_missed_errors", "rx_fifo_errors"] {
            machine.put(&format!("sys/class/net/eth0/statistics/{counter}"), "0\n");
        }
        let mut terminal =
            Terminal::start(machine.command(&["--fix", "net.nic_ring", "--seconds", "0"]), (200, 50));
        terminal.sees(&["rx ring of eth0 (ethtool) = 4096   (now 512)", "write it? [y/N]"]).await;
        terminal.press("y\r");
        terminal.sees(&["taken back in 60 s unless you keep it", "keep it? [y/N]"]).await;
        assert_eq!(machine.get(RING).as_deref(), Some("4096\n"), "{says:?}");
        match says {
            Says::Types(keys) => terminal.press(keys),
            Says::Signal(signal) => terminal.signal(signal),
            Says::GoesAway => terminal.close(),
        }
        assert!(terminal.ended().await.success() || ring == "512\n", "{says:?}: {}", terminal.text());
        assert_eq!(machine.get(RING).as_deref(), Some(ring), "{says:?}: {}", terminal.text());
        let how = if ring == "512\n" { "reverted" } else { "applied" };
        assert!(machine.journal().contains(&format!("\"how\":\"{how}\"")), "{says:?}: {}", machine.journal());
        assert!(Journal::cut_off(machine.state.path()).is_empty(), "{says:?}");
    }
}
