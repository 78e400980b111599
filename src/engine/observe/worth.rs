//! What a duty is worth: effective balances of a sample of our validators and of the network's, read once a day. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::duties::Ledger;
use crate::model::{Epoch, ValidatorIndex};

/// An increment of effective balance, and what is taken for a balance that was not told, in Gwei (phase0 spec).
const INCREMENT: u64 = 1_000_000_000;
const BALANCE: u64 = 32 * INCREMENT;
/// Validators asked about at once; their indices must fit in a URL.
const SAMPLE: usize = 256;
/// Epochs after which balances are read again: a day. Effective ones change rarely.
const ANEW: u64 = 225;

/// Whose balances are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampled {
    ours: Arc<[ValidatorIndex]>,
    network: Arc<[ValidatorIndex]>,
}

impl Sampled {
    /// All of them, each once.
    pub fn all(&self) -> BTreeSet<ValidatorIndex> {
        self.ours.iter().chain(&*self.network).copied().collect()
    }
}

/// Mean effective balances, in Gwei.
#[derive(Debug)]
pub struct Worth {
    ours: u64,
    network: u64,
    /// When the sample was read last, and how many of ours there were.
    read: Option<(Epoch, usize)>,
}

impl Default for Worth {
    fn default() -> Self {
        Self { ours: BALANCE, network: BALANCE, read: None }
    }
}

impl Worth {
    /// Whom to ask about, if it is time to: a day after the last time, or when twice as many of ours are known.
    pub fn wanted(&self, ledger: &Ledger, now: Epoch) -> Option<Sampled> {
        let ours = ledger.validators();
        let known = self.read.is_some_and(|(epoch, then)| now.0 < epoch.0 + ANEW && ours < 2 * then);
        if ours == 0 || known {
            return None;
        }
        let (ours, network) = (ledger.sample(SAMPLE), ledger.sample_of_network(now, SAMPLE)?);
        Some(Sampled { ours: ours.into(), network: network.into() })
    }

    /// What was told of a sample.
    pub fn take(&mut self, sampled: &Sampled, told: &[(ValidatorIndex, u64)], ledger: &Ledger, now: Epoch) {
        let mean = |of: &[ValidatorIndex]| {
            let of: BTreeSet<&ValidatorIndex> = of.iter().collect();
            let balances: Vec<u64> =
                told.iter().filter(|(index, _)| of.contains(index)).map(|(_, balance)| *balance).collect();
            // An exited validator has none; a mean of nothing is not known.
            balances.iter().sum::<u64>().checked_div(balances.len() as u64).filter(|mean| *mean > 0)
        };
        self.ours = mean(&sampled.ours).unwrap_or(BALANCE);
        self.network = mean(&sampled.network).unwrap_or(BALANCE);
        self.read = Some((now, ledger.validators()));
    }

    /// Base reward of one of our validators an epoch, in Gwei (altair spec, `get_base_reward`), so many validators of the
    /// network being active.
    pub fn base_reward(&self, active: u64, factor: u64) -> Option<f64> {
        let root = u128::from(active).checked_mul(u128::from(self.network))?.isqrt();
        let of_increment = u128::from(INCREMENT * factor).checked_div(root)?;
        Some(self.ours as f64 / INCREMENT as f64 * of_increment as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duties::{Committee, Shape};
    use crate::model::{ClientId, Root, Slot};

    fn ledger(ours: u64) -> Ledger {
        let mut ledger = Ledger::new(Shape { slots_per_epoch: 8, sync_period: 256 });
        ledger.advance(Slot(80));
        ledger.named(&(0..ours).map(ValidatorIndex).collect::<Vec<_>>(), ClientId(0));
        ledger
    }

    #[test]
    fn mainnets_base_reward_is_what_the_spec_gives() {
        // A million validators of 32 ETH: 64 Gwei an increment at 32 million ETH (altair spec, factor 64).
        let worth = Worth::default();
        let of_increment = (64_u64 * INCREMENT) / (1_000_000_u64 * BALANCE).isqrt();
        let reward = worth.base_reward(1_000_000, 64).unwrap();
        assert!((reward - 32.0 * of_increment as f64).abs() < 1e-9, "{reward}");
        assert_eq!(worth.base_reward(0, 64), None);
    }

    #[test]
    fn a_consolidated_validator_is_worth_more_and_a_larger_network_makes_all_worth_less() {
        let ledger = ledger(2);
        let index = ValidatorIndex;
        let sampled = Sampled { ours: [index(0), index(1)].into(), network: [index(1), index(9)].into() };
        let told = [(index(0), 2_048 * INCREMENT), (index(1), 32 * INCREMENT), (index(9), 96 * INCREMENT)];
        let mut worth = Worth::default();
        worth.take(&sampled, &told, &ledger, Epoch(10));
        assert_eq!((worth.ours, worth.network), (1_040 * INCREMENT, 64 * INCREMENT));
        let usual = Worth::default().base_reward(1_000, 64).unwrap();
        let ratio = worth.base_reward(1_000, 64).unwrap() / usual;
        assert!((ratio - 1_040.0 / 32.0 / 2_f64.sqrt()).abs() < 0.01, "{ratio}");
        worth.take(&sampled, &[], &ledger, Epoch(11));
        assert_eq!((worth.ours, worth.network), (BALANCE, BALANCE), "nobody told");
    }

    #[test]
    fn balances_are_asked_for_once_a_day_and_when_the_fleet_doubles() {
        let mut worth = Worth::default();
        assert_eq!(worth.wanted(&ledger(3), Epoch(10)), None, "committees are not known");
        let known = |mut ledger: Ledger, epoch: u64| {
            ledger.advance(Slot(epoch * 8));
            let committee = |slot: u64| Committee {
                slot: Slot(slot),
                index: 0,
                members: (0..1_000).map(ValidatorIndex).collect(),
            };
            let committees = (epoch * 8..epoch * 8 + 8).map(committee).collect();
            ledger.committees(Epoch(epoch), Root::default(), committees).unwrap();
            ledger
        };
        let few = known(ledger(3), 10);
        let sampled = worth.wanted(&few, Epoch(10)).unwrap();
        assert_eq!(sampled.ours.len(), 3);
        assert_eq!(sampled.network.len(), SAMPLE);
        worth.take(&sampled, &[], &few, Epoch(10));
        let day = 10 + ANEW;
        assert_eq!(worth.wanted(&known(ledger(3), day - 1), Epoch(day - 1)), None);
        assert_eq!(worth.wanted(&known(ledger(3), day), Epoch(day)), Some(sampled));
        assert_eq!(worth.wanted(&known(ledger(5), 10), Epoch(10)), None);
        assert_eq!(worth.wanted(&known(ledger(512), 10), Epoch(10)).unwrap().ours.len(), SAMPLE);
        assert_eq!(Worth::default().wanted(&known(ledger(0), 10), Epoch(10)), None);
    }
}
