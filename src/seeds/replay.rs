//! A body to be told to a beacon again, made of the entries it lacks.

use super::Round;
use super::client::Client;
use super::group::Group;
use super::item::{Form, Key, body};
use crate::model::SeedKind;

/// A body to be told to a beacon again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Whose it is.
    pub client: Client,
    /// Its kind.
    pub kind: SeedKind,
    /// Its form.
    pub form: Form,
    /// Its bytes.
    pub body: Vec<u8>,
    /// What it is made of: key and edition.
    entries: Vec<(Key, u64)>,
    pub(super) round: Round,
}

impl Replay {
    /// A body of a group's entries.
    pub(super) fn of(
        client: &Client,
        kind: SeedKind,
        ssz: bool,
        entries: Vec<(Key, u64)>,
        round: Round,
        group: &Group,
    ) -> Self {
        let raws = entries.iter().filter_map(|(key, _)| Some(&*group.entries.get(key)?.raw));
        let body = body(ssz, raws);
        let form = Form { ssz, fork: group.fork.clone() };
        Self { client: client.clone(), kind, form, body, entries, round }
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none; a plan holds no such body.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.entries.iter().map(|(key, _)| *key)
    }

    /// Whether the entry at a place is still the one that was sent.
    pub(super) fn is_of(&self, place: usize, edition: u64) -> bool {
        self.entries[place].1 == edition
    }

    /// It in two halves, without what has changed since; none if less than two entries are left.
    pub(super) fn halves(&self, group: &Group) -> Option<[Replay; 2]> {
        let same = |(key, edition): &(Key, u64)| {
            group.entries.get(key).is_some_and(|entry| entry.edition == *edition)
        };
        let mut first: Vec<_> = self.entries.iter().copied().filter(same).collect();
        let second = first.split_off(first.len() / 2);
        if first.is_empty() {
            return None;
        }
        let part = |entries| Self::of(&self.client, self.kind, self.form.ssz, entries, self.round, group);
        Some([part(first), part(second)])
    }
}
