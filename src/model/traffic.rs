//! What passed lately and when the next duty is due: the numbers beside a fleet's status.

use serde::{Deserialize, Serialize};

use super::{BeaconName, Outcome, Step, UnixMs, Use};

/// How many parts a [`StepAnswers::spread`] has.
pub const SPREAD: usize = 24;

/// What passed lately, by client, by beacon and by duty step. Rates are per second, smoothed over about ten seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Traffic {
    /// Where slots and due points lie; none before the chain is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timing: Option<Timing>,
    /// By client and kind of request; only pairs that were seen.
    pub flows: Vec<Flow>,
    /// By beacon, in the order of the fleet file.
    pub loads: Vec<Load>,
    /// By step and beacon; only pairs that were seen.
    pub steps: Vec<StepAnswers>,
}

/// Where the present slot and its due points lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Timing {
    /// Start of the snapshot's slot.
    pub slot_start: UnixMs,
    /// Length of a slot in milliseconds.
    pub slot_ms: u64,
    /// Slots in an epoch.
    pub slots_per_epoch: u64,
    /// Due points within the slot, milliseconds after its start, earliest first.
    pub due: Vec<(Step, u64)>,
}

impl Timing {
    /// The next due point at or after `now`, here or in a later slot: the step, and milliseconds until then.
    pub fn next_due(&self, now: UnixMs) -> Option<(Step, u64)> {
        let slot_ms = self.slot_ms.max(1);
        let into = now.0.saturating_sub(self.slot_start.0) % slot_ms;
        let here = self.due.iter().find(|(_, at)| *at >= into).map(|(step, at)| (*step, at - into));
        here.or_else(|| self.due.first().map(|(step, at)| (*step, at + slot_ms - into)))
    }

    /// Milliseconds from the slot's start to a step's due point.
    pub fn due_of(&self, step: Step) -> Option<u64> {
        self.due.iter().find(|(of, _)| *of == step).map(|(_, at)| *at)
    }
}

/// One kind of request of one client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Flow {
    /// The client's name.
    pub client: String,
    /// To which use the answers are put.
    pub needs: Use,
    /// The duty step the requests belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// Requests a second.
    pub per_s: f32,
    /// Requests a second that were answered with an error of a server.
    pub failed_per_s: f32,
    /// Requests a second that more than one beacon was asked at the same time for, though one would have done.
    pub hedged_per_s: f32,
    /// Requests a second that were asked again elsewhere after a failure.
    pub retried_per_s: f32,
    /// Half of the recent requests were answered within so many milliseconds.
    pub p50_ms: f32,
    /// 99 in 100 of the recent requests were answered within so many milliseconds.
    pub p99_ms: f32,
    /// When such a request is given up, milliseconds.
    pub budget_ms: u32,
    /// Who served them lately and which share of them, largest first.
    pub served: Vec<(BeaconName, f32)>,
}

/// What one beacon carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Load {
    /// The beacon.
    pub beacon: BeaconName,
    /// Attempts a second.
    pub per_s: f32,
    /// Attempts a second that failed.
    pub failed_per_s: f32,
    /// The most attempts a second it has carried within the last hour.
    pub most_per_s: f32,
    /// The last attempts that failed, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<LoadError>,
}

impl Load {
    /// Of one that carries nothing.
    pub fn none(beacon: BeaconName) -> Self {
        Self { beacon, per_s: 0.0, failed_per_s: 0.0, most_per_s: 0.0, errors: Vec::new() }
    }
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LoadError {
    /// When the request came.
    pub at: UnixMs,
    /// What was asked: the endpoint's name.
    pub endpoint: String,
    /// What came of it.
    pub outcome: Outcome,
    /// HTTP status, 0 when none came.
    pub status: u16,
    /// Milliseconds the attempt took.
    pub took_ms: u32,
}

/// When the answers to one step's requests of one beacon were there, against the step's due point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepAnswers {
    /// The step.
    pub step: Step,
    /// The beacon that answered.
    pub beacon: BeaconName,
    /// Answers lately.
    pub answers: u32,
    /// Of these, how many were there later than a twelfth of a slot after the due point: other validators have signed without
    /// it. What is asked for at its due point, as blocks and aggregates are, cannot be there sooner.
    pub late: u32,
    /// Half of the answers took no longer, milliseconds.
    pub p50_ms: f32,
    /// 99 in 100 of the answers took no longer, milliseconds.
    pub p99_ms: f32,
    /// Answers by the moment they were there: [`SPREAD`] parts of the slot, the first begins with the slot.
    pub spread: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing() -> Timing {
        Timing {
            slot_start: UnixMs(100_000),
            slot_ms: 12_000,
            slots_per_epoch: 32,
            due: vec![(Step::Propose, 0), (Step::Attest, 4_000), (Step::Aggregate, 8_000)],
        }
    }

    #[test]
    fn the_next_due_point_may_lie_in_a_later_slot() {
        let at = |ms: u64| timing().next_due(UnixMs(100_000 + ms));
        assert_eq!(at(0), Some((Step::Propose, 0)));
        assert_eq!(at(1), Some((Step::Attest, 3_999)));
        assert_eq!(at(4_000), Some((Step::Attest, 0)));
        assert_eq!(at(8_001), Some((Step::Propose, 3_999)));
        // A snapshot that is minutes old still tells the beat.
        assert_eq!(at(120_000 + 3_000), Some((Step::Attest, 1_000)));
    }
}
