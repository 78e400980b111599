//! Beacons that are units: restarted over a real D-Bus by a real systemd, allowed by a real polkit with the printed rule.

use std::fmt::Write as _;

use crate::door;
use crate::machine::Machine;

/// The units: one that does well, one that fails, one that does not come to an end, one of which the rule does not speak.
const UNITS: [(&str, &str); 4] = [
    ("good", "/bin/sh -c 'echo started >>/run/good'"),
    ("bad", "/bin/false"),
    ("slow", "/bin/sleep 600"),
    ("others", "/bin/true"),
];
/// The program that decides who may restart what.
const POLKIT: &str = "/usr/lib/polkit-1/polkitd --no-debug >/run/polkit.log 2>&1 &";
const RULE: &str = "/etc/polkit-1/rules.d/50-beacondeck.rules";
const FLEET: &str = "/etc/beacondeck/fleet.yaml";

/// `b0` does well or may not, `b1` fails or does not end.
fn fleet(listen: &str, urls: &[String]) -> String {
    let mut text = format!("fleet: test\nlisten: {listen}\nbeacons:\n");
    for (place, (url, (restart, upgrade))) in
        urls.iter().zip([("good", "others"), ("bad", "slow")]).enumerate()
    {
        writeln!(
            text,
            "  - {{name: b{place}, url: \"{url}\", restart: {{systemd: {restart}.service, fit-within: 1m}}, \
             upgrade: {{systemd: {upgrade}.service}}}}"
        )
        .unwrap();
    }
    text
}

/// Gives an order that is waited for: whether it was carried out, and what was said.
fn order(machine: &Machine, args: &[&str]) -> (bool, String) {
    let output = machine.run("beacondeck", &[args, &["--fleet", FLEET]].concat());
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), said)
}

/// So that none is the last one, for which it takes more than an order.
fn both_are_up(machine: &Machine) {
    machine.until("beacons are up", |machine| machine.show("StatusText").starts_with("2 beacons up"));
}

fn lifecycle(machine: &Machine, beacon: usize) -> String {
    let text = machine.ask("beacondeck", &["status", "--json", "--fleet", FLEET]);
    let status: serde_json::Value = serde_json::from_str(&text).unwrap();
    status["beacons"][beacon]["lifecycle"]["state"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacons_unit_is_restarted_and_what_stands_in_the_way_is_told() {
    let network = door::network().await;
    let at = door::address(8);
    let Some(machine) = Machine::start(&fleet(&at.to_string(), &network.urls()), "") else { return };
    for (name, command) in UNITS {
        let unit = format!(
            "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=infinity\n\
             ExecStart={command}\n"
        );
        machine.write(&format!("/etc/systemd/system/{name}.service"), &unit);
    }
    machine.ask("systemctl", &["daemon-reload"]);
    let rule = machine.ask("beacondeck", &["print", "unit", "polkit", "--fleet", FLEET]);
    assert!(rule.contains("\"others.service\""), "{rule}");
    machine.write(RULE, &rule.replace(", \"others.service\"", ""));
    machine.ask("sh", &["-c", POLKIT]);
    machine.until("polkit is there", |machine| {
        machine.run("busctl", &["status", "org.freedesktop.PolicyKit1"]).status.success()
    });
    machine.start_unit();
    both_are_up(&machine);

    let (done, said) = order(&machine, &["restart", "b0", "--wait"]);
    assert!(
        done && said.contains("restart of b0 done in"),
        "{said}\n{}\n{}",
        machine.read("/run/polkit.log"),
        machine.logs()
    );
    assert_eq!(machine.read("/run/good"), "started\n");
    assert_eq!(lifecycle(&machine, 0), "active");

    both_are_up(&machine);
    let (done, said) = order(&machine, &["restart", "b1", "--wait"]);
    assert!(!done, "{said}");
    for words in ["restart of b1 failed: the job of bad.service ended as 'failed'", "it stays drained"] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(lifecycle(&machine, 1), "drained");

    // Its next job never ends; whoever ends the upgrade ends the job, too.
    let (done, said) = order(&machine, &["upgrade", "b1"]);
    assert!(done, "{said}");
    let jobs = |machine: &Machine| machine.ask("systemctl", &["list-jobs", "--no-legend"]);
    machine.until("the job runs", |machine| jobs(machine).contains("slow.service"));
    let (done, said) = order(&machine, &["abort", "b1"]);
    assert!(done, "{said}");
    machine.until("the job is cancelled", |machine| !jobs(machine).contains("slow.service"));
    assert_eq!(lifecycle(&machine, 1), "drained");
    let (done, said) = order(&machine, &["resume", "b1", "--wait"]);
    assert!(done, "{said}");
    both_are_up(&machine);

    let (done, said) = order(&machine, &["upgrade", "b0", "--wait"]);
    assert!(!done, "{said}");
    for words in [
        "it may not restart others.service; `beacondeck print unit polkit` (for an agent `print unit agent`) prints the polkit \
         rule that allows it",
        "it stays drained",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(lifecycle(&machine, 0), "drained");
    network.stop().await;
}
