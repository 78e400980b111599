//! Which events pass to clients when several beacons announce them. Pure.
//!
//! A head passes at its first sighting for a higher slot, and otherwise only as the leader's word: a plain seen-set would
//! swallow the second A of a reorg A, B, A, and without a leader a slow beacon's late A would pull clients back. A leader
//! that only catches up with what clients have heard pulls nobody back either, as long as somebody stands by it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;

use bytes::Bytes;

use super::topics::{Head, Said};
use crate::model::{BeaconName, Epoch, Moment, Root};

/// Events remembered as seen.
const SEEN: usize = 16_384;
/// Epochs whose finalized block is remembered.
const EPOCHS: usize = 64;
/// Events of views that wait for their beacon to become the leader, all beacons together, and how long.
const UNTOLD: usize = 256;
const UNTOLD_MS: u64 = 10_000;

/// An event that passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its topic.
    pub topic: String,
    /// Its data as the beacon wrote it.
    pub data: Bytes,
    /// What it says.
    pub said: Said,
}

/// Two beacons finalized different blocks for one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Who was heard later.
    pub by: BeaconName,
    /// The epoch.
    pub epoch: Epoch,
    /// What it says.
    pub root: Root,
    /// Who was heard first, and what it said.
    pub other: (BeaconName, Root),
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, epoch, root, other: (other, others) } = self;
        write!(
            f,
            "{by} finalized {} for epoch {epoch} and {other} {}: one of them follows a chain of its own; drain it before \
             validators sign for it",
            root.short(),
            others.short()
        )
    }
}

/// The head a beacon stands at.
#[derive(Debug, Clone)]
struct Own {
    head: Head,
    topic: String,
    data: Bytes,
    /// It came here from a lower slot, or from nowhere.
    rising: bool,
    /// Its stream ended: it may stand elsewhere by now.
    gone: bool,
}

struct Untold {
    by: BeaconName,
    at: Moment,
    event: Event,
}

/// Decides event by event.
#[derive(Default)]
pub struct Merger {
    leader: Option<BeaconName>,
    last: [Option<Head>; 2],
    own: HashMap<BeaconName, [Option<Own>; 2]>,
    seen: Seen,
    /// Who told a view first: the same words of another beacon are an echo.
    views: Seen<BeaconName>,
    untold: VecDeque<Untold>,
    spoke: HashMap<BeaconName, Moment>,
    finalized: Option<Epoch>,
    roots: BTreeMap<Epoch, (BeaconName, Root)>,
    conflicts: BTreeMap<BeaconName, Conflict>,
}

impl Merger {
    /// Takes an event and returns those that pass now. `aside` says that the beacon is on a branch of its own: its heads
    /// are remembered and not told, unless it leads.
    pub fn take(&mut self, from: &BeaconName, event: Event, aside: bool, now: Moment) -> Option<Event> {
        self.spoke.insert(from.clone(), now);
        let leads = self.leader.as_ref() == Some(from);
        match event.said {
            Said::Head(head) => self.head(from, leads, aside, head, event),
            Said::Union(key) => self.seen.insert(key, ()).then_some(event),
            Said::Checkpoint(epoch, root) => self.checkpoint(from, leads, epoch, root).then_some(event),
            Said::View(key) => self.view(from, leads, key, event, now),
            Said::Volume => leads.then_some(event),
        }
    }

    /// Says whose word counts where views differ; returns what clients must hear because of it.
    pub fn lead(&mut self, leader: Option<&BeaconName>, now: Moment) -> Vec<Event> {
        if self.leader.as_ref() == leader {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.leader, leader.cloned());
        let mut told: Vec<Event> = (0..2).filter_map(|lane| self.leaders_own(lane, true)).collect();
        let since = before.and_then(|before| self.spoke.get(&before).copied());
        if let Some(since) = since {
            told.extend(self.make_up(since, now));
        }
        self.untold.clear();
        told
    }

    /// A beacon's event stream ended: what it stands at is not known any more.
    pub fn gone(&mut self, beacon: &BeaconName) {
        for own in self.own.get_mut(beacon).into_iter().flatten().flatten() {
            own.gone = true;
        }
    }

    /// Forgets all beacons but these.
    pub fn keep(&mut self, beacons: &[BeaconName]) {
        self.own.retain(|name, _| beacons.contains(name));
        self.spoke.retain(|name, _| beacons.contains(name));
        self.conflicts.retain(|name, _| beacons.contains(name));
    }

    /// Beacons whose finality differs from what was heard before.
    pub fn conflicts(&self) -> impl Iterator<Item = &Conflict> {
        self.conflicts.values()
    }

    fn head(
        &mut self,
        from: &BeaconName,
        leads: bool,
        aside: bool,
        head: Head,
        event: Event,
    ) -> Option<Event> {
        let lane = head.lane;
        let own = &mut self.own.entry(from.clone()).or_default()[lane];
        let before = own.take();
        if !head.optimistic {
            let rising = before.as_ref().is_none_or(|before| {
                if before.head.key == head.key {
                    before.rising
                } else {
                    before.head.block.slot < head.block.slot
                }
            });
            let (topic, data) = (event.topic.clone(), event.data.clone());
            *own = Some(Own { head, topic, data, rising, gone: false });
            let higher = self.last[lane].is_none_or(|last| head.block.slot > last.block.slot);
            if higher && (leads || !aside) {
                self.last[lane] = Some(head);
                return Some(event);
            }
        }
        self.leaders_own(lane, leads)
    }

    /// The leader's own head, if clients must hear of it: because it is `news`, or because nobody stands by the last one
    /// any more.
    fn leaders_own(&mut self, lane: usize, news: bool) -> Option<Event> {
        let last = self.last[lane]?;
        let held = |own: &[Option<Own>; 2]| own[lane].as_ref().is_some_and(|own| own.head.key == last.key);
        let stands = self.own.values().any(held);
        let own = self.own.get(self.leader.as_ref()?)?[lane].as_ref().filter(|own| !own.gone)?;
        let (head, below) = (own.head, own.head.block.slot < last.block.slot);
        // The same block again can only be an earlier state of its payload.
        let late = own.rising && (below || head.block.root == last.block.root);
        if head.key == last.key || stands && (late || !news) {
            return None;
        }
        let event = Event { topic: own.topic.clone(), data: own.data.clone(), said: Said::Head(head) };
        self.last[lane] = Some(head);
        Some(event)
    }

    fn checkpoint(&mut self, from: &BeaconName, leads: bool, epoch: Epoch, root: Root) -> bool {
        let heard = self.roots.entry(epoch).or_insert_with(|| (from.clone(), root)).clone();
        if self.roots.len() > EPOCHS {
            self.roots.pop_first();
        }
        let differs = heard.1 != root;
        if differs {
            let conflict = Conflict { by: from.clone(), epoch, root, other: heard };
            self.conflicts.insert(from.clone(), conflict);
        } else if self.conflicts.get(from).is_some_and(|old| old.epoch < epoch) && heard.0 != *from {
            self.conflicts.remove(from);
        }
        let higher = self.finalized.is_none_or(|last| epoch > last);
        let passes = higher || differs && leads && self.finalized == Some(epoch);
        if passes {
            self.finalized = Some(epoch);
        }
        passes
    }

    fn view(&mut self, from: &BeaconName, leads: bool, key: u64, event: Event, now: Moment) -> Option<Event> {
        if leads {
            return self.first_words(from, key).then_some(event);
        }
        self.untold.push_back(Untold { by: from.clone(), at: now, event });
        let old = |first: &Untold| now.ms_since(first.at) > UNTOLD_MS;
        while self.untold.len() > UNTOLD || self.untold.front().is_some_and(old) {
            self.untold.pop_front();
        }
        None
    }

    /// Whether these words are no echo. A beacon may say the same twice: chains go back and forth.
    fn first_words(&mut self, by: &BeaconName, key: u64) -> bool {
        let echo = self.views.get(key).is_some_and(|first| first != by);
        self.views.insert(key, by.clone());
        !echo
    }

    /// What the new leader said after the old one's last word.
    fn make_up(&mut self, since: Moment, now: Moment) -> Vec<Event> {
        let Some(leader) = self.leader.clone() else { return Vec::new() };
        let missed = |untold: &Untold| {
            untold.by == leader && untold.at.mono_us > since.mono_us && now.ms_since(untold.at) <= UNTOLD_MS
        };
        let events: Vec<Event> =
            std::mem::take(&mut self.untold).into_iter().filter(missed).map(|untold| untold.event).collect();
        events
            .into_iter()
            .filter(|event| match event.said {
                Said::View(key) => self.first_words(&leader, key),
                _ => false,
            })
            .collect()
    }
}

/// A memory of keys; the oldest are forgotten first.
struct Seen<T = ()> {
    keys: HashMap<u64, T>,
    order: VecDeque<u64>,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self { keys: HashMap::new(), order: VecDeque::new() }
    }
}

impl<T> Seen<T> {
    fn get(&self, key: u64) -> Option<&T> {
        self.keys.get(&key)
    }

    /// Whether the key is new.
    fn insert(&mut self, key: u64, value: T) -> bool {
        if self.keys.insert(key, value).is_some() {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > SEEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests;
