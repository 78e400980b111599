//! *seed*: the same beacons for a client as long as they are healthy, on different hosts.

use super::order::{common, spread_hosts};
use super::{Choice, Strategy};
use crate::model::BeaconId;
use crate::pool::Table;

/// Seeds stay where they are: the draw depends on the client alone.
const STEADY: u64 = 0;

pub struct Seed;

impl Strategy for Seed {
    fn order(&self, choice: &Choice, table: &Table) -> Vec<BeaconId> {
        let order = common(choice.row, choice.key, STEADY, table);
        spread_hosts(&order, choice.row, table)
    }
}
