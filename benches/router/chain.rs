//! The chain the origins agree on: a block in every slot, computed from the wall clock.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Slot time of this made-up chain.
pub const SLOT: u64 = 12;
/// Slots of its epochs.
pub const SLOTS_PER_EPOCH: u64 = 32;
/// Epochs it has behind it when a run begins.
const PAST_EPOCHS: u64 = 8;

/// A chain by its genesis, in Unix seconds.
#[derive(Debug, Clone, Copy)]
pub struct Chain {
    pub genesis: u64,
}

impl Chain {
    /// A chain that began some epochs ago.
    pub fn begun_before_now() -> Self {
        Self { genesis: now().as_secs() - PAST_EPOCHS * SLOTS_PER_EPOCH * SLOT }
    }

    /// The present slot, which has a block already.
    pub fn slot(self) -> u64 {
        now().as_secs().saturating_sub(self.genesis) / SLOT
    }

    /// Time until the next slot begins.
    pub fn until_next(self) -> Duration {
        Duration::from_secs(self.genesis + (self.slot() + 1) * SLOT).saturating_sub(now())
    }
}

/// The root of a slot's block: made-up bytes, with the slot at their end so that a root leads back to it.
pub fn root(slot: u64) -> String {
    format!("{}{slot:016x}", made_up(slot, "0x", 3))
}

/// The slot of a root made by [`root`].
pub fn slot_of(root: &str) -> Option<u64> {
    let hex = root.strip_prefix("0x").filter(|hex| hex.len() == 64)?;
    u64::from_str_radix(hex.get(48..)?, 16).ok()
}

/// A made-up signature of 96 bytes.
pub fn signature(seed: u64) -> String {
    made_up(seed, "0x", 12)
}

/// So many words of splitmix64 (Steele, Lea, Flood 2014) as hex: no two alike, the same in every process.
fn made_up(seed: u64, prefix: &str, words: u64) -> String {
    let mut text = prefix.to_owned();
    for word in 0..words {
        let mut z = (seed << 8).wrapping_add(word + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let _ = write!(text, "{:016x}", z ^ (z >> 31));
    }
    text
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
