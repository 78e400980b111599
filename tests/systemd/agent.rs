//! An agent as it is printed, under a real systemd: unprivileged, and allowed by a real polkit to restart what its file names.

use std::time::{Duration, Instant};

use beacondeck::host::agent::words::{Order, OrderState};
use beacondeck::host::agent::{Client, Identity, identity};
use beacondeck::model::{AgentAddress, Verb};

use crate::door;
use crate::machine::{Machine, PATIENCE};

/// What an operator does after the README, and two units: one the agent's file names when the rule is printed, one after.
const SETUP: &str = r#"set -e
mkdir -p /etc/beacondeck-agent /etc/systemd/system/beacondeck-agent.service.d
cd /run && beacondeck print unit agent >all
awk '/^(#|\/\/) \/etc\//{n++} {print >("part" n)}' all
for part in part?; do
  path=$(head -n 1 $part | sed 's|^[#/]* ||; s|^|/|; s|^//|/|')
  mkdir -p "$(dirname "$path")"
  cp $part "$path"
done
printf '[Unit]\nDefaultDependencies=no\n[Service]\nStandardError=append:/run/beacondeck.log\n' \
  >/etc/systemd/system/beacondeck-agent.service.d/test.conf
for unit in node others; do
  printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/sh -c "echo once >>/run/%s"\n' $unit \
    >/etc/systemd/system/$unit.service
done
systemd-sysusers
systemd-tmpfiles --create beacondeck-agent.conf
echo '  others: {systemd: others.service}' >>/etc/beacondeck-agent/agent.yaml
systemctl daemon-reload
/usr/lib/polkit-1/polkitd --no-debug >/run/polkit.log 2>&1 &
until busctl status org.freedesktop.PolicyKit1 >/dev/null 2>&1; do sleep 0.1; done
systemctl start beacondeck-agent.service"#;

async fn restarted(client: &mut Client, name: &str) -> OrderState {
    let order = Order { id: name.to_owned(), verb: Verb::Restart, name: name.to_owned(), who: "test".into() };
    let mut state = client.order(order).await.unwrap();
    let began = Instant::now();
    while state == OrderState::Running {
        assert!(began.elapsed() < PATIENCE, "{name}");
        tokio::time::sleep(Duration::from_millis(100)).await;
        state = client.outcome(name).await.unwrap();
    }
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_agent_has_no_privilege_and_restarts_only_what_the_printed_rule_names() {
    let network = door::network().await;
    let Some(machine) = Machine::start(&door::fleet(&door::address(11).to_string(), &network), "") else {
        return;
    };
    let at = door::address(12);
    machine.ask("mkdir", &["-p", "/etc/beacondeck-agent"]);
    let file = format!("listen: {at}\nrestart:\n  node: {{systemd: node.service}}\n");
    machine.write("/etc/beacondeck-agent/agent.yaml", &file);
    machine.ask("bash", &["-c", SETUP]);

    let dir = tempfile::tempdir().unwrap();
    let router = Identity::open(dir.path(), identity::ROUTER).unwrap();
    // As root, who is not the agent's user.
    let line = machine.ask("beacondeck", &["agent", "pair", &router.key().to_string()]);
    let agent: AgentAddress = line.trim().parse().unwrap();
    assert_eq!(agent.at, at);
    let mut client =
        Client::connect(&router, agent).await.unwrap_or_else(|error| panic!("{error}: {}", machine.logs()));
    assert_eq!(
        restarted(&mut client, "node").await,
        OrderState::Done { output: "node.service is restarted".into() }
    );
    assert_eq!(machine.read("/run/node"), "once\n");
    let refused = restarted(&mut client, "others").await;
    let OrderState::Failed { why, .. } = &refused else { panic!("{refused:?}") };
    assert!(why.contains("it may not restart others.service"), "{why}");
    assert_eq!(machine.read("/run/others"), "");

    let began = Instant::now();
    let report = loop {
        if let Some(report) = client.report(None).await.unwrap() {
            break report;
        }
        assert!(began.elapsed() < PATIENCE, "{}", machine.logs());
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    let classes: Vec<&str> = report.classes.iter().map(|(class, _)| class.as_str()).collect();
    for class in ["cpu", "memory", "network", "storage", "time"] {
        assert!(classes.contains(&class), "its unit lets it see: {classes:?}");
    }
    let main = machine.ask("systemctl", &["show", "beacondeck-agent.service", "--value", "-p", "MainPID"]);
    let process = machine.ask("cat", &[&format!("/proc/{}/status", main.trim())]);
    let of = |key: &str| process.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().to_owned();
    for set in ["CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(of(set), "0000000000000000", "{set}");
    }
    assert_ne!(of("Uid:").split_whitespace().next(), Some("0"));
    network.stop().await;
}
