//! Owns what the chain itself says of each epoch: who attested, how well, which slots had a block.
//! Asks beacons, believes most of them. Never asks the router or the validator clients.
//!
//! An attestation may be included until the last slot of the following epoch, so an epoch's truth is
//! `previous_epoch_participation` of the state at the end of the next.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use serde_json::Value;

use super::clock::{Clock, SLOTS_PER_EPOCH, eventually, first_slot};
use super::network::{ASK_BOUND, PER_CLIENT, data};

/// Altair's participation flags.
pub const SOURCE: u64 = 1;
/// See [`SOURCE`].
pub const TARGET: u64 = 2;
/// See [`SOURCE`].
pub const HEAD: u64 = 4;
const ALL: u64 = SOURCE | TARGET | HEAD;

/// Slots into the epoch after the window at which it is read: the last block has settled by then.
pub const SETTLED: u64 = 2;

/// One epoch as the chain tells it; counts of validators, a missing one lacks the other three too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochTruth {
    /// Which epoch.
    pub epoch: u64,
    /// Attestations due.
    pub due: usize,
    /// No flag at all: no attestation included.
    pub missed: usize,
    /// No timely source: missing, or included too late.
    pub late_source: usize,
    /// No timely target: missing, too late, or a wrong target.
    pub wrong_target: usize,
    /// No timely head: missing, not included in the next slot, or a wrong head.
    pub wrong_head: usize,
    /// Slots without a block.
    pub empty: Vec<u64>,
    /// `missed`, one count per validator client.
    pub missed_by_client: Vec<usize>,
    /// Indices of the validators that lack a flag.
    pub lacking: Vec<u64>,
}

impl EpochTruth {
    /// Counts one epoch's flags.
    pub fn count(epoch: u64, flags: &[u64], empty: Vec<u64>) -> Self {
        let lacking = |flag: u64| flags.iter().filter(|flags| **flags & flag == 0).count();
        let missed = |flags: &[u64]| flags.iter().filter(|flags| **flags == 0).count();
        Self {
            epoch,
            due: flags.len(),
            missed: missed(flags),
            late_source: lacking(SOURCE),
            wrong_target: lacking(TARGET),
            wrong_head: lacking(HEAD),
            empty,
            missed_by_client: flags.chunks(PER_CLIENT).map(missed).collect(),
            lacking: (0_u64..)
                .zip(flags)
                .filter(|(_, flags)| **flags != ALL)
                .map(|(index, _)| index)
                .collect(),
        }
    }

    /// How many slots from the epoch's first on have no block.
    pub fn empty_from_first(&self) -> usize {
        let first = first_slot(self.epoch);
        (first..first_slot(self.epoch + 1))
            .zip(&self.empty)
            .take_while(|(slot, empty)| slot == *empty)
            .count()
    }

    /// Attestations that lack a timely source or target, the missing among them.
    pub fn not_timely(&self) -> usize {
        self.late_source.max(self.wrong_target)
    }
}

/// Reads each of `epochs` as soon as it is final, so that the beacons' caches still hold its states.
pub async fn collect(
    http: Client,
    urls: Vec<String>,
    clock: Clock,
    epochs: Range<u64>,
) -> Result<Vec<EpochTruth>> {
    let mut truths = Vec::new();
    for epoch in epochs {
        clock.reach_slot(first_slot(epoch + 2) + SETTLED).await;
        let state = state_at_end_of(&http, &urls, epoch + 1).await?;
        let flags = flags(&state, "previous_epoch_participation")?;
        truths.push(EpochTruth::count(epoch, &flags, empty_slots(&state, epoch)?));
    }
    Ok(truths)
}

/// Validators whose attestation of `epoch` the chain holds at that epoch's end. Those of its last slot
/// cannot be among them yet.
pub async fn attested_by_end_of(http: &Client, urls: &[String], epoch: u64) -> Result<usize> {
    let state = state_at_end_of(http, urls, epoch).await?;
    Ok(flags(&state, "current_epoch_participation")?.iter().filter(|flags| **flags != 0).count())
}

/// Highest finalized epoch any of the beacons tells.
pub async fn finalized(http: &Client, urls: &[String]) -> u64 {
    let mut highest = 0;
    for url in urls {
        let url = format!("{url}/eth/v1/beacon/states/head/finality_checkpoints");
        let epoch = data(http, &url).await.ok().and_then(|data| number(&data["finalized"]["epoch"]));
        highest = highest.max(epoch.unwrap_or(0));
    }
    highest
}

/// The state after the last block of `epoch`, from a beacon on the chain that most of them are on.
async fn state_at_end_of(http: &Client, urls: &[String], epoch: u64) -> Result<Value> {
    let (slot, url) = end_of(http, urls, epoch).await?;
    state(http, &url, slot).await
}

/// The last slot of `epoch` that has a block, and a beacon on the chain that most of them are on.
pub async fn end_of(http: &Client, urls: &[String], epoch: u64) -> Result<(u64, String)> {
    for slot in (first_slot(epoch)..first_slot(epoch + 1)).rev() {
        let mut votes: BTreeMap<Option<String>, Vec<&String>> = BTreeMap::new();
        for url in urls {
            if let Ok(block) = block_at(http, url, slot).await {
                votes.entry(block).or_default().push(url);
            }
        }
        let most = votes.into_iter().max_by_key(|(_, voters)| voters.len());
        let (block, voters) = most.with_context(|| format!("no beacon answers about slot {slot}"))?;
        if block.is_some() {
            return Ok((slot, voters[0].clone()));
        }
    }
    anyhow::bail!("epoch {epoch} has no block")
}

/// A beacon's state after the block of a slot.
pub async fn state(http: &Client, url: &str, slot: u64) -> Result<Value> {
    let url = format!("{url}/eth/v2/debug/beacon/states/{slot}");
    let what = format!("the state of slot {slot}");
    eventually(&what, 5 * ASK_BOUND, async || data(http, &url).await.ok()).await
}

/// The root of a beacon's block at a slot; none if that slot is empty.
async fn block_at(http: &Client, url: &str, slot: u64) -> Result<Option<String>> {
    let answer = http.get(format!("{url}/eth/v1/beacon/headers/{slot}")).send().await?;
    if answer.status().as_u16() == 404 {
        return Ok(None);
    }
    let body: Value = answer.error_for_status()?.json().await?;
    Ok(body["data"]["root"].as_str().map(str::to_owned))
}

/// Slots of an epoch at which the state remembers the same block as at the slot before.
fn empty_slots(state: &Value, epoch: u64) -> Result<Vec<u64>> {
    let roots = state["block_roots"].as_array().context("block_roots")?;
    let root = |slot: u64| &roots[slot as usize % roots.len()];
    let slots = first_slot(epoch)..first_slot(epoch) + SLOTS_PER_EPOCH;
    Ok(slots.filter(|slot| *slot > 0 && root(*slot) == root(*slot - 1)).collect())
}

/// A list of flags of a state.
pub fn flags(state: &Value, member: &str) -> Result<Vec<u64>> {
    let flags: Option<Vec<u64>> = state[member].as_array().and_then(|all| all.iter().map(number).collect());
    let flags = flags.with_context(|| format!("{member} of the state"))?;
    ensure!(!flags.is_empty(), "{member} of the state is empty");
    Ok(flags)
}

/// A number as the Beacon API writes it: in quotes.
pub fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[test]
fn flags_are_counted_by_kind_and_by_client() {
    let mut flags = vec![SOURCE | TARGET | HEAD; 2 * PER_CLIENT];
    flags[0] = 0;
    flags[1] = SOURCE | TARGET;
    flags[PER_CLIENT] = TARGET;
    let truth = EpochTruth::count(7, &flags, vec![57]);
    assert_eq!((truth.due, truth.missed, truth.not_timely(), truth.wrong_head), (2 * PER_CLIENT, 1, 2, 3));
    assert_eq!((truth.late_source, truth.wrong_target), (2, 1));
    assert_eq!(truth.missed_by_client, [1, 0]);
    assert_eq!(truth.lacking, [0, 1, PER_CLIENT as u64]);
    assert_eq!(truth.empty_from_first(), 0);
    let empty = |empty: &[u64]| EpochTruth::count(7, &flags, empty.to_vec()).empty_from_first();
    assert_eq!((empty(&[56, 58]), empty(&[56, 57, 59]), empty(&[])), (1, 2, 0));
}

#[test]
fn a_slot_with_its_predecessors_root_is_empty() {
    let roots: Vec<u64> = (0..64).map(|slot| if slot == 9 { 8 } else { slot }).collect();
    let state = serde_json::json!({ "block_roots": roots });
    assert_eq!(empty_slots(&state, 1).unwrap(), [9]);
    assert_eq!(empty_slots(&state, 0).unwrap(), [0_u64; 0]);
}
