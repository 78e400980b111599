//! The network's part in a slot. Pure.

use crate::duties::Ledger;
use crate::model::Slot;

/// So few attesters say nothing about the network.
const LEAST: u32 = 32;

/// Share of the attesters of a slot that were included, ours left out: what befalls a fleet that is a good part of its network
/// is not the network's doing. None while it is not counted, or hardly anybody is left.
pub fn of_others(ledger: &Ledger, slot: Slot) -> Option<f64> {
    let all = ledger.turnout(slot)?;
    let ours = ledger.by_path(slot);
    let (due, missed) =
        ours.iter().fold((0, 0), |(due, missed), path| (due + path.due, missed + path.missed));
    share((all.due, all.included), (due, due - missed))
}

fn share(all: (u32, u32), ours: (u32, u32)) -> Option<f64> {
    let (due, included) = (all.0.saturating_sub(ours.0), all.1.saturating_sub(ours.1));
    (due >= LEAST).then(|| (f64::from(included) / f64::from(due) * 1e4).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_befalls_us_is_not_the_networks_doing() {
        assert_eq!(share((1_000, 900), (100, 0)), Some(1.0));
        assert_eq!(share((1_000, 900), (0, 0)), Some(0.9));
        assert_eq!(share((64, 48), (64, 48)), None, "nobody else is there");
    }
}
