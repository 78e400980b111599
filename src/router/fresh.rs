//! Read your events: what a client asks about the head is asked of beacons that have the head it was told of.
//!
//! A client asks for attestation data within milliseconds of a head event; a beacon that has not that head yet would
//! answer with the one before, and answer first. So beacons that have announced it are asked before those that have not,
//! unless they are ill, and where none has the question waits a moment for one.

use std::sync::Arc;
use std::time::Duration;

use super::Router;
use super::held::LONGEST_MS;
use super::hub::Told;
use crate::endpoint::{Follow, Row, Strategy};
use crate::model::{BeaconId, Reason, Use};
use crate::pool::{AgreedHead, Entry, Table, grade};

/// How often the table is looked at while a question waits.
const LOOK: Duration = Duration::from_millis(5);

/// Whether an answer depends on the head, and another beacon may be asked for it at any time.
pub fn asks_for_head(row: &Row) -> bool {
    row.needs == Use::Sign
        && row.step.is_some()
        && row.strategy == Strategy::Any
        && row.follow == Follow::Anytime
}

/// The head an answer should be about: the one told last, or the agreed one once that is newer.
pub fn head(told: Option<Told>, table: &Table) -> Option<AgreedHead> {
    let told = told.map(|told| told.head);
    match (told, table.agreed) {
        (Some(told), Some(agreed)) if told.slot < agreed.slot => Some(agreed),
        (told, agreed) => told.or(agreed),
    }
}

fn has(entry: &Entry, head: Option<AgreedHead>, table: &Table) -> bool {
    if head == table.agreed { entry.at_agreed } else { entry.head == head }
}

/// Fit to be asked before a healthier beacon that has an older head: at worst slow, for it is not asked alone for long.
fn is_sound(entry: &Entry, row: &Row) -> bool {
    entry.rank(row.needs, row.role) <= grade(&[Reason::Slow], row.needs)
}

/// Waits, not for long, until a sound beacon has the head that clients were just told of; the table to go by.
pub async fn wait(router: &Router, row: &Row, mut table: Arc<Table>) -> Arc<Table> {
    if !asks_for_head(row) {
        return table;
    }
    while let Some(told) = router.hub.told() {
        let head = head(Some(told), &table);
        let found = table.entries.iter().any(|entry| is_sound(entry, row) && has(entry, head, &table));
        if found || (router.clock())().ms_since(told.at) >= LONGEST_MS {
            break;
        }
        tokio::time::sleep(LOOK).await;
        table = router.table.load_full();
    }
    table
}

/// Puts the sound ones that have the head to the front; how many at the front may be asked side by side.
pub fn first(
    row: &Row,
    order: Vec<BeaconId>,
    head: Option<AgreedHead>,
    table: &Table,
) -> (Vec<BeaconId>, usize) {
    let entry = |id: &BeaconId| &table.entries[id.index()];
    let order = if asks_for_head(row) {
        let fit = |id: &BeaconId| is_sound(entry(id), row) && has(entry(id), head, table);
        let (mut front, back): (Vec<_>, Vec<_>) = order.into_iter().partition(fit);
        front.extend(back);
        front
    } else {
        order
    };
    let fresh = order.iter().take_while(|id| has(entry(id), head, table)).count();
    // Where none has it they are all alike, and what is not signed is as good from any.
    let fresh = if row.needs == Use::Sign && fresh > 0 { fresh } else { order.len() };
    (order, fresh)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::table as rows;
    use crate::model::{Lifecycle, Moment, Root, Slot, UnixMs};

    const OLD: AgreedHead = AgreedHead { slot: Slot(6), root: Root([6; 32]) };
    const NEW: AgreedHead = AgreedHead { slot: Slot(7), root: Root([7; 32]) };

    fn table(agreed: AgreedHead, beacons: &[(&[Reason], AgreedHead)]) -> Table {
        let entries = beacons.iter().enumerate().map(|(index, (reasons, head))| Entry {
            id: BeaconId(index as u16),
            ranks: Use::ALL.map(|uses| grade(reasons, uses)),
            reasons: reasons.to_vec(),
            lifecycle: Lifecycle::Active,
            head: Some(*head),
            at_agreed: *head == agreed,
            roles: u8::MAX,
            near: false,
            host: index as u16,
            share: 100,
            owed: None,
        });
        Table {
            seq: 1,
            at: UnixMs(0),
            clock: None,
            agreed: Some(agreed),
            parent: None,
            split: None,
            entries: entries.collect(),
        }
    }

    fn order(name: &str, table: &Table, told: AgreedHead) -> (Vec<u16>, usize) {
        let row = rows().iter().find(|row| row.name == name).unwrap();
        let all = table.entries.iter().map(|entry| entry.id).collect();
        let head = head(Some(Told { head: told, at: Moment::default() }), table);
        let (order, fresh) = first(row, all, head, table);
        (order.into_iter().map(|id| id.0).collect(), fresh)
    }

    #[test]
    fn who_has_announced_the_head_is_asked_first_unless_it_is_ill() {
        let pool = |agreed| {
            table(
                agreed,
                &[(&[], OLD), (&[Reason::Hung], NEW), (&[Reason::Slow], NEW), (&[Reason::WarmingUp], OLD)],
            )
        };
        for agreed in [NEW, OLD] {
            assert_eq!(
                order("produceAttestationData", &pool(agreed), NEW),
                (vec![2, 0, 1, 3], 1),
                "{agreed:?}"
            );
        }
        assert_eq!(order("getBlockRoot", &pool(NEW), OLD).0, [2, 0, 1, 3], "what is agreed since is newer");
        assert_eq!(order("produceAttestationData", &pool(OLD), OLD).0, [0, 3, 1, 2]);
        assert_eq!(order("getGenesis", &pool(NEW), NEW), (vec![0, 1, 2, 3], 4), "has nothing to do with it");
    }

    #[test]
    fn where_none_has_it_all_are_alike() {
        let pool = table(OLD, &[(&[], OLD), (&[], OLD)]);
        assert_eq!(order("produceAttestationData", &pool, NEW), (vec![0, 1], 2));
    }
}
