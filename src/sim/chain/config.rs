//! What a virtual chain is made of, and its clock as arithmetic.

use std::collections::BTreeSet;

use super::mix;
use crate::model::{Bps, Epoch, Root, Slot, UnixMs, ValidatorIndex};

/// Due points within a slot (consensus spec, `*_DUE_BPS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// `ATTESTATION_DUE_BPS` and `SYNC_MESSAGE_DUE_BPS`.
    pub attestation: Bps,
    /// `AGGREGATE_DUE_BPS` and `CONTRIBUTION_DUE_BPS`.
    pub aggregate: Bps,
}

impl Default for Due {
    fn default() -> Self {
        Self { attestation: Bps(3333), aggregate: Bps(6667) }
    }
}

/// The virtual chain's constants. Two chains with equal constants have equal duties and roots.
#[derive(Debug, Clone)]
pub struct ChainConfig {
    /// `CONFIG_NAME`.
    pub name: String,
    /// What every number is made from.
    pub seed: u64,
    /// Start of slot 0; a whole second.
    pub genesis: UnixMs,
    /// Length of a slot in milliseconds.
    pub slot_ms: u64,
    /// Slots of an epoch.
    pub slots_per_epoch: u64,
    /// Active validators, indices from 0.
    pub validators: u64,
    /// Due points.
    pub due: Due,
    /// When given, a slot nobody proposed in gets a block of its own so many milliseconds after its start.
    pub auto_blocks_ms: Option<u64>,
    /// Slots that get no block of their own.
    pub missed: BTreeSet<Slot>,
    /// Milliseconds a message travels from one beacon to the others.
    pub gossip_ms: u64,
    /// Whether a beacon that holds a proposer's builder registration answers with a blinded block.
    pub builder: bool,
}

impl ChainConfig {
    /// When a slot starts.
    pub fn slot_start(&self, slot: Slot) -> UnixMs {
        UnixMs(self.genesis.0 + slot.0 * self.slot_ms)
    }

    /// The slot of a moment; none before genesis.
    pub fn slot_at(&self, now: UnixMs) -> Option<Slot> {
        now.0.checked_sub(self.genesis.0).map(|since| Slot(since / self.slot_ms.max(1)))
    }

    /// The epoch of a slot.
    pub fn epoch_of(&self, slot: Slot) -> Epoch {
        slot.epoch(self.slots_per_epoch)
    }

    /// First slot of an epoch.
    pub fn first_slot(&self, epoch: Epoch) -> Slot {
        Slot(epoch.0 * self.slots_per_epoch)
    }

    /// When a due point of a slot is.
    pub fn due_at(&self, slot: Slot, due: Bps) -> UnixMs {
        UnixMs(self.slot_start(slot).0 + due.of(self.slot_ms))
    }

    /// Committees of each slot: about four validators each, never more than 64.
    pub fn committees_per_slot(&self) -> u64 {
        (self.validators / self.slots_per_epoch.max(1) / 4).clamp(1, 64)
    }

    /// `genesis_validators_root`; `foreign` gives another network's.
    pub fn genesis_validators_root(&self, foreign: bool) -> Root {
        mix::root(&[self.seed, u64::from(foreign), 0x6e65_7477])
    }

    /// A validator's public key: 48 bytes, its index in the last eight.
    pub fn pubkey(&self, index: ValidatorIndex) -> [u8; 48] {
        let mut key: [u8; 48] = mix::bytes(&[self.seed, index.0, 0x6b65]);
        key[0] = 0xa0;
        key[40..].copy_from_slice(&index.0.to_be_bytes());
        key
    }

    /// The validator of a public key, if the key is one of this chain's.
    pub fn validator_of(&self, key: &[u8]) -> Option<ValidatorIndex> {
        let index = ValidatorIndex(u64::from_be_bytes(key.get(40..48)?.try_into().ok()?));
        (index.0 < self.validators && self.pubkey(index) == key).then_some(index)
    }
}
