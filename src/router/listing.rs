//! Lists of duties in JSON, the only form they have: taken apart by validator, byte for byte, and put together.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::duties::Told;
use super::kept::Kept;
use super::upstream::Ask;
use crate::guard::DutyKind;
use crate::model::{BeaconName, Quoted, Root};

/// Stands for all validators where a list is told of all at once.
pub const WHOLE: u64 = u64::MAX;
/// Longer answers are read beside the tasks that serve requests.
const LONG: usize = 64 << 10;

/// What an answer tells.
#[derive(Debug, Default)]
pub struct Listing {
    /// The block it rests on; answers about sync committees tell none.
    pub root: Option<Root>,
    /// By validator, all that were asked for.
    pub told: Vec<(u64, Told)>,
}

#[derive(Deserialize)]
struct Lines<'a> {
    dependent_root: Option<Root>,
    #[serde(default)]
    execution_optimistic: bool,
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Whose {
    validator_index: Quoted,
}

/// Takes an answer about these validators apart; none if it is no such list, or not verified by the execution client.
pub async fn read(kept: Arc<Kept>, kind: DutyKind, validators: Arc<[u64]>) -> Option<Listing> {
    let long = kept.body.len() > LONG;
    let take = move || take_apart(&kept.body, &kept.beacon, kind, &validators);
    if long { tokio::task::spawn_blocking(take).await.ok()? } else { take() }
}

fn take_apart(body: &Bytes, by: &BeaconName, kind: DutyKind, validators: &[u64]) -> Option<Listing> {
    let lines: Lines<'_> = serde_json::from_slice(body).ok()?;
    let root = lines.dependent_root;
    if lines.execution_optimistic || root.is_none() != (kind == DutyKind::Sync) {
        return None;
    }
    let told = |duty| Told { duty, by: by.clone() };
    if kind.is_whole() {
        return Some(Listing { root, told: vec![(WHOLE, told(body.clone()))] });
    }
    let mut duties: HashMap<u64, Bytes> = HashMap::with_capacity(lines.data.len());
    for line in lines.data {
        let whose: Whose = serde_json::from_str(line.get()).ok()?;
        let duty = body.slice_ref(line.get().as_bytes());
        // One may have several, each on a line of its own.
        let several = |first: &mut Bytes| *first = [first, &b","[..], &duty].concat().into();
        duties.entry(whose.validator_index.0).and_modify(several).or_insert_with(|| duty.clone());
    }
    let told =
        validators.iter().map(|validator| (*validator, told(duties.remove(validator).unwrap_or_default())));
    Some(Listing { root, told: told.collect() })
}

/// Puts together what was told of validators; proposers' answers are whole as they are.
pub fn written<'a>(kind: DutyKind, root: Option<Root>, told: impl Iterator<Item = &'a Told>) -> Bytes {
    let mut duties = told.map(|told| &told.duty).filter(|duty| !duty.is_empty());
    if kind.is_whole() {
        return duties.next().cloned().unwrap_or_default();
    }
    let mut out = String::from("{").into_bytes();
    if let Some(root) = root.filter(|_| kind != DutyKind::Sync) {
        out.extend_from_slice(format!(r#""dependent_root":"{root}","#).as_bytes());
    }
    out.extend_from_slice(br#""execution_optimistic":false,"data":["#);
    for (place, duty) in duties.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(duty);
    }
    out.extend_from_slice(b"]}");
    out.into()
}

/// The same question about these validators only.
pub fn about(ask: &Ask, validators: &[u64]) -> Arc<Ask> {
    let list: Vec<String> = validators.iter().map(|validator| format!("\"{validator}\"")).collect();
    Arc::new(Ask { body: format!("[{}]", list.join(",")).into(), ..ask.clone() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOT: Root = Root([0xab; 32]);

    fn line(validator: u64, more: &str) -> String {
        format!(r#"{{"validator_index":"{validator}", "slot":"7","new":[{{"a":"]}},{{\"{more}"}}]}}"#)
    }

    fn body(lines: &[String]) -> Bytes {
        format!(r#"{{"dependent_root":"{ROOT}","execution_optimistic":false,"data":[{}]}}"#, lines.join(","))
            .into()
    }

    fn read(body: &Bytes, kind: DutyKind, validators: &[u64]) -> Option<Listing> {
        take_apart(body, &BeaconName::new("b"), kind, validators)
    }

    fn rewritten(body: &Bytes, validators: &[u64]) -> Bytes {
        let listing = read(body, DutyKind::Attester, validators).unwrap();
        written(DutyKind::Attester, listing.root, listing.told.iter().map(|(_, told)| told))
    }

    #[test]
    fn what_a_beacon_does_not_list_has_no_duty_and_what_was_not_asked_for_is_left_out() {
        let told = body(&[line(3, ""), line(9, ""), line(1, ""), line(3, "again")]);
        let listing = read(&told, DutyKind::Attester, &[1, 2, 3]).unwrap();
        let duties: Vec<(u64, String)> = listing
            .told
            .iter()
            .map(|(one, told)| (*one, String::from_utf8(told.duty.to_vec()).unwrap()))
            .collect();
        let both = format!("{},{}", line(3, ""), line(3, "again"));
        assert_eq!(duties, [(1, line(1, "")), (2, String::new()), (3, both)]);
        assert_eq!(rewritten(&told, &[1, 2, 3]), body(&[line(1, ""), line(3, ""), line(3, "again")]));
    }

    #[test]
    fn what_is_no_list_of_these_duties_is_none() {
        let told = body(&[line(1, "")]);
        assert!(read(&told, DutyKind::Sync, &[1]).is_none(), "they rest on no block");
        let sync = Bytes::from(r#"{"execution_optimistic":false,"data":[]}"#);
        assert!(read(&sync, DutyKind::Sync, &[1]).is_some());
        assert!(read(&sync, DutyKind::Attester, &[1]).is_none());
        assert_eq!(written(DutyKind::Sync, Some(ROOT), std::iter::empty()), sync);
        for broken in ["{}", r#"{"data":"ok"}"#, "", "[]"] {
            assert!(read(&Bytes::from(broken), DutyKind::Attester, &[1]).is_none(), "{broken}");
        }
        let text = std::str::from_utf8(&told).unwrap();
        let optimistic = text.replace("optimistic\":false", "optimistic\":true");
        assert!(read(&optimistic.into(), DutyKind::Attester, &[1]).is_none());
        let nobodys = text.replace("validator_index", "validator");
        assert!(read(&nobodys.into(), DutyKind::Attester, &[1]).is_none());
    }

    #[test]
    fn a_list_that_is_asked_for_whole_stays_as_it_is() {
        let told = Bytes::from(format!(r#"{{ "dependent_root":"{ROOT}", "data":[{}] }}"#, line(4, "")));
        let listing = read(&told, DutyKind::Proposer, &[WHOLE]).unwrap();
        assert_eq!((listing.root, listing.told.len()), (Some(ROOT), 1));
        let again = written(DutyKind::Proposer, listing.root, listing.told.iter().map(|(_, told)| told));
        assert_eq!(again, told);
    }

    proptest! {
        #[test]
        fn taken_apart_and_put_together_is_the_same(
            validators in prop::collection::btree_set(any::<u64>(), 1..40), more in "[a-z ,:{}\\[\\]]{0,12}",
        ) {
            let validators: Vec<u64> = validators.into_iter().collect();
            let told = body(&validators.iter().map(|one| line(*one, &more)).collect::<Vec<_>>());
            prop_assert_eq!(rewritten(&told, &validators), told);
        }

        #[test]
        fn garbage_never_panics(body: Vec<u8>) {
            let _ = read(&body.into(), DutyKind::Attester, &[1, WHOLE]);
        }
    }
}
