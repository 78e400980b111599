//! What excluded beacons said to reads that were repeated at them, and the lines it makes once the chain has told which head
//! was right. Pure.

use std::collections::BTreeMap;

use super::names::Names;
use crate::duties::Ledger;
use crate::model::{BeaconId, MsSpread, Observation, Outcome, Root, ShadowSeen, Slot};
use crate::router::Shadow;

/// Slots after which the head of a slot is known.
const TOLD: u64 = 2;
/// Answers kept of one beacon and slot; more say nothing new.
const MOST: u32 = 256;

#[derive(Debug, Default)]
struct Answers {
    n: u32,
    failed: u32,
    /// Milliseconds, of answers with attestation data: others take as long as what they hold is large.
    times: Vec<f64>,
    heads: Vec<(Slot, Root)>,
}

/// The answers, slot by slot.
#[derive(Debug, Default)]
pub struct Shadows(BTreeMap<Slot, BTreeMap<BeaconId, Answers>>);

impl Shadows {
    /// A beacon was asked.
    pub fn take(&mut self, beacon: BeaconId, shadow: &Shadow) {
        let of = self.0.entry(shadow.slot).or_default().entry(beacon).or_default();
        if of.n == MOST {
            return;
        }
        of.n += 1;
        // What it refuses, or does not have, is no failure.
        let fails = [Outcome::Failed, Outcome::Unreachable, Outcome::Broken, Outcome::TimedOut];
        of.failed += u32::from(fails.contains(&shadow.outcome));
        if let Some(head) = shadow.head {
            of.times.push(f64::from(shadow.took_us) / 1_000.0);
            of.heads.push(head);
        }
    }

    /// The lines that can be told at the end of a slot.
    pub fn lines(&mut self, ledger: &Ledger, now: Slot, names: &Names) -> Vec<Observation> {
        let later = self.0.split_off(&Slot((now.0 + 1).saturating_sub(TOLD)));
        let told = std::mem::replace(&mut self.0, later);
        let of_slot = |(slot, of): (Slot, BTreeMap<BeaconId, Answers>)| {
            of.into_iter().map(move |(beacon, of)| (slot, beacon, of))
        };
        let line = |(slot, beacon, of): (Slot, BeaconId, Answers)| {
            let right = of.heads.iter().filter_map(|(slot, head)| Some(ledger.head_at(*slot)? == *head));
            let right: Vec<bool> = right.collect();
            Some(Observation::Shadow(ShadowSeen {
                slot,
                as_of: now,
                beacon: names.beacon_name(beacon)?.to_string(),
                n: of.n,
                failed: of.failed,
                heads: right.len() as u32,
                wrong_head: right.iter().filter(|right| !**right).count() as u32,
                took_ms: MsSpread::of(of.times),
            }))
        };
        told.into_iter().flat_map(of_slot).filter_map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duties::{Block, Shape};
    use crate::engine::observe::names::tests::labels;
    use crate::model::ValidatorIndex;

    fn shadow(slot: u64, outcome: Outcome, head: Option<u8>) -> Shadow {
        let head = head.map(|byte| (Slot(slot), Root([byte; 32])));
        Shadow { beacon: BeaconId(0), slot: Slot(slot), outcome, took_us: 40_000, head }
    }

    /// A block of each slot, whose root is the slot's number.
    fn ledger(slots: u8) -> Ledger {
        let mut ledger = Ledger::new(Shape { slots_per_epoch: 8, sync_period: 2 });
        ledger.advance(Slot(u64::from(slots)));
        for slot in 1..=slots {
            ledger.block(Block {
                root: Root([slot; 32]),
                slot: Slot(u64::from(slot)),
                proposer: ValidatorIndex(0),
                parent: Root([slot - 1; 32]),
                state: Root([slot; 32]),
                votes: Vec::new(),
                sync: Box::default(),
                payload: Vec::new(),
            });
        }
        ledger.head(Root([slots; 32]));
        ledger
    }

    #[test]
    fn failures_and_stale_heads_are_told_when_the_chain_has_told_the_head() {
        let (mut shadows, mut names, ledger) = (Shadows::default(), Names::default(), ledger(9));
        names.under(&labels(&["b".to_owned()], &["unnamed"]));
        for (outcome, head) in [
            (Outcome::Ok, Some(7)),
            (Outcome::Ok, Some(5)),
            (Outcome::Ok, None),
            (Outcome::TimedOut, None),
            (Outcome::Refused, None),
            (Outcome::Empty, None),
        ] {
            shadows.take(BeaconId(0), &shadow(7, outcome, head));
        }
        assert_eq!(shadows.lines(&ledger, Slot(8), &names), [], "the head of slot 7 is not known");
        let lines = shadows.lines(&ledger, Slot(9), &names);
        let [Observation::Shadow(seen)] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((seen.slot, seen.as_of), (Slot(7), Slot(9)));
        assert_eq!((seen.n, seen.failed, seen.heads, seen.wrong_head), (6, 1, 2, 1));
        assert_eq!(seen.took_ms.map(|times| times.p50), Some(40.0));
        assert_eq!(shadows.lines(&ledger, Slot(9), &names), [], "once");
    }
}
