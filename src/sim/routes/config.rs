//! Genesis, spec, fork schedule: today's mainnet shape with the simulation's times.

#![expect(clippy::unnecessary_wraps, reason = "handlers of the table have one signature")]

use serde_json::{Value, json};

use super::{Answer, Ask};
use crate::model::Bps;
use crate::sim::wire::hex;
use crate::sim::world::{DISPARITY_MS, Mood};

/// Forks in order, all but the last at genesis.
const FORKS: [&str; 7] = ["ALTAIR", "BELLATRIX", "CAPELLA", "DENEB", "ELECTRA", "FULU", "GLOAS"];
/// `FAR_FUTURE_EPOCH`.
const FAR_FUTURE: u64 = u64::MAX;

/// Numbers of the mainnet preset and configuration that do not depend on the simulation.
const NUMBERS: &[(&str, u64)] = &[
    ("PROPOSER_REORG_CUTOFF_BPS", 1667),
    ("ATTESTATION_DUE_BPS_GLOAS", 2500),
    ("AGGREGATE_DUE_BPS_GLOAS", 5000),
    ("SYNC_MESSAGE_DUE_BPS_GLOAS", 2500),
    ("CONTRIBUTION_DUE_BPS_GLOAS", 5000),
    ("PAYLOAD_ATTESTATION_DUE_BPS", 7500),
    ("PAYLOAD_DUE_BPS", 5000),
    ("MAXIMUM_GOSSIP_CLOCK_DISPARITY", DISPARITY_MS),
    ("MIN_SEED_LOOKAHEAD", 1),
    ("MAX_SEED_LOOKAHEAD", 4),
    ("MIN_ATTESTATION_INCLUSION_DELAY", 1),
    ("MAX_COMMITTEES_PER_SLOT", 64),
    ("TARGET_COMMITTEE_SIZE", 128),
    ("MAX_VALIDATORS_PER_COMMITTEE", 2048),
    ("TARGET_AGGREGATORS_PER_COMMITTEE", 16),
    ("TARGET_AGGREGATORS_PER_SYNC_SUBCOMMITTEE", 16),
    ("SYNC_COMMITTEE_SIZE", 512),
    ("SYNC_COMMITTEE_SUBNET_COUNT", 4),
    ("EPOCHS_PER_SYNC_COMMITTEE_PERIOD", 256),
    ("SLOTS_PER_HISTORICAL_ROOT", 8192),
    ("EPOCHS_PER_HISTORICAL_VECTOR", 65536),
    ("ATTESTATION_SUBNET_COUNT", 64),
    ("EPOCHS_PER_SUBNET_SUBSCRIPTION", 256),
    ("SUBNETS_PER_NODE", 2),
    ("MAX_EFFECTIVE_BALANCE", 32_000_000_000),
    ("MAX_EFFECTIVE_BALANCE_ELECTRA", 2_048_000_000_000),
    ("EFFECTIVE_BALANCE_INCREMENT", 1_000_000_000),
    ("MAX_BLOBS_PER_BLOCK", 6),
    ("MAX_BLOBS_PER_BLOCK_ELECTRA", 9),
    ("NUMBER_OF_COLUMNS", 128),
    ("CUSTODY_REQUIREMENT", 4),
    ("DEPOSIT_CHAIN_ID", 1337),
    ("DEPOSIT_NETWORK_ID", 1337),
];
/// Signature domains by their first byte.
const DOMAINS: &[(&str, u8)] = &[
    ("DOMAIN_BEACON_PROPOSER", 0),
    ("DOMAIN_BEACON_ATTESTER", 1),
    ("DOMAIN_RANDAO", 2),
    ("DOMAIN_DEPOSIT", 3),
    ("DOMAIN_VOLUNTARY_EXIT", 4),
    ("DOMAIN_SELECTION_PROOF", 5),
    ("DOMAIN_AGGREGATE_AND_PROOF", 6),
    ("DOMAIN_SYNC_COMMITTEE", 7),
    ("DOMAIN_SYNC_COMMITTEE_SELECTION_PROOF", 8),
    ("DOMAIN_CONTRIBUTION_AND_PROOF", 9),
];

/// A fork's version: its number, then four letters' worth of the network.
pub(super) fn fork_version(fork: usize, foreign: bool) -> String {
    hex(&[fork as u8, 0, 0, if foreign { 0x99 } else { 0x51 }])
}

pub(super) fn genesis(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let foreign = ask.me().mood == Mood::Foreign;
    Ok(Answer::data(json!({
        "genesis_time": (ask.world.config.genesis.0 / 1000).to_string(),
        "genesis_validators_root": ask.world.config.genesis_validators_root(foreign),
        "genesis_fork_version": fork_version(0, foreign),
    })))
}

pub(super) fn spec(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let (config, foreign) = (&ask.world.config, ask.me().mood == Mood::Foreign);
    let name = if foreign { format!("{}-other", config.name) } else { config.name.clone() };
    let mut spec = json!({
        "CONFIG_NAME": name,
        "PRESET_BASE": "mainnet",
        "BLOB_SCHEDULE": [],
        "MIN_GENESIS_TIME": (config.genesis.0 / 1000).to_string(),
        "GENESIS_FORK_VERSION": fork_version(0, foreign),
        "DEPOSIT_CONTRACT_ADDRESS": hex(&[0x11; 20]),
    });
    let Some(members) = spec.as_object_mut() else { return Err(Answer::error(500, "no spec")) };
    for (i, fork) in FORKS.iter().enumerate() {
        let epoch = if *fork == "GLOAS" { FAR_FUTURE } else { 0 };
        members.insert(format!("{fork}_FORK_VERSION"), fork_version(i + 1, foreign).into());
        members.insert(format!("{fork}_FORK_EPOCH"), epoch.to_string().into());
    }
    let due = |bps: Bps| u64::from(bps.0);
    let (attestation, aggregate) = (due(config.due.attestation), due(config.due.aggregate));
    for (key, value) in [
        ("SECONDS_PER_SLOT", (config.slot_ms / 1000).max(1)),
        ("SLOT_DURATION_MS", config.slot_ms),
        ("SLOTS_PER_EPOCH", config.slots_per_epoch),
        ("ATTESTATION_DUE_BPS", attestation),
        ("AGGREGATE_DUE_BPS", aggregate),
        ("SYNC_MESSAGE_DUE_BPS", attestation),
        ("CONTRIBUTION_DUE_BPS", aggregate),
    ]
    .iter()
    .chain(NUMBERS)
    {
        members.insert((*key).to_owned(), value.to_string().into());
    }
    for (key, domain) in DOMAINS {
        members.insert((*key).to_owned(), hex(&[*domain, 0, 0, 0]).into());
    }
    Ok(Answer::data(spec))
}

pub(super) fn fork_schedule(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let foreign = ask.me().mood == Mood::Foreign;
    let forks: Vec<Value> = (0..=FORKS.len())
        .map(|i| {
            json!({
                "previous_version": fork_version(i.saturating_sub(1), foreign),
                "current_version": fork_version(i, foreign),
                "epoch": if i == FORKS.len() { FAR_FUTURE } else { 0 }.to_string(),
            })
        })
        .collect();
    Ok(Answer::data(forks))
}

pub(super) fn deposit_contract(_: &mut Ask<'_>) -> Result<Answer, Answer> {
    Ok(Answer::data(json!({"chain_id": "1337", "address": hex(&[0x11; 20])})))
}
