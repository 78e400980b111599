//! Every host check against machines as data: one file a check, a machine a case. The checks of bare metal (`NVMe`, NUMA, link
//! speed, temperatures, governor, cgroup v2) are judged from such files only: no such machine was at hand.
//!
//! A case begins with `== WORD`, the verdict it must have (`unreadable` is *unknown* for want of a right); behind a colon,
//! words its finding must contain. `== WORD never: reason` says that a check has no such verdict. `@beacon` and
//! `@interface` stand for a beacon's process and a default route. A minute lies between the two moments.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::collections::BTreeMap;
use std::fs;

use beacondeck::host::{
    self, Ask, CHECKS, Check, Facts, Finding, Kind, Most, Overrides, Record, Role, limits,
};
use proptest::prelude::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/host");
const HEAD: &str = "beacondeck-snapshot 1\n";
const BASE: &str = "file /proc/uptime\n 1000.00 1\nlater file /proc/uptime\n 1060.00 1\n";
const BEACON: &str =
    "list /proc\n 42\nfile /proc/42/comm\n lighthouse\nprogram /proc/42/cmdline\n lighthouse\n";
const INTERFACE: &str = "file /proc/net/route\n Iface Destination Gateway Flags RefCnt Use Metric\n \
                         eth0 00000000 0100000A 0003 0 0 0\n";

/// A case of a fixture file.
struct Case {
    word: String,
    /// Why there is none.
    never: Option<String>,
    /// What its finding must say.
    says: String,
    record: Record,
}

fn cases(check: &Check) -> Vec<Case> {
    let path = format!("{FOLDER}/{}.txt", check.id);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let text = format!("\n{text}");
    text.split("\n== ").skip(1).map(|part| case(check, part)).collect()
}

fn case(check: &Check, part: &str) -> Case {
    let (head, body) = part.split_once('\n').unwrap_or((part, ""));
    let (word, never, says) = match (head.split_once(" never: "), head.split_once(": ")) {
        (Some((word, reason)), _) => (word, Some(reason.to_owned()), ""),
        (None, Some((word, says))) => (word, None, says),
        (None, None) => (head, None, ""),
    };
    let body = body.replace("@beacon", BEACON.trim_end()).replace("@interface", INTERFACE.trim_end());
    // What a case says itself comes later, and wins.
    let text = format!("{HEAD}{BASE}{body}");
    let record = Record::parse(&text).unwrap_or_else(|error| panic!("{}, case {head}: {error}", check.id));
    Case { word: word.trim().to_owned(), never, says: says.to_owned(), record }
}

fn finding(check: &Check, record: &Record) -> Finding {
    let findings = host::audit(record, Role::ALL, &Overrides::new());
    findings.into_iter().find(|finding| finding.id == check.id).unwrap()
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_check_says_of_every_machine_what_it_should() {
    let mut wrong = Vec::new();
    for check in CHECKS {
        for Case { word, never, says, record } in cases(check) {
            if never.is_some() {
                continue;
            }
            let said = finding(check, &record);
            let meant = if word == "unreadable" { "unknown" } else { &word };
            if said.verdict.word() != meant || !said.to_string().contains(&says) {
                wrong.push(format!("{}, case {word} ({says}): {said}", check.id));
            }
        }
    }
    none(&wrong);
}

#[test]
fn every_check_has_its_cases() {
    let mut wrong = Vec::new();
    for check in CHECKS {
        let cases = cases(check);
        let mut needed = vec!["ok", "n/a", "unreadable"];
        needed.push(if check.most == Most::Advice { "advice" } else { "warn" });
        needed.extend((check.most == Most::Bad).then_some("bad"));
        for word in needed {
            if !cases.iter().any(|case| case.word == word) {
                wrong.push(format!("{}: no case `{word}`", check.id));
            }
        }
        for case in cases.iter().filter(|case| case.never.as_deref().is_some_and(str::is_empty)) {
            wrong.push(format!("{}: `{}` never, and no reason", check.id, case.word));
        }
    }
    for file in fs::read_dir(FOLDER).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if !CHECKS.iter().any(|check| format!("{}.txt", check.id) == name) {
            wrong.push(format!("{name}: no such check"));
        }
    }
    none(&wrong);
}

#[test]
fn no_check_says_worse_than_it_may() {
    for check in CHECKS {
        for case in cases(check).iter().filter(|case| case.never.is_none()) {
            let said = finding(check, &case.record).verdict.word();
            let may = match check.most {
                Most::Advice => !["warn", "bad"].contains(&said),
                Most::Warn => said != "bad",
                Most::Bad => true,
            };
            assert!(may, "{} says {said}", check.id);
        }
    }
}

#[test]
fn every_check_says_who_it_is_and_what_helps() {
    let mut seen = std::collections::BTreeSet::new();
    for check in CHECKS {
        assert!(seen.insert(check.id), "{} is there twice", check.id);
        assert!(check.cost.from_ms <= check.cost.to_ms, "{}", check.id);
        assert!(!check.roles.is_empty(), "{}", check.id);
        for text in [check.needs, check.why, check.source] {
            assert!(!text.is_empty(), "{} has an empty text", check.id);
        }
        for case in cases(check).iter().filter(|case| ["advice", "warn", "bad"].contains(&&*case.word)) {
            let said = finding(check, &case.record);
            let text = format!("{} {} {}", said.remedy, said.persistent, said.revert);
            assert!(case.never.is_some() || !said.remedy.is_empty(), "{} has no remedy", check.id);
            assert!(
                !text.contains("{on}") && !text.contains("{to}") && !text.contains("{pid}"),
                "{}: {text}",
                check.id
            );
        }
    }
}

#[test]
fn what_costs_signatures_is_never_offered() {
    for check in CHECKS {
        for case in cases(check) {
            let said = finding(check, &case.record);
            let text = format!("{} {}", said.remedy, said.persistent);
            for never in [
                "echo 'write through'",
                "nobarrier",
                "barrier=0",
                "eatmydata",
                "synchronous",
                "/etc/default/grub ",
                "isolcpus=",
                "mitigations=off",
            ] {
                assert!(!text.contains(never), "{} offers {never}", check.id);
            }
            if let Some(change) = &said.change {
                assert_eq!(change.allowed(), Ok(()), "{}", check.id);
                assert!(
                    check.apply != host::Apply::Reboot,
                    "{} is written, though it needs a reboot",
                    check.id
                );
            }
        }
    }
}

#[test]
fn thresholds_are_named_and_each_can_be_set() {
    let mut names = BTreeMap::new();
    for limit in limits::ALL {
        assert!(names.insert(limit.name, limit.value).is_none(), "{} is there twice", limit.name);
    }
    let text: Vec<String> =
        limits::ALL.iter().map(|limit| format!("{} {} {}", limit.name, limit.value, limit.unit)).collect();
    insta::assert_snapshot!("limits", text.join("\n"));

    let record = Record::parse(&format!("{HEAD}file /proc/sys/net/core/somaxconn\n 2000\n")).unwrap();
    let said = |limits: &Overrides| {
        let findings = host::audit(&record, Role::ALL, limits);
        findings.into_iter().find(|finding| finding.id == "net.somaxconn").unwrap().verdict.word()
    };
    assert_eq!(said(&Overrides::new()), "advice");
    assert_eq!(said(&Overrides::from([("net.somaxconn.warn".to_owned(), 3000.0)])), "warn");
    assert_eq!(said(&Overrides::from([("net.somaxconn.advice".to_owned(), 2000.0)])), "ok");
}

#[test]
fn limits_grow_with_the_machine() {
    let case = "file /proc/net/softnet_stat\n 1 0 0\nlater file /proc/net/softnet_stat\n 1 ff 0\n";
    let backlog = |speed: u32| {
        let text = format!("{HEAD}{BASE}{INTERFACE}{case}file /sys/class/net/eth0/speed\n {speed}\n");
        let findings = host::audit(&Record::parse(&text).unwrap(), Role::ALL, &Overrides::new());
        findings.into_iter().find(|finding| finding.id == "net.softnet_drops").unwrap().remedy
    };
    assert!(backlog(1000).contains("'1000'"));
    assert!(backlog(10_000).contains("'10000'"));
    assert!(backlog(100_000).contains("'16384'"));
}

/// A machine with a beacon, an execution client and a validator client, each with its own number of files, the last two in a
/// namespace of their own.
const SEVERAL: &str = "list /proc\n 9\n 42\n 77\nfile /proc/9/comm\n lighthouse\nprogram /proc/9/cmdline\n lighthouse validator\n\
    file /proc/42/comm\n lighthouse\nprogram /proc/42/cmdline\n lighthouse\nfile /proc/77/comm\n geth\n\
    program /proc/77/cmdline\n geth\nfile /proc/9/limits\n Max open files 20000 x\nfile /proc/42/limits\n Max open files 1000 x\n\
    file /proc/77/limits\n Max open files 1000 x\nlist /proc/77/fd\n 1\n\
    link /proc/self/ns/net\n net:[1]\nlink /proc/42/ns/net\n net:[1]\nlink /proc/77/ns/net\n net:[2]\n\
    file /proc/sys/net/core/somaxconn\n 4096\nnetns 77/proc/sys/net/core/somaxconn\n 128\n\
    link /proc/9/ns/net\n net:[1]\nfile /proc/9/oom_score_adj\n -900\nfile /proc/42/oom_score_adj\n -900\nfile /proc/77/oom_score_adj\n -900\n";

#[test]
fn every_process_of_a_node_is_judged_and_named() {
    let record = Record::parse(&format!("{HEAD}{SEVERAL}")).unwrap();
    let said = |id: &str, roles: &[Role]| -> Vec<String> {
        let findings = host::audit(&record, roles, &Overrides::new());
        findings.iter().filter(|finding| finding.id == id).map(ToString::to_string).collect()
    };
    let files = said("proc.nofile", Role::ALL);
    assert_eq!(files.len(), 3, "{files:?}");
    let of = |process: &str| files.iter().find(|said| said.contains(process)).unwrap();
    assert!(of("lighthouse (process 42)").starts_with("proc.nofile warn: lighthouse (process 42): 1000;"));
    assert!(of("geth (process 77)").contains("1000; 1 used"), "{files:?}");
    assert!(of("lighthouse (process 9)").starts_with("proc.nofile ok"), "{files:?}");
    assert_eq!(said("proc.nofile", &[Role::Execution]).len(), 1);

    let alike = said("proc.oom_score", Role::ALL);
    let [one] = alike.as_slice() else { panic!("{alike:?}") };
    assert!(one.contains("lighthouse (process 42), geth (process 77), lighthouse (process 9)"), "{one}");

    let namespaces = said("net.somaxconn", Role::ALL);
    assert_eq!(namespaces.len(), 2, "{namespaces:?}");
    assert!(namespaces[0].starts_with("net.somaxconn warn: geth (process 77): 128"), "{namespaces:?}");
    assert_eq!(
        said("net.somaxconn", &[Role::Beacon]),
        ["net.somaxconn ok: 4096 (expected at least 4096 connections)"]
    );
    assert_eq!(host::roles_of(&record), Role::ALL);

    let findings = host::audit(&record, Role::ALL, &Overrides::new());
    let remedies: Vec<&str> =
        findings.iter().filter(|of| of.id == "proc.nofile").map(|of| of.remedy.as_str()).collect();
    assert!(remedies.contains(&"prlimit --pid 77 --nofile=1048576"), "{remedies:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_of_a_kernel_makes_a_check_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0..200_usize) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for check in CHECKS {
            for Case { mut record, .. } in cases(check).into_iter().filter(|case| case.word == "ok") {
                for (_, reading) in record.first.iter_mut().chain(&mut record.later).filter(|(ask, _)| judged(ask)) {
                    let real: String = reading.clone().unwrap_or_default().chars().take(cut).collect();
                    *reading = Ok(real + &text);
                }
                let _ = (check.judge)(&Facts::new(&record.before(), &record.now(), &Overrides::new()));
            }
        }
    }
}

/// Whether the reading is what a check judges, not how it finds it.
fn judged(ask: &Ask) -> bool {
    ask.kind == Kind::File && !["/proc/uptime", "/proc/net/route", "/proc/42/comm"].contains(&&*ask.path)
}
