//! Hosts end to end: what is measured here and what a beacon's own metrics tell, up to status and incidents; and remedies
//! from what a console is shown to a real kernel, in a network namespace of its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]
#![allow(clippy::print_stderr, reason = "a test that cannot run here says why")]

mod common;
#[path = "common/namespace.rs"]
mod namespace;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use assert_cmd::cargo::CommandCargoExt as _;
use beacondeck::control::{Access, Answer, Client, Order, Request};
use beacondeck::host::apply::Hands;
use beacondeck::model::{
    HostFinding, HostLevel, HostRemedy, HostStatus, RemedyAsked, RemedyPlan, RemedyState, RemedyVerb, Slot,
};
use beacondeck::sim::{Act, Fault, Script};
use common::{KNOBS, Rig, short_epochs, wait_for};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Longer than anything here takes: the probe writes when votes are signed and as epochs begin, four times a slot at most.
const PATIENCE: Duration = Duration::from_secs(240);

/// What a recorded client tells of its pauses: at the first look, and at every later one.
async fn client(text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (first, later) = text.split_once("\n== later\n").unwrap();
    tokio::spawn(async move {
        let mut asked_first = None;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked).await;
            // Others look at these metrics, too; the second look for pauses comes ten seconds after the first.
            let since = asked_first.get_or_insert_with(Instant::now).elapsed();
            let body = if since < Duration::from_secs(5) { first } else { later };
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    format!("http://{address}/metrics")
}

fn host(rig: &Rig, name: &str) -> Option<HostStatus> {
    rig.status().hosts.iter().find(|host| host.name == name).cloned()
}

fn found(rig: &Rig, host: &str, check: &str) -> Option<HostFinding> {
    self::host(rig, host)?.findings.into_iter().find(|finding| finding.check == check)
}

/// Longer than ten seconds, as it goes at the pace of serve itself: a look at metrics and one more, 64 writes in their moments.
#[tokio::test(flavor = "multi_thread")]
async fn pauses_and_durable_writes_arrive_in_the_status_and_as_evidence() {
    let network = short_epochs().await;
    let metrics = client(include_str!("fixtures/metrics/node.txt")).await;
    let dir = tempfile::tempdir().unwrap();
    let urls = network.urls();
    // What a real disk takes is bad here.
    let rig = Rig::with(&format!(
        "beacons:\n  - {{name: b0, url: \"{}\", local: true, labels: {{host: here}}}}\n  \
         - {{name: b1, url: \"{}\", local: false, metrics: \"{metrics}\", labels: {{host: h1}}}}\n  \
         - {{name: b2, url: \"{}\", local: false, labels: {{host: h2}}}}\n\
         host: {{probe-dir: \"{}\", limits: {{disk.fsync_probe.warn: 0.000001, disk.fsync_probe.bad: 0.000002}}}}\n{KNOBS}",
        urls[0],
        urls[1],
        urls[2],
        dir.path().display()
    ))
    .await;

    let paused = wait_for(PATIENCE, || found(&rig, "h1", "proc.gc_pause").is_some()).await;
    assert!(paused, "{:?}", rig.status().hosts);
    let pause = found(&rig, "h1", "proc.gc_pause").unwrap();
    assert_eq!(pause.level, HostLevel::Bad, "{pause:?}");
    assert!(pause.actual.contains("Node: ") && pause.actual.contains("b1"), "{pause:?}");
    assert_eq!(host(&rig, "h1").unwrap().classes, [("process".to_owned(), HostLevel::Bad)]);

    // The beacon behind which the pauses are told falls behind: they are evidence of that.
    let slot = Slot(network.slot().unwrap().0 + 1);
    network.run(&Script(vec![Act { slot, beacon: 1, fault: Fault::StaleHead, until: None }])).unwrap();
    let blamed = || {
        let status = rig.status();
        let mut of = status.incidents.iter().filter(|incident| incident.who().contains("b1"));
        of.any(|incident| {
            incident.evidence.iter().any(|line| line.starts_with("host h1: proc.gc_pause is bad, "))
        })
    };
    assert!(wait_for(PATIENCE, blamed).await, "{:?}", rig.status().incidents);

    let written = wait_for(PATIENCE, || found(&rig, "here", "disk.fsync_probe").is_some()).await;
    assert!(written, "{:?}", host(&rig, "here"));
    let probe = found(&rig, "here", "disk.fsync_probe").unwrap();
    assert_eq!(probe.level, HostLevel::Bad, "{probe:?}");
    assert!(probe.actual.contains(" ms") && !probe.writes, "{probe:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the probe leaves nothing");
    let budget = host(&rig, "here").unwrap();
    assert!(budget.classes.iter().any(|(class, level)| class == "storage" && *level == HostLevel::Bad));
    rig.stop().await;
}

const IDLE: &str = "/proc/sys/net/ipv4/tcp_slow_start_after_idle";
const DROP_IN: &str = "/etc/sysctl.d/90-beacondeck-net.ipv4.tcp_slow_start_after_idle.conf";

fn asked(verb: RemedyVerb, check: &str) -> RemedyAsked {
    RemedyAsked { verb, host: "h0".into(), check: check.into() }
}

async fn plan(rig: &Rig, asked: &RemedyAsked) -> RemedyPlan {
    match rig.ask(Request::Remedy(asked.clone())).await {
        Answer::Remedy(plan) => plan,
        other => panic!("{other:?}"),
    }
}

/// Orders what is shown.
async fn order(rig: &Rig, asked: &RemedyAsked) -> Answer {
    let seal = plan(rig, asked).await.seal;
    rig.ask(Request::order(Order::Remedy { asked: asked.clone(), seal })).await
}

async fn until(rig: &Rig, what: &str, is: impl Fn(&HostRemedy) -> bool) {
    let newest = || host(rig, "h0").and_then(|host| host.remedies.first().cloned());
    assert!(wait_for(PATIENCE, || newest().is_some_and(|of| is(&of))).await, "{what}: {:?}", newest());
}

fn queues() -> usize {
    let names = fs::read_dir("/sys/class/net/v0/queues").unwrap();
    names.filter(|name| name.as_ref().unwrap().file_name().to_string_lossy().starts_with("rx-")).count()
}

/// Not a test of its own: where network and `/etc/sysctl.d` are this process's own, with a veth of four queues of which one is in use.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of remedies_are_ordered_as_a_console_does"]
async fn child_that_orders() {
    if std::env::var_os("BEACONDECK_TEST_NAMESPACE").is_none() {
        return;
    }
    Hands::new("/").write(None, "/@ethtool/v0/rx-channels", "1").unwrap();
    let network = short_epochs().await;
    let limits = "host: {limits: {net.nic_queues.cores: 1}}\n";
    let rig = Rig::start(&network, &format!("{KNOBS}{limits}")).await;
    let looked = || found(&rig, "h0", "net.nic_queues").is_some();
    assert!(wait_for(PATIENCE, looked).await, "{:?}", host(&rig, "h0"));

    let idle = asked(RemedyVerb::Fix, "net.tcp_slow_start_after_idle");
    assert!(found(&rig, "h0", &idle.check).unwrap().writes);
    let looked = host(&rig, "h0").unwrap().at;
    let answer = order(&rig, &idle).await;
    assert!(
        matches!(&answer, Answer::Done { message } if message.contains("now net.tcp_slow")),
        "{answer:?}"
    );
    assert_eq!(fs::read_to_string(IDLE).unwrap(), "0\n");
    assert!(Path::new(DROP_IN).exists());
    let gone = || found(&rig, "h0", &idle.check).is_none();
    assert!(wait_for(PATIENCE, gone).await, "it is judged anew: {:?}", host(&rig, "h0"));
    assert_eq!(host(&rig, "h0").unwrap().at, looked, "before the next look, which takes five seconds");
    until(&rig, "it stands", |of| of.state == RemedyState::Stands).await;
    let past = || host(&rig, "h0").unwrap().past;
    let went = || past().iter().any(|of| of.check == idle.check && of.is == HostLevel::Ok);
    assert!(wait_for(PATIENCE, went).await, "the next look tells that it went: {:?}", past());
    let back = order(&rig, &RemedyAsked { verb: RemedyVerb::Revert, ..idle }).await;
    assert!(matches!(&back, Answer::Done { .. }), "{back:?}");
    assert_eq!((fs::read_to_string(IDLE).unwrap().as_str(), Path::new(DROP_IN).exists()), ("1\n", false));

    // The beacons on h1 and h2 are healthy: the link of h0 may be stopped.
    let queue = asked(RemedyVerb::Fix, "net.nic_queues");
    assert_eq!(queues(), 1);
    let shown = plan(&rig, &queue).await;
    assert_eq!((shown.refusal.as_deref(), shown.typed.as_deref()), (None, Some("h0")), "{shown:?}");
    let answer = order(&rig, &queue).await;
    assert!(matches!(&answer, Answer::Done { message } if message.contains("no duty is due")), "{answer:?}");
    until(&rig, "it waits to be kept", |of| matches!(of.state, RemedyState::Until(_))).await;
    assert!(queues() > 1);
    let back = order(&rig, &RemedyAsked { verb: RemedyVerb::Revert, ..queue.clone() }).await;
    assert!(matches!(&back, Answer::Done { .. }), "{back:?}");
    until(&rig, "it is taken back", |of| matches!(of.state, RemedyState::Reverted(..))).await;
    assert_eq!(queues(), 1);

    // Nobody speaks of it: it takes a minute, which is what this is about.
    let began = Instant::now();
    let ordered = || async { matches!(order(&rig, &queue).await, Answer::Done { .. }) };
    while !ordered().await {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    until(&rig, "it waits to be kept again", |of| matches!(of.state, RemedyState::Until(_))).await;
    let written = Instant::now();
    let nobody =
        |of: &HostRemedy| matches!(&of.state, RemedyState::Reverted(_, why) if why.contains("nobody"));
    until(&rig, "it is taken back by itself", nobody).await;
    assert!(written.elapsed() > Duration::from_secs(50), "{:?}", written.elapsed());
    assert_eq!(queues(), 1);
    rig.stop().await;
}

#[test]
fn remedies_are_ordered_as_a_console_does() {
    if !namespace::is_root_with(&["/usr/bin/unshare", "/usr/bin/mount", "/sbin/ip"]) {
        return;
    }
    let script = "mkdir -p /etc/sysctl.d && mount -t tmpfs none /etc/sysctl.d && mount -t sysfs none /sys && \
        ip link set lo up && ip link add v0 numrxqueues 4 numtxqueues 4 type veth peer name v1 && \
        ip link set v0 up && ip link set v1 up && ip addr add 192.0.2.1/24 dev v0 && \
        ip route add default via 192.0.2.2 && exec \"$0\" --ignored --exact child_that_orders --nocapture";
    let (before, own) = (fs::read_to_string(IDLE).unwrap(), Path::new(DROP_IN).exists());
    namespace::passes(script, &[("BEACONDECK_TEST_NAMESPACE", "1".as_ref())]);
    assert_eq!((fs::read_to_string(IDLE).unwrap(), Path::new(DROP_IN).exists()), (before, own));
}

/// A serve as its unit runs it: as a user of no rights.
struct Unprivileged(std::process::Child);

impl Drop for Unprivileged {
    fn drop(&mut self) {
        // One that has ended already is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn ask(control: &Path, request: Request) -> Option<Answer> {
    let mut client = Client::connect(control, Access::Control, "test").await.ok()?;
    client.call(request).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serve_without_rights_says_what_to_run_and_does_nothing() {
    let binary = Command::cargo_bin("beacondeck").unwrap();
    let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let may =
        |program: &Path| Command::new("setpriv").args(nobody).args(["test", "-x"]).arg(program).status();
    let binary = Path::new(binary.get_program());
    if !rustix::process::geteuid().is_root() || !may(binary).is_ok_and(|status| status.success()) {
        eprintln!("skipped: needs root, setpriv, and a program that others may run");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(dir.path(), Some(65534), Some(65534)).unwrap();
    let (at, file) = (dir.path().display(), dir.path().join("fleet.yaml"));
    let text = format!(
        "fleet: t\nlisten: 127.0.0.1:0\ncontrol: {at}/run\nstate: {at}/state\n\
         beacons: [{{name: b0, url: \"http://127.0.0.1:1\", labels: {{host: h0}}}}]\n"
    );
    fs::write(&file, text).unwrap();
    let mut serve = Command::new("setpriv");
    serve.args(nobody).arg(binary).args(["serve", "--fleet"]).arg(&file);
    serve.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let _serve = Unprivileged(serve.spawn().unwrap());

    let control = dir.path().join("run");
    let began = Instant::now();
    let finding = loop {
        if let Some(Answer::Status(status)) = ask(&control, Request::Status).await
            && let Some(finding) =
                status.hosts.iter().flat_map(|host| &host.findings).find(|finding| finding.writes)
        {
            break finding.clone();
        }
        assert!(began.elapsed() < PATIENCE, "nothing was found");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let fix = asked(RemedyVerb::Fix, &finding.check);
    let Some(Answer::Remedy(plan)) = ask(&control, Request::Remedy(fix.clone())).await else { panic!() };
    let why = plan.refusal.unwrap();
    assert!(why.starts_with("serve runs as uid 65534 and may not write there ("), "{why}");
    let audit = format!("sudo beacondeck audit --fix {} --state {at}/state", finding.check);
    assert_eq!(plan.commands.first(), Some(&audit));
    assert!(plan.commands.contains(&finding.remedy), "{:?}", plan.commands);
    let order = Request::order(Order::Remedy { asked: fix, seal: plan.seal });
    let answer = ask(&control, order).await;
    assert!(matches!(&answer, Some(Answer::Refused { message }) if message.contains(&audit)), "{answer:?}");
    assert!(!dir.path().join("state/remedies.jsonl").exists(), "nothing is half done");
}
