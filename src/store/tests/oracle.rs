//! A store that is only memory: what every backend must be like.

use std::collections::BTreeMap;

use crate::model::{Ack, BeaconName, Drain, JournalEntry, Silence};
use crate::store::{Expiry, KEPT_INCIDENTS, Store, StoreError, StoredSeed, Write};

/// The store.
#[derive(Debug, Default)]
pub struct Oracle {
    seeds: BTreeMap<(String, String), StoredSeed>,
    drains: BTreeMap<BeaconName, Drain>,
    acks: BTreeMap<String, Ack>,
    silences: BTreeMap<String, Silence>,
    incidents: BTreeMap<u64, String>,
    marks: BTreeMap<String, u64>,
    journal: Vec<JournalEntry>,
}

impl Store for Oracle {
    fn write(&mut self, writes: &[Write]) -> Result<Vec<JournalEntry>, StoreError> {
        let mut entries = Vec::new();
        for write in writes.iter().cloned() {
            match write {
                Write::Seed(seed) => drop(self.seeds.insert((seed.client.clone(), seed.kind.clone()), seed)),
                Write::Forget { client, kind } => drop(self.seeds.remove(&(client, kind))),
                Write::Expire { slot, at } => self.seeds.retain(|_, seed| match seed.expiry {
                    Expiry::Slot(last) => slot.is_none_or(|slot| last >= slot),
                    Expiry::At(until) => until > at,
                }),
                Write::Drain(beacon, drain) => drop(self.drains.insert(beacon, drain)),
                Write::Resume(beacon) => drop(self.drains.remove(&beacon)),
                Write::Ack(ack) => drop(self.acks.insert(ack.key.clone(), ack)),
                Write::Unack(key) => drop(self.acks.remove(&key)),
                Write::Silence(silence) => drop(self.silences.insert(silence.key.clone(), silence)),
                Write::Unsilence(key) => drop(self.silences.remove(&key)),
                Write::Incident { id, body } => {
                    self.incidents.insert(id, body);
                    let newest = self.incidents.keys().max().copied().unwrap_or_default();
                    self.incidents.retain(|id, _| id + KEPT_INCIDENTS > newest);
                }
                Write::Raise { mark, to } => {
                    let value = self.marks.entry(mark).or_default();
                    *value = to.max(*value);
                }
                Write::Journal(note) => {
                    let known = note.order.as_ref().and_then(|order| self.journal_of(order).ok()?);
                    entries.push(known.unwrap_or_else(|| {
                        let entry = JournalEntry { id: self.journal.len() as u64 + 1, ..note };
                        self.journal.push(entry.clone());
                        entry
                    }));
                }
            }
        }
        Ok(entries)
    }

    fn seeds(&mut self) -> Result<Vec<StoredSeed>, StoreError> {
        Ok(self.seeds.values().cloned().collect())
    }

    fn drains(&mut self) -> Result<BTreeMap<BeaconName, Drain>, StoreError> {
        Ok(self.drains.clone())
    }

    fn acks(&mut self) -> Result<Vec<Ack>, StoreError> {
        Ok(self.acks.values().cloned().collect())
    }

    fn silences(&mut self) -> Result<Vec<Silence>, StoreError> {
        Ok(self.silences.values().cloned().collect())
    }

    fn incidents(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(self.incidents.values().cloned().collect())
    }

    fn mark(&mut self, name: &str) -> Result<u64, StoreError> {
        Ok(self.marks.get(name).copied().unwrap_or_default())
    }

    fn journal_last(&mut self, most: usize) -> Result<Vec<JournalEntry>, StoreError> {
        Ok(self.journal[self.journal.len().saturating_sub(most)..].to_vec())
    }

    fn journal_since(&mut self, id: u64, most: usize) -> Result<Vec<JournalEntry>, StoreError> {
        Ok(self.journal.iter().filter(|entry| entry.id > id).take(most).cloned().collect())
    }

    fn journal_of(&mut self, order: &str) -> Result<Option<JournalEntry>, StoreError> {
        Ok(self.journal.iter().find(|entry| entry.order.as_deref() == Some(order)).cloned())
    }
}
