//! Owns the comparison of the router's ledger with the chain: of every validator and epoch the participation flags, and
//! inclusion and distance against a count of its own from the blocks. Never asks the router about the chain.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use serde_json::Value;

use super::clock::{Clock, eventually, first_slot};
use super::network::ASK_BOUND;
use super::router;
use super::truth::{self, HEAD, SETTLED, SOURCE, TARGET};

/// The ledger counts as blocks come; within this it has counted the last one.
const COUNTED_BOUND: Duration = Duration::from_secs(20);

/// What is said of one attestation: its participation flags, and slots to the block that includes it, if one does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Said {
    flags: u64,
    distance: Option<u64>,
}

/// By validator index.
type Book = BTreeMap<u64, Said>;

/// What came of comparing the epochs.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Attestations that were compared.
    pub attestations: usize,
    /// Where the two differ, a line each.
    pub differences: Vec<String>,
}

/// Compares each of `epochs` as soon as it is final.
pub async fn compare(
    http: Client,
    urls: Vec<String>,
    fleet: PathBuf,
    clock: Clock,
    epochs: Range<u64>,
) -> Result<Compared> {
    let mut compared = Compared::default();
    for epoch in epochs {
        clock.reach_slot(first_slot(epoch + 2) + SETTLED).await;
        let chain = of_chain(&http, &urls, epoch).await?;
        let mut told = Book::new();
        let all = eventually("the ledger says what the chain says", COUNTED_BOUND, async || {
            told = of_ledger(&fleet, epoch).await.unwrap_or_default();
            (told == chain).then_some(())
        });
        // What differs still is a finding of this epoch; the others are compared all the same.
        let _ = all.await;
        compared.attestations += chain.len();
        compared.differences.extend(differences(epoch, &told, &chain));
    }
    Ok(compared)
}

/// Fails where the ledger and the chain differ.
pub fn judge(compared: &Compared) -> Result<()> {
    let lines = &compared.differences;
    ensure!(lines.is_empty(), "the ledger differs from the chain:\n{}", lines.join("\n"));
    Ok(())
}

fn differences(epoch: u64, told: &Book, chain: &Book) -> Vec<String> {
    let differ = chain.iter().filter(|(index, said)| told.get(index) != Some(said));
    let line = |(index, said): (&u64, &Said)| {
        format!("epoch {epoch}, validator {index}: ledger {:?}, chain {said:?}", told.get(index))
    };
    differ.map(line).collect()
}

/// What the chain says: flags from the state, distances from the blocks.
async fn of_chain(http: &Client, urls: &[String], epoch: u64) -> Result<Book> {
    let (slot, url) = truth::end_of(http, urls, epoch + 1).await?;
    let state = truth::state(http, &url, slot).await?;
    let flags = truth::flags(&state, "previous_epoch_participation")?;
    let mut distances = BTreeMap::new();
    let committees = format!("{url}/eth/v1/beacon/states/{slot}/committees?epoch={epoch}");
    let committees = asked(http, &committees).await?.context("committees")?;
    let committees = committees_of(&committees, epoch).context("committees")?;
    for at in first_slot(epoch) + 1..first_slot(epoch + 2) {
        if let Some(block) = asked(http, &format!("{url}/eth/v2/beacon/blocks/{at}")).await? {
            count(&block, at, &committees, &mut distances).with_context(|| format!("block {at}"))?;
        }
    }
    let said = |(index, flags)| (index, Said { flags, distance: distances.get(&index).copied() });
    Ok((0..).zip(flags).map(said).collect())
}

/// The member `data`; none where there is no such thing (404).
async fn asked(http: &Client, url: &str) -> Result<Option<Value>> {
    let answer = eventually(url, 5 * ASK_BOUND, async || {
        let answer = http.get(url).send().await.ok()?;
        match answer.status().as_u16() {
            404 => Some(None),
            200 => answer.json::<Value>().await.ok().map(Some),
            _ => None,
        }
    });
    Ok(answer.await?.map(|mut body| body["data"].take()))
}

/// Validator indices by slot and committee index. Lodestar 1.5 has the place of the slot in its epoch for the index, and the
/// index for the slot (`getEpochCommittees` of its beacon node).
fn committees_of(told: &Value, epoch: u64) -> Option<BTreeMap<(u64, u64), Vec<u64>>> {
    let one = |committee: &Value| {
        let members = committee["validators"].as_array()?.iter().map(truth::number).collect::<Option<_>>()?;
        let (index, place) = (truth::number(&committee["slot"])?, truth::number(&committee["index"])?);
        Some(((first_slot(epoch) + place, index), members))
    };
    told.as_array()?.iter().map(one).collect()
}

/// Notes the distance of every attestation that a block is the first to include (phase0 spec, `Attestation`).
fn count(
    block: &Value,
    at: u64,
    committees: &BTreeMap<(u64, u64), Vec<u64>>,
    distances: &mut BTreeMap<u64, u64>,
) -> Result<()> {
    let attestations = block["message"]["body"]["attestations"].as_array().context("attestations")?;
    for attestation in attestations {
        let slot = truth::number(&attestation["data"]["slot"]).context("slot")?;
        let index = truth::number(&attestation["data"]["index"]).context("index")?;
        let Some(members) = committees.get(&(slot, index)) else { continue };
        let bits = bits(attestation["aggregation_bits"].as_str().context("aggregation bits")?)?;
        ensure!(bits.len() == members.len(), "{} bits for {} members", bits.len(), members.len());
        for (member, _) in members.iter().zip(bits).filter(|(_, set)| *set) {
            distances.entry(*member).or_insert(at - slot);
        }
    }
    Ok(())
}

/// A bit list as SSZ writes it: least significant bit first, the highest bit set ends it.
fn bits(hex: &str) -> Result<Vec<bool>> {
    let hex = hex.strip_prefix("0x").context("no 0x")?;
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap_or_default(), 16);
    let bytes = (0..hex.len()).step_by(2).map(byte).collect::<Result<Vec<_>, _>>()?;
    let mut bits: Vec<bool> =
        bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)).collect();
    let end = bits.iter().rposition(|bit| *bit).context("no end")?;
    bits.truncate(end);
    Ok(bits)
}

/// What the ledger says of the attestations of an epoch that it has judged.
async fn of_ledger(fleet: &std::path::Path, epoch: u64) -> Result<Book> {
    let args = ["duties", "--epoch", &epoch.to_string(), "--limit", "10000", "--json"];
    let output = router::command(fleet, &args).await?;
    ensure!(output.status.success(), "duties: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let duties = text.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    let judged = duties.iter().filter(|duty| duty["kind"] == "attestations" && duty["fate"] != "unknown");
    judged.map(said).collect::<Option<_>>().context("a duty without its parts")
}

fn said(duty: &Value) -> Option<(u64, Said)> {
    let right = |what: &str| duty["votes"][what] == true;
    let distance = duty["distance"].as_u64();
    let mut flags = if right("source") { SOURCE } else { 0 };
    flags |= if right("target") { TARGET } else { 0 };
    // Head within one slot, and only with the target (altair spec, `get_attestation_participation_flag_indices`).
    flags |= if right("head") && right("target") && distance == Some(1) { HEAD } else { 0 };
    Some((truth::number(&duty["validator"])?, Said { flags, distance }))
}

#[test]
fn the_first_block_that_includes_gives_the_distance() {
    let committees = BTreeMap::from([((5, 0), vec![7, 3, 9])]);
    let block = |bits: &str| {
        let attestation =
            serde_json::json!({ "aggregation_bits": bits, "data": { "slot": "5", "index": "0" } });
        serde_json::json!({ "message": { "body": { "attestations": [attestation] } } })
    };
    let mut distances = BTreeMap::new();
    count(&block("0x09"), 6, &committees, &mut distances).unwrap();
    count(&block("0x0d"), 8, &committees, &mut distances).unwrap();
    assert_eq!(distances, BTreeMap::from([(7, 1), (9, 3)]));
    count(&block("0x03"), 9, &committees, &mut distances).unwrap_err();
}

#[test]
fn a_flag_that_differs_is_told() {
    let duty = serde_json::json!({
        "validator": 4, "kind": "attestations", "fate": "included", "distance": 2,
        "votes": { "source": true, "target": true, "head": true },
    });
    let told: Book = said(&duty).into_iter().collect();
    let same = Said { flags: SOURCE | TARGET, distance: Some(2) };
    assert!(differences(1, &told, &Book::from([(4, same)])).is_empty());
    assert_eq!(differences(1, &told, &Book::from([(4, Said { flags: SOURCE, ..same })])).len(), 1);
    assert_eq!(differences(1, &told, &Book::from([(4, same), (5, same)])).len(), 1);
}
