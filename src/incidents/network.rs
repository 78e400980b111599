//! What is everybody's: losses of the whole network, and storms of late and missing blocks.

use super::window::{FALL, Window};
use crate::model::BlockSeen;

/// Widths of window that are looked at, in slots.
const WIDTHS: [u64; 3] = [8, 16, 32];
/// A storm is called one at so many nats.
const THRESHOLD: f64 = 9.0;
/// Usual share of slots whose block is late or missing, and how many slots that is worth.
const USUAL: (f64, f64) = (0.07, 60.0);

/// What is usual is learned so many slots late: a storm is not usual before it is called one.
const LAG: u64 = 32;

/// The usual share of disturbed slots.
#[derive(Debug)]
pub(super) struct Weather {
    bad: f64,
    n: f64,
}

impl Default for Weather {
    fn default() -> Self {
        Self { bad: USUAL.0 * USUAL.1, n: USUAL.1 }
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
        let is_bad = |slot: u64| window.block(slot).map(|block| block != BlockSeen::OnTime);
        let usual = self.bad / self.n;
        let mut storm: Option<Storm> = None;
        for width in WIDTHS {
            let blocks: Vec<bool> = (now.saturating_sub(width - 1)..=now).filter_map(is_bad).collect();
            let (n, bad) = (blocks.len() as f64, blocks.iter().filter(|bad| **bad).count() as f64);
            if bad < 3.0 || bad / n <= usual {
                continue;
            }
            let is = (bad / n).min(0.97);
            let score = bad * (is / usual).ln() + (n - bad) * ((1.0 - is) / (1.0 - usual)).ln();
            if score >= THRESHOLD && storm.as_ref().is_none_or(|other| other.score < score) {
                let evidence = vec![format!(
                    "{bad} of the last {n} blocks were late or missing, {:.0} % are usual",
                    usual * 100.0
                )];
                storm =
                    Some(Storm { kind: StormKind::Blocks, evidence, score, now: is_bad(now) == Some(true) });
            }
        }
        let falls: Vec<f64> =
            (now.saturating_sub(3)..=now).map(|slot| window.fall(slot)).filter(|fall| *fall > FALL).collect();
        if falls.len() >= 3 && storm.is_none() {
            let mean = falls.iter().sum::<f64>() / falls.len() as f64;
            let evidence =
                vec![format!("participation of the whole network fell by {:.1} points", mean * 100.0)];
            storm =
                Some(Storm { kind: StormKind::Losses, evidence, score: 20.0, now: window.fall(now) > FALL });
        }
        if storm.is_none() {
            let bad = now.checked_sub(LAG).and_then(is_bad);
            self.n = self.n * 0.99 + f64::from(u8::from(bad.is_some()));
            self.bad = self.bad * 0.99 + f64::from(u8::from(bad == Some(true)));
        }
        storm
    }
}
