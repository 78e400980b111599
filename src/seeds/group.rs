//! Everything of one kind that one client told and that is still valid, and which beacons hold it.

use std::collections::BTreeMap;

use super::When;
use super::item::{Ends, Form, Item, Key};
use crate::model::{Epoch, Moment};

/// An entry, and who holds it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) raw: Box<[u8]>,
    pub(super) ssz: bool,
    ends: Ends,
    /// When the client gave it last.
    pub(super) since: Epoch,
    /// Seats that hold it.
    pub(super) told: u128,
    /// Those of them that got it since the client gave it last: what a beacon missed twice running it does not hold.
    lately: u128,
    /// Seats that were told it and refused it.
    refused: u128,
    /// Changes with its bytes.
    pub(super) edition: u64,
    given: Moment,
}

impl Entry {
    fn is_over(&self, when: When) -> bool {
        self.ends.is_over(self.since, when)
    }

    fn hold(&mut self, seat: u128) {
        self.told |= seat;
        self.lately |= seat;
        self.refused &= !seat;
    }

    fn refuse(&mut self, seat: u128) {
        self.refused |= seat;
        self.told &= !seat;
    }

    /// Whether there is nothing more to tell a seat.
    fn is_done(&self, seat: u128, when: When) -> bool {
        (self.told | self.refused) & seat != 0 || self.is_over(when)
    }
}

/// A client's entries of one kind.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) entries: BTreeMap<Key, Entry>,
    /// `Eth-Consensus-Version` of the last body that had one.
    pub(super) fork: Option<Box<str>>,
    /// Seats to which every valid entry was told.
    settled: u128,
    /// Those of them that refused one.
    refusing: u128,
}

/// What a seat lacks of a group.
pub(super) struct Lacking {
    /// Entries to be told, in one form: key and edition.
    pub(super) due: Vec<(Key, u64)>,
    /// Their form.
    pub(super) ssz: bool,
    /// Whether there is anything it lacks, on its way or not.
    pub(super) any: bool,
}

impl Default for Group {
    /// There is nothing in it yet, so everyone holds all of it.
    fn default() -> Self {
        Self { entries: BTreeMap::new(), fork: None, settled: u128::MAX, refusing: 0 }
    }
}

impl Group {
    /// The client gave an entry. Returns how many bytes more it takes, and whether it is a new one.
    pub(super) fn give(&mut self, item: &Item, form: &Form, edition: u64, when: When) -> (isize, bool) {
        let (entry, grown) = match self.entries.entry(item.key) {
            std::collections::btree_map::Entry::Occupied(place) => {
                let entry = place.into_mut();
                let grown = item.raw.len() as isize - entry.raw.len() as isize;
                if entry.raw == item.raw && entry.ssz == form.ssz {
                    entry.told = entry.lately;
                } else {
                    entry.raw.clone_from(&item.raw);
                    (entry.ssz, entry.edition, entry.told, entry.refused) = (form.ssz, edition, 0, 0);
                }
                (entry, (grown, false))
            }
            std::collections::btree_map::Entry::Vacant(place) => {
                let entry = place.insert(Entry {
                    raw: item.raw.clone(),
                    ssz: form.ssz,
                    ends: item.ends,
                    since: when.epoch,
                    told: 0,
                    lately: 0,
                    refused: 0,
                    edition,
                    given: when.now,
                });
                (entry, (item.raw.len() as isize, true))
            }
        };
        (entry.ends, entry.since, entry.given, entry.lately) = (item.ends, when.epoch, when.now, 0);
        self.settled &= entry.told | entry.refused;
        grown
    }

    /// A seat took entries; `same` says whether an entry is still the one that was sent.
    pub(super) fn hold(
        &mut self,
        seat: u128,
        keys: impl Iterator<Item = Key>,
        same: impl Fn(&Entry, usize) -> bool,
        when: When,
    ) {
        self.heard(seat, keys, same, |entry| entry.hold(seat), when);
    }

    /// A seat refused entries; `same` as for [`Self::hold`].
    pub(super) fn refuse(
        &mut self,
        seat: u128,
        keys: impl Iterator<Item = Key>,
        same: impl Fn(&Entry, usize) -> bool,
        when: When,
    ) {
        self.refusing |= seat;
        self.heard(seat, keys, same, |entry| entry.refuse(seat), when);
    }

    fn heard(
        &mut self,
        seat: u128,
        keys: impl Iterator<Item = Key>,
        same: impl Fn(&Entry, usize) -> bool,
        change: impl Fn(&mut Entry),
        when: When,
    ) {
        for (place, key) in keys.enumerate() {
            if let Some(entry) = self.entries.get_mut(&key).filter(|entry| same(entry, place)) {
                change(entry);
            }
        }
        if self.entries.values().all(|entry| entry.is_done(seat, when)) {
            self.settled |= seat;
        }
        self.weigh_refusals(when);
    }

    /// Who refuses anything that is valid: of those who did, as nobody else begins to without [`Self::refuse`].
    fn weigh_refusals(&mut self, when: When) {
        if self.refusing == 0 {
            return;
        }
        let valid = self.entries.values().filter(|entry| !entry.is_over(when));
        self.refusing = valid.fold(0, |seats, entry| seats | entry.refused);
    }

    /// Whether every valid entry was told to a seat: taken or refused.
    pub(super) fn is_settled(&self, seat: u128) -> bool {
        self.settled & seat != 0
    }

    /// Whether a seat holds every valid entry.
    pub(super) fn is_held(&self, seat: u128) -> bool {
        self.settled & !self.refusing & seat != 0
    }

    /// How many valid entries a seat refuses.
    pub(super) fn refused(&self, seat: u128) -> usize {
        if self.refusing & seat == 0 {
            return 0;
        }
        self.entries.values().filter(|entry| entry.refused & seat != 0).count()
    }

    /// Seats lost what they were told.
    pub(super) fn lose(&mut self, seats: u128) {
        if self.entries.is_empty() {
            return;
        }
        self.settled &= !seats;
        self.refusing &= !seats;
        for entry in self.entries.values_mut() {
            entry.told &= !seats;
            entry.lately &= !seats;
            entry.refused &= !seats;
        }
    }

    /// What a seat lacks, at most `most` entries of it. Those a client gave within `grace` are on their way.
    pub(super) fn lacking(&mut self, seat: u128, most: usize, grace_ms: u64, when: When) -> Lacking {
        let mut lacking = Lacking { due: Vec::new(), ssz: false, any: false };
        if self.is_settled(seat) {
            return lacking;
        }
        for (key, entry) in &self.entries {
            if entry.is_done(seat, when) {
                continue;
            }
            lacking.any = true;
            if when.now.ms_since(entry.given) < grace_ms {
                continue;
            }
            if lacking.due.is_empty() {
                lacking.ssz = entry.ssz;
            }
            if entry.ssz == lacking.ssz {
                lacking.due.push((*key, entry.edition));
                if lacking.due.len() >= most {
                    break;
                }
            }
        }
        if !lacking.any {
            self.settled |= seat;
        }
        lacking
    }

    /// Forgets what is over; returns entries and bytes that went.
    pub(super) fn prune(&mut self, when: When) -> (usize, usize) {
        let gone = self.drop_where(|_, entry| entry.is_over(when));
        self.weigh_refusals(when);
        gone
    }

    /// Forgets entries; returns how many, and their bytes.
    pub(super) fn drop_where(&mut self, goes: impl Fn(&Key, &Entry) -> bool) -> (usize, usize) {
        let (mut gone, mut bytes) = (0, 0);
        self.entries.retain(|key, entry| {
            let go = goes(key, entry);
            if go {
                gone += 1;
                bytes += entry.raw.len();
            }
            !go
        });
        (gone, bytes)
    }
}
