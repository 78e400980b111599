//! Remedies on other hosts: a real serve orders them, a real agent writes them to a real kernel, in namespaces of their own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use beacondeck::control::{Answer, Order, Request};
use beacondeck::host::agent::words::{OrderState, RemedyOrder, What};
use beacondeck::host::agent::{Client, Identity, identity};
use beacondeck::host::apply::{Hands, Plan, Workshop};
use beacondeck::host::{Live, Overrides, Role, audit, collect};
use beacondeck::model::{HostRemedy, RemedyAsked, RemedyPlan, RemedyState, RemedyVerb, UnixMs};

use crate::common::{KNOBS, Rig, short_epochs, wait_for};
use crate::process::{Agent, beacondeck};
use crate::{host, hosts, namespace, pair, told};

const PATIENCE: Duration = Duration::from_secs(120);
const SOMAXCONN: &str = "/proc/sys/net/core/somaxconn";
const DROP_IN: &str = "/etc/sysctl.d/90-beacondeck-net.core.somaxconn.conf";
const NOBODY: [&str; 5] = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
const ALLOWS: &str =
    "roles: [beacon]\nremedies: [net.somaxconn, net.nic_queues]\nlimits: {net.nic_queues.cores: 1}\n";

fn asked(verb: RemedyVerb, host: &str, check: &str) -> RemedyAsked {
    RemedyAsked { verb, host: host.into(), check: check.into() }
}

async fn plan(rig: &Rig, asked: &RemedyAsked) -> RemedyPlan {
    match rig.ask(Request::Remedy(asked.clone())).await {
        Answer::Remedy(plan) => plan,
        other => panic!("{other:?}"),
    }
}

async fn order_sealed(rig: &Rig, asked: &RemedyAsked, seal: String) -> Answer {
    rig.ask(Request::order(Order::Remedy { asked: asked.clone(), seal })).await
}

/// Orders what is shown.
async fn order(rig: &Rig, asked: &RemedyAsked) -> Answer {
    let seal = plan(rig, asked).await.seal;
    order_sealed(rig, asked, seal).await
}

fn done(answer: &Answer) -> &str {
    match answer {
        Answer::Done { message } => message,
        other => panic!("{other:?}"),
    }
}

fn refused(answer: &Answer) -> &str {
    match answer {
        Answer::Refused { message } => message,
        other => panic!("{other:?}"),
    }
}

async fn until(rig: &Rig, agent: &Agent, what: &str, is: impl Fn(&HostRemedy) -> bool) {
    let newest = || host(rig, "h0").and_then(|host| host.remedies.first().cloned());
    let came = wait_for(PATIENCE, || newest().is_some_and(|of| is(&of))).await;
    assert!(came, "{what}: {:?}\n{}", newest(), agent.said());
}

fn waits(of: &HostRemedy) -> bool {
    matches!(of.state, RemedyState::Until(_))
}

fn reverted(of: &HostRemedy, by: &str) -> bool {
    matches!(&of.state, RemedyState::Reverted(_, why) if why.contains(by))
}

fn queues() -> usize {
    let names = fs::read_dir("/sys/class/net/v0/queues").unwrap();
    names.filter(|name| name.as_ref().unwrap().file_name().to_string_lossy().starts_with("rx-")).count()
}

fn somaxconn() -> String {
    fs::read_to_string(SOMAXCONN).unwrap().trim().to_owned()
}

fn journal(agent: &Agent) -> String {
    fs::read_to_string(agent.dir().join("remedies.jsonl")).unwrap_or_default()
}

/// One that may do nothing, as the printed unit runs it.
fn unprivileged(more: &str) -> Agent {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(dir.path(), Some(65534), Some(65534)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(NOBODY);
    command.arg(beacondeck().get_program()).env_remove("BEACONDECK_FLEET");
    Agent::by(command, dir, more)
}

/// Begins to write and is cut off before anything is: the journal alone knows.
fn begin_and_be_cut_off(state: &Path) {
    let record = collect(&Live::new("/"), || ());
    let findings = audit(&record, &[Role::Beacon], &Overrides::new());
    let finding = findings.iter().find(|finding| finding.id == "net.somaxconn").unwrap();
    let mut workshop = Workshop::open(Path::new("/"), state).unwrap();
    let plan = Plan::of(finding, workshop.hands(), true).unwrap();
    workshop.begin(&plan, "bob", UnixMs(1)).unwrap();
    Hands::new("/").write(None, SOMAXCONN, "4096").unwrap();
}

/// Not a test of its own: where network and `/etc/sysctl.d` are this process's own, with a veth of four queues of which one is in use.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of remedies_are_written_by_the_agents_of_other_hosts"]
async fn child_with_agents() {
    if std::env::var_os("BEACONDECK_TEST_NAMESPACE").is_none() {
        return;
    }
    Hands::new("/").write(None, "/@ethtool/v0/rx-channels", "1").unwrap();
    fs::write(SOMAXCONN, "128").unwrap();
    let network = short_epochs().await;
    let (mut allows, reads) = (Agent::start(None, ALLOWS), Agent::start(None, "roles: [beacon]\n"));
    let powerless = unprivileged(ALLOWS);
    let beacons: Vec<String> = network
        .urls()
        .iter()
        .enumerate()
        .map(|(at, url)| {
            format!("  - {{name: b{at}, url: \"{url}\", local: false, labels: {{host: h{at}}}}}\n")
        })
        .collect();
    let agents = [("h0", &allows), ("h1", &reads), ("h2", &powerless)];
    let rig = Rig::with(&format!("beacons:\n{}{}{KNOBS}", beacons.concat(), hosts(&agents))).await;
    pair(&rig, &agents[..2]);
    pair(&rig, &agents[2..]);
    told(&rig, &agents).await;

    what_is_allowed_is_written_and_taken_back(&rig, &allows).await;
    what_is_not_is_told_and_not_done(&rig, &reads, &powerless).await;
    what_has_changed_is_not_written(&rig, &allows).await;
    what_stops_a_link_is_kept_or_taken_back(&rig, &allows).await;
    what_a_killed_agent_leaves_is_taken_back(&rig, &mut allows).await;
    rig.stop().await;
    network.stop().await;
}

async fn what_is_allowed_is_written_and_taken_back(rig: &Rig, agent: &Agent) {
    let fix = asked(RemedyVerb::Fix, "h0", "net.somaxconn");
    let finding = host(rig, "h0").unwrap().findings.into_iter().find(|of| of.check == fix.check).unwrap();
    assert!(finding.writes, "{finding:?}");
    let shown = plan(rig, &fix).await;
    assert_eq!(shown.refusal, None);
    let says = |words: &str| shown.facts.iter().any(|fact| fact.words.contains(words));
    assert!(says("/proc/sys/net/core/somaxconn = 4096  (now 128)") && says(DROP_IN), "{shown:?}");
    assert_eq!((somaxconn().as_str(), journal(agent).as_str()), ("128", ""), "a plan writes nothing");
    let looked = host(rig, "h0").unwrap().at.unwrap();
    let answer = order_sealed(rig, &fix, shown.seal).await;
    assert!(done(&answer).contains("now net.somaxconn ok: 4096"), "{answer:?}");
    assert!(somaxconn() == "4096" && Path::new(DROP_IN).exists());
    let gone = || host(rig, "h0").is_some_and(|host| host.findings.iter().all(|of| of.check != fix.check));
    assert!(wait_for(PATIENCE, gone).await, "it is judged anew");
    let looks_apart = host(rig, "h0").unwrap().at.unwrap().since(looked);
    assert!(looks_apart < 4_000, "before the next look, which takes five seconds: {looks_apart} ms");
    until(rig, agent, "it stands", |of| of.state == RemedyState::Stands).await;
    assert!(journal(agent).contains("net.somaxconn"), "the journal is the agent's own");
    let logs = |words: &str| agent.said().contains(words);
    let logged = || logs("what=fix of net.somaxconn") && logs("router=sha256:");
    assert!(wait_for(PATIENCE, logged).await, "{}", agent.said());
    let back = order(rig, &asked(RemedyVerb::Revert, "h0", "net.somaxconn")).await;
    assert!(done(&back).contains("`128` again"), "{back:?}");
    assert!(somaxconn() == "128" && !Path::new(DROP_IN).exists());
    until(rig, agent, "it is taken back", |of| reverted(of, "by order of")).await;
}

async fn what_is_not_is_told_and_not_done(rig: &Rig, reads: &Agent, powerless: &Agent) {
    let fix = asked(RemedyVerb::Fix, "h1", "net.somaxconn");
    let finding = host(rig, "h1").unwrap().findings.into_iter().find(|of| of.check == fix.check).unwrap();
    assert!(!finding.writes, "it is for a person there: {finding:?}");
    let shown = plan(rig, &fix).await;
    let why = shown.refusal.unwrap();
    assert!(
        why.contains("the file of the agent on h1 does not allow it (`remedies: [net.somaxconn]`"),
        "{why}"
    );
    let by_hand = "sudo beacondeck audit --fix net.somaxconn --state /var/lib/beacondeck-agent";
    assert_eq!(shown.commands.first().map(String::as_str), Some(by_hand));
    let answer = order(rig, &fix).await;
    assert!(refused(&answer).contains("does not allow it"), "{answer:?}");
    // Nor if the router asks all the same.
    let router = Identity::open(&rig.fleet.state, identity::ROUTER).unwrap();
    let mut client = Client::connect(&router, reads.address).await.unwrap();
    let no = client.draft(RemedyVerb::Fix, "net.somaxconn").await.unwrap_err().to_string();
    assert!(no.contains("this agent's file allows no remedies"), "{no}");
    assert!(client.order(remedy("1", RemedyVerb::Fix, "net.somaxconn", "")).await.is_err());
    let logged = || reads.said().contains("does not allow is refused");
    assert!(wait_for(PATIENCE, logged).await, "{}", reads.said());

    let fix = asked(RemedyVerb::Fix, "h2", "net.somaxconn");
    let shown = plan(rig, &fix).await;
    let why = shown.refusal.unwrap();
    assert!(
        why.contains("its agent runs as uid 65534 and may not write there (/proc/sys/net/core/somaxconn: "),
        "{why}"
    );
    assert!(why.contains("print unit agent"), "{why}");
    let state = powerless.dir().display();
    let by_hand = format!("sudo beacondeck audit --fix net.somaxconn --state {state}");
    assert!(shown.commands.first().is_some_and(|line| line.starts_with(&by_hand)), "{:?}", shown.commands);
    let answer = order(rig, &fix).await;
    assert!(refused(&answer).contains("may not write there"), "{answer:?}");
    assert_eq!((somaxconn().as_str(), journal(reads).as_str(), journal(powerless).as_str()), ("128", "", ""));
}

fn remedy(id: &str, verb: RemedyVerb, check: &str, seal: &str) -> What {
    let (id, check, seal, who) = (id.into(), check.into(), seal.into(), "alice".into());
    What::Remedy(RemedyOrder { id, verb, check, seal, who })
}

/// Gives an order and waits for its end.
async fn ended(client: &mut Client, order: What) -> OrderState {
    let id = order.id().to_owned();
    let mut state = client.order(order).await.unwrap();
    while state == OrderState::Running {
        tokio::time::sleep(Duration::from_millis(100)).await;
        state = client.outcome(&id).await.unwrap();
    }
    state
}

async fn what_has_changed_is_not_written(rig: &Rig, agent: &Agent) {
    let fix = asked(RemedyVerb::Fix, "h0", "net.somaxconn");
    // It was taken back just now, and is found anew at the next look.
    let found = || host(rig, "h0").is_some_and(|host| host.findings.iter().any(|of| of.check == fix.check));
    assert!(wait_for(PATIENCE, found).await, "{:?}", host(rig, "h0"));
    let shown = plan(rig, &fix).await;
    assert_eq!(shown.refusal, None);
    let before = journal(agent);
    fs::write(SOMAXCONN, "256").unwrap();
    let answer = order_sealed(rig, &fix, shown.seal.clone()).await;
    assert!(
        refused(&answer).contains("not as it was when this was shown: nothing was written"),
        "{answer:?}"
    );
    // The agent looks itself, whatever its router has looked at.
    let router = Identity::open(&rig.fleet.state, identity::ROUTER).unwrap();
    let mut client = Client::connect(&router, agent.address).await.unwrap();
    let state = ended(&mut client, remedy("stale", RemedyVerb::Fix, "net.somaxconn", &shown.seal)).await;
    assert!(
        matches!(&state, OrderState::Refused { why } if why.contains("nothing was written")),
        "{state:?}"
    );
    assert_eq!((somaxconn(), journal(agent)), ("256".to_owned(), before));
    fs::write(SOMAXCONN, "128").unwrap();
    // An order is carried out once: given again after what it wrote was taken back, it is the old one.
    let seal = client.draft(RemedyVerb::Fix, "net.somaxconn").await.unwrap().seal;
    let once = remedy("once", RemedyVerb::Fix, "net.somaxconn", &seal);
    assert!(matches!(ended(&mut client, once.clone()).await, OrderState::Done { .. }));
    let seal = client.draft(RemedyVerb::Revert, "net.somaxconn").await.unwrap().seal;
    let back = remedy("back", RemedyVerb::Revert, "net.somaxconn", &seal);
    assert!(matches!(ended(&mut client, back).await, OrderState::Done { .. }));
    assert!(
        matches!(ended(&mut client, once).await, OrderState::Done { .. }),
        "what became of it is told again"
    );
    assert_eq!(somaxconn(), "128");
}

async fn what_stops_a_link_is_kept_or_taken_back(rig: &Rig, agent: &Agent) {
    let queue = asked(RemedyVerb::Fix, "h0", "net.nic_queues");
    assert_eq!(queues(), 1);
    let shown = plan(rig, &queue).await;
    assert_eq!((shown.refusal.as_deref(), shown.typed.as_deref()), (None, Some("h0")), "{shown:?}");
    let answer = order_sealed(rig, &queue, shown.seal).await;
    assert!(done(&answer).contains("no duty is due"), "{answer:?}");
    until(rig, agent, "it waits to be kept", waits).await;
    assert!(queues() > 1);
    let busy = order(rig, &asked(RemedyVerb::Fix, "h1", "net.somaxconn")).await;
    assert!(refused(&busy).contains("net.nic_queues on h0"), "one host at a time: {busy:?}");
    let keep = asked(RemedyVerb::Keep, "h0", "net.nic_queues");
    assert_eq!(done(&order_sealed(rig, &keep, String::new()).await), "net.nic_queues stays");
    until(rig, agent, "it stands", |of| of.state == RemedyState::Stands).await;
    let revert = asked(RemedyVerb::Revert, "h0", "net.nic_queues");
    let began = Instant::now();
    while !matches!(order(rig, &revert).await, Answer::Done { .. }) {
        assert!(began.elapsed() < PATIENCE, "the turn of what was kept ends");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    until(rig, agent, "it is taken back", |of| reverted(of, "by order of")).await;
    assert_eq!(queues(), 1);
    let late = order_sealed(rig, &keep, String::new()).await;
    assert_eq!(refused(&late), "no remedy of net.nic_queues waits to be kept", "as the agent says it");
}

async fn what_a_killed_agent_leaves_is_taken_back(rig: &Rig, agent: &mut Agent) {
    let queue = asked(RemedyVerb::Fix, "h0", "net.nic_queues");
    let began = Instant::now();
    while !matches!(order(rig, &queue).await, Answer::Done { .. }) {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    until(rig, agent, "it waits to be kept", waits).await;
    agent.killed_and_started_again();
    assert_eq!(queues(), 1, "before it answers anybody: {}", agent.said());
    until(rig, agent, "it was cut off", |of| reverted(of, "was cut off")).await;
    // Between journal and write, or in the middle of it.
    let state = agent.dir().to_owned();
    // Some of what is collected has a runtime of its own.
    tokio::task::spawn_blocking(move || begin_and_be_cut_off(&state)).await.unwrap();
    assert_eq!(somaxconn(), "4096");
    agent.killed_and_started_again();
    assert_eq!(somaxconn(), "128");
    let logged = || agent.said().contains("a remedy that was cut off is taken back");
    assert!(wait_for(PATIENCE, logged).await, "{}", agent.said());
}

/// Not a test of its own: the router orders and is gone.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of what_a_router_that_is_gone_has_ordered_is_taken_back_after_a_minute"]
async fn child_that_is_left_alone() {
    if std::env::var_os("BEACONDECK_TEST_NAMESPACE").is_none() {
        return;
    }
    Hands::new("/").write(None, "/@ethtool/v0/rx-channels", "1").unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (agent, dir) = (Agent::start(None, ALLOWS), tempfile::tempdir().unwrap());
    let router = Identity::open(dir.path(), identity::ROUTER).unwrap();
    agent.pair(&router.key().to_string());
    let mut client = Client::connect(&router, agent.address).await.unwrap();
    let began = Instant::now();
    let seal = loop {
        let draft = client.draft(RemedyVerb::Fix, "net.nic_queues").await.unwrap();
        if draft.refusal.is_none() {
            break draft.seal;
        }
        assert!(began.elapsed() < PATIENCE, "{draft:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    client.order(remedy("1", RemedyVerb::Fix, "net.nic_queues", &seal)).await.unwrap();
    assert!(wait_for(PATIENCE, || queues() > 1).await, "{}", agent.said());
    drop(client);
    let written = Instant::now();
    assert!(wait_for(PATIENCE, || queues() == 1).await, "{}", agent.said());
    assert!(written.elapsed() > Duration::from_secs(50), "{:?}", written.elapsed());
    let told = || journal(&agent).contains("nobody kept it within 60 s");
    assert!(wait_for(PATIENCE, told).await, "{}", journal(&agent));
}

/// Runs an ignored test where network and `/etc/sysctl.d` are its own.
fn passes(child: &str) {
    let script = format!(
        "mkdir -p /etc/sysctl.d && mount -t tmpfs none /etc/sysctl.d && mount -t sysfs none /sys && \
        ip link set lo up && ip link add v0 numrxqueues 4 numtxqueues 4 type veth peer name v1 && \
        ip link set v0 up && ip link set v1 up && ip addr add 192.0.2.1/24 dev v0 && \
        ip route add default via 192.0.2.2 && exec \"$0\" --ignored --exact remedies::{child} --nocapture"
    );
    namespace::passes(&script, &[("BEACONDECK_TEST_NAMESPACE", "1".as_ref())]);
}

fn is_able() -> bool {
    namespace::is_root_with(&["/usr/bin/unshare", "/usr/bin/mount", "/sbin/ip", "/usr/bin/setpriv"])
}

/// It takes a minute, which is what this is about.
#[test]
fn what_a_router_that_is_gone_has_ordered_is_taken_back_after_a_minute() {
    if is_able() {
        passes("child_that_is_left_alone");
    }
}

/// Longer than ten seconds: agents are asked every ten, look at their hosts anew after each remedy, and are started again.
#[test]
fn remedies_are_written_by_the_agents_of_other_hosts() {
    if !is_able() {
        return;
    }
    let mut may = Command::new("setpriv");
    may.args(NOBODY).args(["test", "-x"]).arg(beacondeck().get_program());
    if !may.status().unwrap().success() {
        eprintln!("skipped: needs a program that others may run");
        return;
    }
    let (before, own) = (fs::read_to_string(SOMAXCONN).unwrap(), Path::new(DROP_IN).exists());
    passes("child_with_agents");
    assert_eq!((fs::read_to_string(SOMAXCONN).unwrap(), Path::new(DROP_IN).exists()), (before, own));
}
