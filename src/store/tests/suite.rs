//! The rules that every backend keeps. A new backend implements [`Backend`] and takes `suite!`.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::oracle::Oracle;
use super::words::{entry, note, order, seed};
use crate::model::{Ack, BeaconName, Drain, JournalEntry, Silence, Slot, UnixMs};
use crate::store::{Expiry, KEPT_INCIDENTS, Store, StoredSeed, Write};

/// A place of its own for a store, gone when dropped.
pub trait Backend {
    /// The store.
    type Store: Store;
    /// An empty place.
    fn fresh() -> Self;
    /// Opens the store there. The one opened before has been dropped.
    fn open(&self) -> Self::Store;
}

/// All rules for a backend, as tests.
macro_rules! suite {
    ($backend:ty) => {
        suite!($backend:
            of_a_client_and_kind_the_last_seed_stays
            expired_seeds_go_and_others_stay
            a_drain_stands_until_resumed
            an_acknowledgement_stands_until_its_end
            a_silence_stands_until_its_end
            the_last_incidents_are_kept
            a_mark_only_rises
            the_journal_is_read_from_either_end
            an_order_is_recorded_once
            it_is_like_memory_that_survives_reopening
        );
    };
    ($backend:ty: $($rule:ident)+) => {
        $(
            #[test]
            fn $rule() {
                $crate::store::tests::suite::$rule::<$backend>();
            }
        )+
    };
}
pub(crate) use suite;

pub fn of_a_client_and_kind_the_last_seed_stays<B: Backend>() {
    let place = B::fresh();
    let all = [seed("a", "prepare", b"1"), seed("a", "register", b""), seed("b", "prepare", &[0, 255])];
    let mut store = place.open();
    store.write(&all.clone().map(Write::Seed)).unwrap();
    assert_eq!(store.seeds().unwrap(), all);
    let later = StoredSeed { expiry: Expiry::At(UnixMs(7)), ..seed("a", "prepare", b"22") };
    let gone = Write::Forget { client: "b".into(), kind: "prepare".into() };
    store.write(&[Write::Seed(later.clone()), gone.clone(), gone]).unwrap();
    drop(store);
    assert_eq!(place.open().seeds().unwrap(), [later, all[1].clone()]);
}

pub fn expired_seeds_go_and_others_stay<B: Backend>() {
    let place = B::fresh();
    let mut store = place.open();
    let until = |kind: &str, expiry| Write::Seed(StoredSeed { expiry, ..seed("c", kind, b"x") });
    let slot = |n| Expiry::Slot(Slot(n));
    let at = |n| Expiry::At(UnixMs(n));
    store
        .write(&[
            until("slot 9", slot(9)),
            until("slot 10", slot(10)),
            until("slot never", slot(u64::MAX)),
            until("time 100", at(100)),
            until("time 101", at(101)),
            until("time never", at(u64::MAX)),
        ])
        .unwrap();
    let mut left = |slot, at| {
        store.write(&[Write::Expire { slot, at: UnixMs(at) }]).unwrap();
        store.seeds().unwrap().into_iter().map(|seed| seed.kind).collect::<Vec<_>>()
    };
    assert_eq!(left(None, 0).len(), 6);
    assert_eq!(left(None, 100), ["slot 10", "slot 9", "slot never", "time 101", "time never"]);
    assert_eq!(left(Some(Slot(10)), 100), ["slot 10", "slot never", "time 101", "time never"]);
    assert_eq!(left(Some(Slot(11)), 101), ["slot never", "time never"]);
}

pub fn a_drain_stands_until_resumed<B: Backend>() {
    let place = B::fresh();
    let (b1, b2) = (BeaconName::new("b1"), BeaconName::new("b2"));
    let by = |who: &str, at| Drain { by: who.into(), since: UnixMs(at) };
    let mut store = place.open();
    assert!(store.drains().unwrap().is_empty());
    store
        .write(&[
            Write::Drain(b1.clone(), by("alice", 1)),
            Write::Drain(b2.clone(), by("bob", 2)),
            Write::Drain(b1.clone(), by("eve", 3)),
        ])
        .unwrap();
    store.write(&[Write::Resume(b2), Write::Resume(BeaconName::new("b3"))]).unwrap();
    drop(store);
    assert_eq!(place.open().drains().unwrap(), [(b1, by("eve", 3))].into());
}

pub fn an_acknowledgement_stands_until_its_end<B: Backend>() {
    let place = B::fresh();
    let ack = |key: &str, by: &str, why: Option<&str>| Ack {
        key: key.into(),
        by: by.into(),
        at: UnixMs(7),
        why: why.map(str::to_owned),
    };
    let mut store = place.open();
    let writes =
        [ack("hung b2", "alice", None), ack("hung b1", "bob", None), ack("hung b2", "eve", Some("disk"))];
    store.write(&writes.map(Write::Ack)).unwrap();
    store.write(&[Write::Unack("hung b1".into()), Write::Unack("nothing".into())]).unwrap();
    drop(store);
    assert_eq!(place.open().acks().unwrap(), [ack("hung b2", "eve", Some("disk"))]);
}

pub fn a_silence_stands_until_its_end<B: Backend>() {
    let place = B::fresh();
    let silence = |key: &str, until: u64, why: Option<&str>| Silence {
        key: key.into(),
        by: "alice".into(),
        at: UnixMs(7),
        until: UnixMs(until),
        why: why.map(str::to_owned),
    };
    let mut store = place.open();
    let writes = [
        silence("beacon b2", 8, None),
        silence("beacon b1", 9, None),
        silence("beacon b2", 10, Some("disk")),
    ];
    store.write(&writes.map(Write::Silence)).unwrap();
    store.write(&[Write::Unsilence("beacon b1".into()), Write::Unsilence("nothing".into())]).unwrap();
    drop(store);
    assert_eq!(place.open().silences().unwrap(), [silence("beacon b2", 10, Some("disk"))]);
}

pub fn a_mark_only_rises<B: Backend>() {
    let place = B::fresh();
    let mut store = place.open();
    assert_eq!(store.mark("m").unwrap(), 0);
    for (to, is) in
        [(5, 5), (3, 5), (6, 6), (u64::MAX - 1, u64::MAX - 1), (7, u64::MAX - 1), (u64::MAX, u64::MAX)]
    {
        store.write(&[Write::Raise { mark: "m".into(), to }]).unwrap();
        assert_eq!(store.mark("m").unwrap(), is);
    }
    assert_eq!(store.mark("n").unwrap(), 0);
    drop(store);
    assert_eq!(place.open().mark("m").unwrap(), u64::MAX);
}

pub fn the_journal_is_read_from_either_end<B: Backend>() {
    let place = B::fresh();
    let mut store = place.open();
    let mut written = store.write(&(0..4).map(note).collect::<Vec<_>>()).unwrap();
    drop(store);
    let mut store = place.open();
    written.extend(store.write(&(4..7).map(note).collect::<Vec<_>>()).unwrap());
    assert!(written.is_sorted_by(|a, b| a.id < b.id));
    for (number, written) in (0..).zip(&written) {
        assert_eq!(*written, JournalEntry { id: written.id, ..entry(number) });
    }
    assert_eq!(store.journal_last(100).unwrap(), written);
    assert_eq!(store.journal_last(3).unwrap(), written[4..]);
    assert_eq!(store.journal_since(0, 100).unwrap(), written);
    assert_eq!(store.journal_since(written[1].id, 3).unwrap(), written[2..5]);
    assert!(store.journal_since(written[6].id, 3).unwrap().is_empty());
    assert!(store.journal_last(0).unwrap().is_empty());
}

pub fn the_last_incidents_are_kept<B: Backend>() {
    let place = B::fresh();
    let mut store = place.open();
    let keep = |id: u64, body: &str| Write::Incident { id, body: body.to_owned() };
    store.write(&[keep(1, "old"), keep(2, "open"), keep(2, "resolved")]).unwrap();
    assert_eq!(store.incidents().unwrap(), ["old", "resolved"]);
    store.write(&[keep(1 + KEPT_INCIDENTS, "new")]).unwrap();
    drop(store);
    assert_eq!(place.open().incidents().unwrap(), ["resolved", "new"]);
}

pub fn an_order_is_recorded_once<B: Backend>() {
    let place = B::fresh();
    let mut store = place.open();
    assert_eq!(store.journal_of("x").unwrap(), None);
    let first = store.write(&[order(1, "x"), order(2, "y")]).unwrap();
    let again = store.write(&[order(3, "x"), note(4), order(5, "z"), order(6, "z")]).unwrap();
    assert_eq!(again[0], first[0]);
    assert_eq!(again[2], again[3]);
    assert_eq!(store.journal_of("x").unwrap().as_ref(), Some(&first[0]));
    let ats: Vec<u64> = store.journal_last(100).unwrap().iter().map(|entry| entry.at.0).collect();
    assert_eq!(ats, [1, 2, 4, 5]);
}

/// Any sequence of batches, the store closed and opened between some of them, against memory.
pub fn it_is_like_memory_that_survives_reopening<B: Backend>() {
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let batches = prop::collection::vec((prop::collection::vec(change(), 0..6), any::<bool>()), 1..12);
    let outcome = runner.run(&batches, |batches| {
        let place = B::fresh();
        let (mut oracle, mut store) = (Oracle::default(), Some(place.open()));
        for (batch, reopen) in batches {
            if reopen {
                drop(store.take());
            }
            let opened = store.get_or_insert_with(|| place.open());
            // Numbers may have gaps: entries are compared without.
            let mine = opened.write(&batch).unwrap().into_iter().map(|entry| (entry.at, entry.order));
            let its = oracle.write(&batch).unwrap().into_iter().map(|entry| (entry.at, entry.order));
            prop_assert!(mine.eq(its));
            prop_assert_eq!(opened.seeds().unwrap(), oracle.seeds().unwrap());
            prop_assert_eq!(opened.drains().unwrap(), oracle.drains().unwrap());
            prop_assert_eq!(opened.acks().unwrap(), oracle.acks().unwrap());
            prop_assert_eq!(opened.silences().unwrap(), oracle.silences().unwrap());
            prop_assert_eq!(opened.incidents().unwrap(), oracle.incidents().unwrap());
            for name in NAMES {
                prop_assert_eq!(opened.mark(name).unwrap(), oracle.mark(name).unwrap());
                let order = |store: &mut dyn Store| store.journal_of(name).unwrap().map(|entry| entry.at);
                prop_assert_eq!(order(opened), order(&mut oracle));
            }
            let ats = |store: &mut dyn Store| {
                store.journal_last(5).unwrap().into_iter().map(|entry| entry.at).collect::<Vec<_>>()
            };
            prop_assert_eq!(ats(opened), ats(&mut oracle));
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failed| panic!("{failed}"));
}

const NAMES: [&str; 3] = ["a", "ä'\"\\", ""];

fn change() -> impl Strategy<Value = Write> {
    let name = || prop::sample::select(&NAMES[..]).prop_map(str::to_owned);
    let beacon = || name().prop_map(BeaconName::new);
    let expiry = prop_oneof![
        (0_u64..9).prop_map(|slot| Expiry::Slot(Slot(slot))),
        (0_u64..9).prop_map(|at| Expiry::At(UnixMs(at))),
    ];
    let seed = (name(), name(), prop::collection::vec(any::<u8>(), 0..99), expiry).prop_map(
        |(client, kind, body, expiry)| Write::Seed(StoredSeed { client, kind, body: body.into(), expiry }),
    );
    prop_oneof![
        4 => seed,
        1 => (name(), name()).prop_map(|(client, kind)| Write::Forget { client, kind }),
        1 => (prop::option::of(0_u64..9), 0_u64..9)
            .prop_map(|(slot, at)| Write::Expire { slot: slot.map(Slot), at: UnixMs(at) }),
        2 => (beacon(), name(), 0_u64..9)
            .prop_map(|(beacon, by, since)| Write::Drain(beacon, Drain { by, since: UnixMs(since) })),
        1 => beacon().prop_map(Write::Resume),
        2 => (name(), name(), 0_u64..9, prop::option::of(name()))
            .prop_map(|(key, by, at, why)| Write::Ack(Ack { key, by, at: UnixMs(at), why })),
        1 => name().prop_map(Write::Unack),
        2 => (name(), name(), 0_u64..9, prop::option::of(name())).prop_map(|(key, by, at, why)| {
            Write::Silence(Silence { key, by, at: UnixMs(at), until: UnixMs(at + 1), why })
        }),
        1 => name().prop_map(Write::Unsilence),
        1 => (0_u64..500, name()).prop_map(|(id, body)| Write::Incident { id, body }),
        1 => (name(), any::<u64>()).prop_map(|(mark, to)| Write::Raise { mark, to }),
        2 => (0_u64..1_000).prop_map(note),
        2 => (0_u64..1_000, name()).prop_map(|(number, id)| order(number, &id)),
    ]
}
