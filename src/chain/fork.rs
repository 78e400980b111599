//! The fork schedule a beacon serves, and when two schedules contradict each other.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::wire::{quoted, version};
use crate::model::Epoch;

/// The epoch that means "not scheduled" (consensus spec, `FAR_FUTURE_EPOCH`).
pub const FAR_FUTURE_EPOCH: Epoch = Epoch(u64::MAX);

/// One fork as `/eth/v1/config/fork_schedule` serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Fork {
    /// Version before it.
    #[serde(rename = "previous_version", deserialize_with = "version::deserialize")]
    pub previous: [u8; 4],
    /// Version from it on.
    #[serde(rename = "current_version", deserialize_with = "version::deserialize")]
    pub current: [u8; 4],
    /// First epoch of the new version; [`FAR_FUTURE_EPOCH`] when not scheduled.
    #[serde(deserialize_with = "epoch")]
    pub epoch: Epoch,
}

fn epoch<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Epoch, D::Error> {
    quoted::deserialize(deserializer).map(Epoch)
}

/// Every fork a beacon knows, in the order it serves them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct ForkSchedule(Vec<Fork>);

/// The place where two schedules contradict each other: epoch and version on either side.
pub(super) type Conflict = ((Epoch, [u8; 4]), (Epoch, [u8; 4]));

impl ForkSchedule {
    /// Wraps the forks.
    pub fn new(forks: Vec<Fork>) -> Self {
        Self(forks)
    }

    /// The forks as served.
    pub fn forks(&self) -> &[Fork] {
        &self.0
    }

    /// The version that holds from each epoch on.
    ///
    /// Forks that are not scheduled do not count. Of forks at one epoch only the highest version counts: the others never
    /// were the chain's, and some clients leave them out of the list.
    fn effective(&self) -> BTreeMap<Epoch, [u8; 4]> {
        let mut effective = BTreeMap::new();
        for fork in self.0.iter().filter(|fork| fork.epoch != FAR_FUTURE_EPOCH) {
            let version = effective.entry(fork.epoch).or_insert(fork.current);
            *version = fork.current.max(*version);
        }
        effective
    }

    /// The first place where the two contradict each other.
    ///
    /// One list may go on where the other ends: an upgraded node knows a further fork. What both know must be the same.
    pub(super) fn conflict(&self, other: &ForkSchedule) -> Option<Conflict> {
        self.effective().into_iter().zip(other.effective()).find(|(ours, theirs)| ours != theirs)
    }
}
