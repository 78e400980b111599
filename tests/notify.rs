//! Notifications as they arrive: at a real Alertmanager, and at a server that writes down what it is sent; the rules as
//! a real promtool reads them.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod common;
#[path = "notify/daemon.rs"]
mod daemon;
#[path = "notify/recorder.rs"]
mod recorder;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use beacondeck::config;
use beacondeck::engine::{Engine, Inherited, Manager, system_clock};
use beacondeck::incidents::notify::{Courier, Memory, Patience, Report};
use beacondeck::model::{
    Cost, Culprit, CulpritKind, FleetStatus, Incident, IncidentState, Notifier, Secret, Severity, Slot,
    Target, Template, UnixMs,
};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use common::wait_for;
use daemon::{Alertmanager, program};
use recorder::Recorder;

/// Longer than anything here may take.
const BOUND: Duration = Duration::from_secs(30);
const SECRET: &str = "hunter2-secret";
const PATIENCE: Patience = Patience {
    tries: 4,
    timeout: Duration::from_millis(500),
    pause: Duration::from_millis(20),
    longest: Duration::from_millis(100),
    rest: Duration::from_millis(200),
};

fn incident(state: IncidentState, severity: Severity) -> Incident {
    let now = (system_clock())().wall;
    let culprits = vec![Culprit { kind: CulpritKind::Beacon, name: "b2".into() }];
    let begun = Incident::new(
        7,
        culprits,
        "hung: accepts and does not answer".into(),
        Slot(1_234),
        UnixMs(now.0 - 30_000),
    );
    Incident {
        state,
        severity,
        confidence: 0.97,
        ended: (state == IncidentState::Resolved).then_some(now),
        cost: Cost { validators: 64, due: 128, missed: 3, late: 9, wrong_head: 1, eth_per_hour: Some(0.01) },
        evidence: vec!["38 of 40 answers late".into()],
        next: "beacondeck restart b2".into(),
        ..begun
    }
}

/// What is kept over restarts, and what became of messages.
#[derive(Clone, Default)]
struct Book {
    marks: Arc<Mutex<BTreeMap<String, u64>>>,
    reports: Arc<Mutex<Vec<Result<(), String>>>>,
}

impl Book {
    fn reports(&self) -> Vec<Result<(), String>> {
        self.reports.lock().unwrap().clone()
    }

    fn sent(&self) -> usize {
        self.reports().iter().filter(|report| report.is_ok()).count()
    }
}

impl Memory for Book {
    async fn recall(&self, mark: String) -> u64 {
        self.marks.lock().unwrap().get(&mark).copied().unwrap_or_default()
    }

    async fn keep(&self, mark: String, to: u64) {
        self.marks.lock().unwrap().insert(mark, to);
    }

    async fn report(&self, report: Report<'_>) {
        self.reports.lock().unwrap().push(report.outcome.map_err(ToString::to_string));
    }
}

/// A courier at work, and the status it looks at.
struct Desk {
    status: watch::Sender<Arc<FleetStatus>>,
    book: Book,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl Desk {
    fn start(target: Target, book: Book) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (status, watched) = watch::channel(Arc::default());
        let notifier = Notifier { name: "n".into(), target, least: Severity::Warning };
        let courier = Courier::new(notifier, PATIENCE, book.clone(), system_clock()).unwrap();
        let cancel = CancellationToken::new();
        let task = tokio::spawn(courier.run(watched, cancel.clone()));
        Self { status, book, cancel, task }
    }

    fn show(&self, incidents: Vec<Incident>) {
        let status = FleetStatus { fleet: "home".into(), incidents, ..FleetStatus::default() };
        self.status.send_replace(Arc::new(status));
    }

    async fn until(&self, what: &str, holds: impl Fn(&Book) -> bool) {
        assert!(wait_for(BOUND, || holds(&self.book)).await, "{what}: {:?}", self.book.reports());
    }

    async fn stop(self) -> Book {
        self.cancel.cancel();
        tokio::time::timeout(BOUND, self.task).await.expect("it ends by its token").unwrap();
        self.book
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alertmanager_has_the_alert_while_the_incident_goes_on() {
    let daemon = Alertmanager::start().await;
    let desk = Desk::start(Target::Alertmanager(daemon.url()), Book::default());
    desk.show(vec![incident(IncidentState::Suspected, Severity::Critical)]);
    desk.show(vec![incident(IncidentState::Open, Severity::Warning)]);
    let alerts = daemon.until("it is posted", |alerts| alerts.len() == 1).await;
    let alert = &alerts[0];
    assert_eq!(alert["status"]["state"], "active");
    for (label, value) in [
        ("alertname", "BeacondeckIncident"),
        ("fleet", "home"),
        ("culprit", "beacon b2"),
        ("kind", "beacon"),
        ("severity", "warning"),
        ("incident", "7"),
    ] {
        assert_eq!(alert["labels"][label], value);
    }
    assert_eq!(alert["annotations"]["next"], "beacondeck restart b2");
    assert_eq!(alert["annotations"]["summary"], "home: beacon b2: hung: accepts and does not answer");
    let critical =
        |alerts: &[serde_json::Value]| alerts.len() == 1 && alerts[0]["labels"]["severity"] == "critical";
    desk.show(vec![incident(IncidentState::Open, Severity::Critical)]);
    daemon.until("it is worse, and the other alert has ended", critical).await;
    desk.show(vec![incident(IncidentState::Resolved, Severity::Critical)]);
    daemon.until("it has ended", <[_]>::is_empty).await;
    assert_eq!(desk.stop().await.reports(), [Ok(()), Ok(()), Ok(())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pager_that_fails_is_tried_again_and_one_key_opens_and_ends_over_a_restart() {
    let server = Recorder::start([(500, "no"), (503, "no")]).await;
    let target = || Target::PagerDuty {
        routing_key: Secret::new(SECRET),
        url: format!("http://{}/v2/enqueue", server.address),
    };
    let desk = Desk::start(target(), Book::default());
    desk.show(vec![incident(IncidentState::Open, Severity::Critical)]);
    desk.until("it is told", |book| book.sent() == 1).await;
    assert_eq!(server.all().len(), 3, "two failures, one success");
    let trigger = server.all()[2].json();
    // Events API v2: what a trigger must have, and what its values may be.
    for key in ["routing_key", "event_action", "dedup_key", "payload"] {
        assert!(!trigger[key].is_null(), "{key} in {trigger}");
    }
    for key in ["summary", "source", "severity"] {
        assert!(trigger["payload"][key].is_string(), "{key} in {trigger}");
    }
    assert!(
        ["critical", "error", "warning", "info"].contains(&trigger["payload"]["severity"].as_str().unwrap())
    );
    assert!(trigger["dedup_key"].as_str().unwrap().len() <= 255);
    assert!(server.all()[2].head.starts_with("post /v2/enqueue http/1.1"));
    let book = desk.stop().await;
    let again = Desk::start(target(), book);
    again.show(vec![incident(IncidentState::Open, Severity::Critical)]);
    again.show(vec![incident(IncidentState::Resolved, Severity::Critical)]);
    again.until("its end is told", |book| book.sent() == 2).await;
    let all = server.all();
    assert_eq!(all.len(), 4, "it is not told again");
    let resolve = all[3].json();
    assert_eq!((&resolve["event_action"], &resolve["dedup_key"]), (&"resolve".into(), &trigger["dedup_key"]));
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_refuses_is_told_later_and_its_url_is_never_said() {
    let server = Recorder::start([(404, "no_team at /hook/hunter2-secret"), (410, "hunter2-secret")]).await;
    let desk = Desk::start(Target::Slack(Secret::new(server.url())), Book::default());
    desk.show(vec![incident(IncidentState::Open, Severity::Warning)]);
    desk.until("it is told in the end", |book| book.sent() == 1).await;
    let reports = desk.stop().await.reports();
    assert_eq!(reports.len(), 3, "what is refused for good is not tried again at once: {reports:?}");
    assert_eq!(reports[0], Err("it answered 404 Not Found: no_team at (secret)".into()));
    assert!(!format!("{reports:?}").contains("hunter2"), "{reports:?}");
    let text = server.all()[2].json()["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("*[WARNING] home: beacon b2: hung"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_holds_up_nobody_else_and_what_ends_meanwhile_is_not_told() {
    let hangs = Recorder::start([(0, ""); 64]).await;
    let server = Recorder::start([]).await;
    let stuck = Desk::start(Target::Slack(Secret::new(hangs.url())), Book::default());
    let template = Template::parse("{event}: {culprit} since {since}: {next}").unwrap();
    let hook = Target::Webhook { url: Secret::new(server.url()), template: Some(template) };
    let desk = Desk::start(hook, Book::default());
    for desk in [&stuck, &desk] {
        desk.show(vec![incident(IncidentState::Open, Severity::Warning)]);
    }
    desk.until("it is told", |book| book.sent() == 1).await;
    assert!(server.all()[0].head.contains("content-type: text/plain"), "{:?}", server.all());
    let said = server.all()[0].body.clone();
    assert!(
        said.starts_with("opened: beacon b2 since 2") && said.ends_with(": beacondeck restart b2"),
        "{said}"
    );
    stuck.until("it is given up for the moment", |book| !book.reports().is_empty()).await;
    assert_eq!(stuck.book.reports()[0], Err("it gave no answer within 0.5 s".into()));
    assert_eq!(hangs.all().len(), 4);
    stuck.show(vec![incident(IncidentState::Resolved, Severity::Warning)]);
    desk.show(vec![incident(IncidentState::Resolved, Severity::Warning)]);
    desk.until("its end is told", |book| book.sent() == 2).await;
    desk.stop().await;
    assert_eq!(stuck.stop().await.sent(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_the_whole_incident() {
    let server = Recorder::start([]).await;
    let desk =
        Desk::start(Target::Webhook { url: Secret::new(server.url()), template: None }, Book::default());
    desk.show(vec![incident(IncidentState::Open, Severity::Critical)]);
    desk.until("it is told", |book| book.sent() == 1).await;
    let body = server.all()[0].json();
    assert_eq!(
        (&body["version"], &body["event"], &body["fleet"]),
        (&1.into(), &"opened".into(), &"home".into())
    );
    let told: Incident = serde_json::from_value(body["incident"].clone()).unwrap();
    assert_eq!((told.id, told.who().as_str()), (7, "beacon b2"));
    desk.stop().await;
}

async fn beacondeck(file: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beacondeck"));
    command.args(arguments).arg("--fleet").arg(file).kill_on_drop(true);
    tokio::time::timeout(BOUND, command.output()).await.expect("it ends").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_tells_what_each_answered() {
    let daemon = Alertmanager::start().await;
    let chat = Recorder::start([(200, "ok"), (200, "ok"), (404, "no_service")]).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("fleet.yaml");
    std::fs::write(dir.path().join("url"), chat.url()).unwrap();
    let text = format!(
        "fleet: home\nlisten: 127.0.0.1:5052\nbeacons:\n- {{name: a, url: \"http://a:1\"}}\n- {{name: b, url: \"http://b:1\"}}\n\
         notify:\n- {{name: am, alertmanager: \"{}\"}}\n- {{name: chat, slack: {{file: url}}}}\n",
        daemon.url()
    );
    std::fs::write(&file, text).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let good = beacondeck(&file, &["notify", "test"]).await;
    let said = text(good.stdout);
    assert_eq!(good.status.code(), Some(0), "{said}{}", text(good.stderr));
    assert_eq!(
        said,
        "am (alertmanager), opened: answered 200 OK\nam (alertmanager), ended: answered 200 OK\n\
         chat (slack), opened: answered 200 OK: ok\nchat (slack), ended: answered 200 OK: ok\n"
    );
    assert!(chat.all()[0].json()["text"].as_str().unwrap().contains("nothing is wrong"));
    daemon.until("the test is over", <[_]>::is_empty).await;
    let bad = beacondeck(&file, &["notify", "test", "chat"]).await;
    assert_eq!(bad.status.code(), Some(69));
    assert_eq!(text(bad.stdout), "chat (slack), opened: it answered 404 Not Found: no_service\n");
    assert_eq!(text(bad.stderr), "beacondeck: not told: chat\n");
    let unknown = beacondeck(&file, &["notify", "test", "mail"]).await;
    assert_eq!(unknown.status.code(), Some(64));
    assert_eq!(text(unknown.stderr), "beacondeck: fleet home has no notifier mail; it has am, chat\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_other_notifiers_at_once() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dir = tempfile::tempdir().unwrap();
    let (file, at) = (dir.path().join("fleet.yaml"), dir.path().display());
    let write = |notify: &str| {
        let text = format!(
            "fleet: test\nlisten: 127.0.0.1:0\nmetrics: 127.0.0.1:0\ncontrol: {at}/run\nstate: {at}/state\n\
             beacons: [{{name: a, url: \"http://127.0.0.1:1\"}}, {{name: b, url: \"http://127.0.0.1:2\"}}]\n{notify}"
        );
        std::fs::write(&file, text).unwrap();
    };
    write("notify: [{name: am, alertmanager: \"http://127.0.0.1:3\"}]\n");
    let loaded = config::load(&file).unwrap();
    let engine = Engine::serve(&loaded, Manager::default(), Inherited::default()).await.unwrap();
    let url = format!("http://{}/metrics", engine.metrics.unwrap());
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let until = async |wanted: &str, gone: &str| {
        let there = async {
            loop {
                let text = client.get(&url).send().await.unwrap().text().await.unwrap();
                if text.contains(wanted) && !text.contains(gone) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(BOUND, there).await.expect(wanted);
    };
    until("beacondeck_notify_failing{notifier=\"am\"} 0\n", "pager").await;
    write("notify: [{name: pager, alertmanager: \"http://127.0.0.1:3\"}]\n");
    assert_eq!(engine.house().reload().await.unwrap(), "notifier pager added, notifier am removed");
    until("beacondeck_notifications_total{notifier=\"pager\",outcome=\"sent\"} 0\n", "\"am\"").await;
    write("");
    assert_eq!(engine.house().reload().await.unwrap(), "notifier pager removed");
    until("beacondeck_build_info", "pager").await;
    engine.stop().await;
}

/// Runs promtool in a directory that holds the rules as `rules.yaml`.
async fn promtool(dir: &Path, arguments: &[&str]) {
    let mut command = Command::new(program(&["promtool"]));
    command.args(arguments).current_dir(dir).kill_on_drop(true);
    let output = tokio::time::timeout(BOUND, command.output()).await.expect("it ends").unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(output.status.success(), "{arguments:?}: {said}");
}

#[tokio::test]
async fn the_rules_are_rules_and_fire_when_they_must() {
    let dir = tempfile::tempdir().unwrap();
    let mut print = Command::new(env!("CARGO_BIN_EXE_beacondeck"));
    let rules = print.args(["print", "rules"]).output().await.unwrap();
    assert!(rules.status.success());
    std::fs::write(dir.path().join("rules.yaml"), rules.stdout).unwrap();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notify/rules-test.yaml");
    std::fs::copy(cases, dir.path().join("test.yaml")).unwrap();
    promtool(dir.path(), &["check", "rules", "rules.yaml"]).await;
    promtool(dir.path(), &["test", "rules", "test.yaml"]).await;
}
