//! What clients say when they refuse a publication that is not lost: one table for all of them.
//!
//! Owns the words of error bodies and nothing else: it never decides what the router answers. To add a client's word, add a
//! row with the client and the place where the word was seen. Prysm, Grandine and Caplin have no row: no refusal of a known
//! message by them was found; they answer success.

use serde::Deserialize;

/// What an error body means for a message that was broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// The beacon has the message, or one by the same signer for the same duty, already: as good as success.
    AlreadyKnown,
    /// The beacon does not know the block the message is about: it is behind, another beacon may take the message.
    UnknownHead,
    /// Anything else.
    Other,
}

/// A word by which a client's refusal is recognised, and where it was seen.
struct Word {
    text: &'static str,
    meaning: Meaning,
    /// Client and issue, or source file; kept as data so that a row cannot be added without it.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the table's test and by people"))]
    seen: &'static str,
}

const fn known(text: &'static str, seen: &'static str) -> Word {
    Word { text, meaning: Meaning::AlreadyKnown, seen }
}

const fn unknown_head(text: &'static str, seen: &'static str) -> Word {
    Word { text, meaning: Meaning::UnknownHead, seen }
}

/// Longest error body that is read; a longer one means [`Meaning::Other`].
const BODY_MAX: usize = 1 << 20;

const WORDS: [Word; 21] = [
    known("PriorAttestationKnown", "Lighthouse sigp/lighthouse#2930, gone since #3341"),
    known("AttestationSupersetKnown", "Lighthouse sigp/lighthouse#3341"),
    known("AttestationKnown", "Lighthouse sigp/lighthouse#3341"),
    known("AggregatorAlreadyKnown", "Lighthouse sigp/lighthouse#3341"),
    known(
        "PriorSyncCommitteeMessageKnown",
        "Lighthouse sigp/lighthouse#3266; Vouch submitsynccommitteemessages.go",
    ),
    known("PriorSyncContributionMessageKnown", "Lighthouse sync_committee_verification.rs"),
    known("SyncContributionSupersetKnown", "Lighthouse sync_committee_verification.rs"),
    known("BlockIsAlreadyKnown", "Lighthouse sigp/lighthouse#4655, split by #5574"),
    known("duplicate block", "Lighthouse sigp/lighthouse#4655 with --http-duplicate-block-status=400"),
    known("_ALREADY_KNOWN", "Lodestar ChainSafe/lodestar#6021, #6397, #4089, #9832; ssvlabs/ssv#2922"),
    known("_PRIOR_ATTESTATION_KNOWN", "Lodestar attestationError.ts"),
    known("BLOCK_ERROR_REPEAT_PROPOSAL", "Lodestar ChainSafe/lodestar#9228"),
    // Own columns came back by gossip before the publication: they can only do so once the signed block is out.
    known("BLOCK_INPUT_ERROR_INVALID_CONSTRUCTION", "Lodestar ChainSafe/lodestar#8848"),
    known("with duplicate column index", "Lodestar ChainSafe/lodestar#8848"),
    known("PublishError.Duplicate", "Lodestar ChainSafe/lodestar#5098"),
    known("as a duplicate was processed during validation", "Teku; Vouch submitsynccommitteemessages.go"),
    unknown_head("UnknownHeadBlock", "Lighthouse sigp/lighthouse#1971, #4699, queued since #5010"),
    unknown_head("_UNKNOWN_OR_PREFINALIZED_BEACON_BLOCK_ROOT", "Lodestar ChainSafe/lodestar#8386"),
    unknown_head("_UNKNOWN_BEACON_BLOCK_ROOT", "Lodestar ChainSafe/lodestar#2253, syncCommitteeError.ts"),
    unknown_head("attestation for unknown target", "Nimbus message_router.nim; Vouch submitattestations.go"),
    unknown_head("attestation for unknown block", "Nimbus validator_duties.nim, until 2022"),
];

/// The error shapes of the Beacon API: `ErrorMessage`, and `IndexedErrorMessage` where a list was sent.
#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    message: String,
    #[serde(default)]
    failures: Vec<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    message: String,
}

/// What an answer to a publication means.
///
/// Of a list only the sum counts: [`Meaning::AlreadyKnown`] if each failure says so, [`Meaning::UnknownHead`] if the rest
/// lacks only the head, else [`Meaning::Other`]. A status below 400 is no error and therefore `Other`, too.
pub fn meaning(status: u16, body: &[u8]) -> Meaning {
    if status < 400 || body.len() > BODY_MAX {
        return Meaning::Other;
    }
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(error) if error.failures.is_empty() => of_text(&error.message),
        Ok(error) => sum(error.failures.iter().map(|failure| of_text(&failure.message))),
        Err(_) => of_text(&String::from_utf8_lossy(body)),
    }
}

/// Lodestar joins the failures of a list by line breaks, under a title line.
fn of_text(text: &str) -> Meaning {
    if text.starts_with("Multiple errors on ") {
        return sum(text.lines().skip(1).filter(|line| !line.trim().is_empty()).map(of_line));
    }
    of_line(text)
}

fn of_line(line: &str) -> Meaning {
    WORDS.iter().find(|word| line.contains(word.text)).map_or(Meaning::Other, |word| word.meaning)
}

fn sum(meanings: impl Iterator<Item = Meaning>) -> Meaning {
    meanings
        .reduce(|sum, next| match (sum, next) {
            (Meaning::Other, _) | (_, Meaning::Other) => Meaning::Other,
            (Meaning::UnknownHead, _) | (_, Meaning::UnknownHead) => Meaning::UnknownHead,
            (Meaning::AlreadyKnown, Meaning::AlreadyKnown) => Meaning::AlreadyKnown,
        })
        .unwrap_or(Meaning::Other)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Meaning::{AlreadyKnown, Other, UnknownHead};
    use super::*;

    #[rstest]
    #[case::lighthouse_attestation(400, r#"{"code":400,"message":"BAD_REQUEST: error processing attestations","failures":[{"index":0,"message":"Verification: PriorAttestationKnown { validator_index: 98025, epoch: Epoch(3360) }"}]}"#, AlreadyKnown)]
    #[case::lighthouse_head(400, r#"{"code":400,"message":"BAD_REQUEST: error processing attestations","failures":[{"index":0,"message":"Verification: UnknownHeadBlock { beacon_block_root: 0xc8 }"},{"index":1,"message":"Verification: UnknownHeadBlock { beacon_block_root: 0xc8 }"}]}"#, UnknownHead)]
    #[case::known_and_unknown(400, r#"{"code":400,"message":"x","failures":[{"index":0,"message":"Verification: PriorAttestationKnown { }"},{"index":1,"message":"Verification: UnknownHeadBlock { }"}]}"#, UnknownHead)]
    #[case::one_really_failed(400, r#"{"code":400,"message":"x","failures":[{"index":0,"message":"Verification: PriorAttestationKnown { }"},{"index":1,"message":"Verification: InvalidSignature"}]}"#, Other)]
    #[case::lighthouse_block(
        400,
        r#"{"code":400,"message":"duplicate block","stacktraces":[]}"#,
        AlreadyKnown
    )]
    #[case::lodestar_block(500, r#"{"code":500,"message":"BLOCK_ERROR_ALREADY_KNOWN"}"#, AlreadyKnown)]
    #[case::lodestar_repeat(500, r#"{"code":500,"message":"BLOCK_ERROR_REPEAT_PROPOSAL"}"#, AlreadyKnown)]
    #[case::lodestar_columns(
        500,
        r#"{"code":500,"message":"Cannot addColumn to BlockInputColumns with duplicate column index"}"#,
        AlreadyKnown
    )]
    #[case::lodestar_list(
        500,
        "{\"statusCode\":500,\"error\":\"Internal Server Error\",\"message\":\"Multiple errors on submitPoolAttestations\\nPublishError.Duplicate\\nPublishError.Duplicate\"}",
        AlreadyKnown
    )]
    #[case::lodestar_list_in_part(
        500,
        "{\"message\":\"Multiple errors on submitPoolAttestations\\nPublishError.Duplicate\\nATTESTATION_ERROR_INVALID_SIGNATURE\"}",
        Other
    )]
    #[case::lodestar_list_of_nothing(
        500,
        r#"{"message":"Multiple errors on submitPoolAttestations"}"#,
        Other
    )]
    #[case::lodestar_head(
        400,
        r#"{"code":400,"message":"ATTESTATION_ERROR_UNKNOWN_OR_PREFINALIZED_BEACON_BLOCK_ROOT"}"#,
        UnknownHead
    )]
    #[case::teku_sync_message(400, r#"{"code":"400","message":"Some items failed","failures":[{"index":"0","message":"Ignoring sync committee message as a duplicate was processed during validation"}]}"#, AlreadyKnown)]
    #[case::nimbus_target(
        400,
        r#"{"code":400,"message":"Attempt to send attestation for unknown target","stacktraces":[]}"#,
        UnknownHead
    )]
    #[case::plain_text(500, "BLOCK_ERROR_ALREADY_KNOWN", AlreadyKnown)]
    #[case::not_known_at_all(404, r#"{"code":404,"message":"block not known"}"#, Other)]
    #[case::garbage(500, "\u{fffd}<html>", Other)]
    #[case::empty(503, "", Other)]
    #[case::success(202, r#"{"code":202,"message":"duplicate block"}"#, Other)]
    fn bodies_of_the_clients(#[case] status: u16, #[case] body: &str, #[case] expected: Meaning) {
        assert_eq!(meaning(status, body.as_bytes()), expected);
    }

    #[test]
    fn an_endless_body_is_not_read() {
        let mut body = b"BLOCK_ERROR_ALREADY_KNOWN".to_vec();
        body.resize(BODY_MAX + 1, b' ');
        assert_eq!(meaning(500, &body), Other);
    }

    #[test]
    fn every_word_names_its_client_and_is_reached() {
        for word in &WORDS {
            let client = word.seen.split([' ', ';']).next().unwrap();
            assert!(["Lighthouse", "Lodestar", "Teku", "Nimbus"].contains(&client), "{}", word.text);
            assert_eq!(of_line(word.text), word.meaning, "{} is shadowed by an earlier row", word.text);
        }
    }
}
