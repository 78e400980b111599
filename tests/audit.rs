//! `beacondeck audit` and `snapshot` on this machine, whatever it is, and on a beacon with a network namespace of its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::CommandCargoExt as _;
use beacondeck::host::{CHECKS, Role};
use serde_json::Value;

const WORDS: &[&str] = &["ok", "advice", "warn", "bad", "n/a", "unknown"];

fn beacondeck(args: &[&str]) -> Output {
    Command::cargo_bin("beacondeck").unwrap().args(args).output().unwrap()
}

fn findings(output: &Output) -> Vec<Value> {
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}: {} {}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    });
    json["findings"].as_array().unwrap().clone()
}

fn verdict<'a>(findings: &'a [Value], id: &str) -> (&'a str, &'a Value) {
    let found = findings.iter().find(|finding| finding["id"] == id).unwrap();
    (found["verdict"].as_str().unwrap(), found)
}

/// The exit status of these verdicts.
fn status(findings: &[Value]) -> i32 {
    let any = |word: &str| findings.iter().any(|finding| finding["verdict"] == word);
    match () {
        () if any("bad") => 2,
        () if any("warn") => 1,
        () if any("unknown") => 3,
        () => 0,
    }
}

#[test]
fn this_machine_is_audited_and_every_answer_has_its_reason() {
    let output = beacondeck(&["audit", "--json", "--seconds", "0"]);
    let findings = findings(&output);
    for check in CHECKS.iter().filter(|check| check.roles == Role::ALL) {
        verdict(&findings, check.id);
    }
    for finding in &findings {
        let word = finding["verdict"].as_str().unwrap();
        assert!(WORDS.contains(&word), "{finding}");
        let field = if ["n/a", "unknown"].contains(&word) { "reason" } else { "actual" };
        assert!(!finding[field].as_str().unwrap().is_empty(), "{finding}");
    }
    assert_eq!(output.status.code(), Some(status(&findings)));
}

#[test]
fn a_virtual_machine_is_told_from_what_is_the_hosts() {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if !info.contains(" hypervisor") {
        eprintln!("skipped: this is no virtual machine");
        return;
    }
    let findings = findings(&beacondeck(&["audit", "--json", "--seconds", "0"]));
    for id in ["disk.rotational", "cpu.thermal_throttle"] {
        assert_eq!(verdict(&findings, id).0, "n/a", "{id}");
    }
    assert_ne!(verdict(&findings, "cpu.steal").0, "n/a");
}

#[test]
fn a_snapshot_is_judged_as_its_machine_was_and_replaces_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle.txt");
    let path = file.to_str().unwrap();
    let written = beacondeck(&["snapshot", path, "--seconds", "0"]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    assert_eq!(beacondeck(&["snapshot", path, "--seconds", "0"]).status.code(), Some(70));

    let settings = |findings: Vec<Value>| -> Vec<(String, String)> {
        let settings = ["net.somaxconn", "net.rmem_max", "mem.thp", "mem.max_map_count", "cpu.clocksource"];
        findings
            .iter()
            .filter(|finding| settings.contains(&finding["id"].as_str().unwrap()))
            .map(|finding| (finding["id"].to_string(), finding["actual"].to_string()))
            .collect()
    };
    let live = settings(findings(&beacondeck(&["audit", "--json", "--seconds", "0"])));
    let read = settings(findings(&beacondeck(&["audit", "--json", "--root", path])));
    let sorted = |mut list: Vec<(String, String)>| {
        list.sort();
        list
    };
    assert_eq!(sorted(live), sorted(read));
}

#[test]
fn a_directory_is_a_machine_and_the_exit_status_its_worst_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let root = folder.path().to_str().unwrap();
    let code = || beacondeck(&["audit", "--format", "plain", "--root", root]).status.code();
    write("proc/uptime", "600.00 1\n");
    assert_eq!(code(), Some(0));
    write("proc/sys/net/core/somaxconn", "128\n");
    assert_eq!(code(), Some(1));
    write("proc/net/softnet_stat", "00000010 00100000 00000000\n");
    assert_eq!(code(), Some(2));
    let json = findings(&beacondeck(&["audit", "--json", "--root", root]));
    assert_eq!(verdict(&json, "net.somaxconn").0, "warn");
    assert_eq!(json[0]["id"], "net.softnet_drops");
}

#[test]
fn thresholds_are_those_of_the_fleet_file_unless_the_command_line_says_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let machine = folder.path().join("machine.txt");
    std::fs::write(&machine, "beacondeck-snapshot 1\nfile /proc/sys/net/core/somaxconn\n 2000\n").unwrap();
    let fleet = folder.path().join("fleet.yaml");
    let beacons = "beacons:\n- {name: a, url: http://a:1}\n- {name: b, url: http://b:1}\n";
    let limits = "host: {limits: {net.somaxconn.advice: 9000, net.somaxconn.warn: 3000}}";
    std::fs::write(&fleet, format!("fleet: m\nlisten: 127.0.0.1:0\n{beacons}{limits}\n")).unwrap();
    let (machine, fleet) = (machine.to_str().unwrap(), fleet.to_str().unwrap());
    let said = |more: &[&str]| {
        let args = [&["audit", "--json", "--root", machine], more].concat();
        let findings = findings(&beacondeck(&args));
        let (word, found) = verdict(&findings, "net.somaxconn");
        (word.to_owned(), found["expected"].as_str().unwrap().to_owned())
    };
    assert_eq!(said(&[]), ("advice".to_owned(), "at least 4096 connections".to_owned()));
    assert_eq!(said(&["--fleet", fleet]), ("warn".to_owned(), "at least 9000 connections".to_owned()));
    assert_eq!(said(&["--fleet", fleet, "--limit", "net.somaxconn.warn=1"]).0, "advice");
    let refused = beacondeck(&["audit", "--root", machine, "--fleet", machine]);
    assert_eq!(refused.status.code(), Some(78), "{}", String::from_utf8_lossy(&refused.stderr));
}

/// What a probe of this directory says, by check.
fn probed(dir: &Path) -> Vec<Value> {
    let dir = dir.to_str().unwrap();
    findings(&beacondeck(&["audit", "--json", "--seconds", "0", "--probe-dir", dir, "--validators", "1000"]))
}

#[test]
fn durable_writes_are_measured_on_this_machines_disk_and_leave_nothing() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let records = folder.path().join("slashing_protection.sqlite");
    std::fs::write(&records, "not ours").unwrap();
    let mut killed = Command::cargo_bin("beacondeck")
        .unwrap()
        .args(["audit", "--probe-dir"])
        .arg(folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let own = || {
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
        files.filter(|name| name.to_string_lossy().starts_with(".beacondeck-probe.")).count()
    };
    let begun = std::time::Instant::now();
    while own() == 0 && killed.try_wait().unwrap().is_none() && begun.elapsed().as_secs() < 30 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();

    let found = probed(folder.path());
    let (word, probe) = verdict(&found, "disk.fsync_probe");
    assert_eq!(own(), 0, "what the killed one left is swept, what this one made is removed");
    assert_eq!(std::fs::read_to_string(&records).unwrap(), "not ours");
    if word == "unknown" || probe["actual"].as_str().unwrap().contains("stopped") {
        eprintln!("skipped: {probe}");
        return;
    }
    let actual = probe["actual"].as_str().unwrap();
    assert!(actual.contains(" ms of 64 at any moment"), "{actual}");
    let median: f64 = actual.strip_prefix("p50 ").unwrap().split(',').next().unwrap().parse().unwrap();
    assert!(median > 0.0, "{actual}");
    let (_, budget) = verdict(&found, "disk.signing_budget");
    assert!(budget["actual"].as_str().unwrap().contains(" ms a slot: 32 signatures, 4 x "), "{budget}");
}

#[test]
fn memory_is_named_as_no_place_for_signing_records() {
    let shm = Path::new("/dev/shm");
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    if !mounts.contains(" /dev/shm tmpfs ") {
        eprintln!("skipped: /dev/shm is no tmpfs here");
        return;
    }
    let found = probed(shm);
    let (word, probe) = verdict(&found, "disk.fsync_probe");
    assert_eq!(word, "warn");
    assert!(probe["actual"].as_str().unwrap().starts_with("tmpfs: it is memory"), "{probe}");
    assert_eq!(verdict(&found, "disk.signing_budget").0, "n/a");
}

#[test]
fn wrong_arguments_and_missing_machines_have_their_status() {
    assert_eq!(beacondeck(&["audit", "--root", "/no/such/place"]).status.code(), Some(69));
    assert_eq!(beacondeck(&["audit", "--limit", "no.such=1"]).status.code(), Some(64));
    for wrong in [
        &["--validators", "9"][..],
        &["--probe-dir", "/tmp", "--root", "/"],
        &["--probe-dir", "/tmp", "--fix", "net.qdisc"],
    ] {
        assert_eq!(beacondeck(&[&["audit"], wrong].concat()).status.code(), Some(64), "{wrong:?}");
    }
    let slip = beacondeck(&["audit", "--limit", "disk.free.wran=1"]);
    assert!(String::from_utf8_lossy(&slip.stderr).contains("did you mean `disk.free.warn`?"));
    assert_eq!(beacondeck(&["audit", "--root", "/etc/hostname"]).status.code(), Some(69));
    let help = beacondeck(&["audit", "--help"]);
    assert!(String::from_utf8_lossy(&help.stdout).contains("Exit status: 0"));
}

/// A beacon in a network namespace of its own, that reads no packet it is sent, inside a process namespace of the test's own.
const SCRIPT: &str = r#"
set -eu
unshare -n sh -c 'ip link set lo up; echo 0 > /proc/sys/net/ipv4/tcp_slow_start_after_idle; exec "$0" -e "use Socket; socket(S, PF_INET, SOCK_DGRAM, 0) or die; setsockopt(S, SOL_SOCKET, SO_RCVBUF, 1); bind(S, sockaddr_in(9000, INADDR_LOOPBACK)) or die; sleep 120"' "$1" &
beacon=$!
until grep -q :2328 /proc/$beacon/net/udp 2>/dev/null; do :; done
nsenter -t $beacon -n perl -e 'use Socket; socket(S, PF_INET, SOCK_DGRAM, 0); for (;;) { send(S, "x" x 512, 0, sockaddr_in(9000, INADDR_LOOPBACK)); select(undef, undef, undef, 0.001) }' &
"$2" audit --json --seconds 2 || true
kill $beacon $!
"#;

#[test]
fn settings_and_drops_are_those_of_the_beacons_namespace() {
    let have = |path: &str| Path::new(path).exists();
    let tools = ["/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/perl"];
    let root = rustix::process::geteuid().is_root();
    if !root || !tools.iter().all(|tool| have(tool)) || !have("/sbin/ip") {
        eprintln!("skipped: needs root, unshare, nsenter, perl, ip");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let client = folder.path().join("lighthouse");
    std::fs::copy("/usr/bin/perl", &client).unwrap();
    let binary = Command::cargo_bin("beacondeck").unwrap();
    let output = Command::new("timeout")
        .args(["60", "unshare", "-p", "-f", "--mount-proc", "sh", "-c", SCRIPT, "sh"])
        .arg(&client)
        .arg(binary.get_program())
        .output()
        .unwrap();
    let findings = findings(&output);
    let (word, found) = verdict(&findings, "net.udp_socket_drops");
    assert_eq!(word, "bad", "{found}");
    assert!(
        found["actual"].as_str().unwrap().starts_with("port 9000 in the namespace of process "),
        "{found}"
    );
    assert_eq!(verdict(&findings, "net.udp_rcvbuf_errors").0, "bad");
    let host = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_slow_start_after_idle").unwrap();
    assert_eq!(host.trim(), "1", "this machine's own setting has to differ for this test to tell anything");
    assert_eq!(verdict(&findings, "net.tcp_slow_start_after_idle").0, "ok");
}
