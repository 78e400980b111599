//! How messages and blocks travel, and what a beacon makes of what arrives: its head, its events.

use serde_json::json;

use super::{Entry, FOREIGN, FORK, Item, Link, MAIN, Mood, Net, SOLO, World};
use crate::model::{Epoch, Root, Slot, UnixMs};

/// `MAXIMUM_GOSSIP_CLOCK_DISPARITY` (consensus spec, p2p interface).
pub(crate) const DISPARITY_MS: u64 = 500;

impl World {
    /// Joins a beacon with others or cuts it off.
    pub(crate) fn link(&mut self, node: usize, link: Link, now: UnixMs) {
        self.advance(node, now);
        let net = match link {
            Link::Main => MAIN,
            Link::Fork => FORK,
            Link::Foreign => FOREIGN,
            Link::Cut => SOLO + node,
        };
        let was = self.nodes[node].net;
        if was == net {
            return;
        }
        if was == MAIN {
            self.nodes[node].main = (self.nodes[node].cursor, self.nodes[node].head);
        }
        if net == MAIN {
            let (cursor, head) = self.nodes[node].main;
            self.nodes[node].cursor = cursor;
            self.nodes[node].net = MAIN;
            self.set_head(node, head);
            self.advance(node, now);
            return;
        }
        if net == SOLO + node || !self.nodes.iter().any(|other| other.net == net) {
            let slot = self.config.slot_at(now).unwrap_or_default();
            self.nets[net] = Net::new(self.nodes[node].head, slot);
        }
        self.nodes[node].net = net;
        self.nodes[node].cursor = self.nets[net].end();
        let tip = self.nets[net].tip;
        self.set_head(node, tip);
    }

    /// Hands a beacon what has reached it by now.
    pub(crate) fn advance(&mut self, node: usize, now: UnixMs) {
        loop {
            let (net, cursor) = (self.nodes[node].net, self.nodes[node].cursor);
            let index = cursor.saturating_sub(self.nets[net].dropped);
            let arrived = self.nets[net]
                .log
                .get(index)
                .filter(|entry| entry.at.0.saturating_add(self.config.gossip_ms) <= now.0)
                .filter(|entry| self.has_begun(node, &entry.item, now));
            let Some(item) = arrived.map(|entry| entry.item.clone()) else { return };
            self.nodes[node].cursor = self.nets[net].dropped + index + 1;
            self.import(node, &item);
        }
    }

    /// Whether a block's slot has begun by a beacon's own clock, as far as the spec lets clocks differ; of what is no block it
    /// does not matter.
    fn has_begun(&self, node: usize, item: &Item, now: UnixMs) -> bool {
        let Item::Block(root) = item else { return true };
        let own = now.0.saturating_add_signed(self.nodes[node].clock_ms);
        self.config.slot_start(self.tree.slot(*root)).0 <= own.saturating_add(DISPARITY_MS)
    }

    pub(super) fn import(&mut self, node: usize, item: &Item) {
        match item {
            Item::Block(root) => {
                if !self.nodes[node].known.insert(*root) {
                    return;
                }
                let slot = self.tree.slot(*root);
                let optimistic = self.nodes[node].mood == Mood::Optimistic;
                self.nodes[node].emit(
                    "block",
                    || json!({"slot": slot.to_string(), "block": root, "execution_optimistic": optimistic}),
                );
                if slot > self.tree.slot(self.nodes[node].head) {
                    self.set_head(node, *root);
                }
            }
            Item::Votes(votes) => {
                for vote in votes.iter() {
                    let epoch = self.config.epoch_of(vote.data.slot);
                    if let Some(place) = self.duties(epoch).place(vote.attester) {
                        self.nodes[node].memory.vote(vote, epoch, place.position);
                    }
                }
            }
            Item::Sync(messages) => {
                for message in messages.iter() {
                    self.nodes[node].memory.sync_message(message);
                }
            }
        }
    }

    /// Sends what a beacon accepted on its way, and to itself at once.
    pub(super) fn gossip(&mut self, node: usize, now: UnixMs, item: Item) {
        self.import(node, &item);
        let net = self.nodes[node].net;
        self.nets[net].log.push_back(Entry { at: now, item });
    }

    fn set_head(&mut self, node: usize, head: Root) {
        let old = self.nodes[node].head;
        if old == head {
            return;
        }
        self.nodes[node].head = head;
        let slot = self.tree.slot(head);
        let epoch = self.config.epoch_of(slot);
        let optimistic = self.nodes[node].mood == Mood::Optimistic;
        if !self.tree.descends(head, old) {
            let depth = self.tree.slot(old).0.saturating_sub(self.common(old, head).0).max(1);
            let states = [old, head].map(|root| self.tree.get(root).map(|block| block.state));
            self.nodes[node].emit("chain_reorg", || {
                json!({
                    "slot": slot.to_string(), "depth": depth.to_string(), "old_head_block": old,
                    "new_head_block": head, "old_head_state": states[0], "new_head_state": states[1],
                    "epoch": epoch.to_string(), "execution_optimistic": optimistic,
                })
            });
        }
        let transition = epoch > self.config.epoch_of(self.tree.slot(old));
        let state = self.tree.get(head).map(|block| block.state);
        let previous = self.dependent_root(head, Epoch(epoch.0.saturating_sub(1)));
        let current = self.dependent_root(head, epoch);
        self.nodes[node].emit("head", || {
            json!({
                "slot": slot.to_string(), "block": head, "state": state, "epoch_transition": transition,
                "previous_duty_dependent_root": previous, "current_duty_dependent_root": current,
                "execution_optimistic": optimistic,
            })
        });
        self.emit_finalized(node, head, epoch, optimistic);
    }

    fn emit_finalized(&mut self, node: usize, head: Root, epoch: Epoch, optimistic: bool) {
        let (finalized, root) = self.finalized(head, epoch);
        if finalized <= self.nodes[node].finalized {
            return;
        }
        self.nodes[node].finalized = finalized;
        let state = self.tree.get(root).map(|block| block.state);
        self.nodes[node].emit("finalized_checkpoint", || {
            json!({
                "block": root, "state": state, "epoch": finalized.to_string(),
                "execution_optimistic": optimistic,
            })
        });
    }

    /// Slot of the last block two branches share.
    pub(super) fn common(&self, a: Root, b: Root) -> Slot {
        let mut slot = self.tree.slot(a).min(self.tree.slot(b));
        loop {
            let shared = self.tree.at_or_before(a, slot);
            if slot.0 == 0 || shared.root == self.tree.at_or_before(b, slot).root {
                return shared.slot;
            }
            slot = Slot(slot.0 - 1);
        }
    }
}
