//! Whose word counts where beacons' views differ, how each beacon's events are taken, and what they say of duties and of themselves.

use super::pool_task::PoolTask;
use super::said::Key;
use crate::beacon::{NodeVersion, client_family};
use crate::guard::Deciders;
use crate::model::{
    BeaconId, BeaconName, BeaconSet, ChainSplit, Culprit, CulpritKind, Epoch, Moment, Reason, Role, Root,
    Slot, Use,
};
use crate::pool::{AgreedHead, Event, NEVER, Parted, Table};
use crate::router::Voice;
use crate::seeds::Sign;

/// Clock disparity within which a head of the next slot is not ahead (p2p spec, `MAXIMUM_GOSSIP_CLOCK_DISPARITY`).
const DISPARITY_MS: u64 = 500;

/// How a beacon's events are taken: not at all before its chain and the clock are known, or when it may never be used.
pub fn voice(table: &Table, id: BeaconId, now: Moment) -> Option<Voice> {
    let entry = &table.entries[id.index()];
    let speaks = entry.rank(Use::Events, Some(Role::Events)) != NEVER
        && !entry.reasons.contains(&Reason::NeverObserved);
    let latest = table.clock.as_ref()?.slot_at(now.plus_ms(DISPARITY_MS).wall).unwrap_or_default();
    speaks.then(|| Voice {
        aside: entry.reasons.iter().any(|reason| matches!(reason, Reason::Fork | Reason::ChainSplit)),
        latest,
    })
}

/// Whose word counts where views differ: the present leader for as long as its stream is open and nobody is better
/// ranked, so that it changes as seldom as can be; else the best ranked of those whose streams are open, at the agreed
/// head before others, in the order of the fleet file.
fn leader(table: &Table, present: Option<BeaconId>, hearing: BeaconSet) -> Option<BeaconId> {
    let rank = |id: BeaconId| table.entries[id.index()].rank(Use::Events, Some(Role::Events));
    let place = |id: BeaconId| (rank(id), !hearing.has(id));
    let able = || table.entries.iter().filter(|entry| rank(entry.id) != NEVER);
    let best = able().map(|entry| place(entry.id)).min()?;
    present.filter(|id| place(*id) == best).or_else(|| {
        able()
            .filter(|entry| place(entry.id) == best)
            .min_by_key(|entry| (!entry.at_agreed, entry.id))
            .map(|entry| entry.id)
    })
}

impl PoolTask {
    /// A beacon's event stream is open, or ended.
    pub(super) fn stream(&mut self, key: Key, open: bool) {
        if open {
            self.hearing.insert(key);
        } else {
            self.hearing.remove(&key);
            if let Some(id) = self.course.find(key) {
                self.hub.gone(&self.course.place(id).name);
            }
        }
        self.lead();
    }

    /// A beacon told its version.
    pub(super) fn version(&mut self, id: BeaconId, version: NodeVersion) {
        let (beacon, memory) = (&self.course.place(id).name, &self.course.memory);
        let client = client_family(&version.text).to_string();
        memory.quorums().is_client(beacon, client.clone());
        let text = version.text.clone();
        let old = self.versions[id.index()].replace(version);
        if old.as_ref().is_none_or(|old| old.text != text) {
            tracing::info!(%beacon, version = %text, "beacon node version");
            memory.forget(id);
            if old.is_some() {
                self.saw(id, Sign::Version);
            }
        }
        self.feed(Event::Client(id, client.into()));
    }

    /// Over a restart or a hand-over, too, validators stay with the side they were on: an incident that goes on tells it.
    pub(super) fn recall_split(&mut self) {
        if self.split_known {
            return;
        }
        // An incident that goes on while none is certain here yet is of a process before this one.
        self.split_known = self.course.table.load().split.as_ref().is_some_and(|split| split.certain);
        let shown = self.eye.shown.load_full();
        let mut live = shown.incidents.iter().filter(|incident| incident.state.is_live());
        let is_split = |culprit: &&Culprit| culprit.kind == CulpritKind::ChainSplit;
        let kept = live.find_map(|incident| Some((incident.since, incident.culprits.iter().find(is_split)?)));
        if let Some((since, culprit)) = kept.filter(|_| !self.split_known) {
            let (ours, theirs) = ChainSplit::sides(&culprit.name);
            let names = |of: Vec<&str>| of.into_iter().map(Into::into).collect();
            self.split_known = true;
            self.feed(Event::Parted(Parted { since, ours: names(ours), theirs: names(theirs) }));
        }
    }

    /// A beacon says which blocks decide duties.
    pub(super) fn deciders(&self, id: BeaconId, head: AgreedHead, (previous, current): (Root, Root)) {
        let Some(clock) = &self.course.table.load().clock else { return };
        let epoch = clock.epoch_of(head.slot);
        let said = Deciders { head: head.root, slot: head.slot, epoch, previous, current };
        self.course.memory.duties().hear(&self.course.place(id).name, said);
    }

    /// A beacon left a branch for another.
    pub(super) fn reorg(&self, parted: Slot) {
        let Some(clock) = &self.course.table.load().clock else { return };
        // They may have parted earlier than is told; what is asked anew for nothing costs a read.
        let since = clock.epoch_of(parted).0.saturating_sub(1);
        self.course.memory.duties().reorg(Epoch(since));
    }

    /// Names the leader anew, if it is another one.
    pub(super) fn lead(&mut self) {
        let mut hearing = BeaconSet::default();
        for id in self.hearing.iter().filter_map(|key| self.course.find(*key)) {
            hearing.add(id);
        }
        let present = self.leader.and_then(|key| self.course.find(key));
        let next = leader(&self.course.table.load(), present, hearing).map(|id| self.course.place(id));
        let key = next.map(|place| place.watcher.key);
        if key != self.leader {
            let name = next.map(|place| &place.name);
            tracing::debug!(leader = name.map(BeaconName::as_str), "events are led by");
            self.hub.lead(name, (self.clock)());
            self.leader = key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Lifecycle, UnixMs};
    use crate::pool::{Entry, grade};

    fn table(beacons: &[(&[Reason], bool)]) -> Table {
        let entries = beacons.iter().enumerate().map(|(index, (reasons, at_agreed))| Entry {
            id: BeaconId(index as u16),
            ranks: Use::ALL.map(|uses| grade(reasons, uses)),
            reasons: reasons.to_vec(),
            lifecycle: Lifecycle::Active,
            head: None,
            at_agreed: *at_agreed,
            roles: u8::MAX,
            near: false,
            host: index as u16,
            share: 100,
            owed: None,
        });
        let agreed = Some(AgreedHead { slot: Slot(1), root: crate::model::Root::default() });
        Table {
            seq: 1,
            at: UnixMs(0),
            clock: None,
            agreed,
            parent: None,
            split: None,
            entries: entries.collect(),
        }
    }

    #[test]
    fn a_leader_stays_until_it_is_worse_than_another() {
        let all = BeaconSet(0b111);
        let b = |n: u16| Some(BeaconId(n));
        let well: &[Reason] = &[];
        let at_head = table(&[(well, false), (well, true), (well, true)]);
        assert_eq!(leader(&at_head, None, all), b(1), "the first at the agreed head");
        assert_eq!(leader(&at_head, b(0), all), b(0), "a block that is on its way changes nothing");
        assert_eq!(leader(&at_head, b(0), BeaconSet(0b110)), b(1), "its stream ended");
        let hung = table(&[(&[Reason::Hung], true), (well, false), (well, false)]);
        assert_eq!(leader(&hung, b(0), all), b(1));
        assert_eq!(leader(&table(&[(well, true), (well, true)]), b(1), all), b(1), "and it does not go back");
        assert_eq!(leader(&table(&[(&[Reason::Drained], true)]), b(0), all), None);
        assert_eq!(leader(&hung, b(0), BeaconSet(0b001)), b(1), "health before a stream that will be open");
    }
}
