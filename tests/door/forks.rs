//! A coming fork: who is ready, as the beacons' specs tell it.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::house::House;
use crate::stub::{SLOT_MS, Stub, good};
use crate::wire::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_that_does_not_know_a_coming_fork_is_named_in_status_and_alerts() {
    let stubs = vec![Stub::start(good()).await, Stub::start(good()).await];
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64 - 1_600_000_000_000;
    let epoch = since / SLOT_MS / 32 + 10;
    stubs[0].notes.has_gloas(epoch);
    let house = House::with(stubs, "").await;
    until("the fork", async || !house.rig.status().forks.is_empty()).await;
    let status = house.rig.status();
    let [fork] = status.forks.as_slice() else { panic!("{:?}", status.forks) };
    assert_eq!((fork.name.as_str(), fork.epoch.0, fork.count().as_str()), ("gloas", epoch, "1 of 2 ready"));
    let lost: Vec<&str> = fork.unready().filter(|of| of.lost).map(|of| of.beacon.as_str()).collect();
    assert_eq!(lost, ["b1"]);
    let alert = format!(
        "the fork gloas begins with epoch {epoch} and b1 is not ready: its release does not know it: upgrade it"
    );
    assert!(status.alerts.contains(&alert), "{:?}", status.alerts);
    house.is_well().await;
}
