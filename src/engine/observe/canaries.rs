//! What beacons said to questions that others had answered, and the lines it makes once the chain has told which head was
//! right. Pure.

use std::collections::BTreeMap;

use super::names::Names;
use crate::duties::Ledger;
use crate::model::{BeaconId, CanarySeen, ClientId, MsSpread, Observation, Outcome, Root, Slot};

/// Slots after which the head of a slot is known, and after which nobody waits for it any more.
const TOLD: u64 = 2;
const LAST: u64 = 8;
/// Answers kept of one client, beacon and slot; more say nothing new.
const MOST: usize = 256;

#[derive(Debug, Default)]
struct Answers {
    n: u32,
    failed: u32,
    /// Milliseconds.
    times: Vec<f64>,
    heads: Vec<Root>,
}

/// The answers, slot by slot.
#[derive(Debug, Default)]
pub struct Canaries(BTreeMap<Slot, BTreeMap<(ClientId, BeaconId), Answers>>);

impl Canaries {
    /// A beacon was asked, and this came of it: the milliseconds it took, and the head it said.
    pub fn take(
        &mut self,
        slot: Slot,
        path: (ClientId, BeaconId),
        outcome: Outcome,
        (ms, head): (f64, Option<Root>),
    ) {
        let of = self.0.entry(slot).or_default().entry(path).or_default();
        if of.heads.len() == MOST {
            return;
        }
        of.n += 1;
        match head {
            Some(head) => {
                of.times.push(ms);
                of.heads.push(head);
            }
            // What it refuses is no answer, and no failure.
            None => of.failed += u32::from(outcome != Outcome::Refused && outcome != Outcome::Empty),
        }
    }

    /// The lines that can be told at the end of a slot.
    pub fn lines(&mut self, ledger: &Ledger, now: Slot, names: &Names) -> Vec<Observation> {
        let mut lines = Vec::new();
        self.0.retain(|slot, answers| {
            if slot.0 + TOLD > now.0 {
                return true;
            }
            let Some(right) = ledger.head_at(*slot) else { return slot.0 + LAST > now.0 };
            for ((client, beacon), of) in std::mem::take(answers) {
                lines.extend(line((*slot, now), (client, beacon), of, right, names));
            }
            false
        });
        lines
    }
}

fn line(
    (slot, as_of): (Slot, Slot),
    (client, beacon): (ClientId, BeaconId),
    of: Answers,
    right: Root,
    names: &Names,
) -> Option<Observation> {
    Some(Observation::Canary(CanarySeen {
        slot,
        as_of,
        client: names.client_name(client)?.to_owned(),
        beacon: names.beacon_name(beacon)?.to_string(),
        n: of.n,
        failed: of.failed,
        wrong_head: of.heads.iter().filter(|head| **head != right).count() as u32,
        took_ms: MsSpread::of(of.times),
    }))
}
