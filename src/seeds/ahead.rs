//! Which duties lie ahead, as far as clients have told of them. Pure.

use std::ops::RangeInclusive;

use super::Book;
use super::item::Key;
use crate::model::{Ahead, Epoch, SeedKind, Slot};

impl Book {
    /// Duties of these slots, the first of them in `epoch`.
    pub fn ahead(&self, slots: RangeInclusive<Slot>, epoch: Epoch) -> Ahead {
        let mut ahead = Ahead::default();
        for ((_, kind), group) in &self.groups {
            let keys = group.entries.keys();
            match kind {
                SeedKind::Committees => {
                    let within = |key: &&Key| matches!(key, Key::Committee(slot, ..) if slots.contains(slot));
                    ahead.attestations += keys.filter(within).count();
                }
                SeedKind::Sync => {
                    let valid = |key: &&Key| matches!(key, Key::Sync(_, until) if *until > epoch);
                    ahead.sync += keys.filter(valid).count();
                }
                SeedKind::Preferences => {
                    let within = |key: &&Key| matches!(key, Key::Preferred(_, slot) if slots.contains(slot));
                    ahead.blocks += keys.filter(within).count();
                }
                SeedKind::Preparations => ahead.proposers += keys.count(),
                SeedKind::Registrations | SeedKind::Subnets => {}
            }
        }
        ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Moment;
    use crate::seeds::{Client, Form, Seed, When};

    #[test]
    fn what_clients_told_of_is_counted_within_its_time() {
        let when = When { now: Moment::default(), slot: Slot(64), epoch: Epoch(2) };
        let mut book = Book::default();
        let mut give = |kind, body: &str| {
            let seed = Seed::read(kind, Form::default(), body.as_bytes()).unwrap();
            book.give(&Client::named("vc-1"), &seed, when);
        };
        let committee = |slot: u64| {
            format!(
                r#"{{"validator_index":"{slot}","committee_index":"3","committees_at_slot":"4","slot":"{slot}",
                "is_aggregator":true}}"#
            )
        };
        let all: Vec<String> = [64, 100, 127, 128].into_iter().map(committee).collect();
        give(SeedKind::Committees, &format!("[{}]", all.join(",")));
        give(SeedKind::Sync, r#"[{"validator_index":"1","sync_committee_indices":["0"],"until_epoch":"9"}]"#);
        give(
            SeedKind::Preparations,
            r#"[{"validator_index":"1","fee_recipient":"0xabababababababababababababababababababab"}]"#,
        );
        let ahead = book.ahead(Slot(64)..=Slot(127), Epoch(2));
        assert_eq!(ahead, Ahead { attestations: 3, sync: 1, blocks: 0, proposers: 1 });
        assert_eq!(book.ahead(Slot(320)..=Slot(383), Epoch(10)).sync, 0);
    }
}
