//! Draws that depend on the seed and on what they are for, not on what was drawn before.

use crate::sim::chain::word;

/// What a draw is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    AnswerTime,
    AskJitter,
    Away,
    BlockLate,
    BlockMissed,
    BlockTime,
    ClientKind,
    ClientSize,
    Committee,
    CommitteeFate,
    CommitteeVerdict,
    Dropped,
    DroppedShare,
    DutySlot,
    Elsewhere,
    ForkLost,
    Gossip,
    GossipLost,
    Hosts,
    Import,
    LateBlockTime,
    LateInclusion,
    Lost,
    Network,
    Order,
    Packing,
    PackedOut,
    Path,
    PausePhase,
    Peers,
    Personal,
    ProbeTime,
    Propagation,
    Sign,
    Stall,
    StallTime,
    Wobble,
    // New ones come last: what is drawn for the others stays.
    Canary,
    CanaryWhom,
}

/// The dice of one recording.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// Any number.
    pub(super) fn word(self, of: Of, at: &[u64]) -> u64 {
        word(&[self.0, of as u64, word(at)])
    }

    /// Evenly from 0 to below 1.
    pub(super) fn unit(self, of: Of, at: &[u64]) -> f64 {
        (self.word(of, at) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something of this share happens.
    pub(super) fn chance(self, share: f64, of: Of, at: &[u64]) -> bool {
        share > 0.0 && self.unit(of, at) < share
    }

    /// A duration or size: log-normal with this median; `spread` is the deviation of its logarithm.
    pub(super) fn around(self, median: f64, spread: f64, of: Of, at: &[u64]) -> f64 {
        let word = self.word(of, at);
        let (a, b) = ((word >> 32) as f64, (word & 0xffff_ffff) as f64);
        let scale = f64::from(u32::MAX) + 1.0;
        // Box-Muller.
        let normal = (-2.0 * ((a + 1.0) / scale).ln()).sqrt() * (std::f64::consts::TAU * b / scale).cos();
        median * (spread * normal).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_medians_are_what_they_say() {
        let dice = Dice(7);
        let hits = (0..20_000).filter(|i| dice.chance(0.1, Of::Lost, &[*i])).count();
        assert!((1_800..2_200).contains(&hits), "{hits}");
        let below = (0..20_000).filter(|i| dice.around(50.0, 0.5, Of::Sign, &[*i]) < 50.0).count();
        assert!((9_600..10_400).contains(&below), "{below}");
        assert_eq!(dice.word(Of::Lost, &[1]), Dice(7).word(Of::Lost, &[1]));
        assert_ne!(dice.word(Of::Lost, &[1]), Dice(8).word(Of::Lost, &[1]));
        assert_ne!(dice.word(Of::Lost, &[1]), dice.word(Of::Sign, &[1]));
    }
}
