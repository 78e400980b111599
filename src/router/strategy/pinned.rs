//! *pinned*: the producer first, draining or not; the common order after it.

use super::order::{common, promote, salt};
use super::{Choice, Strategy};
use crate::model::BeaconId;
use crate::pool::Table;

pub struct Pinned;

impl Strategy for Pinned {
    fn order(&self, choice: &Choice, table: &Table) -> Vec<BeaconId> {
        let order = common(choice.row, choice.key, salt(choice.row, choice.slot, table), table);
        producer_first(order, choice.producer, table)
    }
}

/// The producer at the front although it drains: nobody else surely can finish what it began.
pub fn producer_first(mut order: Vec<BeaconId>, producer: Option<BeaconId>, table: &Table) -> Vec<BeaconId> {
    let Some(producer) = producer.filter(|id| table.entries[id.index()].finishes()) else { return order };
    if !order.contains(&producer) {
        order.insert(0, producer);
    }
    promote(order, |id| id == producer)
}
