//! *one*: block production. A beacon that cannot build on the agreed head comes after all that can.

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
        promote(order, |id| table.entries[id.index()].at_agreed)
    }
}
