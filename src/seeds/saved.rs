//! The book in the form the store keeps: by client and kind, bodies as they would be told.
//!
//! What beacons hold is not kept: after a restart of the router nobody knows which of them restarted meanwhile, and telling
//! again does no harm.

use serde::{Deserialize, Serialize};

use super::When;
use super::book::Book;
use super::client::Client;
use super::item::{Form, Key, Seed, body};
use crate::chain::{hex, unhex};
use crate::model::{Epoch, SeedKind};

/// Bodies of one client's kind that were given in one epoch.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    since: Epoch,
    ssz: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fork: Option<Box<str>>,
    /// JSON as it is, SSZ as hex.
    body: String,
}

impl Book {
    /// A client's kind as bytes; none if nothing is left of it.
    pub fn save(&self, client: &Client, kind: SeedKind) -> Option<Vec<u8>> {
        let group = self.group(client, kind).filter(|group| !group.entries.is_empty())?;
        let mut forms: Vec<(Epoch, bool)> =
            group.entries.values().map(|entry| (entry.since, entry.ssz)).collect();
        forms.sort_unstable();
        forms.dedup();
        let saved: Vec<Saved> = forms
            .into_iter()
            .map(|(since, ssz)| {
                let of = group.entries.values().filter(|entry| entry.since == since && entry.ssz == ssz);
                let bytes = body(ssz, of.map(|entry| &*entry.raw));
                let body = if ssz { hex(&bytes) } else { String::from_utf8_lossy(&bytes).into_owned() };
                Saved { since, ssz, fork: group.fork.clone(), body }
            })
            .collect();
        serde_json::to_vec(&saved).ok()
    }

    /// Takes back what was saved; what is over by now, or cannot be read, is left out. How many entries came back.
    pub fn restore(&mut self, client: &Client, kind: SeedKind, bytes: &[u8], when: When) -> usize {
        let before = self.len(kind);
        for saved in serde_json::from_slice::<Vec<Saved>>(bytes).unwrap_or_default() {
            let form = Form { ssz: saved.ssz, fork: saved.fork };
            let body = if saved.ssz { unhex(&saved.body) } else { Some(saved.body.into_bytes()) };
            let Some(seed) = body.and_then(|body| Seed::read(kind, form, &body)) else { continue };
            // What a client has told meanwhile is newer.
            let known =
                |key: &Key| self.group(client, kind).is_some_and(|group| group.entries.contains_key(key));
            let left: Vec<_> = seed
                .items
                .into_iter()
                .filter(|item| !item.ends.is_over(saved.since, when) && !known(&item.key))
                .collect();
            let given = When { epoch: saved.since.min(when.epoch), ..when };
            self.give(client, &Seed { items: left, ..seed }, given);
        }
        self.len(kind) - before
    }
}
