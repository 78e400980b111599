//! How many votes an aggregate or contribution carries, without building it.
//!
//! Bitlists carry a delimiting bit behind their last vote, bitvectors do not (SSZ spec). It never checks signatures
//! or committees.

use super::scan::{all, scan};

/// Fixed part of an attestation before Electra, its bits behind it: offset, data, signature.
const ATTESTATION: u32 = 228;
/// The same since Electra, with committee bits.
const ATTESTATION_ELECTRA: u32 = 236;
/// A contribution without its bits: slot, root and subcommittee before them, the signature behind.
const CONTRIBUTION_BEFORE: usize = 48;
const CONTRIBUTION_AFTER: usize = 96;

/// Votes in an answer to `aggregate_attestation`; none if it is not one.
pub fn attestation_bits(body: &[u8], ssz: bool) -> Option<u32> {
    if !ssz {
        return bitlist(&json_bits(body)?);
    }
    let offset = u32::from_le_bytes(*body.first_chunk()?);
    match offset {
        ATTESTATION | ATTESTATION_ELECTRA => bitlist(body.get(offset as usize..)?),
        _ => None,
    }
}

/// Votes in an answer to `sync_committee_contribution`; none if it is not one.
pub fn contribution_bits(body: &[u8], ssz: bool) -> Option<u32> {
    if !ssz {
        return json_bits(body).map(|bits| ones(&bits));
    }
    let bits = body.get(CONTRIBUTION_BEFORE..body.len().checked_sub(CONTRIBUTION_AFTER)?)?;
    // A subcommittee has 128 members at most on any preset.
    matches!(bits.len(), 1..=16).then(|| ones(bits))
}

/// Votes of a bitlist; none if its delimiting bit is missing.
pub fn bitlist(bits: &[u8]) -> Option<u32> {
    (*bits.last()? != 0).then(|| ones(bits) - 1)
}

fn ones(bits: &[u8]) -> u32 {
    bits.iter().map(|byte| byte.count_ones()).sum()
}

fn json_bits(body: &[u8]) -> Option<Vec<u8>> {
    let [text] = scan(body, &["data"], &["aggregation_bits"], all);
    unhex(&text?)
}

/// `0x` and hex digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from(b"0123456789abcdef"[usize::from(four)]);
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("0x");
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// The bytes of `0x` and an even number of hex digits, at least two.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    digits.chunks_exact(2).map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write;
        bytes.iter().fold("0x".to_owned(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    /// The votes as a bitlist: a one behind the last.
    fn as_bitlist(votes: &[bool]) -> Vec<u8> {
        let mut bits = vec![0_u8; votes.len() / 8 + 1];
        for (place, _) in votes.iter().chain([&true]).enumerate().filter(|(_, vote)| **vote) {
            bits[place / 8] |= 1 << (place % 8);
        }
        bits
    }

    proptest! {
        #[test]
        fn aggregates_count_their_votes_in_every_form(votes in prop::collection::vec(any::<bool>(), 0..600)) {
            let expected = Some(votes.iter().filter(|vote| **vote).count() as u32);
            let bits = as_bitlist(&votes);
            for fixed in [ATTESTATION, ATTESTATION_ELECTRA] {
                let mut body = vec![0xff; fixed as usize];
                body[..4].copy_from_slice(&fixed.to_le_bytes());
                body.extend(&bits);
                prop_assert_eq!(attestation_bits(&body, true), expected);
                prop_assert_eq!(attestation_bits(&body[..fixed as usize], true), None);
            }
            let text = format!(r#"{{"version":"electra","data":{{"signature":"0x","aggregation_bits":"{}"}}}}"#, hex(&bits));
            prop_assert_eq!(attestation_bits(text.as_bytes(), false), expected);
        }

        #[test]
        fn contributions_have_no_delimiter(bits in prop::collection::vec(any::<u8>(), 1..=16)) {
            let expected = Some(bits.iter().map(|byte| byte.count_ones()).sum());
            let body = [&[0xff; CONTRIBUTION_BEFORE][..], &bits, &[0xff; CONTRIBUTION_AFTER]].concat();
            prop_assert_eq!(contribution_bits(&body, true), expected);
            let text = format!(r#"{{"data":{{"slot":"1","aggregation_bits":"{}"}}}}"#, hex(&bits));
            prop_assert_eq!(contribution_bits(text.as_bytes(), false), expected);
        }

        #[test]
        fn garbage_never_panics(body: Vec<u8>, text in "\\PC{0,60}", ssz: bool) {
            for body in [body.as_slice(), text.as_bytes()] {
                let _ = attestation_bits(body, ssz);
                let _ = contribution_bits(body, ssz);
            }
            let _ = unhex(&text);
        }
    }

    #[test]
    fn what_is_no_bit_field_has_no_votes() {
        for text in ["0x", "0x0", "ff", "0xgg", "0x00", ""] {
            let body = format!(r#"{{"data":{{"aggregation_bits":"{text}"}}}}"#);
            assert_eq!(attestation_bits(body.as_bytes(), false), None, "{text}");
        }
        assert_eq!(bitlist(&[]), None);
        assert_eq!(contribution_bits(&[0; 144], true), None, "no room for bits");
        assert_eq!(contribution_bits(&[0; 161], true), None, "too much room");
    }
}
