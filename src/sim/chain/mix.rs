//! Numbers and roots from a seed (`splitmix64`): equal inputs give equal outputs on every machine. Not cryptography.

use crate::model::Root;

fn step(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// One number from several.
pub(crate) fn word(parts: &[u64]) -> u64 {
    parts.iter().fold(0x5eed, |state, part| step(state ^ step(*part)))
}

/// `N` bytes from several numbers.
pub(crate) fn bytes<const N: usize>(parts: &[u64]) -> [u8; N] {
    let base = word(parts);
    let mut out = [0_u8; N];
    for (i, chunk) in out.chunks_mut(8).enumerate() {
        chunk.copy_from_slice(&step(base ^ step(i as u64)).to_be_bytes()[..chunk.len()]);
    }
    out
}

/// A root from several numbers.
pub(crate) fn root(parts: &[u64]) -> Root {
    Root(bytes(parts))
}

/// The numbers `0..n` in an order that depends on `parts` (Fisher-Yates).
pub(super) fn shuffled(parts: &[u64], n: u64) -> Vec<u64> {
    let base = word(parts);
    let mut out: Vec<u64> = (0..n).collect();
    for i in (1..out.len()).rev() {
        out.swap(i, (step(base ^ i as u64) % (i as u64 + 1)) as usize);
    }
    out
}
