//! Subscriptions in SSZ, as `@lodestar/api` sends them, written as JSON: the Beacon API has them in JSON alone, so that is
//! what every beacon can be told again.

use crate::chain::Ssz;
use crate::model::SeedKind;

/// Bytes of a committee subscription: validator, committee, committees at its slot, slot, whether it aggregates.
const COMMITTEE: usize = 33;
/// Bytes of the fixed part of a sync committee subscription: validator, offset of its indices, end.
const SYNC: usize = 20;

/// The same list as JSON; none if the kind has no such form, or the body is not of it.
pub(super) fn as_json(kind: SeedKind, body: &[u8]) -> Option<String> {
    let entries = match kind {
        SeedKind::Committees => Ssz(body).fixed(COMMITTEE)?.map(committee).collect::<Option<Vec<_>>>()?,
        SeedKind::Sync => Ssz(body).variable()?.into_iter().map(sync).collect::<Option<_>>()?,
        SeedKind::Preparations | SeedKind::Registrations | SeedKind::Preferences | SeedKind::Subnets => {
            return None;
        }
    };
    Some(format!("[{}]", entries.join(",")))
}

fn committee(raw: Ssz<'_>) -> Option<String> {
    let aggregates = match raw.0.last()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    Some(format!(
        r#"{{"validator_index":"{}","committee_index":"{}","committees_at_slot":"{}","slot":"{}","is_aggregator":{aggregates}}}"#,
        raw.number(0)?,
        raw.number(8)?,
        raw.number(16)?,
        raw.number(24)?
    ))
}

fn sync(raw: Ssz<'_>) -> Option<String> {
    let indices = raw.from(SYNC).filter(|_| raw.offset(8) == Some(SYNC as u32))?;
    let listed = indices.fixed(8)?.map(|index| Some(format!("\"{}\"", index.number(0)?)));
    let listed = listed.collect::<Option<Vec<_>>>()?.join(",");
    let (validator, until) = (raw.number(0)?, raw.number(12)?);
    Some(format!(
        r#"{{"validator_index":"{validator}","sync_committee_indices":[{listed}],"until_epoch":"{until}"}}"#
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Epoch, Slot};
    use crate::seeds::item::{Form, Key, Seed};

    fn numbers(all: &[u64]) -> Vec<u8> {
        all.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn read(kind: SeedKind, body: &[u8]) -> Option<Vec<(Key, String)>> {
        let seed = Seed::read(kind, Form { ssz: true, fork: None }, body)?;
        assert_eq!(seed.form, Form::default(), "it is told again as JSON");
        let text = |raw: &[u8]| String::from_utf8(raw.to_vec()).unwrap();
        Some(seed.items.iter().map(|item| (item.key, text(&item.raw))).collect())
    }

    #[test]
    fn committees_are_read() {
        let one = [numbers(&[9, 3, 64, 70]), vec![1]].concat();
        let two = [one.clone(), numbers(&[10, 4, 64, 71]), vec![0]].concat();
        let read = read(SeedKind::Committees, &two).unwrap();
        assert_eq!(read[0].0, Key::Committee(Slot(70), 3, 9));
        assert_eq!(
            read[0].1,
            r#"{"validator_index":"9","committee_index":"3","committees_at_slot":"64","slot":"70","is_aggregator":true}"#
        );
        assert!(read[1].1.ends_with(r#""slot":"71","is_aggregator":false}"#));
        assert_eq!(as_json(SeedKind::Committees, &two[1..]), None);
        assert_eq!(as_json(SeedKind::Committees, &[&one[..32], &[7]].concat()), None, "that is no boolean");
    }

    #[test]
    fn sync_committees_are_read_behind_their_offsets() {
        let entry = |validator: u64, indices: &[u64], until: u64| {
            [numbers(&[validator]), 20_u32.to_le_bytes().to_vec(), numbers(&[until]), numbers(indices)]
                .concat()
        };
        let (one, two) = (entry(9, &[5, 300], 512), entry(10, &[], 513));
        let offsets = [8_u32.to_le_bytes(), (8 + one.len() as u32).to_le_bytes()].concat();
        let body = [offsets, one, two].concat();
        let read = read(SeedKind::Sync, &body).unwrap();
        assert_eq!(
            read.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
            [Key::Sync(9, Epoch(512)), Key::Sync(10, Epoch(513))]
        );
        assert_eq!(
            read[0].1,
            r#"{"validator_index":"9","sync_committee_indices":["5","300"],"until_epoch":"512"}"#
        );
        assert_eq!(as_json(SeedKind::Sync, &[]).as_deref(), Some("[]"));
        assert_eq!(as_json(SeedKind::Sync, &body[..body.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn garbage_is_no_list_and_no_panic(body in prop::collection::vec(any::<u8>(), 0..120)) {
            for kind in [SeedKind::Committees, SeedKind::Sync] {
                if let Some(json) = as_json(kind, &body) {
                    prop_assert!(Seed::read(kind, Form::default(), json.as_bytes()).is_some());
                }
            }
        }
    }
}
