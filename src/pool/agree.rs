//! The head the pool agrees on.
//!
//! A head is agreed when a second beacon reports it, or when it descends from the last agreed head and is not ahead of
//! the clock; so two beacons, or one survivor, work, and one wrongly-ahead beacon moves nobody.

use std::collections::{HashMap, VecDeque};

use crate::model::{BeaconId, Root, Slot};

/// Blocks remembered; older ones are forgotten first.
const BLOCKS: usize = 512;
/// How far back ancestry is walked.
const ANCESTRY: usize = 64;

/// A block as its header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its root.
    pub root: Root,
    /// Its slot.
    pub slot: Slot,
    /// Its parent's root.
    pub parent: Root,
}

/// The head the pool agrees on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgreedHead {
    /// Slot of the block.
    pub slot: Slot,
    /// Root of the block.
    pub root: Root,
}

/// How one head relates to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Descends,
    Apart,
    Unknown,
}

/// Where a head is, seen from the agreed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// It is the agreed head, or descends from it.
    With,
    /// The agreed head descends from it.
    Behind,
    /// It is on another branch.
    Apart,
    /// Headers do not tell.
    Unknown,
}

/// Reports of all beacons and what they amount to.
#[derive(Debug, Default)]
pub struct Heads {
    pub(super) agreed: Option<AgreedHead>,
    reports: HashMap<BeaconId, AgreedHead>,
    blocks: HashMap<Root, Block>,
    order: VecDeque<Root>,
}

impl Heads {
    /// The agreed head.
    pub fn agreed(&self) -> Option<AgreedHead> {
        self.agreed
    }

    /// The parent of the agreed head; none while one of their headers is not known.
    pub fn parent(&self) -> Option<AgreedHead> {
        let parent = self.blocks.get(&self.agreed?.root)?.parent;
        self.blocks.get(&parent).map(|block| AgreedHead { slot: block.slot, root: block.root })
    }

    /// A beacon's last reported head.
    pub fn of(&self, beacon: BeaconId) -> Option<AgreedHead> {
        self.reports.get(&beacon).copied()
    }

    /// Whether a block's header is known.
    pub fn knows(&self, root: Root) -> bool {
        self.blocks.contains_key(&root)
    }

    /// Learns a block's header.
    pub fn learn(&mut self, block: Block) {
        if self.blocks.insert(block.root, block).is_none() {
            self.order.push_back(block.root);
            if self.order.len() > BLOCKS
                && let Some(oldest) = self.order.pop_front()
            {
                self.blocks.remove(&oldest);
            }
        }
    }

    /// Takes a report; heads ahead of `latest` (the newest slot the clock allows) are kept out.
    pub fn report(&mut self, beacon: BeaconId, head: AgreedHead, latest: Slot) {
        if head.slot <= latest {
            self.reports.insert(beacon, head);
        }
    }

    /// Forgets a beacon's report: it is gone, or no longer of this chain.
    pub fn forget(&mut self, beacon: BeaconId) {
        self.reports.remove(&beacon);
    }

    /// The same with each beacon at another place, by its place here; reports of those without one are left out.
    #[must_use]
    pub fn at(&self, places: &[Option<BeaconId>]) -> Self {
        let place = |id: &BeaconId| places.get(id.index()).copied().flatten();
        Self {
            agreed: self.agreed,
            reports: self.reports.iter().filter_map(|(id, head)| Some((place(id)?, *head))).collect(),
            blocks: self.blocks.clone(),
            order: self.order.clone(),
        }
    }

    /// Settles on the head the reports of the `trusted` beacons amount to, none of them ahead of `latest` (reported before
    /// the clock was known). Returns whether it changed.
    pub fn settle(&mut self, latest: Slot, trusted: impl Fn(BeaconId) -> bool) -> bool {
        let voices: Vec<AgreedHead> = self
            .reports
            .iter()
            .filter(|(id, head)| head.slot <= latest && trusted(**id))
            .map(|(_, head)| *head)
            .collect();
        let mut best = self.agreed;
        let mut candidates = voices.clone();
        candidates.sort_by_key(|head| (head.slot, head.root));
        candidates.dedup();
        for head in candidates {
            if best.is_none_or(|best| self.supersedes(head, best, &voices)) {
                best = Some(head);
            }
        }
        let changed = best != self.agreed;
        self.agreed = best;
        changed
    }

    fn supersedes(&self, head: AgreedHead, agreed: AgreedHead, voices: &[AgreedHead]) -> bool {
        if head.root == agreed.root {
            return false;
        }
        match self.relation(head.root, agreed.root) {
            Relation::Descends => return true,
            // Too far ahead to be walked: the agreed head was left behind long ago.
            Relation::Unknown if head.slot.0 > agreed.slot.0 + ANCESTRY as u64 => return true,
            Relation::Unknown | Relation::Apart => {}
        }
        let count = |root: Root| voices.iter().filter(|voice| voice.root == root).count();
        let down = self.relation(agreed.root, head.root);
        if down == Relation::Descends || head.slot <= agreed.slot && down == Relation::Unknown {
            // An ancestor, or what may be one, is no news, unless nobody stands by the agreed head any more and all stand
            // here.
            return count(agreed.root) == 0 && count(head.root) == voices.len();
        }
        let (here, there) = (count(head.root), count(agreed.root));
        here >= 2 && (here > there || head.slot > agreed.slot) || here == voices.len()
    }

    /// The next header to read so that `head` can be related to the agreed head; none when it can be, or never will.
    pub fn missing(&self, head: AgreedHead) -> Option<Root> {
        let agreed = self.agreed?;
        let mut at = head.root;
        for _ in 0..ANCESTRY {
            if at == agreed.root {
                return None;
            }
            let Some(block) = self.blocks.get(&at) else { return Some(at) };
            if block.slot <= agreed.slot {
                return (!self.knows(agreed.root)).then_some(agreed.root);
            }
            at = block.parent;
        }
        None
    }

    /// Whether `beacon`'s head is on another branch than the agreed head, as far as headers tell.
    pub fn is_fork(&self, beacon: BeaconId) -> bool {
        let (Some(own), Some(agreed)) = (self.of(beacon), self.agreed) else { return false };
        own.root != agreed.root
            && self.relation(agreed.root, own.root) == Relation::Apart
            && self.relation(own.root, agreed.root) != Relation::Descends
    }

    /// Where a head is, seen from the agreed one.
    pub(super) fn stand(&self, head: AgreedHead) -> Stand {
        let Some(agreed) = self.agreed else { return Stand::Unknown };
        if head.root == agreed.root {
            return Stand::With;
        }
        match (self.relation(head.root, agreed.root), self.relation(agreed.root, head.root)) {
            (Relation::Descends, _) => Stand::With,
            (_, Relation::Descends) => Stand::Behind,
            (Relation::Apart, Relation::Apart) => Stand::Apart,
            _ => Stand::Unknown,
        }
    }

    /// Whether one of two blocks is the other, or descends from it.
    pub(super) fn are_one_branch(&self, a: Root, b: Root) -> bool {
        let descends = |young, old| self.relation(young, old) == Relation::Descends;
        a == b || descends(a, b) || descends(b, a)
    }

    /// The last block two branches have in common, as far as headers tell.
    pub(super) fn parted(&self, a: Root, b: AgreedHead) -> Option<AgreedHead> {
        if self.relation(a, b.root) == Relation::Descends {
            return Some(b);
        }
        let mut at = b.root;
        for _ in 0..ANCESTRY {
            at = self.blocks.get(&at)?.parent;
            if self.are_one_branch(a, at) {
                return self.blocks.get(&at).map(|block| AgreedHead { slot: block.slot, root: at });
            }
        }
        None
    }

    fn relation(&self, young: Root, old: Root) -> Relation {
        let floor = self.blocks.get(&old).map(|block| block.slot);
        let mut at = young;
        for _ in 0..ANCESTRY {
            let Some(block) = self.blocks.get(&at) else { return Relation::Unknown };
            if block.parent == old {
                return Relation::Descends;
            }
            if floor.is_some_and(|floor| block.slot <= floor) {
                return Relation::Apart;
            }
            at = block.parent;
        }
        Relation::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(n: u8) -> Root {
        Root([n; 32])
    }

    fn head(slot: u64, n: u8) -> AgreedHead {
        AgreedHead { slot: Slot(slot), root: root(n) }
    }

    fn block(slot: u64, n: u8, parent: u8) -> Block {
        Block { root: root(n), slot: Slot(slot), parent: root(parent) }
    }

    const LATEST: Slot = Slot(100);

    #[test]
    fn a_descendant_is_agreed_at_once_and_an_unknown_one_waits_for_a_second_voice() {
        let mut heads = Heads::default();
        heads.report(BeaconId(0), head(10, 1), LATEST);
        heads.report(BeaconId(1), head(10, 1), LATEST);
        assert!(heads.settle(LATEST, |_| true));
        heads.learn(block(11, 2, 1));
        heads.report(BeaconId(0), head(11, 2), LATEST);
        heads.settle(LATEST, |_| true);
        assert_eq!(heads.agreed(), Some(head(11, 2)));
        assert_eq!(heads.parent(), None, "its header is not known");
        heads.learn(block(10, 1, 0));
        assert_eq!(heads.parent(), Some(head(10, 1)));
        heads.report(BeaconId(0), head(50, 9), LATEST);
        heads.settle(LATEST, |_| true);
        assert_eq!(heads.agreed(), Some(head(11, 2)), "one voice of unknown descent moves nobody");
        assert_eq!(heads.missing(head(50, 9)), Some(root(9)));
        heads.learn(block(50, 9, 8));
        assert_eq!(heads.missing(head(50, 9)), Some(root(8)), "ancestry is walked back header by header");
        heads.report(BeaconId(1), head(50, 9), LATEST);
        heads.settle(LATEST, |_| true);
        assert_eq!(heads.agreed(), Some(head(50, 9)));
    }

    #[test]
    fn a_fork_evicts_nobody_and_the_majority_of_a_reorg_is_followed() {
        let mut heads = Heads::default();
        for block in [block(10, 1, 0), block(11, 2, 1), block(11, 3, 1), block(12, 4, 3)] {
            heads.learn(block);
        }
        for id in 0..3 {
            heads.report(BeaconId(id), head(11, 2), LATEST);
        }
        heads.settle(LATEST, |_| true);
        heads.report(BeaconId(2), head(12, 4), LATEST);
        heads.settle(LATEST, |_| true);
        assert_eq!(heads.agreed(), Some(head(11, 2)));
        assert!(heads.is_fork(BeaconId(2)));
        assert!(!heads.is_fork(BeaconId(1)));
        heads.report(BeaconId(1), head(12, 4), LATEST);
        heads.settle(LATEST, |_| true);
        assert_eq!(heads.agreed(), Some(head(12, 4)));
        assert!(heads.is_fork(BeaconId(0)));
    }

    #[test]
    fn one_survivor_is_followed_even_across_a_reorg() {
        let mut heads = Heads::default();
        heads.learn(block(11, 2, 1));
        heads.learn(block(11, 3, 1));
        heads.report(BeaconId(0), head(11, 2), LATEST);
        heads.report(BeaconId(1), head(11, 3), LATEST);
        heads.settle(LATEST, |id| id.0 == 0);
        assert_eq!(heads.agreed(), Some(head(11, 2)));
        heads.settle(LATEST, |id| id.0 == 1);
        assert_eq!(heads.agreed(), Some(head(11, 3)));
    }

    #[test]
    fn heads_ahead_of_the_clock_are_not_heard() {
        let mut heads = Heads::default();
        heads.report(BeaconId(0), head(101, 1), LATEST);
        assert!(!heads.settle(LATEST, |_| true));
        assert_eq!(heads.agreed(), None);
    }

    #[test]
    fn a_stale_voice_does_not_pull_the_head_back() {
        let mut heads = Heads::default();
        heads.learn(block(10, 1, 0));
        heads.learn(block(11, 2, 1));
        heads.report(BeaconId(0), head(11, 2), LATEST);
        heads.settle(LATEST, |_| true);
        heads.report(BeaconId(1), head(10, 1), LATEST);
        heads.report(BeaconId(2), head(10, 1), LATEST);
        heads.settle(LATEST, |_| true);
        assert_eq!(heads.agreed(), Some(head(11, 2)));
    }

    #[test]
    fn heads_reported_before_the_clock_was_known_are_measured_by_it() {
        let mut heads = Heads::default();
        for id in 0..2 {
            heads.report(BeaconId(id), head(101, 1), Slot(101));
        }
        assert!(!heads.settle(LATEST, |_| true));
        assert_eq!(heads.agreed(), None);
    }

    #[test]
    fn two_stale_voices_of_unknown_descent_do_not_pull_the_head_back() {
        let mut heads = Heads::default();
        for id in 0..2 {
            heads.report(BeaconId(id), head(12, 2), LATEST);
        }
        heads.settle(LATEST, |_| true);
        heads.report(BeaconId(2), head(10, 1), LATEST);
        heads.report(BeaconId(3), head(10, 1), LATEST);
        heads.settle(LATEST, |id| id.0 > 0);
        assert_eq!(
            heads.agreed(),
            Some(head(12, 2)),
            "no header is known yet: 10 may well be an ancestor of 12"
        );
        heads.settle(LATEST, |id| id.0 > 1);
        assert_eq!(heads.agreed(), Some(head(10, 1)), "nobody is left who says otherwise");
    }

    #[test]
    fn a_majority_goes_back_to_a_lower_slot_of_another_branch() {
        let mut heads = Heads::default();
        for block in [block(10, 1, 0), block(12, 2, 1), block(11, 3, 1)] {
            heads.learn(block);
        }
        for id in 0..3 {
            heads.report(BeaconId(id), head(12, 2), LATEST);
        }
        heads.settle(LATEST, |_| true);
        heads.report(BeaconId(0), head(11, 3), LATEST);
        heads.report(BeaconId(1), head(11, 3), LATEST);
        heads.settle(LATEST, |_| true);
        assert_eq!(heads.agreed(), Some(head(11, 3)));
    }

    #[test]
    fn memory_of_blocks_is_bounded() {
        let mut heads = Heads::default();
        for n in 0..2_000_u64 {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_le_bytes());
            heads.learn(Block { root: Root(bytes), slot: Slot(n), parent: Root::default() });
        }
        assert!(heads.blocks.len() <= BLOCKS && heads.order.len() <= BLOCKS);
    }
}
