//! An agent as it is printed, under a real systemd: unprivileged, and allowed by a real polkit to restart what its file names.

use std::time::{Duration, Instant};

use beacondeck::host::agent::words::{Order, OrderState, RemedyOrder, What};
use beacondeck::host::agent::{Client, Identity, identity};
use beacondeck::model::{AgentAddress, RemedyDraft, RemedyVerb, Verb};

use crate::machine::{Machine, PATIENCE, is_skipped};
use crate::{door, namespace};

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

/// An agent under its printed unit with this file and a unit it may restart, and the router let in.
fn installed(machine: &Machine, router: &Identity, file: &str) -> AgentAddress {
    machine.ask("mkdir", &["-p", "/etc/beacondeck-agent"]);
    let file = format!("{file}restart:\n  node: {{systemd: node.service}}\n");
    machine.write("/etc/beacondeck-agent/agent.yaml", &file);
    machine.ask("bash", &["-c", SETUP]);
    // As root, who is not the agent's user.
    let line = machine.ask("beacondeck", &["agent", "pair", &router.key().to_string()]);
    line.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_agent_has_no_privilege_and_restarts_only_what_the_printed_rule_names() {
    let network = door::network().await;
    let Some(machine) = Machine::start(&door::fleet(&door::address(11).to_string(), &network), "") else {
        return;
    };
    let at = door::address(12);
    let dir = tempfile::tempdir().unwrap();
    let router = Identity::open(dir.path(), identity::ROUTER).unwrap();
    let agent = installed(&machine, &router, &format!("listen: {at}\n"));
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
    for set in ["CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(status(&machine, set), "0000000000000000", "{set}");
    }
    assert_ne!(status(&machine, "Uid:").split_whitespace().next(), Some("0"));
    network.stop().await;
}

/// A file of its main process below `/proc`.
fn process(machine: &Machine, file: &str) -> String {
    let main = machine.ask("systemctl", &["show", "beacondeck-agent.service", "--value", "-p", "MainPID"]);
    machine.ask("cat", &[&format!("/proc/{}/{file}", main.trim())])
}

/// What the kernel says of its main process.
fn status(machine: &Machine, key: &str) -> String {
    let text = process(machine, "status");
    text.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().to_owned()
}

/// How a directory is mounted for its main process.
fn mounted(machine: &Machine, on: &str) -> String {
    let text = process(machine, "mountinfo");
    let mounts = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    // The last one lies over the others.
    mounts.rev().find(|words| words[4] == on).map(|words| words[5].to_owned()).unwrap_or_default()
}

const SOMAXCONN: &str = "/proc/sys/net/core/somaxconn";
const OWN: &str = "/etc/sysctl.d/90-beacondeck-net.core.somaxconn.conf";
const CHECK: &str = "net.somaxconn";

/// The lines which the printed unit says a drop-in has to have, as it prints them.
fn drop_in(machine: &Machine) -> String {
    let text = machine.read("/etc/systemd/system/beacondeck-agent.service");
    let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
    assert!(lines.len() > 3 && lines.iter().all(|line| line.contains('=')), "{lines:?}");
    format!("[Service]\n{}\n", lines.join("\n"))
}

/// What it would write or take back, once it has looked at its machine.
async fn draft(client: &mut Client, verb: RemedyVerb) -> RemedyDraft {
    let began = Instant::now();
    loop {
        let draft = client.draft(verb, CHECK).await.unwrap();
        if draft.refusal.as_ref().is_none_or(|why| !why.contains("was not looked at yet")) {
            return draft;
        }
        assert!(began.elapsed() < PATIENCE, "{draft:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn done(client: &mut Client, verb: RemedyVerb) -> String {
    let draft = draft(client, verb).await;
    assert_eq!(draft.refusal, None, "{:?}", draft.commands);
    let (id, check, who) = (verb.word().to_owned(), CHECK.to_owned(), "alice".to_owned());
    let order = RemedyOrder { id: id.clone(), verb, check, seal: draft.seal, who };
    let mut state = client.order(What::Remedy(order)).await.unwrap();
    let began = Instant::now();
    while state == OrderState::Running {
        assert!(began.elapsed() < PATIENCE, "{verb}");
        tokio::time::sleep(Duration::from_millis(100)).await;
        state = client.outcome(&id).await.unwrap();
    }
    let OrderState::Done { output } = state else { panic!("{state:?}") };
    output
}

/// Not a test of its own: where the network's settings are this process's own, and one of them is too low.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of the_printed_agent_writes_a_setting_with_the_printed_drop_in_only"]
async fn child_that_writes() {
    if std::env::var_os("BEACONDECK_TEST_NAMESPACE").is_none() {
        return;
    }
    let network = door::network().await;
    let fleet = door::fleet(&door::address(13).to_string(), &network);
    let machine = Machine::start(&fleet, "").unwrap();
    let at = door::address(14);
    machine.ask("mkdir", &["-p", "/etc/sysctl.d"]);
    let dir = tempfile::tempdir().unwrap();
    let router = Identity::open(dir.path(), identity::ROUTER).unwrap();
    let file = format!("listen: {at}\nroles: [beacon]\nremedies: [{CHECK}]\n");
    let agent = installed(&machine, &router, &file);

    let mut client = Client::connect(&router, agent).await.unwrap();
    let why = draft(&mut client, RemedyVerb::Fix).await.refusal.unwrap();
    assert!(why.contains(&format!("may not write there ({SOMAXCONN}: ")), "{why}");
    assert!(mounted(&machine, "/proc/sys").starts_with("ro"), "{}", process(&machine, "mountinfo"));
    assert!(mounted(&machine, "/").starts_with("ro"), "{}", process(&machine, "mountinfo"));

    machine.write("/etc/systemd/system/beacondeck-agent.service.d/remedies.conf", &drop_in(&machine));
    machine.ask("systemctl", &["daemon-reload"]);
    machine.ask("systemctl", &["restart", "beacondeck-agent.service"]);
    let mut client =
        Client::connect(&router, agent).await.unwrap_or_else(|error| panic!("{error}: {}", machine.logs()));
    assert_eq!(status(&machine, "CapEff:"), "0000000000001000", "CAP_NET_ADMIN alone");
    assert!(mounted(&machine, "/").starts_with("ro"), "all else stays as it was");
    let said = done(&mut client, RemedyVerb::Fix).await;
    assert!(said.contains("now net.somaxconn ok: 4096"), "{said}");
    assert_eq!(std::fs::read_to_string(SOMAXCONN).unwrap(), "4096\n");
    assert!(machine.read(OWN).ends_with("net.core.somaxconn = 4096\n"), "{}", machine.read(OWN));
    let said = done(&mut client, RemedyVerb::Revert).await;
    assert!(said.contains("`128` again"), "{said}");
    assert_eq!(std::fs::read_to_string(SOMAXCONN).unwrap(), "128\n");
    assert_eq!(machine.read(OWN), "");
    network.stop().await;
}

#[test]
fn the_printed_agent_writes_a_setting_with_the_printed_drop_in_only() {
    if is_skipped() || !namespace::is_root_with(&["/sbin/ip"]) {
        return;
    }
    let before = std::fs::read_to_string(SOMAXCONN).unwrap();
    let script = "ip link set lo up && echo 128 >/proc/sys/net/core/somaxconn && \
        exec \"$0\" --ignored --exact agent::child_that_writes --nocapture";
    namespace::passes(script, &[("BEACONDECK_TEST_NAMESPACE", "1".as_ref())]);
    assert_eq!(std::fs::read_to_string(SOMAXCONN).unwrap(), before, "this machine's own is not touched");
}
