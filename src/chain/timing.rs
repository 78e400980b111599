//! Slot time and due points, as the spec gives them for genesis and for each fork that changes them.
//!
//! Owns keys, ranges and fallbacks. Never knows where a slot lies on the wall clock: `clock` does.

use std::collections::BTreeSet;

use super::fork::FAR_FUTURE_EPOCH;
use super::spec::{Spec, SpecError};
use crate::model::{Bps, Step};

/// The key of each step's due point; `_<FORK>` is appended for the value from that fork on.
/// [`Step::Propose`] has none: a block is due at the start of its slot.
const DUE_KEYS: [(Step, &str); 5] = [
    (Step::Attest, "ATTESTATION_DUE_BPS"),
    (Step::SyncMessage, "SYNC_MESSAGE_DUE_BPS"),
    (Step::Aggregate, "AGGREGATE_DUE_BPS"),
    (Step::Contribution, "CONTRIBUTION_DUE_BPS"),
    (Step::PayloadAttest, "PAYLOAD_ATTESTATION_DUE_BPS"),
];
const STEPS: usize = DUE_KEYS.len() + 1;
const DURATION_KEY: &str = "SLOT_DURATION_MS";

/// A whole slot in basis points.
const SLOT: u64 = 10_000;
/// Accepted slot times: devnets run sub-second slots, no chain has slots of more than ten minutes.
const SLOT_MS: std::ops::RangeInclusive<u64> = 100..=600_000;
/// Intervals of a slot where neither due points nor `INTERVALS_PER_SLOT` are served (consensus spec before basis points).
const INTERVALS: u64 = 3;
/// Payload attestation where Gloas is served without its key (consensus spec, gloas).
const PAYLOAD_ATTESTATION: Bps = Bps(7_500);

/// Slot time and due points of one stretch of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Timing {
    pub(super) slot_ms: u64,
    served: [Option<Bps>; STEPS],
    intervals: u64,
}

impl Timing {
    /// From genesis on.
    pub(super) fn genesis(spec: &Spec) -> Result<Timing, SpecError> {
        let intervals = spec.ranged("INTERVALS_PER_SLOT", 2..=SLOT)?.unwrap_or(INTERVALS);
        let mut timing = Timing { slot_ms: genesis_slot_ms(spec)?, served: [None; STEPS], intervals };
        timing.take_due(spec, "")?;
        Ok(timing)
    }

    /// From a fork on: what the spec serves for it replaces what held before.
    pub(super) fn after(mut self, spec: &Spec, fork: &str) -> Result<Timing, SpecError> {
        let suffix = format!("_{fork}");
        if let Some(slot_ms) = spec.ranged(&format!("{DURATION_KEY}{suffix}"), SLOT_MS)? {
            self.slot_ms = slot_ms;
        }
        self.take_due(spec, &suffix)?;
        Ok(self)
    }

    fn take_due(&mut self, spec: &Spec, suffix: &str) -> Result<(), SpecError> {
        for (step, key) in DUE_KEYS {
            if let Some(due) = spec.ranged(&format!("{key}{suffix}"), 0..=SLOT)? {
                self.served[step as usize] = Some(Bps(due as u16));
            }
        }
        Ok(())
    }

    /// The due point of a step.
    ///
    /// Where none is served: sync messages are due with attestations and contributions with aggregates, as every fork has had
    /// it; attestations after one interval of the slot, aggregates after two.
    pub(super) fn due(&self, step: Step) -> Bps {
        self.served[step as usize].unwrap_or_else(|| match step {
            Step::Propose => Bps(0),
            // Rounded as the consensus spec rounds thirds: 3333 and 6667.
            Step::Attest => Bps((SLOT / self.intervals) as u16),
            Step::Aggregate => Bps((2 * SLOT).div_ceil(self.intervals) as u16),
            Step::SyncMessage => self.due(Step::Attest),
            Step::Contribution => self.due(Step::Aggregate),
            Step::PayloadAttest => PAYLOAD_ATTESTATION,
        })
    }
}

/// Slot time at genesis in milliseconds; `SLOT_DURATION_MS` wins over the older `SECONDS_PER_SLOT`.
pub(super) fn genesis_slot_ms(spec: &Spec) -> Result<u64, SpecError> {
    if let Some(slot_ms) = spec.ranged(DURATION_KEY, SLOT_MS)? {
        return Ok(slot_ms);
    }
    let seconds = spec.ranged("SECONDS_PER_SLOT", 1..=SLOT_MS.end() / 1_000)?;
    seconds
        .map(|seconds| seconds * 1_000)
        .ok_or(SpecError::Missing { key: "SLOT_DURATION_MS or SECONDS_PER_SLOT" })
}

/// Forks that change slot time or due points and are scheduled, with their epochs, in order.
///
/// A key for a fork says nothing about its being active: only the fork's epoch does. Forks at one epoch are ordered by name,
/// which is the order of forks: they are named after stars in alphabetical order.
pub(super) fn forks(spec: &Spec) -> Result<Vec<(u64, String)>, SpecError> {
    let prefixes = DUE_KEYS.map(|(_, key)| key).into_iter().chain([DURATION_KEY]);
    let named: BTreeSet<&str> = prefixes
        .flat_map(|prefix| {
            spec.iter().filter_map(move |(key, _)| key.strip_prefix(prefix)?.strip_prefix('_'))
        })
        .collect();
    let mut forks = Vec::new();
    for fork in named {
        match spec.checked(&format!("{fork}_FORK_EPOCH"))? {
            Some(epoch) if epoch != FAR_FUTURE_EPOCH.0 => forks.push((epoch, fork.to_owned())),
            _ => {}
        }
    }
    forks.sort();
    Ok(forks)
}
