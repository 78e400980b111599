//! Attestation requests of each slot by client and beacon, and the lines they make. Pure.

use std::collections::BTreeMap;

use crate::model::{
    Attempt, BeaconId, ClientId, MsSpread, Observation, Outcome, ServedSeen, ServedStep, Slot,
};

use super::names::Names;

/// Times kept of one path and slot; more say nothing new.
const TIMES: usize = 4_096;
/// Slots that are counted at once: the present one and those that come early or late.
const SLOTS: usize = 4;

#[derive(Debug, Default)]
struct Count {
    n: u32,
    failed: u32,
    /// Milliseconds.
    times: Vec<f64>,
}

/// The counts.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<Slot, BTreeMap<(ClientId, BeaconId, ServedStep), Count>>);

impl Counts {
    /// One request and its attempts; `due_ms` is when it came, against the due point.
    pub fn take(
        &mut self,
        slot: Slot,
        (client, step, due_ms): (ClientId, ServedStep, i32),
        tried: &[(BeaconId, Attempt)],
    ) {
        let of = self.0.entry(slot).or_default();
        for (beacon, attempt) in tried {
            let count = of.entry((client, *beacon, step)).or_default();
            count.n += 1;
            let took = f64::from(attempt.took_us) / 1_000.0;
            match (attempt.outcome, step) {
                (Outcome::Failed | Outcome::Unreachable | Outcome::Broken | Outcome::TimedOut, _) => {
                    count.failed += 1;
                }
                _ if count.times.len() == TIMES => {}
                (_, ServedStep::Data) => count.times.push(took),
                (_, ServedStep::Publish) => {
                    count.times.push(f64::from(due_ms) + f64::from(attempt.start_us) / 1_000.0 + took);
                }
            }
        }
        while self.0.len() > SLOTS {
            self.0.pop_first();
        }
    }

    /// A slot is over: its lines.
    pub fn lines(&mut self, slot: Slot, names: &Names) -> Vec<Observation> {
        let later = self.0.split_off(&Slot(slot.0 + 1));
        let of = self.0.remove(&slot).unwrap_or_default();
        self.0 = later;
        let line = |((client, beacon, step), count): ((ClientId, BeaconId, ServedStep), Count)| {
            Some(Observation::Served(ServedSeen {
                slot,
                client: names.client_name(client)?.to_owned(),
                beacon: names.beacon_name(beacon)?.to_string(),
                step,
                n: count.n,
                failed: count.failed,
                after_due_ms: MsSpread::of(count.times),
            }))
        };
        of.into_iter().filter_map(line).collect()
    }
}
