//! Strategies only ever choose eligible beacons, and order them as documented.

use proptest::prelude::*;

use super::{Choice, Key, of};
use crate::endpoint::{Row, Strategy, table as rows};
use crate::model::{BeaconId, BeaconSet, Lifecycle, Reason, Slot, UnixMs, Use};
use crate::pool::{AgreedHead, Entry, NEVER, Table, grade};

fn entry(id: u16, reasons: Vec<Reason>, roles: u8, near: bool, at_agreed: bool, host: u16) -> Entry {
    let lifecycle =
        if reasons.contains(&Reason::Drained) { Lifecycle::Draining(1) } else { Lifecycle::Active };
    Entry {
        id: BeaconId(id),
        ranks: Use::ALL.map(|uses| grade(&reasons, uses)),
        reasons,
        lifecycle,
        head: None,
        at_agreed,
        roles,
        near,
        host,
        share: 10_000,
        owed: None,
    }
}

fn table(entries: Vec<Entry>) -> Table {
    let agreed = Some(AgreedHead { slot: Slot(1), root: crate::model::Root::default() });
    Table { seq: 1, at: UnixMs(0), clock: None, agreed, parent: None, split: None, entries }
}

fn choice(row: &'static Row, key: u64) -> Choice {
    Choice { row, key: Key(key), slot: Slot(7), producer: None, holders: BeaconSet::default() }
}

fn row(strategy: Strategy) -> &'static Row {
    rows().iter().find(|row| row.strategy == strategy).unwrap()
}

fn named(name: &str) -> &'static Row {
    rows().iter().find(|row| row.name == name).unwrap()
}

fn reasons() -> impl proptest::strategy::Strategy<Value = Vec<Reason>> {
    proptest::sample::subsequence(Reason::ALL.to_vec(), 0..3)
}

proptest! {
    #[test]
    fn only_eligible_beacons_are_chosen_each_once_best_rank_first(
        pool in proptest::collection::vec((reasons(), 0_u8..16, any::<bool>(), any::<bool>(), 0_u16..4), 1..12),
        which in 0..rows().len(),
        key in any::<u64>(),
        holders in any::<u16>(),
    ) {
        let entries = pool
            .into_iter()
            .enumerate()
            .map(|(id, (reasons, roles, near, agreed, host))| entry(id as u16, reasons, roles, near, agreed, host))
            .collect();
        let table = table(entries);
        let row = &rows()[which];
        let choice = Choice { holders: BeaconSet(u128::from(holders)), ..choice(row, key) };
        let order = of(row.strategy).order(&choice, &table);
        let mut once = order.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), order.len());
        for id in &order {
            let entry = &table.entries[id.index()];
            let finishes = row.strategy == Strategy::Subscribed && choice.holders.has(*id) && entry.finishes();
            prop_assert!(entry.rank(row.needs, row.role) != NEVER || finishes);
            if row.needs == Use::Sign && !finishes {
                prop_assert!(!entry.reasons.contains(&Reason::Optimistic));
            }
            prop_assert!(!entry.reasons.contains(&Reason::WrongChain));
        }
        if matches!(row.strategy, Strategy::Any) {
            let ranks: Vec<u8> = order.iter().map(|id| table.entries[id.index()].ranks[row.needs as usize]).collect();
            prop_assert!(ranks.is_sorted());
        }
    }

    #[test]
    fn weights_steer_the_share_of_work(seed in any::<u64>()) {
        let mut entries: Vec<Entry> = (0..2).map(|id| entry(id, vec![], 15, false, true, id)).collect();
        entries[1].share = 30_000;
        let table = table(entries);
        let row = row(Strategy::Any);
        let heavy = (0..400_u64)
            .filter(|n| of(row.strategy).order(&choice(row, seed.wrapping_add(n * 7_919)), &table)[0] == BeaconId(1))
            .count();
        prop_assert!((240..360).contains(&heavy), "three quarters of 400, not {}", heavy);
    }
}

#[test]
fn the_agreed_head_goes_before_the_zone_and_the_zone_before_the_draw() {
    let behind_near = entry(0, vec![], 15, true, false, 0);
    let agreed_far = entry(1, vec![], 15, false, true, 1);
    let agreed_near = entry(2, vec![], 15, true, true, 2);
    let table = table(vec![behind_near, agreed_far, agreed_near]);
    let row = named("produceAttestationData");
    for key in 0..50 {
        let order = of(row.strategy).order(&choice(row, key), &table);
        assert_eq!(order, [BeaconId(2), BeaconId(1), BeaconId(0)]);
    }
}

#[test]
fn seeds_go_to_different_hosts_and_stay_there() {
    let entries = (0..4).map(|id| entry(id, vec![], 15, false, true, id / 2)).collect();
    let table = table(entries);
    let row = named("prepareBeaconCommitteeSubnet");
    for key in 0..50 {
        let first = of(row.strategy).order(&choice(row, key), &table);
        assert_ne!(table.entries[first[0].index()].host, table.entries[first[1].index()].host);
        let later = Choice { slot: Slot(900), ..choice(row, key) };
        assert_eq!(of(row.strategy).order(&later, &table), first);
    }
}

#[test]
fn the_producer_goes_first_even_while_it_drains_and_not_once_it_is_another_chain() {
    let mut entries: Vec<Entry> = (0..3).map(|id| entry(id, vec![], 15, false, true, id)).collect();
    entries[2] = entry(2, vec![Reason::Drained], 15, false, true, 2);
    let row = named("publishBlindedBlockV2");
    let asked = Choice { producer: Some(BeaconId(2)), ..choice(row, 3) };
    let draining = table(entries.clone());
    assert_eq!(of(row.strategy).order(&asked, &draining)[0], BeaconId(2));
    entries[2] = entry(2, vec![Reason::WrongChain], 15, false, true, 2);
    let stranger = table(entries);
    assert!(!of(row.strategy).order(&asked, &stranger).contains(&BeaconId(2)));
}

#[test]
fn holders_of_the_subscription_are_asked_first() {
    let table = table((0..4).map(|id| entry(id, vec![], 15, false, true, id)).collect());
    let row = named("getAggregatedAttestationV2");
    let mut holders = BeaconSet::default();
    holders.add(BeaconId(1));
    holders.add(BeaconId(3));
    for key in 0..20 {
        let order = of(row.strategy).order(&Choice { holders, ..choice(row, key) }, &table);
        assert!(holders.has(order[0]) && holders.has(order[1]) && order.len() == 4);
    }
}
