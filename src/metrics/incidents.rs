//! What is told of incidents: how many go on, how many were opened, what became of notifications.
//!
//! Culprits come and go, so series do: those of incidents that have ended are removed, and no more than [`MOST`] are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::model::{FleetStatus, IncidentState};

/// Most culprits with series of their own; the others are counted as one, the least severe first.
pub const MOST: usize = 64;
const OTHERS: &str = "others";
const OUTCOMES: [&str; 2] = ["sent", "failed"];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct Live {
    culprit: String,
    kind: String,
    severity: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Notifier {
    notifier: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Notified {
    notifier: String,
    outcome: &'static str,
}

#[derive(Debug, Default)]
struct Seen {
    live: BTreeSet<Live>,
    opened: BTreeSet<(u64, u64)>,
}

/// The families of incidents.
#[derive(Debug, Default)]
pub struct IncidentMetrics {
    live: Family<Live, Gauge>,
    opened: Family<Kind, Counter>,
    notifications: Family<Notified, Counter>,
    failing: Family<Notifier, Gauge>,
    seen: Mutex<Seen>,
}

impl IncidentMetrics {
    /// Registers the families.
    pub fn new(registry: &mut Registry) -> Self {
        let all = Self::default();
        registry.register("incident", "Incidents that go on", all.live.clone());
        registry.register("incidents_opened", "Incidents seen open since the start", all.opened.clone());
        registry.register("notifications", "Notifications by what became of them", all.notifications.clone());
        registry.register(
            "notify_failing",
            "1 while the last notification was not taken",
            all.failing.clone(),
        );
        all
    }

    /// Sets what a snapshot tells.
    pub fn observe(&self, status: &FleetStatus) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut live: BTreeMap<Live, i64> = BTreeMap::new();
        for incident in status.incidents.iter().filter(|incident| incident.state.is_live()) {
            let (severity, state) = (incident.severity.word(), incident.state.word());
            let mut labels = Live { culprit: incident.who(), kind: incident.kind(), severity, state };
            if live.len() >= MOST && !live.contains_key(&labels) {
                (labels.culprit, labels.kind) = (OTHERS.to_owned(), OTHERS.to_owned());
            }
            *live.entry(labels).or_default() += 1;
        }
        for (labels, count) in &live {
            self.live.get_or_create(labels).set(*count);
        }
        for gone in seen.live.iter().filter(|labels| !live.contains_key(labels)) {
            self.live.remove(gone);
        }
        seen.live = live.into_keys().collect();
        let before = std::mem::take(&mut seen.opened);
        for incident in &status.incidents {
            let id = (incident.id, incident.slot.0);
            let is_open = matches!(incident.state, IncidentState::Open | IncidentState::Mitigated);
            if is_open && !before.contains(&id) {
                self.opened.get_or_create(&Kind { kind: incident.kind() }).inc();
            }
            if is_open || before.contains(&id) {
                seen.opened.insert(id);
            }
        }
    }

    /// A notifier of the fleet file: its counters are there before its first message.
    pub fn expect(&self, notifier: &str) {
        for outcome in OUTCOMES {
            drop(self.notifications.get_or_create(&Notified { notifier: notifier.to_owned(), outcome }));
        }
        drop(self.failing.get_or_create(&Notifier { notifier: notifier.to_owned() }));
    }

    /// A message of a notifier was taken or not.
    pub fn notified(&self, notifier: &str, sent: bool) {
        let outcome = if sent { "sent" } else { "failed" };
        self.notifications.get_or_create(&Notified { notifier: notifier.to_owned(), outcome }).inc();
        self.failing.get_or_create(&Notifier { notifier: notifier.to_owned() }).set(i64::from(!sent));
    }

    /// A notifier is gone.
    pub fn forget(&self, notifier: &str) {
        for outcome in OUTCOMES {
            self.notifications.remove(&Notified { notifier: notifier.to_owned(), outcome });
        }
        self.failing.remove(&Notifier { notifier: notifier.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;
    use crate::model::{Culprit, CulpritKind, Incident, Severity, Slot, UnixMs};

    fn incident(id: u64, state: IncidentState) -> Incident {
        let culprits = vec![Culprit { kind: CulpritKind::Beacon, name: format!("b{id}") }];
        let begun = Incident::new(id, culprits, "hung".into(), Slot(id), UnixMs(0));
        Incident { state, severity: Severity::Critical, confidence: 1.0, ..begun }
    }

    fn text(registry: &Registry) -> String {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        text
    }

    #[test]
    fn incidents_have_series_while_they_go_on_and_count_once() {
        let mut registry = Registry::default();
        let metrics = IncidentMetrics::new(&mut registry);
        let look = |incidents| metrics.observe(&FleetStatus { incidents, ..FleetStatus::default() });
        look(vec![incident(1, IncidentState::Suspected)]);
        assert!(!text(&registry).contains("incidents_opened_total{"));
        look(vec![incident(1, IncidentState::Open), incident(2, IncidentState::Open)]);
        look(vec![incident(1, IncidentState::Mitigated), incident(2, IncidentState::Open)]);
        let said = text(&registry);
        let series =
            "incident{culprit=\"beacon b1\",kind=\"beacon\",severity=\"critical\",state=\"mitigated\"} 1";
        assert!(said.contains(series), "{said}");
        assert!(!said.contains("state=\"suspected\""), "{said}");
        assert!(said.contains("incidents_opened_total{kind=\"beacon\"} 2"), "{said}");
        look(vec![incident(1, IncidentState::Resolved)]);
        assert!(!text(&registry).contains("incident{"));
        look((0..1_000).map(|id| incident(id, IncidentState::Open)).collect());
        let said = text(&registry);
        assert_eq!(said.matches("incident{").count(), MOST + 1);
        assert!(said.contains(
            "incident{culprit=\"others\",kind=\"others\",severity=\"critical\",state=\"open\"} 936"
        ));
    }

    #[test]
    fn a_notifier_has_series_from_its_start_to_its_end() {
        let mut registry = Registry::default();
        let metrics = IncidentMetrics::new(&mut registry);
        metrics.expect("pager");
        assert!(text(&registry).contains("notifications_total{notifier=\"pager\",outcome=\"failed\"} 0"));
        metrics.notified("pager", false);
        let said = text(&registry);
        assert!(said.contains("notify_failing{notifier=\"pager\"} 1"), "{said}");
        assert!(said.contains("notifications_total{notifier=\"pager\",outcome=\"failed\"} 1"), "{said}");
        metrics.notified("pager", true);
        assert!(text(&registry).contains("notify_failing{notifier=\"pager\"} 0"));
        metrics.forget("pager");
        assert!(!text(&registry).contains("pager"));
    }
}
