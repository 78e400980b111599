//! When the steps of duties were done, against their due points: by client and by beacon.

use std::sync::OnceLock;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::Part;
use super::seconds::Seconds;
use crate::model::{BeaconName, Step};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfClient {
    client: String,
    step: &'static str,
    part: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfBeacon {
    beacon: String,
    step: &'static str,
    part: &'static str,
}

type Made = fn() -> Seconds;

/// The two families.
#[derive(Debug)]
pub struct Steps {
    by_client: Family<OfClient, Seconds, Made>,
    by_beacon: Family<OfBeacon, Seconds, Made>,
}

/// Of one client or beacon, made when first needed: few beacons and clients see every step.
#[derive(Debug, Default)]
pub struct StepSeries([[OnceLock<Seconds>; 2]; Step::ALL.len()]);

impl Steps {
    /// Registers the families.
    pub fn new(registry: &mut Registry) -> Self {
        let made: Made = Seconds::after_due;
        let all = Self {
            by_client: Family::new_with_constructor(made),
            by_beacon: Family::new_with_constructor(made),
        };
        registry.register(
            "client_after_due_seconds",
            "Seconds from a step's due point to the answer of its data, or to the arrival of what was signed",
            all.by_client.clone(),
        );
        registry.register(
            "beacon_after_due_seconds",
            "Seconds from a step's due point to the beacon's answer: with data, or that it took what was signed",
            all.by_beacon.clone(),
        );
        all
    }

    /// Notes one of a client.
    pub fn client(&self, series: &StepSeries, client: &str, (step, part): (Step, Part), us: i64) {
        let labels = || OfClient { client: client.to_owned(), step: word(step), part: part.word() };
        series.at(step, part).get_or_init(|| self.by_client.get_or_create_owned(&labels())).observe_us(us);
    }

    /// Notes one of a beacon.
    pub fn beacon(&self, series: &StepSeries, beacon: &BeaconName, (step, part): (Step, Part), us: i64) {
        let labels = || OfBeacon { beacon: beacon.to_string(), step: word(step), part: part.word() };
        series.at(step, part).get_or_init(|| self.by_beacon.get_or_create_owned(&labels())).observe_us(us);
    }

    /// Series of a client that is gone.
    pub fn forget_client(&self, name: &str) {
        for (step, part) in all() {
            self.by_client.remove(&OfClient { client: name.to_owned(), step: word(step), part: part.word() });
        }
    }

    /// Series of a beacon that is gone.
    pub fn forget_beacon(&self, name: &BeaconName) {
        for (step, part) in all() {
            self.by_beacon.remove(&OfBeacon {
                beacon: name.to_string(),
                step: word(step),
                part: part.word(),
            });
        }
    }
}

impl StepSeries {
    fn at(&self, step: Step, part: Part) -> &OnceLock<Seconds> {
        &self.0[step as usize][part as usize]
    }
}

fn all() -> impl Iterator<Item = (Step, Part)> {
    Step::ALL.into_iter().flat_map(|step| [Part::Data, Part::Publish].map(|part| (step, part)))
}

fn word(step: Step) -> &'static str {
    match step {
        Step::Propose => "propose",
        Step::Attest => "attest",
        Step::SyncMessage => "sync-message",
        Step::Aggregate => "aggregate",
        Step::Contribution => "contribution",
        Step::PayloadAttest => "payload-attest",
    }
}
