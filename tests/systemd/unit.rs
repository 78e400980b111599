//! The unit as it is printed, under a real systemd.

use std::net::TcpListener;

use crate::door::{self, Crowd};
use crate::machine::Machine;

/// The most that `systemd-analyze security` may find exposed, of 10.
const EXPOSURE: f64 = 2.0;

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_unit_is_sound_and_runs_as_its_own_user_without_any_privilege() {
    let network = door::network().await;
    let at = door::address(1);
    let Some(machine) = Machine::start(&door::fleet(&at.to_string(), &network), "") else { return };
    let verified = machine.run("systemd-analyze", &["verify", "/etc/systemd/system/beacondeck.service"]);
    let complaints = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && complaints.is_empty(), "{complaints}");
    machine.start_unit();
    machine.until("two beacons are up", |machine| {
        let line = machine.show("StatusText");
        line.starts_with("2 beacons up of 2, slot ") && line.ends_with(", 0 alerts")
    });
    assert_eq!(door::ask(at).unwrap(), 200);
    let shown = machine.ask("systemctl", &["status", "beacondeck.service"]);
    assert!(shown.contains("Status: \"2 beacons up of 2, slot "), "{shown}");

    let process = machine.ask("cat", &[&format!("/proc/{}/status", machine.show("MainPID"))]);
    let of = |key: &str| {
        let found = process.lines().find_map(|line| line.strip_prefix(key));
        found.unwrap_or_else(|| panic!("{key} is not in {process}")).split_whitespace().collect::<Vec<_>>()
    };
    let id = machine.ask("id", &["-u", "beacondeck"]);
    assert_eq!(of("Uid:"), [id.trim(); 4]);
    assert_ne!(id.trim(), "0");
    for set in ["CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(of(set), ["0000000000000000"], "{set}");
    }
    assert_eq!((of("NoNewPrivs:"), of("Seccomp:")), (vec!["1"], vec!["2"]));
    for (path, mode) in [
        ("/run/beacondeck", "750 beacondeck beacondeck"),
        ("/run/beacondeck/control.sock", "660 beacondeck beacondeck"),
        ("/var/lib/beacondeck", "700 beacondeck beacondeck"),
        ("/etc/beacondeck", "750 root beacondeck"),
        ("/etc/beacondeck/fleet.yaml", "640 root beacondeck"),
    ] {
        assert_eq!(machine.ask("stat", &["-c", "%a %U %G", path]).trim(), mode, "{path}");
    }
    let analysis = machine.ask("systemd-analyze", &["security", "--no-pager", "beacondeck.service"]);
    let score = analysis.lines().rev().find_map(|line| line.split_once("Overall exposure level for"));
    let score = score.and_then(|(_, rest)| rest.split_once(": ")).expect(&analysis).1;
    println!("exposure of the printed unit: {score}");
    let number: f64 = score.split(' ').next().unwrap().parse().unwrap();
    assert!(number < EXPOSURE, "{analysis}");
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unit_is_active_only_once_its_doors_are_open() {
    let network = door::network().await;
    let at = door::address(2);
    let Some(machine) = Machine::start(&door::fleet(&at.to_string(), &network), "") else { return };
    let held = TcpListener::bind(at).unwrap();
    machine.ask("systemctl", &["start", "--no-block", "beacondeck.service"]);
    machine.until("it was started again", |machine| {
        assert_ne!(machine.show("ActiveState"), "active", "its door is held by another");
        machine.show("NRestarts").parse::<u32>().unwrap() >= 2
    });
    drop(held);
    machine.until("it is active", |machine| machine.show("ActiveState") == "active");
    assert!(door::ask(at).is_ok(), "{}", machine.logs());
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_leaves_who_moves_and_ends_who_stands_still() {
    let network = door::network().await;
    let at = door::address(3);
    let fleet = door::fleet(&at.to_string(), &network);
    let Some(machine) = Machine::start(&fleet, "WatchdogSec=3s") else { return };
    machine.start_unit();
    let pid = machine.show("MainPID");
    let mut last = String::new();
    for _ in 0..4 {
        machine.until("the watchdog is fed", |machine| machine.show("WatchdogTimestampMonotonic") != last);
        last = machine.show("WatchdogTimestampMonotonic");
    }
    assert_eq!((machine.show("MainPID"), machine.show("NRestarts")), (pid.clone(), "0".to_owned()));
    machine.ask("kill", &["-STOP", &pid]);
    machine.until("it was started again", |machine| {
        machine.show("NRestarts") == "1" && machine.show("ActiveState") == "active"
    });
    assert_ne!(machine.show("MainPID"), pid);
    assert_eq!(machine.read("/run/results"), "watchdog\n", "{}", machine.logs());
    assert!(door::ask(at).is_ok(), "{}", machine.logs());
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_refuses_no_connection_and_leaves_no_request_unanswered() {
    let network = door::network().await;
    let (at, other) = (door::address(4), door::address(5));
    let fleet = door::fleet(&format!("[\"{at}\", \"{other}\"]"), &network);
    let Some(machine) = Machine::start(&fleet, "") else { return };
    machine.start_unit();
    machine.until("beacons are up", |machine| machine.show("StatusText").starts_with("2 beacons up"));
    assert_eq!(machine.show("NFileDescriptorStore"), "2");
    let crowd = Crowd::start(at, 4);
    for _ in 0..3 {
        let pid = machine.show("MainPID");
        machine.ask("systemctl", &["restart", "beacondeck.service"]);
        assert_ne!(machine.show("MainPID"), pid);
        machine.until("beacons are up", |machine| machine.show("StatusText").starts_with("2 beacons up"));
    }
    let (answered, failed) = crowd.end();
    println!("{answered} connections over three restarts, {} failed", failed.len());
    assert!(answered > 100, "{answered}");
    assert_eq!(failed, Vec::<String>::new(), "{}", machine.logs());
    assert_eq!(machine.show("NFileDescriptorStore"), "2", "each socket is kept once");

    machine.write("/etc/beacondeck/fleet.yaml", &door::fleet(&at.to_string(), &network));
    machine.ask("systemctl", &["restart", "beacondeck.service"]);
    machine.until("the socket that is not used any more is let go", |machine| {
        machine.show("NFileDescriptorStore") == "1"
    });
    assert!(door::ask(other).is_err(), "nobody listens where no door is");
    machine.until("the other door is open", |_| door::ask(at).is_ok_and(|status| status == 200));
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_a_good_file_and_says_in_the_status_why_it_refuses_a_broken_one() {
    let network = door::network().await;
    let (at, other) = (door::address(6), door::address(7));
    let two = door::fleet(&format!("[\"{at}\", \"{other}\"]"), &network);
    let second = two.lines().find(|line| line.contains("name: b1")).unwrap();
    let one = two.replace(second, "").replace(&format!(", \"{other}\""), "");
    let Some(machine) = Machine::start(&one, "") else { return };
    machine.start_unit();
    let says = |words: &'static [&'static str]| {
        machine.until(&words.join("…"), |machine| {
            let line = machine.show("StatusText");
            words.iter().all(|word| line.contains(word))
        });
    };
    says(&["1 beacon up of 1", ", 0 alerts"]);
    let pid = machine.show("MainPID");
    let crowd = Crowd::start(at, 2);
    let reload = |fleet: &str| {
        machine.write("/etc/beacondeck/fleet.yaml", fleet);
        machine.ask("systemctl", &["reload", "beacondeck.service"]);
    };

    reload(&two);
    says(&["2 beacons up of 2", ", 0 alerts"]);
    machine.until("the new door is open", |_| door::ask(other).is_ok_and(|status| status == 200));
    assert_eq!(machine.show("NFileDescriptorStore"), "2", "its socket is kept, too");

    reload("fleet: test\nlisten: nowhere\n");
    says(&["2 beacons up of 2", ", 1 alert: fleet file not reloaded: "]);
    machine.until("it is active", |machine| machine.show("ActiveState") == "active");
    assert_eq!(door::ask(other).unwrap(), 200);

    reload(&one);
    says(&["1 beacon up of 1", ", 0 alerts"]);
    machine.until("its socket is let go", |machine| machine.show("NFileDescriptorStore") == "1");
    machine.until("nobody listens at the closed door", |_| door::ask(other).is_err());
    let (answered, failed) = crowd.end();
    assert!(answered > 100, "{answered}");
    assert_eq!(failed, Vec::<String>::new(), "{}", machine.logs());
    assert_eq!((machine.show("MainPID"), machine.show("NRestarts")), (pid, "0".to_owned()));
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_refuses_no_connection_and_the_unit_follows_the_next_process() {
    let network = door::network().await;
    let (at, other) = (door::address(8), door::address(9));
    let one = door::fleet(&format!("\"{at}\""), &network);
    let two = door::fleet(&format!("[\"{at}\", \"{other}\"]"), &network);
    let Some(machine) = Machine::start(&two, "WatchdogSec=8s") else { return };
    machine.start_unit();
    let up =
        || machine.until("beacons are up", |machine| machine.show("StatusText").starts_with("2 beacons up"));
    up();
    let crowd = Crowd::start(at, 4);
    let mut pids = vec![machine.show("MainPID")];
    let signal = ["kill", "--signal=SIGUSR2", "--kill-who=main", "beacondeck.service"];
    // The next process may have other doors; their sockets are kept then, and no others.
    for (by_order, fleet, kept) in [(false, &two, "2"), (true, &one, "1"), (false, &two, "2")] {
        let before = pids.last().unwrap().clone();
        machine.write("/etc/beacondeck/fleet.yaml", fleet);
        if by_order {
            let said =
                machine.ask("beacondeck", &["hand-over", "--wait", "--fleet", "/etc/beacondeck/fleet.yaml"]);
            assert!(said.contains(" serves, beacondeck "), "{said}");
        } else {
            machine.ask("systemctl", &signal);
        }
        machine.until("systemd follows the next process", |machine| machine.show("MainPID") != before);
        machine.until("the one before has ended", |machine| {
            machine.read(&format!("/proc/{before}/stat")).is_empty()
        });
        assert_eq!(machine.show("ActiveState"), "active", "{}", machine.logs());
        machine.until("each socket is kept once", |machine| machine.show("NFileDescriptorStore") == kept);
        pids.push(machine.show("MainPID"));
        up();
    }
    assert_eq!((pids.len(), machine.show("NRestarts")), (4, "0".to_owned()), "{}", machine.logs());

    // The next process is reloaded, watched and restarted as the first one was.
    machine.write("/etc/beacondeck/fleet.yaml", &one);
    machine.ask("systemctl", &["reload", "beacondeck.service"]);
    machine.until("its socket is let go", |machine| machine.show("NFileDescriptorStore") == "1");
    let mut fed = machine.show("WatchdogTimestampMonotonic");
    for _ in 0..3 {
        machine.until("the watchdog is fed", |machine| machine.show("WatchdogTimestampMonotonic") != fed);
        fed = machine.show("WatchdogTimestampMonotonic");
    }
    assert_eq!(machine.show("NRestarts"), "0", "{}", machine.logs());
    machine.ask("systemctl", &["restart", "beacondeck.service"]);
    // systemd waits only for children of its own; what it started by itself is not the one that is stopped here.
    let log = machine.read("/run/beacondeck.log");
    assert_eq!(log.matches("beacondeck::cli::serve: stopped").count(), 1, "{log}");
    assert_eq!(machine.read("/run/results"), "success\n", "{log}");
    up();
    let (answered, failed) = crowd.end();
    println!("{answered} connections over three hand-overs and a restart, {} failed", failed.len());
    assert!(answered > 100, "{answered}");
    assert_eq!(failed, Vec::<String>::new(), "{}", machine.logs());

    // One that cannot be handed over goes on, and says why.
    let pid = machine.show("MainPID");
    machine.write("/etc/beacondeck/fleet.yaml", "fleet: [broken\n");
    machine.ask("systemctl", &signal);
    machine.until("it says why", |machine| {
        machine.show("StatusText").contains("1 alert: serve was not handed over: the next process ended")
    });
    assert_eq!(machine.show("MainPID"), pid);
    assert_eq!(door::ask(at).unwrap(), 200);
    machine.ask("kill", &["-STOP", &pid]);
    machine.until("the watchdog ends it", |machine| machine.read("/run/results").contains("watchdog"));
    network.stop().await;
}
