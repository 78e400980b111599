//! *subscribed*: beacons that hold the subscription and got our attestations, then everyone else as a last resort.

use super::order::{common, promote, salt};
use super::{Choice, Strategy};
use crate::model::BeaconId;
use crate::pool::Table;

pub struct Subscribed;

impl Strategy for Subscribed {
    fn order(&self, choice: &Choice, table: &Table) -> Vec<BeaconId> {
        let mut order = common(choice.row, choice.key, salt(choice.row, choice.slot, table), table);
        let draining = table.entries.iter().filter(|entry| entry.finishes() && choice.holders.has(entry.id));
        for entry in draining {
            if !order.contains(&entry.id) {
                order.push(entry.id);
            }
        }
        promote(order, |id| {
            let entry = &table.entries[id.index()];
            choice.holders.has(id)
                && (entry.good(choice.row.needs) || entry.finishes() && entry.reasons.len() == 1)
        })
    }
}
