//! What is everybody's: losses of the whole network, and storms of late and missing blocks.

use std::collections::BTreeSet;

use super::component::Id;
use super::window::Window;
use crate::model::BlockSeen;

/// Widths of window that are looked at, in slots.
const WIDTHS: [u64; 3] = [8, 16, 32];
/// A storm is called one at so many nats: an hour has 300 looks at three widths, and none of them may be wrong by chance.
const THRESHOLD: f64 = 10.0;
/// And by so many blocks at least.
const LEAST: f64 = 3.0;
/// Usual shares of slots whose block is late, and missing, and how many slots they are worth.
const USUAL: ([f64; 2], f64) = ([0.055, 0.015], 60.0);
/// So many of them never fade: rare things are rare by luck in a hundred slots.
const KEPT: f64 = 40.0;
/// What a slot later counts.
const DECAY: f64 = 0.99;

/// What is usual is learned so many slots late: a storm is not usual before it is called one.
const LAG: u64 = 32;

/// The usual shares of disturbed slots: how many blocks came late and were missing, of so many.
#[derive(Debug)]
pub(super) struct Weather {
    bad: [f64; 2],
    n: f64,
}

impl Default for Weather {
    fn default() -> Self {
        Self { bad: USUAL.0.map(|share| share * USUAL.1), n: USUAL.1 }
    }
}

/// What kind of thing is wrong with the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StormKind {
    /// Blocks come late or not at all.
    Blocks,
    /// Attestations get lost.
    Losses,
}

/// What is wrong with the network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storm {
    pub(super) kind: StormKind,
    pub(super) evidence: Vec<String>,
    pub(super) score: f64,
    /// Whether the newest slot speaks for it.
    pub(super) now: bool,
}

impl Weather {
    /// Looks at the network at the end of a slot.
    pub(super) fn look(&mut self, window: &Window, now: u64) -> Option<Storm> {
        let usual = self.bad.iter().sum::<f64>() / self.n;
        let mut storm: Option<Storm> = None;
        for width in WIDTHS {
            let blocks = (now.saturating_sub(width - 1)..=now)
                .filter_map(|slot| Some((window.block(slot)?, window.proposer(slot))));
            let blocks: Vec<(BlockSeen, Option<Id>)> = blocks.collect();
            let bad = || blocks.iter().filter(|(block, _)| *block != BlockSeen::OnTime);
            // What is everybody's does not hang on one client's blocks.
            let ours: BTreeSet<Id> = bad().filter_map(|(_, whose)| *whose).collect();
            let without = ours.into_iter().map(|client| self.score(&blocks, Some(client)));
            let score = without.fold(self.score(&blocks, None), f64::min);
            if score >= THRESHOLD && storm.as_ref().is_none_or(|other| other.score < score) {
                let evidence = vec![format!(
                    "{} of the last {} blocks were late or missing, {:.0} % are usual",
                    bad().count(),
                    blocks.len(),
                    usual * 100.0
                )];
                let now = window.block(now).is_some_and(|block| block != BlockSeen::OnTime);
                storm = Some(Storm { kind: StormKind::Blocks, evidence, score, now });
            }
        }
        let fallen = (now.saturating_sub(3)..=now).filter(|slot| window.is_fallen(*slot));
        let falls: Vec<f64> = fallen.map(|slot| window.fall(slot)).collect();
        if falls.len() >= 3 && storm.is_none() {
            let mean = falls.iter().sum::<f64>() / falls.len() as f64;
            let evidence =
                vec![format!("participation of the whole network fell by {:.1} points", mean * 100.0)];
            storm =
                Some(Storm { kind: StormKind::Losses, evidence, score: 20.0, now: window.is_fallen(now) });
        }
        if storm.is_none() {
            let block = now.checked_sub(LAG).and_then(|slot| window.block(slot));
            let fade = |kept: f64, floor: f64| (kept - floor).max(0.0) * DECAY + floor;
            self.n = fade(self.n, KEPT) + f64::from(u8::from(block.is_some()));
            let usual = USUAL.0.into_iter().zip([BlockSeen::Late, BlockSeen::Missed]);
            for (kept, (share, of)) in self.bad.iter_mut().zip(usual) {
                *kept = fade(*kept, share * KEPT) + f64::from(u8::from(block == Some(of)));
            }
        }
        storm
    }

    /// How much better the late and missing ones of these blocks, those of one client left out, are explained by a storm
    /// than by what is usual, in nats. What is usual is known within its standard error only.
    fn score(&self, blocks: &[(BlockSeen, Option<Id>)], without: Option<Id>) -> f64 {
        let others = || blocks.iter().filter(|(_, whose)| whose.is_none() || *whose != without);
        let count = |of: BlockSeen| others().filter(|(block, _)| *block == of).count() as f64;
        let (n, counts) = (others().count() as f64, [count(BlockSeen::Late), count(BlockSeen::Missed)]);
        if counts.iter().sum::<f64>() < LEAST {
            return 0.0;
        }
        let (mut score, mut is_well, mut well) = (0.0, 1.0, 1.0);
        for (count, bad) in counts.into_iter().zip(self.bad) {
            let usual = bad / self.n;
            let usual = usual + (usual * (1.0 - usual) / self.n).sqrt();
            let is = (count / n).clamp(usual, 0.97_f64.max(usual));
            score += count * (is / usual).ln();
            (is_well, well) = (is_well - is, well - usual);
        }
        score + (n - counts.iter().sum::<f64>()) * (is_well.max(0.01) / well).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::component::Parts;
    use crate::model::{FleetSeen, Labelled, Slot, SlotSeen};

    fn parts() -> Parts {
        let client = |n: u64| Labelled { name: format!("vc-{n}"), ..Labelled::default() };
        let mut parts = Parts::default();
        parts.learn(&FleetSeen { clients: (0..4).map(client).collect(), ..FleetSeen::default() });
        parts
    }

    /// The first storm in slots whose blocks and participation are told.
    fn storm(slots: u64, told: impl Fn(u64) -> (BlockSeen, f64)) -> Option<(u64, StormKind)> {
        storm_in(slots, |_| None, told)
    }

    /// The same, where clients of ours propose.
    fn storm_in(
        slots: u64,
        proposer: impl Fn(u64) -> Option<String>,
        told: impl Fn(u64) -> (BlockSeen, f64),
    ) -> Option<(u64, StormKind)> {
        let mut parts = parts();
        let (mut window, mut weather) = (Window::default(), Weather::default());
        (0..slots).find_map(|slot| {
            let (block, share) = told(slot);
            let proposer = proposer(slot);
            let seen =
                SlotSeen { slot: Slot(slot), block, proposer, began: None, participation: Some(share) };
            window.slot(&seen, &mut parts);
            weather.look(&window, slot).map(|storm| (slot, storm.kind))
        })
    }

    #[test]
    fn a_cluster_after_hours_without_one_is_chance_and_a_storm_is_none() {
        // One in seventy was late lately: five of thirteen are rare, and happen once in many hours.
        let cluster = |slot: u64| match slot {
            264 | 268 | 269 | 276 => BlockSeen::Late,
            271 => BlockSeen::Missed,
            slot if slot % 70 == 9 => BlockSeen::Late,
            _ => BlockSeen::OnTime,
        };
        assert_eq!(storm(300, |slot| (cluster(slot), 0.99)), None);
        let half = |slot: u64| {
            if slot > 100 && slot.is_multiple_of(2) { BlockSeen::Late } else { BlockSeen::OnTime }
        };
        let (slot, kind) = storm(300, |slot| (half(slot), 0.99)).unwrap();
        assert!(kind == StormKind::Blocks && slot < 124, "{slot}");
    }

    #[test]
    fn what_hangs_on_the_blocks_of_one_client_of_ours_is_not_everybodys() {
        let proposer = |slot: u64| Some(format!("vc-{}", slot * 7 % 11 % 4));
        let stopped = |slot: u64| {
            let missing = slot > 100 && proposer(slot).as_deref() == Some("vc-2");
            (if missing { BlockSeen::Missed } else { BlockSeen::OnTime }, 0.99)
        };
        assert_eq!(storm_in(300, proposer, stopped), None);
        assert!(storm(300, stopped).is_some(), "nobody of ours proposes them");
        let half = |slot: u64| {
            let late = slot > 100 && slot.is_multiple_of(2);
            (if late { BlockSeen::Late } else { BlockSeen::OnTime }, 0.99)
        };
        let (slot, kind) = storm_in(300, proposer, half).unwrap();
        assert!(kind == StormKind::Blocks && slot < 124, "{slot}");
    }

    #[test]
    fn what_a_bad_network_wobbles_by_is_no_loss_before_it_is_known() {
        // Four in a hundred get lost, by spells of five slots.
        let wobbly = |slot: u64| 0.94 + [0.016, -0.016, 0.004, -0.012, 0.012][slot as usize / 5 % 5];
        assert_eq!(storm(100, |slot| (BlockSeen::OnTime, wobbly(slot))), None);
        let lost = |slot: u64| if slot < 24 { 0.99 } else { 0.9 };
        let (slot, kind) = storm(60, |slot| (BlockSeen::OnTime, lost(slot))).unwrap();
        assert!(kind == StormKind::Losses && slot <= 27, "{slot}");
    }
}
