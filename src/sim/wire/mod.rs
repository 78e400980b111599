//! Bytes and JSON of what beacons and validator clients tell each other, as today's fork (Fulu) shapes them.
//!
//! Both sides of the simulation share it, so a mistake here would not show between them: the tests compare offsets
//! with the specification's container layouts. To add a type, give it `to_json`/`from_json` and, where the API has
//! it, `to_ssz`/`from_ssz`.

mod attestation;
mod block;
mod gloas;

pub(super) use attestation::{Aggregate, AttestationData, SingleAttestation};
pub(super) use block::{BlockWire, parse_json, parse_ssz, sign_json, sign_ssz};
pub(super) use gloas::{parse_envelope, parse_gloas, payload_attestation};
use serde_json::Value;

use crate::model::Root;

/// `Eth-Consensus-Version` of every simulated answer.
pub(super) const FORK: &str = "fulu";

/// A member that is a number in quotes, as the Beacon API writes integers.
pub(super) fn number(value: &Value, key: &str) -> Option<u64> {
    value.get(key)?.as_str()?.parse().ok()
}

/// A member that is a root.
pub(super) fn root(value: &Value, key: &str) -> Option<Root> {
    value.get(key)?.as_str()?.parse().ok()
}

/// `0x` and hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::from("0x"), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of `0x` and hex digits.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    if digits.len() % 2 != 0 {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            Some((high * 16 + low) as u8)
        })
        .collect()
}

/// A signature: 96 bytes that depend on what is signed and by whom, for show.
pub(super) fn signature(parts: &[u64]) -> [u8; 96] {
    super::chain::bytes(parts)
}

fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn le32(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize)
}

fn root_at(bytes: &[u8], at: usize) -> Option<Root> {
    Some(Root(bytes.get(at..at + 32)?.try_into().ok()?))
}
