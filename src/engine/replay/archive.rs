//! Snapshots of all slots, compressed: some slots to a block, for a snapshot is much like the one before. Pure.

use std::collections::VecDeque;

use crate::model::{FleetStatus, Slot};

use super::scribe::Scene;

/// Slots of a block; the last of a recording may have fewer.
pub const BLOCK: usize = 32;
/// All blocks together have at most so many bytes; the oldest give way.
const ALL_BYTES: usize = 256 << 20;
const LEVEL: i32 = 3;

/// What is known of a slot without unpacking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub slot: Slot,
    /// How long it is, in milliseconds.
    pub ms: u64,
    /// Whether incidents are others after it, or stand otherwise.
    pub moved: bool,
}

/// Some slots.
#[derive(Debug)]
pub struct Block {
    entries: Vec<Entry>,
    packed: Vec<u8>,
}

impl Block {
    /// Packs slots that follow each other.
    pub fn pack(scenes: &[Scene]) -> std::io::Result<Self> {
        let mut lines = Vec::new();
        for scene in scenes {
            serde_json::to_writer(&mut lines, &scene.status)?;
            lines.push(b'\n');
        }
        let packed = zstd::encode_all(lines.as_slice(), LEVEL)?;
        Ok(Self { entries: scenes.iter().map(|scene| scene.entry).collect(), packed })
    }
}

/// All of them, by place.
#[derive(Debug, Default)]
pub struct Archive {
    blocks: VecDeque<Block>,
    /// Blocks that gave way.
    gone: usize,
    bytes: usize,
    /// The block that was unpacked last.
    unpacked: Option<(usize, Vec<u8>)>,
}

impl Archive {
    /// Takes the next block: full, but for the last.
    pub fn push(&mut self, block: Block) {
        self.bytes += block.packed.len();
        self.blocks.push_back(block);
        while self.bytes > ALL_BYTES && self.blocks.len() > 1 {
            let gone = self.blocks.pop_front();
            self.bytes -= gone.map_or(0, |block| block.packed.len());
            self.gone += 1;
        }
    }

    /// The first place that is kept.
    pub fn first(&self) -> usize {
        self.gone * BLOCK
    }

    /// The place after the last.
    pub fn end(&self) -> usize {
        let full = self.gone + self.blocks.len().saturating_sub(1);
        self.blocks.back().map_or(0, |last| full * BLOCK + last.entries.len())
    }

    /// What is known of a place.
    pub fn entry(&self, place: usize) -> Option<Entry> {
        self.block(place)?.entries.get(place % BLOCK).copied()
    }

    /// The last place of a slot or of one before it; none: all that is kept is later.
    pub fn place_of(&self, slot: Slot) -> Option<usize> {
        let after =
            self.blocks.partition_point(|block| block.entries.first().is_some_and(|of| of.slot <= slot));
        let block = after.checked_sub(1)?;
        let within = self.blocks[block].entries.partition_point(|of| of.slot <= slot).checked_sub(1)?;
        Some((self.gone + block) * BLOCK + within)
    }

    /// The snapshot of a place; none: there is none.
    pub fn get(&mut self, place: usize) -> Option<FleetStatus> {
        let number = place / BLOCK;
        if self.unpacked.as_ref().is_none_or(|(of, _)| *of != number) {
            // It was packed here: it can be unpacked.
            let lines = zstd::decode_all(self.block(place)?.packed.as_slice()).ok()?;
            self.unpacked = Some((number, lines));
        }
        let (_, lines) = self.unpacked.as_ref()?;
        serde_json::from_slice(lines.split(|byte| *byte == b'\n').nth(place % BLOCK)?).ok()
    }

    fn block(&self, place: usize) -> Option<&Block> {
        self.blocks.get((place / BLOCK).checked_sub(self.gone)?)
    }
}
