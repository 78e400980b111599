//! Blocks: one for a slot and its proposer.
//!
//! A publication has its place while it is under way, and for good once a beacon took it. No signature is verified here:
//! what all beacons refuse must not stand in the way of what is right, so its place is given back.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::chain::BlockKey;
use crate::model::{Slot, UnixMs, ValidatorIndex};

/// Places remembered: a fleet of all validators needs one a slot.
const PLACES: usize = 1_024;

/// Why a block is not passed on, or not given to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// There is another one.
    #[error(
        "another block of slot {slot} by proposer {proposer} was published; a second one is slashable and is not passed on: \
         see that no other client has this validator's key"
    )]
    Second {
        /// Its slot.
        slot: Slot,
        /// Its proposer.
        proposer: ValidatorIndex,
    },
    /// Time is beyond it.
    #[error(
        "a block of slot {slot} lies behind slot {published}, for which one was published; compare the clocks"
    )]
    Behind {
        /// Its slot.
        slot: Slot,
        /// The newest slot that has one.
        published: Slot,
    },
}

/// Whether a publication may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// It has its place; [`Proposals::end`] is owed.
    Goes,
    /// Another block's publication is under way: its end decides.
    Waits,
}

/// What became of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A beacon took it, or has it.
    Taken,
    /// Whoever answered refused it, or it reached nobody.
    Refused,
    /// It was sent and nobody answered: it may be out.
    Unknown,
}

/// A block that was published, as one number that rises with its slot: the slot, and the first four bytes of its state
/// root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Published(pub u64);

impl Published {
    /// Slots of which one is told to the next process: who publishes does so in the slot.
    pub const SLOTS: u64 = 4;

    fn of(key: &BlockKey) -> Self {
        let [a, b, c, d, ..] = key.state.0;
        Self(key.slot.0 << 32 | u64::from(u32::from_be_bytes([a, b, c, d])))
    }

    /// Its slot.
    pub fn slot(self) -> Slot {
        Slot(self.0 >> 32)
    }
}

struct Place {
    key: BlockKey,
    /// Publications under way.
    going: usize,
    taken: bool,
    /// A beacon said that it has it; else it may be out.
    sure: bool,
}

/// Blocks that are published, or are being.
#[derive(Default)]
pub struct Proposals {
    genesis: Option<UnixMs>,
    places: HashMap<(Slot, ValidatorIndex), Place>,
    order: VecDeque<(Slot, ValidatorIndex)>,
    /// The last ones, by slot.
    last: BTreeMap<Slot, Published>,
    /// Those of another process: nothing more is known of them.
    told: BTreeMap<Slot, Published>,
}

/// Keeps the last ones.
fn keep(last: &mut BTreeMap<Slot, Published>, one: Published) {
    last.insert(one.slot(), one);
    if last.len() as u64 > Published::SLOTS {
        last.pop_first();
    }
}

impl Proposals {
    /// The chain is the one of this genesis; what is known of another is forgotten.
    pub fn on(&mut self, genesis: UnixMs) {
        if self.genesis.is_some_and(|known| known != genesis) {
            *self = Self::default();
        }
        self.genesis = Some(genesis);
    }

    /// The last blocks published on the chain of this genesis, ascending.
    pub fn last(&self, genesis: UnixMs) -> Vec<Published> {
        let here = self.genesis == Some(genesis);
        self.last.values().filter(|_| here).copied().collect()
    }

    /// Another process published this one on the chain of this genesis.
    pub fn raise(&mut self, genesis: UnixMs, one: Published) {
        self.on(genesis);
        keep(&mut self.last, one);
        keep(&mut self.told, one);
    }

    /// Whether a block may be given to be signed after what was published.
    ///
    /// # Errors
    /// Another one was published for its slot and proposer, or one for a later slot.
    pub fn gives(&self, key: &BlockKey) -> Result<(), Blocked> {
        match self.last.last_key_value() {
            Some((published, _)) if *published > key.slot => {
                Err(Blocked::Behind { slot: key.slot, published: *published })
            }
            _ => self.single(key),
        }
    }

    /// A publication would begin.
    ///
    /// # Errors
    /// Another block was published for its slot and proposer, or by another process and too long ago to know.
    pub fn enter(&mut self, key: &BlockKey) -> Result<Entry, Blocked> {
        self.single(key)?;
        let at = (key.slot, key.proposer);
        match self.places.get_mut(&at) {
            Some(place) if place.key != *key => return Ok(Entry::Waits),
            Some(place) => place.going += 1,
            None => {
                self.order.push_back(at);
                self.places.insert(at, Place { key: *key, going: 1, taken: false, sure: false });
            }
        }
        if self.order.len() > PLACES
            && let Some(oldest) = self.order.pop_front()
        {
            self.places.remove(&oldest);
        }
        Ok(Entry::Goes)
    }

    /// Another block that has the place of this one although no beacon is known to have it, and whether its publication is
    /// under way still.
    pub fn in_doubt(&self, key: &BlockKey) -> Option<(BlockKey, bool)> {
        let place = self.places.get(&(key.slot, key.proposer))?;
        (place.key != *key && !place.sure).then_some((place.key, place.going > 0))
    }

    /// A block in doubt gives way to a better one; whatever becomes of it does not count.
    pub fn give_way(&mut self, key: &BlockKey) {
        let at = (key.slot, key.proposer);
        if self.places.get(&at).is_some_and(|place| place.key == *key && !place.sure) {
            self.places.remove(&at);
            self.order.retain(|other| *other != at);
        }
    }

    /// A publication that began has ended so.
    pub fn end(&mut self, key: &BlockKey, end: End) {
        let at = (key.slot, key.proposer);
        let Some(place) = self.places.get_mut(&at).filter(|place| place.key == *key) else { return };
        place.going = place.going.saturating_sub(1);
        if end == End::Refused {
            if place.going == 0 && !place.taken {
                self.places.remove(&at);
                self.order.retain(|other| *other != at);
            }
            return;
        }
        place.taken = true;
        place.sure |= end == End::Taken;
        keep(&mut self.last, Published::of(key));
    }

    /// A beacon took a block after all, when its publication had ended.
    pub fn took(&mut self, key: &BlockKey) {
        if self.enter(key) == Ok(Entry::Goes) {
            self.end(key, End::Taken);
        }
    }

    /// Whether no other block was published for its slot and proposer, as far as that is known.
    fn single(&self, key: &BlockKey) -> Result<(), Blocked> {
        let BlockKey { slot, proposer, .. } = *key;
        let known = self.places.get(&(slot, proposer)).filter(|place| place.taken);
        let another = match known {
            Some(place) => place.key != *key,
            None => self.told.get(&slot).is_some_and(|told| *told != Published::of(key)),
        };
        if another {
            return Err(Blocked::Second { slot, proposer });
        }
        match self.told.last_key_value() {
            Some((published, _)) if known.is_none() && slot.0 + Published::SLOTS <= published.0 => {
                Err(Blocked::Behind { slot, published: *published })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Root;

    const GENESIS: UnixMs = UnixMs(1);

    fn block(slot: u64, proposer: u64, state: u8) -> BlockKey {
        let (parent, state) = (Root([9; 32]), Root([state; 32]));
        BlockKey { slot: Slot(slot), proposer: ValidatorIndex(proposer), parent, state }
    }

    fn second(slot: u64, proposer: u64) -> Blocked {
        Blocked::Second { slot: Slot(slot), proposer: ValidatorIndex(proposer) }
    }

    #[test]
    fn one_block_goes_out_for_a_slot_and_proposer_and_the_same_again_at_any_time() {
        let mut all = Proposals::default();
        let (right, wrong) = (block(7, 1, 1), block(7, 1, 2));
        assert_eq!(all.enter(&right), Ok(Entry::Goes));
        assert_eq!(all.enter(&right), Ok(Entry::Goes), "a retry beside it");
        assert_eq!(all.enter(&wrong), Ok(Entry::Waits));
        assert_eq!(all.enter(&block(7, 2, 2)), Ok(Entry::Goes), "another proposer");
        all.end(&right, End::Refused);
        assert_eq!(all.enter(&wrong), Ok(Entry::Waits), "the retry still goes");
        all.end(&right, End::Taken);
        assert_eq!(all.enter(&wrong), Err(second(7, 1)));
        assert_eq!(all.enter(&right), Ok(Entry::Goes));
        all.end(&right, End::Refused);
        assert_eq!(all.enter(&wrong), Err(second(7, 1)), "what is out stays out");
    }

    #[test]
    fn what_no_beacon_is_known_to_have_can_give_way() {
        let mut all = Proposals::default();
        let (right, garbage) = (block(7, 1, 1), block(7, 1, 2));
        assert_eq!(all.in_doubt(&right), None);
        all.enter(&garbage).unwrap();
        assert_eq!((all.in_doubt(&right), all.in_doubt(&garbage)), (Some((garbage, true)), None));
        all.end(&garbage, End::Unknown);
        assert_eq!(all.in_doubt(&right), Some((garbage, false)));
        all.give_way(&garbage);
        assert_eq!(all.enter(&right), Ok(Entry::Goes));
        all.end(&garbage, End::Taken);
        all.end(&right, End::Taken);
        assert_eq!((all.in_doubt(&garbage), all.enter(&garbage)), (None, Err(second(7, 1))));
        all.give_way(&right);
        assert_eq!(all.enter(&garbage), Err(second(7, 1)), "what is out stays out");
    }

    #[test]
    fn what_all_refuse_stands_in_nobodys_way_and_what_may_be_out_does() {
        let mut all = Proposals::default();
        let (right, garbage) = (block(7, 1, 1), block(7, 1, 2));
        all.enter(&garbage).unwrap();
        all.end(&garbage, End::Refused);
        assert_eq!(all.enter(&right), Ok(Entry::Goes));
        all.end(&right, End::Unknown);
        assert_eq!(all.enter(&garbage), Err(second(7, 1)));
        assert_eq!(all.enter(&right), Ok(Entry::Goes));
        all.took(&block(8, 1, 3));
        assert_eq!(all.enter(&block(8, 1, 4)), Err(second(8, 1)), "a laggard took it");
    }

    #[test]
    fn nothing_is_given_for_what_is_published_or_behind_it() {
        let mut all = Proposals::default();
        let published = block(7, 1, 1);
        all.enter(&published).unwrap();
        assert_eq!(all.gives(&block(7, 1, 2)), Ok(()), "it may yet be refused");
        all.end(&published, End::Taken);
        assert_eq!(all.gives(&published), Ok(()));
        assert_eq!(all.gives(&block(7, 1, 2)), Err(second(7, 1)));
        let behind = Blocked::Behind { slot: Slot(6), published: Slot(7) };
        assert_eq!(all.gives(&block(6, 1, 2)), Err(behind));
        assert_eq!(all.gives(&block(7, 2, 2)), Ok(()), "another proposer");
        assert_eq!(all.gives(&block(8, 1, 2)), Ok(()));
        assert_eq!(all.enter(&block(6, 1, 2)), Ok(Entry::Goes), "late, and slashable with nothing");
    }

    #[test]
    fn the_last_blocks_are_known_to_the_next_process_and_on_their_own_chain_only() {
        let mut before = Proposals::default();
        before.on(GENESIS);
        for slot in (1..=8).rev() {
            before.took(&block(slot, 2, slot as u8));
        }
        let marks = before.last(GENESIS);
        assert_eq!(marks.iter().map(|one| one.slot().0).collect::<Vec<_>>(), [5, 6, 7, 8]);
        assert_eq!(before.last(UnixMs(2)), []);
        let mut after = Proposals::default();
        for one in &marks {
            after.raise(GENESIS, *one);
        }
        assert_eq!(after.last(GENESIS), marks);
        for slot in 5..=8 {
            let out = block(slot, 2, slot as u8);
            assert_eq!(after.enter(&out), Ok(Entry::Goes), "a retry over the restart");
            assert_eq!(after.enter(&block(slot, 2, 90)), Err(second(slot, 2)));
            after.end(&out, End::Refused);
            assert_eq!(after.enter(&block(slot, 2, 90)), Err(second(slot, 2)));
        }
        let behind = Blocked::Behind { slot: Slot(4), published: Slot(8) };
        assert_eq!(after.enter(&block(4, 5, 3)), Err(behind), "what was published then is not known");
        assert!(after.gives(&block(7, 2, 7)).is_err());
        after.on(UnixMs(2));
        assert_eq!(after.enter(&block(8, 2, 3)), Ok(Entry::Goes), "another chain");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut all = Proposals::default();
        for slot in 0..2 * PLACES as u64 {
            all.took(&block(slot, 1, 1));
        }
        assert_eq!((all.places.len(), all.order.len()), (PLACES, PLACES));
    }
}
