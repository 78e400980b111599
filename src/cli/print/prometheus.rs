//! What Prometheus and Grafana are given: alert rules and a dashboard over the metrics of serve.
//!
//! A test holds every name in them against what is exported.

/// Alert rules.
pub const RULES: &str = include_str!("prometheus/rules.yaml");
/// A dashboard.
pub const GRAFANA: &str = include_str!("prometheus/grafana.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::cli::notify::test_incident;
    use crate::console::fixture::{beacon, fleet};
    use crate::metrics::{Metrics, Names, Part, RowLabels};
    use crate::model::{
        AgentStatus, Attempt, BeaconId, BeaconName, ClientId, Served, Slot, Step, TRACE_ATTEMPTS, Trace,
        UnixMs,
    };

    /// The words of a text that begin as our metrics do.
    fn names(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with("beacondeck_")).collect()
    }

    fn answered() -> Trace {
        Trace {
            id: 1,
            at: UnixMs(0),
            client: ClientId(0),
            row: 0,
            slot: Slot(1),
            due_ms: 0,
            table: 1,
            status: 200,
            served: Served::Beacon(BeaconId(0)),
            shared: None,
            took_us: 1_000,
            bytes_in: 0,
            bytes_out: 0,
            attempts: 1,
            tried: [Attempt::default(); TRACE_ATTEMPTS],
        }
    }

    /// What is exported once something of everything has happened.
    fn exported() -> String {
        let metrics = Metrics::new(&[RowLabels { name: "getGenesis", of: Some((Step::Attest, Part::Data)) }]);
        let beacons = [BeaconName::new("b1")];
        let series = metrics.series(&Names { beacons: &beacons, clients: &["unnamed".to_owned()] });
        metrics.record(&answered(), &series);
        let mut status = fleet(vec![beacon("b1")]);
        status.beacons[0].peers = Some(50);
        let mut host = crate::console::fixture::hosts().remove(0);
        let round_trip_us = Some(400);
        host.agent = Some(AgentStatus { answered: Some(UnixMs(1)), round_trip_us, ..AgentStatus::default() });
        metrics.agent_failed(&host.name, "connect");
        status.hosts = vec![host];
        status.incidents = vec![test_incident(UnixMs(0))];
        metrics.observe(&status);
        metrics.expect_notifier("pager");
        metrics.render()
    }

    #[test]
    fn every_metric_that_is_used_is_exported() {
        let text = exported();
        let exported = names(&text);
        for (file, used) in [("rules", RULES), ("grafana", GRAFANA)] {
            let used = names(used);
            assert!(used.len() > 5, "{file}: {used:?}");
            let unknown: Vec<&&str> = used.difference(&exported).collect();
            assert!(unknown.is_empty(), "{file} uses {unknown:?}, which are not exported");
        }
    }

    #[test]
    fn the_dashboards_panels_do_not_overlap_and_all_ask_for_something() {
        let dashboard: Value = serde_json::from_str(GRAFANA).unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        let mut taken = BTreeSet::new();
        for panel in panels {
            assert!(!panel["targets"][0]["expr"].as_str().unwrap().is_empty());
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(at("x") + at("w") <= 24, "{}", panel["title"]);
            for (x, y) in
                (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
            {
                assert!(taken.insert((x, y)), "{} stands on another", panel["title"]);
            }
        }
        let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len());
    }
}
