//! The virtual network: which beacon knows what at which moment.
//!
//! Beacons are joined by *nets*: the main one, a fork's, another network's, and one for each beacon that is cut off. What
//! a beacon accepts goes into its net's log and reaches the other beacons of that net after the gossip delay. Pure
//! but for the event channels it feeds; time comes as an argument. To add something that travels, add a variant to
//! [`Item`] and say in `Node::import` what a beacon makes of it.

mod gossip;
mod include;
mod node;
mod payload;
mod produce;
mod submit;

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) use gossip::DISPARITY_MS;
pub(super) use node::{Event, Mood, Node};
pub(super) use payload::PayloadMessage;
pub(super) use submit::{Refusal, SyncMessage};

use super::chain::{
    self, Block, ChainConfig, EpochDuties, Judge, Ledger, Report, Tree, fee_recipient_of, sync_committee,
};
use super::wire::SingleAttestation;
use crate::model::{Epoch, Root, Slot, UnixMs, ValidatorIndex};

/// The net all healthy beacons are on.
const MAIN: usize = 0;
/// The net of beacons that follow another branch.
const FORK: usize = 1;
/// The net of beacons of another network.
const FOREIGN: usize = 2;
/// The first of the nets of single beacons.
const SOLO: usize = 3;
/// Epochs of blocks and submissions that are kept.
const KEEP_EPOCHS: u64 = 64;

/// Which beacons a beacon is joined with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// All healthy ones.
    Main,
    /// None.
    Cut,
    /// Those on the fork.
    Fork,
    /// Those of another network.
    Foreign,
}

/// What travels between beacons.
#[derive(Debug, Clone)]
enum Item {
    Block(Root),
    Votes(Arc<[SingleAttestation]>),
    Sync(Arc<[SyncMessage]>),
}

#[derive(Debug)]
struct Entry {
    at: UnixMs,
    item: Item,
}

#[derive(Debug)]
struct Net {
    log: VecDeque<Entry>,
    /// Entries forgotten at the front: cursors count from the very first.
    dropped: usize,
    tip: Root,
    blocks: HashSet<Root>,
    last_auto: Slot,
}

impl Net {
    fn new(tip: Root, slot: Slot) -> Self {
        Self { log: VecDeque::new(), dropped: 0, tip, blocks: HashSet::new(), last_auto: slot }
    }

    fn end(&self) -> usize {
        self.dropped + self.log.len()
    }
}

/// The whole simulated network.
#[derive(Debug)]
pub(super) struct World {
    /// Constants of the chain.
    pub(super) config: ChainConfig,
    /// All blocks.
    pub(super) tree: Tree,
    /// All submissions.
    pub(super) ledger: Ledger,
    /// All beacons.
    pub(super) nodes: Vec<Node>,
    nets: Vec<Net>,
    duties: BTreeMap<Epoch, Arc<EpochDuties>>,
    productions: u64,
    pruned: Epoch,
}

impl World {
    /// A network at genesis.
    pub(super) fn new(config: ChainConfig, nodes: Vec<Node>) -> Self {
        let root = chain::root(&[config.seed, 0x6765_6e65]);
        let genesis = Block {
            slot: Slot(0),
            proposer: ValidatorIndex(0),
            parent: Root::default(),
            state: chain::root(&[config.seed, 0x7374]),
            root,
            at: config.genesis,
        };
        let nets = (0..SOLO + nodes.len()).map(|_| Net::new(root, Slot(0))).collect();
        let mut world = Self {
            config,
            tree: Tree::new(genesis),
            ledger: Ledger::default(),
            nodes,
            nets,
            duties: BTreeMap::new(),
            productions: 0,
            pruned: Epoch(0),
        };
        for node in &mut world.nodes {
            node.head = root;
            node.main = (0, root);
        }
        world
    }

    /// Gives every slot up to `now` a block: a chain that has been running.
    pub(super) fn backfill(&mut self, now: UnixMs) {
        let last = self.config.slot_at(now).unwrap_or_default();
        self.auto_blocks(MAIN, 0, now);
        self.nets[MAIN].last_auto = last;
        (0..self.nodes.len()).for_each(|node| self.advance(node, UnixMs(u64::MAX)));
    }

    /// The duties of an epoch.
    pub(super) fn duties(&mut self, epoch: Epoch) -> Arc<EpochDuties> {
        if let Some(known) = self.duties.get(&epoch) {
            return known.clone();
        }
        let computed = Arc::new(EpochDuties::compute(&self.config, epoch));
        self.duties.insert(epoch, computed.clone());
        if self.duties.len() > KEEP_EPOCHS as usize * 2 {
            self.duties.pop_first();
        }
        computed
    }

    /// The sync committee of an epoch.
    pub(super) fn sync_committee(&self, epoch: Epoch) -> Vec<ValidatorIndex> {
        sync_committee(&self.config, epoch)
    }

    /// What became of an epoch's duties so far; slots that have not ended are left out.
    pub(super) fn report(&mut self, epoch: Epoch, now: UnixMs) -> Report {
        let duties = self.duties(epoch);
        let until = self.config.slot_at(now).unwrap_or_default();
        let head = self.nets[MAIN].tip;
        Judge { config: &self.config, tree: &self.tree, head, ledger: &self.ledger }
            .epoch(epoch, &duties, until)
    }

    /// Head of the main network.
    pub(super) fn main_head(&self) -> Root {
        self.nets[MAIN].tip
    }

    /// Whether a beacon has no peers.
    pub(super) fn is_cut(&self, node: usize) -> bool {
        self.nodes[node].net >= SOLO
    }

    /// These slots get no block of their own.
    pub(super) fn miss(&mut self, slots: impl IntoIterator<Item = Slot>) {
        self.config.missed.extend(slots);
    }

    /// Lets time pass: blocks that come by themselves, gossip, events.
    pub(super) fn tick(&mut self, now: UnixMs) {
        if let Some(after) = self.config.auto_blocks_ms {
            self.auto_blocks(MAIN, after, now);
        }
        let after = self.config.auto_blocks_ms.unwrap_or(self.config.slot_ms / 20);
        for net in [FORK, FOREIGN] {
            if self.nodes.iter().any(|node| node.net == net) {
                self.auto_blocks(net, after, now);
            }
        }
        (0..self.nodes.len()).for_each(|node| self.advance(node, now));
        self.prune(now);
    }

    fn auto_blocks(&mut self, net: usize, after: u64, now: UnixMs) {
        let Some(last) = self.config.slot_at(UnixMs(now.0.saturating_sub(after))) else { return };
        for slot in (self.nets[net].last_auto.0 + 1..=last.0).map(Slot) {
            let tip = self.nets[net].tip;
            if self.tree.slot(tip) >= slot || (net == MAIN && self.config.missed.contains(&slot)) {
                continue;
            }
            let proposers = self.duties(self.config.epoch_of(slot));
            let in_epoch = (slot.0 % self.config.slots_per_epoch.max(1)) as usize;
            let state = chain::root(&[self.config.seed, slot.0, net as u64, 0xa070]);
            let at = UnixMs(self.config.slot_start(slot).0 + after);
            let block = Block {
                slot,
                proposer: proposers.proposers[in_epoch],
                parent: tip,
                state,
                root: chain::root(&[self.config.seed, slot.0, net as u64, 0xb10c]),
                at,
            };
            self.publish(net, block);
        }
        let net = &mut self.nets[net];
        net.last_auto = net.last_auto.max(last);
    }

    /// Puts a block into a net.
    fn publish(&mut self, net: usize, block: Block) {
        let (root, slot, at) = (block.root, block.slot, block.at);
        self.tree.insert(block);
        let better = slot > self.tree.slot(self.nets[net].tip);
        let net = &mut self.nets[net];
        if net.blocks.insert(root) {
            net.log.push_back(Entry { at, item: Item::Block(root) });
        }
        if better {
            net.tip = root;
        }
    }

    fn prune(&mut self, now: UnixMs) {
        let epoch = self.config.slot_at(now).map(|slot| self.config.epoch_of(slot)).unwrap_or_default();
        let keep = Epoch(epoch.0.saturating_sub(KEEP_EPOCHS));
        if keep <= self.pruned {
            return;
        }
        self.pruned = keep;
        let first = self.config.first_slot(keep);
        let before = self.config.slot_start(first);
        self.tree.prune(first);
        self.ledger.prune(keep, first);
        let kept: BTreeSet<Root> = self.tree.iter().map(|block| block.root).collect();
        for net in &mut self.nets {
            let old = net.log.iter().take_while(|entry| entry.at < before).count();
            net.log.drain(..old);
            net.dropped += old;
            net.blocks.retain(|root| kept.contains(root));
        }
        for node in &mut self.nodes {
            node.known.retain(|root| kept.contains(root));
            node.memory.prune(epoch, self.config.first_slot(Epoch(epoch.0.saturating_sub(2))));
        }
    }
}

/// The one lock around the world; it is never held across a wait, because only a plain function can look inside.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Mutex<World>>);

impl Shared {
    /// Wraps a world.
    pub(super) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    /// Looks at or changes the world.
    pub(super) fn with<R>(&self, look: impl FnOnce(&mut World) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The address a beacon pays when nobody told it another.
pub(super) const NOBODYS_ADDRESS: [u8; 20] = [0xdd; 20];

/// The address a client is expected to give for a validator.
pub(super) fn expected_fee_recipient(validator: ValidatorIndex) -> [u8; 20] {
    fee_recipient_of(validator)
}

#[cfg(test)]
impl World {
    /// Two beacons in the middle of slot 20 of a chain with slots of a second, of which one has no block.
    fn of_two(missed: Slot) -> Self {
        let config = ChainConfig {
            name: "t".into(),
            seed: 3,
            genesis: UnixMs(0),
            slot_ms: 1000,
            slots_per_epoch: 8,
            validators: 64,
            due: chain::Due::default(),
            auto_blocks_ms: Some(0),
            missed: [missed].into(),
            gossip_ms: 50,
            builder: false,
        };
        let node = |name: &str| Node::new(name.into(), "Sim/v1".into(), UnixMs(0));
        let mut world = Self::new(config, vec![node("a"), node("b")]);
        world.tick(UnixMs(20_500));
        world
    }
}
