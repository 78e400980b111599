//! Reads what the ledger lacks from beacons: blocks one after the other, the committees of an epoch, and balances.
//!
//! One read at a time, from one beacon at the agreed head; what fails is asked of the next one. Nothing here is in a
//! hurry: verdicts are counted at the end of a slot.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use super::worth::Sampled;
use crate::beacon::{BeaconClient, ReadError};
use crate::duties::{
    Block, Committee, effective_balances, read_block, read_committees, read_payload_committee,
};
use crate::model::{Epoch, Root, Slot, ValidatorIndex};
use crate::pool::Table;

/// How long a block may take, and the committees of a million validators.
const BLOCK_WITHIN: Duration = Duration::from_secs(4);
const COMMITTEES_WITHIN: Duration = Duration::from_secs(20);
/// How long some hundred validators may take; a state may have to be read for them.
const BALANCES_WITHIN: Duration = Duration::from_secs(20);

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lacks {
    /// This block.
    Block(Root),
    /// The committees of an epoch, by the state of this slot and root; they depend on the last root.
    Committees {
        /// Of which epoch.
        epoch: Epoch,
        /// What they depend on.
        decided: Root,
        /// The slot of the state.
        slot: Slot,
        /// The state's root.
        state: Root,
    },
    /// The payload timeliness committee of a slot, by the state of this slot and root; it depends on the last root.
    PayloadCommittee {
        /// Of which slot.
        of: Slot,
        /// What it depends on.
        decided: Root,
        /// The slot of the state.
        slot: Slot,
        /// The state's root.
        state: Root,
    },
    /// Effective balances of some validators.
    Balances(Sampled),
}

/// What was read.
#[derive(Debug)]
pub enum Read {
    /// A block.
    Block(Block),
    /// Committees.
    Committees(Epoch, Root, Vec<Committee>),
    /// A payload timeliness committee.
    PayloadCommittee(Slot, Root, Vec<ValidatorIndex>),
    /// Effective balances, in Gwei.
    Balances(Sampled, Vec<(ValidatorIndex, u64)>),
    /// Nothing: nobody could tell.
    Nothing,
}

/// Reads from the beacons in force.
#[derive(Clone)]
pub struct Reader {
    /// By place in the table.
    pub clients: Arc<ArcSwap<Vec<BeaconClient>>>,
    /// Where what was read goes, with what it was asked for.
    pub to: mpsc::Sender<(Lacks, Read)>,
}

impl Reader {
    /// Reads one thing and tells it.
    pub async fn read(self, lacks: Lacks, table: Arc<Table>) {
        let read = self.first_answer(&lacks, &table).await;
        // The task that asked may have ended.
        let _ = self.to.send((lacks, read)).await;
    }

    async fn first_answer(&self, lacks: &Lacks, table: &Table) -> Read {
        let clients = self.clients.load_full();
        for client in order(table).filter_map(|place| clients.get(place)) {
            match ask(client, lacks).await {
                Ok(read) => return read,
                Err(error) => tracing::debug!(beacon = %client.name(), %error, "the ledger's read failed"),
            }
        }
        Read::Nothing
    }
}

/// Whom to ask, best first: who is at the agreed head and healthy, then whoever is not another network's. The head's root
/// decides who is first, so that not always the same one is asked.
fn order(table: &Table) -> impl Iterator<Item = usize> {
    let turn = table.agreed.map_or(0, |head| usize::from(head.root.0[31]));
    let count = table.entries.len().max(1);
    let mut places: Vec<usize> = (0..table.entries.len()).map(|place| (place + turn) % count).collect();
    places.sort_by_key(|place| {
        let entry = &table.entries[*place];
        (!entry.at_agreed, !entry.reasons.is_empty())
    });
    places.into_iter().take(3)
}

async fn ask(client: &BeaconClient, lacks: &Lacks) -> Result<Read, Box<dyn std::error::Error + Send + Sync>> {
    match lacks {
        Lacks::Block(root) => {
            let path = format!("/eth/v2/beacon/blocks/{root}");
            let body = client.raw_within(&path, BLOCK_WITHIN).await?;
            Ok(Read::Block(read_block(*root, &body)?))
        }
        Lacks::Committees { epoch, decided, slot, state } => {
            let body = of_state(client, (*slot, *state), &format!("committees?epoch={epoch}")).await?;
            let list = tokio::task::spawn_blocking(move || read_committees(&body)).await??;
            Ok(Read::Committees(*epoch, *decided, list))
        }
        Lacks::PayloadCommittee { of, decided, slot, state } => {
            let body = of_state(client, (*slot, *state), &format!("ptc?slot={of}")).await?;
            Ok(Read::PayloadCommittee(*of, *decided, read_payload_committee(&body)?))
        }
        Lacks::Balances(sampled) => {
            // One parameter each, as the specification has it; not all take a list.
            let ids: Vec<String> = sampled.all().iter().map(|index| format!("id={index}")).collect();
            let path = format!("/eth/v1/beacon/states/head/validators?{}", ids.join("&"));
            let body = client.raw_within(&path, BALANCES_WITHIN).await?;
            Ok(Read::Balances(sampled.clone(), effective_balances(&body)?))
        }
    }
}

/// What a state says. Some beacons find states by slot only.
async fn of_state(
    client: &BeaconClient,
    (slot, state): (Slot, Root),
    what: &str,
) -> Result<bytes::Bytes, ReadError> {
    let of = |id: String| format!("/eth/v1/beacon/states/{id}/{what}");
    match client.raw_within(&of(state.to_string()), COMMITTEES_WITHIN).await {
        Err(error) if error.status().is_some() => {
            client.raw_within(&of(slot.to_string()), COMMITTEES_WITHIN).await
        }
        told => told,
    }
}
