//! Attestations of a stretch of slots, summed by client and by beacon, and payload attestations by client.

use std::collections::BTreeMap;

use super::Ledger;
use super::roll::Number;
use super::rows::Fate;
use crate::duties::Kind;
use crate::model::{BeaconId, ClientId, Epoch, Slot, ValidatorIndex};

/// Sums of attestations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    /// How many were due.
    pub due: u32,
    /// For how many data was served.
    pub served: u32,
    /// How many were published.
    pub published: u32,
    /// How many the chain includes.
    pub included: u32,
    /// How many it includes later than it could have.
    pub late: u32,
    /// With another head than the chain's.
    pub wrong_head: u32,
    /// With another target than the chain's.
    pub wrong_target: u32,
    /// Slots to inclusion, all together.
    pub distance: u64,
    /// When each was published, in milliseconds against the due point, sorted.
    times: Vec<i32>,
}

impl Sums {
    /// When so many in a hundred had come to be published, in milliseconds against the due point; none: nothing was.
    pub fn quantile(&self, percent: usize) -> Option<i32> {
        let last = self.times.len().checked_sub(1)?;
        self.times.get((self.times.len() * percent / 100).min(last)).copied()
    }
}

/// Sums of payload attestations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PayloadTally {
    /// How many the chain includes.
    pub included: u32,
    /// How many it does not.
    pub missed: u32,
    /// How many of those included do not say what most of their committee do.
    pub disagree: u32,
}

/// Sums by whom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SumsBy {
    /// By client.
    pub clients: BTreeMap<ClientId, Sums>,
    /// By the beacon whose data was signed; none: the path is not known.
    pub beacons: BTreeMap<Option<BeaconId>, Sums>,
}

impl Ledger {
    /// The attestations due from one slot to another that the chain has told of.
    pub fn sums(&self, from: Slot, to: Slot) -> SumsBy {
        let mut out = SumsBy::default();
        for epoch in (self.epoch(from).0..=self.epoch(to).0).map(Epoch) {
            let Some(of) = self.epochs.get(&epoch) else { continue };
            for (number, verdict) in (0..).zip(&of.verdicts) {
                let Some((place, verdict)) = verdict else { continue };
                let slot = Slot(self.first(epoch).0 + u64::from(*place));
                if slot < from || slot > to {
                    continue;
                }
                let kept = of.paths.get(number as usize).copied().unwrap_or_default();
                let path = self.path(number, Kind::Attestation, slot, kept);
                let beacon = path.data.map(|data| data.beacon);
                let client = path.client.unwrap_or_default();
                for sums in [out.clients.entry(client).or_default(), out.beacons.entry(beacon).or_default()] {
                    sums.due += 1;
                    sums.served += u32::from(path.data.is_some());
                    sums.published += u32::from(path.published_ms.is_some());
                    sums.times.extend(path.published_ms);
                    if verdict.included() {
                        sums.included += 1;
                        sums.distance += u64::from(verdict.distance);
                        sums.late += u32::from(verdict.late());
                        sums.wrong_head += u32::from(!verdict.head());
                        sums.wrong_target += u32::from(!verdict.timely_target());
                    }
                }
            }
        }
        for sums in out.clients.values_mut().chain(out.beacons.values_mut()) {
            sums.times.sort_unstable();
        }
        out
    }

    /// The payload attestations due from one slot to another that the chain has told of, by client.
    pub fn payload_sums(&self, from: Slot, to: Slot) -> BTreeMap<ClientId, PayloadTally> {
        let mut out: BTreeMap<ClientId, PayloadTally> = BTreeMap::new();
        for slot in (from.0..=to.0).map(Slot) {
            for (number, _) in self.payloads.told(slot) {
                let (included, disagree) = match self.payload_attested(slot, number) {
                    Fate::PayloadAttested { agrees } => (true, !agrees),
                    Fate::Missed => (false, false),
                    _ => continue,
                };
                let sums = out.entry(self.roll.client(number)).or_default();
                sums.included += u32::from(included);
                sums.missed += u32::from(!included);
                sums.disagree += u32::from(disagree);
            }
        }
        out
    }

    /// Validators of the network that have a duty in an epoch: its active ones.
    pub fn active(&self, epoch: Epoch) -> Option<u64> {
        let (_, shuffling) = self.shufflings.get(&epoch)?.last()?;
        Some(shuffling.members() as u64)
    }

    /// So many of those that were seen, or all of them, spread over the roll.
    pub fn sample(&self, most: usize) -> Vec<ValidatorIndex> {
        let step = self.roll.len().div_ceil(most.max(1)).max(1);
        (0..self.roll.len()).step_by(step).map(|number| self.roll.validator(number as Number)).collect()
    }

    /// So many of the network's active validators in an epoch; the shuffling has mixed them.
    pub fn sample_of_network(&self, epoch: Epoch, most: usize) -> Option<Vec<ValidatorIndex>> {
        let (_, shuffling) = self.shufflings.get(&epoch)?.last()?;
        Some(shuffling.first(most).iter().map(|index| ValidatorIndex(u64::from(*index))).collect())
    }
}
