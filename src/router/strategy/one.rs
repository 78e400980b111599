//! *one*: block production. A beacon that cannot build on the agreed head comes after all that can, and one that may not
//! know where fees go after those that do.

use super::order::{common, promote, salt};
use super::{Choice, Strategy};
use crate::model::BeaconId;
use crate::pool::Table;

pub struct One;

impl Strategy for One {
    fn order(&self, choice: &Choice, table: &Table) -> Vec<BeaconId> {
        let order = common(choice.row, choice.key, salt(choice.row, choice.slot, table), table);
        if table.agreed.is_none() {
            return order;
        }
        let able = |id: BeaconId| {
            let entry = &table.entries[id.index()];
            entry.at_agreed && entry.owed.is_none()
        };
        promote(promote(order, able), |id| able(id) && choice.holders.has(id))
    }
}
