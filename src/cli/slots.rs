//! The slot clock of a fleet, asked of its beacons, for commands that mind duties without a running serve.

use std::time::Duration;

use crate::beacon::BeaconClient;
use crate::chain::SlotClock;
use crate::model::Fleet;

/// How long a beacon may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The clock as the first beacon that answers has it; none if none does.
pub fn clock(fleet: &Fleet) -> Option<SlotClock> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async {
        for beacon in &fleet.beacons {
            let Ok(client) = BeaconClient::new(beacon, PATIENCE) else { continue };
            if let Ok(Some(told)) = client.identity().await
                && let Ok(clock) = SlotClock::new(&told.genesis, &told.spec)
            {
                return Some(clock);
            }
        }
        None
    })
}
