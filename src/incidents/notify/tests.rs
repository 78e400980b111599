//! What is told of an incident, and when.

use rstest::rstest;
use serde_json::{Value, json};

use super::fixture::{SINCE, incident, status};
use super::ledger::Ledger;
use super::*;
use crate::model::{Culprit, CulpritKind, FleetStatus, IncidentState, Severity, Silence, Template};

fn notifier(target: Target) -> Notifier {
    Notifier { name: "n".into(), target, least: Severity::Warning }
}

fn sent(target: Target, event: Event, incident: &Incident, before: Option<&Incident>) -> Value {
    let now = UnixMs(SINCE.0 + 60_000);
    let news = News { fleet: "home", event, incident, before, now };
    serde_json::from_str(message(&notifier(target), &news).body.reveal()).unwrap()
}

#[test]
fn an_alert_has_its_labels_and_its_times() {
    let target = || Target::Alertmanager("http://am:9093".into());
    let labels = json!({
        "alertname": "BeacondeckIncident", "fleet": "home", "culprit": "beacon b2", "kind": "beacon",
        "severity": "warning", "incident": "7"
    });
    let alerts = sent(target(), Event::Opened, &incident(), None);
    assert_eq!(alerts.as_array().unwrap().len(), 1);
    assert_eq!(alerts[0]["labels"], labels);
    assert_eq!(alerts[0]["annotations"]["next"], "beacondeck restart b2");
    assert_eq!(alerts[0]["annotations"]["evidence"], "38 of 40 answers late; probe: timed out");
    assert_eq!(alerts[0]["startsAt"], "2023-11-14T22:13:20Z");
    assert_eq!(alerts[0]["endsAt"], "2023-11-14T22:18:20Z", "four minutes from now");
    let mut ended = incident();
    (ended.state, ended.ended) = (IncidentState::Resolved, Some(UnixMs(SINCE.0 + 30_000)));
    let alerts = sent(target(), Event::Ended, &ended, Some(&incident()));
    assert_eq!((alerts.as_array().unwrap().len(), &alerts[0]["labels"]), (1, &labels));
    assert_eq!(alerts[0]["endsAt"], "2023-11-14T22:13:50Z");
}

#[test]
fn an_alert_that_changes_its_labels_ends_the_one_it_was() {
    let mut worse = incident();
    worse.severity = Severity::Critical;
    let target = Target::Alertmanager("http://am:9093".into());
    let alerts = sent(target, Event::Worse, &worse, Some(&incident()));
    assert_eq!(
        (&alerts[0]["labels"]["severity"], &alerts[1]["labels"]["severity"]),
        (&json!("critical"), &json!("warning"))
    );
    assert_eq!(alerts[1]["endsAt"], "2023-11-14T22:14:20Z");
}

#[test]
fn a_pager_is_triggered_and_resolved_by_one_key() {
    let target = || Target::PagerDuty { routing_key: Secret::new("hunter2"), url: "http://pd".into() };
    let trigger = sent(target(), Event::Opened, &incident(), None);
    assert_eq!(trigger["event_action"], "trigger");
    assert_eq!(trigger["routing_key"], "hunter2");
    assert_eq!(trigger["payload"]["severity"], "warning");
    assert_eq!(trigger["payload"]["summary"], "home: beacon b2: hung <no answers>");
    let resolve = sent(target(), Event::Ended, &incident(), None);
    assert_eq!(resolve["event_action"], "resolve");
    assert_eq!(resolve["dedup_key"], trigger["dedup_key"]);
    assert_eq!(resolve["dedup_key"], "beacondeck/home/7@1234");
    let news = News { fleet: "home", event: Event::Opened, incident: &incident(), before: None, now: SINCE };
    assert!(!format!("{:?}", message(&notifier(target()), &news)).contains("hunter2"));
}

#[test]
fn a_chat_is_told_in_text_and_a_webhook_all_of_it_or_what_its_template_says() {
    let text = sent(Target::Slack(Secret::new("http://s")), Event::Opened, &incident(), None);
    let text = text["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("*[WARNING] home: beacon b2: hung &lt;no answers&gt;*\n"), "{text}");
    assert!(text.ends_with("• probe: timed out\nNext: beacondeck restart b2"), "{text}");
    let hook = |template: Option<&str>| Target::Webhook {
        url: Secret::new("http://w"),
        template: template.map(|text| Template::parse(text).unwrap()),
    };
    let whole = sent(hook(None), Event::Ended, &incident(), None);
    assert_eq!((&whole["event"], &whole["incident"]["id"]), (&json!("ended"), &json!(7)));
    let own = sent(hook(Some("{\"t\": \"{severity} {evidence}\"}")), Event::Opened, &incident(), None);
    assert_eq!(own["t"], "warning 38 of 40 answers late; probe: timed out");
}

#[test]
fn culprits_of_several_kinds_are_several() {
    let mut both = incident();
    both.culprits.push(Culprit { kind: CulpritKind::Zone, name: "fra".into() });
    let alerts = sent(Target::Alertmanager("http://am".into()), Event::Opened, &both, None);
    assert_eq!(alerts[0]["labels"]["kind"], "several");
    assert_eq!(alerts[0]["labels"]["culprit"], "beacon b2 and zone fra");
}

/// A ledger that is told everything it finds due.
struct Diary {
    ledger: Ledger,
    marks: Vec<u64>,
}

impl Diary {
    fn new(again: Option<u64>) -> Self {
        let again = again.map(std::time::Duration::from_secs);
        Self { ledger: Ledger::new(Severity::Warning, again), marks: Vec::new() }
    }

    fn at(&mut self, second: u64, incidents: Vec<Incident>) -> Vec<Event> {
        self.with_mark(second, &status(incidents), 0)
    }

    fn with_mark(&mut self, second: u64, status: &FleetStatus, mark: u64) -> Vec<Event> {
        for id in self.ledger.unknown(status) {
            self.ledger.recall(id, mark, status);
        }
        let now = UnixMs(SINCE.0 + second * 1_000);
        let dues = self.ledger.look(status, now);
        let events = dues.iter().map(|due| due.event).collect();
        self.marks.extend(dues.into_iter().filter_map(|due| self.ledger.told(due, now)).map(|told| told.1));
        events
    }
}

fn with(state: IncidentState, severity: Severity) -> Incident {
    Incident { state, severity, ..incident() }
}

#[rstest]
#[case(with(IncidentState::Suspected, Severity::Critical), false)]
#[case(with(IncidentState::Open, Severity::Notice), false)]
#[case(with(IncidentState::Open, Severity::Warning), true)]
#[case(with(IncidentState::Mitigated, Severity::Critical), true)]
#[case(with(IncidentState::Resolved, Severity::Critical), false)]
fn who_is_told_at_all(#[case] incident: Incident, #[case] told: bool) {
    let events = Diary::new(None).at(0, vec![incident]);
    assert_eq!(events, if told { vec![Event::Opened] } else { Vec::new() });
}

#[test]
fn each_is_told_once_again_when_worse_and_at_its_end() {
    use IncidentState::{Mitigated, Open, Resolved, Suspected};
    use Severity::{Critical, Notice, Warning};
    let mut diary = Diary::new(None);
    assert_eq!(diary.at(0, vec![with(Open, Warning)]), [Event::Opened]);
    for (second, state, severity) in [
        (1, Open, Warning),
        (2, Mitigated, Notice),
        (3, Open, Warning),
        (4, Suspected, Warning),
        (500, Open, Warning),
    ] {
        assert_eq!(diary.at(second, vec![with(state, severity)]), [], "flapping at {second}");
    }
    assert_eq!(diary.at(501, vec![with(Open, Critical)]), [Event::Worse]);
    assert_eq!(diary.at(502, vec![with(Open, Warning)]), []);
    assert_eq!(diary.at(503, vec![with(Open, Critical)]), [], "it was told that it is critical");
    assert_eq!(diary.at(504, vec![with(Resolved, Warning)]), [Event::Ended]);
    assert_eq!(diary.at(505, vec![with(Resolved, Warning)]), []);
    assert_eq!(diary.marks, [2, 3, 100]);
}

#[test]
fn a_live_one_is_told_again_and_again_to_whom_silence_is_an_end() {
    let mut diary = Diary::new(Some(60));
    let open = || vec![with(IncidentState::Open, Severity::Critical)];
    assert_eq!(diary.at(0, open()), [Event::Opened]);
    assert_eq!(diary.at(59, open()), []);
    let fallen = vec![with(IncidentState::Mitigated, Severity::Notice)];
    let dues = diary.ledger.look(&status(fallen), UnixMs(SINCE.0 + 60_000));
    assert_eq!((dues[0].event, dues[0].incident.severity), (Event::Still, Severity::Critical));
}

#[test]
fn silence_keeps_it_quiet_until_it_is_over_but_an_end_is_told() {
    let until = UnixMs(SINCE.0 + 100_000);
    let silence = Silence { key: "incident 7".into(), by: "alice".into(), at: SINCE, until, why: None };
    let quiet = |state| vec![Incident { silence: Some(silence.clone()), ..with(state, Severity::Critical) }];
    let mut diary = Diary::new(Some(60));
    assert_eq!(diary.at(0, quiet(IncidentState::Open)), []);
    assert_eq!(diary.at(99, quiet(IncidentState::Open)), []);
    assert_eq!(diary.at(100, quiet(IncidentState::Open)), [Event::Opened]);
    let mut told = Diary::new(Some(60));
    assert_eq!(told.at(0, vec![incident()]), [Event::Opened]);
    assert_eq!(told.at(70, quiet(IncidentState::Open)), []);
    assert_eq!(told.at(80, quiet(IncidentState::Resolved)), [Event::Ended]);
}

#[test]
fn what_was_told_before_a_restart_is_not_told_again_and_its_end_is() {
    let mut diary = Diary::new(None);
    assert_eq!(diary.with_mark(0, &status(vec![incident()]), 2), []);
    let ended = status(vec![with(IncidentState::Resolved, Severity::Warning)]);
    assert_eq!(diary.with_mark(1, &ended, 2), [Event::Ended]);
    assert_eq!(Diary::new(None).with_mark(1, &ended, 2), [Event::Ended], "it ended while nobody looked");
    assert_eq!(Diary::new(None).with_mark(1, &ended, 100), []);
    let mut alertmanager = Diary::new(Some(60));
    assert_eq!(alertmanager.with_mark(0, &status(vec![incident()]), 2), [Event::Still]);
}

#[test]
fn one_that_is_in_no_status_any_more_has_ended() {
    let mut diary = Diary::new(None);
    assert_eq!(diary.at(0, vec![incident()]), [Event::Opened]);
    assert_eq!(diary.at(10, Vec::new()), []);
    assert_eq!(diary.at(69, Vec::new()), []);
    assert_eq!(diary.at(70, Vec::new()), [Event::Ended]);
    assert_eq!(diary.at(200, Vec::new()), []);
}

#[test]
fn one_that_comes_back_soon_must_last_before_it_is_told() {
    let mut diary = Diary::new(None);
    assert_eq!(diary.at(0, vec![incident()]), [Event::Opened]);
    let over = || with(IncidentState::Resolved, Severity::Warning);
    assert_eq!(diary.at(10, vec![over()]), [Event::Ended]);
    let again = || Incident { id: 8, since: UnixMs(SINCE.0 + 20_000), ..incident() };
    assert_eq!(diary.at(20, vec![again(), over()]), []);
    assert_eq!(diary.at(139, vec![again(), over()]), []);
    assert_eq!(diary.at(140, vec![again(), over()]), [Event::Opened]);
    let other = Incident { id: 9, since: UnixMs(SINCE.0 + 900_000), ..incident() };
    assert_eq!(diary.at(900, vec![other]), [Event::Opened], "that is another matter");
}
