//! What one beacon knows and answers at a moment. Moments are milliseconds since the recording's start.

use std::collections::VecDeque;

use super::dice::{Dice, Of};
use super::effects::Effects;
use super::sky::Sky;
use crate::sim::gate::Door;
use crate::sim::world::{Link, Mood};

/// Blocks a beacon is remembered to have got.
const BLOCKS: usize = 8;
/// Slots a beacon that was down takes to catch up.
const CATCH_UP: u64 = 2;
/// A clock may be behind by so many milliseconds before messages are taken for those of the future.
const DISPARITY_MS: f64 = 500.0;

/// What a beacon would have signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vote {
    /// This slot's block as the head.
    Head(u64),
    /// A block of another branch.
    Fork,
    /// Another network.
    Foreign,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Answer<T> {
    /// It is answered at this moment.
    Good(f64, T),
    /// It is refused or breaks off at this moment.
    Failed(f64),
    /// Nothing ever comes.
    Never,
}

/// A beacon over the slots.
#[derive(Debug, Clone)]
pub(super) struct Beacon {
    place: u64,
    dice: Dice,
    effects: Effects,
    /// Blocks and when it had them.
    blocks: VecDeque<(u64, f64)>,
    catching_up: u64,
}

impl Beacon {
    pub(super) fn new(place: usize, dice: Dice) -> Self {
        Self { place: place as u64, dice, effects: Effects::NONE, blocks: VecDeque::new(), catching_up: 0 }
    }

    /// A slot begins: what is wrong with it now, and when it has this slot's block.
    pub(super) fn begin(&mut self, slot: u64, sky: &Sky, effects: Effects) {
        self.effects = effects;
        if self.effects.down() {
            self.catching_up = CATCH_UP;
        } else if self.catching_up > 0 {
            self.catching_up -= 1;
            self.effects.mood = Mood::Syncing;
        }
        let stands = self.effects.down()
            || self.effects.link != Link::Main
            || matches!(self.effects.mood, Mood::ElOffline | Mood::Syncing);
        let Some(published) = sky.block(slot).filter(|_| !stands) else { return };
        let key = [slot, self.place];
        let far = match self.effects.peers {
            // What gossip does not bring comes with the next block, as its parent.
            Some(_) if self.dice.chance(0.3, Of::GossipLost, &key) => return,
            Some(_) => 4.0,
            None => 1.0,
        };
        let way = self.dice.around(350.0, 0.4, Of::Propagation, &key) * far * sky.scale;
        let import = self.dice.around(220.0, 0.4, Of::Import, &key) * sky.scale + self.effects.import;
        // A block of what it takes for the future waits.
        let known = (published + way).max(-self.effects.clock - DISPARITY_MS);
        let at = self.effects.awake(self.dice, self.place, slot as f64 * sky.slot_ms + known + import);
        self.blocks.push_back((slot, at));
        if self.blocks.len() > BLOCKS {
            self.blocks.pop_front();
        }
    }

    /// What is wrong with it.
    pub(super) fn effects(&self) -> &Effects {
        &self.effects
    }

    /// The slot of its head.
    pub(super) fn head(&self, at: f64) -> u64 {
        self.blocks.iter().filter(|(_, had)| *had <= at).map(|(slot, _)| *slot).max().unwrap_or(0)
    }

    /// When it had or will have this slot's block.
    pub(super) fn has(&self, slot: u64) -> Option<f64> {
        self.blocks.iter().find(|(of, _)| *of == slot).map(|(_, at)| *at)
    }

    /// Whether it told of blocks lately, of our chain's.
    pub(super) fn is_heard(&self, slot: u64) -> bool {
        let recent = self.blocks.back().is_some_and(|(last, _)| last + BLOCKS as u64 >= slot);
        recent && self.effects.link != Link::Foreign
    }

    /// When it tells those who listen of this slot's block, or of its branch's, which comes at about the same time.
    pub(super) fn tells(&self, slot: u64) -> Option<f64> {
        let told = self.has(slot).filter(|_| self.effects.door == Door::Open);
        told.or((self.effects.link == Link::Fork).then_some(0.0))
    }

    /// Whether a request reaches it and is read; the moment it is answered. `key` is the request's own.
    pub(super) fn reach(&self, at: f64, key: &[u64]) -> Answer<()> {
        match self.effects.door {
            Door::Stuck => return Answer::Never,
            Door::Reset | Door::Closed | Door::Away => return Answer::Failed(at + 1.0),
            Door::Open => {}
        }
        if self.dice.chance(self.effects.lost, Of::Lost, key) {
            return Answer::Never;
        }
        let read = self.effects.awake(self.dice, self.place, at);
        let works = self.dice.around(9.0, 0.6, Of::AnswerTime, key) + self.effects.slow;
        let told = self.effects.awake(self.dice, self.place, read + works);
        if self.effects.broken { Answer::Failed(told) } else { Answer::Good(told, ()) }
    }

    /// What it says there is to attest.
    pub(super) fn data(&self, at: f64, key: &[u64]) -> Answer<Vote> {
        match self.reach(at, key) {
            Answer::Good(told, ()) => match self.effects.mood {
                Mood::Syncing | Mood::Optimistic | Mood::ElOffline => Answer::Failed(told),
                Mood::Well | Mood::Foreign => Answer::Good(told, self.vote(told)),
            },
            Answer::Failed(told) => Answer::Failed(told),
            Answer::Never => Answer::Never,
        }
    }

    fn vote(&self, at: f64) -> Vote {
        match self.effects.link {
            Link::Fork => Vote::Fork,
            Link::Foreign => Vote::Foreign,
            Link::Main | Link::Cut => Vote::Head(self.head(at)),
        }
    }

    /// Takes a signed message of a slot that began at `start`: when it is accepted, and when it is in gossip, if ever.
    pub(super) fn publish(&self, start: f64, at: f64, vote: Vote, key: &[u64]) -> Answer<Option<f64>> {
        let told = match self.reach(at, key) {
            Answer::Good(told, ()) => told,
            Answer::Failed(told) => return Answer::Failed(told),
            Answer::Never => return Answer::Never,
        };
        let unknown = matches!(vote, Vote::Foreign) != (self.effects.link == Link::Foreign)
            || matches!(vote, Vote::Fork) != (self.effects.link == Link::Fork);
        let future = told + self.effects.clock < start - DISPARITY_MS;
        if unknown || future || self.effects.mood == Mood::Syncing {
            return Answer::Failed(told);
        }
        // What a beacon drops comes in spells: twice the share in one slot, none in another.
        let share = self.effects.dropped * 2.0 * self.dice.unit(Of::DroppedShare, &[key[0], self.place]);
        let lost = self.dice.chance(share, Of::Dropped, key)
            || self.effects.link == Link::Cut
            || self.effects.peers.is_some() && self.dice.chance(0.3, Of::Peers, key);
        let far = if self.effects.peers.is_some() { 6.0 } else { 1.0 };
        let way = self.dice.around(280.0, 0.4, Of::Gossip, key) * far;
        Answer::Good(told, (!lost).then_some(told + way))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::scenario::Scenario;

    fn sky() -> Sky {
        let text = "story: s\nnetwork: { late-blocks: 0, missed-blocks: 0 }";
        Sky::new(&Scenario::parse("x", text).unwrap(), Dice(1))
    }

    fn after(slots: u64, effects: &Effects) -> (Sky, Beacon) {
        let (sky, mut beacon) = (sky(), Beacon::new(0, Dice(1)));
        for slot in 0..=slots {
            let now = if slot > 1 { effects.clone() } else { Effects::NONE };
            beacon.begin(slot, &sky, now);
        }
        (sky, beacon)
    }

    #[test]
    fn a_beacon_votes_for_the_head_it_has_at_that_moment() {
        let (sky, beacon) = after(5, &Effects::NONE);
        let start = 5.0 * sky.slot_ms;
        let vote = |at: f64| match beacon.data(start + at, &[5, 1]) {
            Answer::Good(_, Vote::Head(head)) => head,
            other => panic!("{other:?}"),
        };
        assert_eq!((vote(50.0), vote(7_900.0)), (4, 5));
        let (_, slow) = after(5, &Effects { import: 6_000.0, ..Effects::NONE });
        assert!(matches!(slow.data(start + 4_000.0, &[5, 1]), Answer::Good(_, Vote::Head(4))));
    }

    #[test]
    fn without_peers_the_head_stands_and_messages_stay() {
        let (sky, beacon) = after(6, &Effects { link: Link::Cut, ..Effects::NONE });
        let at = 6.0 * sky.slot_ms + 5_000.0;
        assert_eq!(beacon.head(at), 1);
        assert!(matches!(beacon.publish(at, at, Vote::Head(1), &[6, 1]), Answer::Good(_, None)));
    }

    #[test]
    fn after_a_restart_it_refuses_until_it_has_caught_up() {
        let (sky, mut beacon) = after(6, &Effects { door: Door::Closed, ..Effects::NONE });
        let mut moods = Vec::new();
        for slot in 7..11 {
            beacon.begin(slot, &sky, Effects::NONE);
            moods.push(matches!(beacon.data(slot as f64 * sky.slot_ms + 4_000.0, &[slot]), Answer::Good(..)));
        }
        assert_eq!(moods, [false, false, true, true]);
    }
}
