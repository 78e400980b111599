//! *or*: everyone whose silence would be evidence, that is the healthy; the rest are not asked.

use super::order::{common, salt};
use super::{Choice, Strategy};
use crate::model::BeaconId;
use crate::pool::Table;

pub struct Or;

impl Strategy for Or {
    fn order(&self, choice: &Choice, table: &Table) -> Vec<BeaconId> {
        let mut order = common(choice.row, choice.key, salt(choice.row, choice.slot, table), table);
        order.retain(|id| table.entries[id.index()].good(choice.row.needs));
        order
    }
}
