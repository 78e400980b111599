//! *broadcast*: producer and holders of the subscription first, then beacons on different hosts.

use super::order::{common, promote, salt, spread_hosts};
use super::pinned::producer_first;
use super::{Choice, Strategy};
use crate::model::BeaconId;
use crate::pool::Table;

pub struct Broadcast;

impl Strategy for Broadcast {
    fn order(&self, choice: &Choice, table: &Table) -> Vec<BeaconId> {
        let order = common(choice.row, choice.key, salt(choice.row, choice.slot, table), table);
        let spread = spread_hosts(&order, choice.row, table);
        let held =
            promote(spread, |id| choice.holders.has(id) && table.entries[id.index()].good(choice.row.needs));
        producer_first(held, choice.producer, table)
    }
}
