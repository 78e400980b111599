//! *or*: all healthy ones. Whose silence would be evidence, by the time it is up, is told apart in `liveness`.

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
