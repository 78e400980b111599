//! Owns the count of attestation-data reads that beacons were asked for, slot by slot, by the proxies before them: what the
//! router says of itself does not enter. Never judges.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::SystemTime;

use super::clock::{Clock, first_slot};
use super::proxy::{Proxy, Seen};

const PATH: &str = "/eth/v1/validator/attestation_data";

/// Reads at all beacons together, by the slot in which they came.
#[derive(Clone, Debug, Default)]
pub struct Reads(BTreeMap<u64, usize>);

/// Reads a slot over some slots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerSlot {
    /// Of half of the slots no more.
    pub median: usize,
    /// Of all slots together, by their number.
    pub mean: f64,
    /// Of the worst slot.
    pub most: usize,
}

impl Reads {
    /// What came by at these proxies.
    pub fn seen<'a>(proxies: impl IntoIterator<Item = &'a Proxy>, clock: Clock) -> Self {
        let all = proxies.into_iter().flat_map(Proxy::seen);
        Self::of(all, clock)
    }

    fn of(all: impl IntoIterator<Item = Seen>, clock: Clock) -> Self {
        let genesis = clock.start_of(0);
        let slot = |at: SystemTime| {
            at.duration_since(genesis).map_or(0, |since| since.as_secs() / clock.seconds_per_slot)
        };
        let mut by_slot = BTreeMap::new();
        for seen in all.into_iter().filter(|seen| seen.is("GET", PATH)) {
            *by_slot.entry(slot(seen.at)).or_default() += 1;
        }
        Self(by_slot)
    }

    /// A slot's share over these epochs; none where nothing was counted at all.
    pub fn over(&self, epochs: Range<u64>) -> Option<PerSlot> {
        let slots = first_slot(epochs.start)..first_slot(epochs.end);
        let mut each: Vec<usize> = slots.map(|slot| self.0.get(&slot).copied().unwrap_or(0)).collect();
        each.sort_unstable();
        let (most, sum) = (*each.last()?, each.iter().sum::<usize>());
        let median = each[(each.len() - 1) / 2];
        (!self.0.is_empty()).then_some(PerSlot { median, mean: sum as f64 / each.len() as f64, most })
    }
}

#[test]
fn reads_are_counted_in_the_slot_in_which_they_came() {
    let clock = Clock { genesis: 1_000, seconds_per_slot: 3 };
    let seen = |slot: u64, ms: u64, what: &str| Seen {
        at: clock.start_of(slot) + std::time::Duration::from_millis(ms),
        what: format!("GET {what}"),
        answer: None,
    };
    let other = seen(8, 0, "/eth/v1/node/syncing");
    let reads = Reads::of([seen(8, 0, PATH), seen(8, 2_999, PATH), other, seen(11, 1_000, PATH)], clock);
    assert_eq!(reads.over(1..2), Some(PerSlot { median: 0, mean: 3.0 / 8.0, most: 2 }));
    assert_eq!(reads.over(2..3), Some(PerSlot { median: 0, mean: 0.0, most: 0 }));
    assert_eq!(Reads::default().over(1..2), None, "nobody counted");
}
