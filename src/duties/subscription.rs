//! Committee subscriptions as validator clients send them.

use serde::Deserialize;

use super::ParseError;
use super::json::{Quoted, read};
use crate::model::{Epoch, Slot, ValidatorIndex};

/// One entry of `beacon_committee_subscriptions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitteeSubscription {
    /// Who attests.
    pub validator: ValidatorIndex,
    /// Index of the committee within the slot.
    pub committee: u64,
    /// When.
    pub slot: Slot,
    /// Whether the validator aggregates there.
    pub aggregator: bool,
}

/// One entry of `sync_committee_subscriptions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncSubscription {
    /// Who signs.
    pub validator: ValidatorIndex,
    /// Places in the sync committee.
    pub positions: Vec<u64>,
    /// The first epoch it does not hold for.
    pub until: Epoch,
}

#[derive(Deserialize)]
struct CommitteeJson {
    validator_index: Quoted,
    committee_index: Quoted,
    slot: Quoted,
    is_aggregator: bool,
}

#[derive(Deserialize)]
struct SyncJson {
    validator_index: Quoted,
    sync_committee_indices: Vec<Quoted>,
    until_epoch: Quoted,
}

/// Reads a request to `beacon_committee_subscriptions` (JSON; the API has no other form).
pub fn committee_subscriptions(body: &[u8]) -> Result<Vec<CommitteeSubscription>, ParseError> {
    let entry = |row: CommitteeJson| CommitteeSubscription {
        validator: ValidatorIndex(row.validator_index.0),
        committee: row.committee_index.0,
        slot: Slot(row.slot.0),
        aggregator: row.is_aggregator,
    };
    Ok(read::<Vec<CommitteeJson>>("committee subscriptions", body)?.into_iter().map(entry).collect())
}

/// Reads a request to `sync_committee_subscriptions` (JSON).
pub fn sync_subscriptions(body: &[u8]) -> Result<Vec<SyncSubscription>, ParseError> {
    let entry = |row: SyncJson| SyncSubscription {
        validator: ValidatorIndex(row.validator_index.0),
        positions: row.sync_committee_indices.iter().map(|place| place.0).collect(),
        until: Epoch(row.until_epoch.0),
    };
    Ok(read::<Vec<SyncJson>>("sync committee subscriptions", body)?.into_iter().map(entry).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMMITTEE: &str = r#"[{"validator_index":"1","committee_index":"3","committees_at_slot":"64",
        "slot":"100","is_aggregator":true}]"#;

    #[test]
    fn requests_are_read() {
        let expected = CommitteeSubscription {
            validator: ValidatorIndex(1),
            committee: 3,
            slot: Slot(100),
            aggregator: true,
        };
        assert_eq!(committee_subscriptions(COMMITTEE.as_bytes()).unwrap(), [expected]);
        let sync = br#"[{"validator_index":"1","sync_committee_indices":["0","7"],"until_epoch":"9"}]"#;
        let expected =
            SyncSubscription { validator: ValidatorIndex(1), positions: vec![0, 7], until: Epoch(9) };
        assert_eq!(sync_subscriptions(sync).unwrap(), [expected]);
        assert_eq!(committee_subscriptions(b"[]").unwrap(), []);
        assert!(committee_subscriptions(b"{}").is_err());
    }

    proptest! {
        #[test]
        fn garbage_is_refused(body: Vec<u8>, cut in 0..COMMITTEE.len()) {
            prop_assert!(committee_subscriptions(&COMMITTEE.as_bytes()[..cut]).is_err());
            let _ = (committee_subscriptions(&body), sync_subscriptions(&body));
        }
    }
}
