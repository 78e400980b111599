//! *any*: the common order; the runner hedges and retries along it.

use super::order::{common, salt};
use super::{Choice, Strategy};
use crate::model::BeaconId;
use crate::pool::Table;

pub struct Any;

impl Strategy for Any {
    fn order(&self, choice: &Choice, table: &Table) -> Vec<BeaconId> {
        common(choice.row, choice.key, salt(choice.row, choice.slot, table), table)
    }
}
