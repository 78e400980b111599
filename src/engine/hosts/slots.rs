//! Where slots lie and what is due in them, as agents are told that measure in phase with them.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::watch;

use crate::chain::{Genesis, Spec};
use crate::engine::common::Common;
use crate::host::agent::words::Slots;
use crate::model::Slot;

/// Blocks that are told.
const PROPOSING: usize = 32;

/// What is told, and what it was read from.
#[derive(Debug)]
pub struct Told {
    served: Option<(Bytes, Bytes)>,
    chain: Option<(u64, Spec)>,
    listeners: watch::Sender<Option<Arc<Slots>>>,
}

impl Default for Told {
    fn default() -> Self {
        Self { served: None, chain: None, listeners: watch::channel(None).0 }
    }
}

#[derive(Deserialize)]
struct Served<T> {
    data: T,
}

impl Told {
    /// What is told from now on.
    pub fn told(&self) -> watch::Receiver<Option<Arc<Slots>>> {
        self.listeners.subscribe()
    }

    /// Looks whether there is something else to tell.
    pub fn follow(&mut self, common: &Common) {
        let facts = common.facts.load();
        let served = facts.genesis.clone().zip(facts.spec.clone());
        if served != self.served {
            self.chain = served.as_ref().and_then(|(genesis, spec)| chain(genesis, spec));
            self.served = served;
        }
        let shown = common.eye.shown.load();
        let validators = shown.duties.as_ref().map(|duties| duties.validators);
        let slots = self.chain.as_ref().map(|chain| slots(chain, &shown.proposing, validators));
        self.listeners.send_if_modified(|told| {
            let other = told.as_deref() != slots.as_ref();
            if other {
                *told = slots.map(Arc::new);
            }
            other
        });
    }
}

fn chain(genesis: &[u8], spec: &[u8]) -> Option<(u64, Spec)> {
    let genesis: Served<Genesis> = serde_json::from_slice(genesis).ok()?;
    let spec: Served<Spec> = serde_json::from_slice(spec).ok()?;
    Some((genesis.data.time, spec.data.of_time()))
}

fn slots((genesis_s, spec): &(u64, Spec), proposing: &[Slot], validators: Option<u32>) -> Slots {
    let proposing = proposing.iter().copied().take(PROPOSING).collect();
    Slots { genesis_s: *genesis_s, spec: spec.clone(), proposing, validators }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::host::agent::frame::QUESTION_LIMIT;
    use crate::model::{Step, UnixMs};

    /// As long as it gets.
    pub fn longest() -> Slots {
        let genesis = format!(
            r#"{{"data":{{"genesis_time":"1606824023","genesis_validators_root":"0x{}","genesis_fork_version":"0x00000000"}}}}"#,
            "4b".repeat(32)
        );
        let forks = ["ALTAIR", "BELLATRIX", "CAPELLA", "DENEB", "ELECTRA", "FULU", "GLOAS", "HEZE"];
        let due = ["ATTESTATION", "AGGREGATE", "SYNC_MESSAGE", "CONTRIBUTION"];
        let mut spec = serde_json::json!({
            "SLOT_DURATION_MS": "12000", "SECONDS_PER_SLOT": "12", "SLOTS_PER_EPOCH": "32",
            "PAYLOAD_ATTESTATION_DUE_BPS": "7500", "BLOB_SCHEDULE": [{"EPOCH": "1"}], "MAX_COMMITTEES_PER_SLOT": "64",
        });
        for (place, fork) in forks.iter().enumerate() {
            spec[format!("{fork}_FORK_EPOCH")] = (place as u64 * 100_000).to_string().into();
            spec[format!("{fork}_FORK_VERSION")] = "0x05000000".into();
        }
        for step in due {
            spec[format!("{step}_DUE_BPS")] = "3333".into();
            spec[format!("{step}_DUE_BPS_GLOAS")] = "2500".into();
        }
        let served = serde_json::json!({ "data": spec }).to_string();
        let chain = chain(genesis.as_bytes(), served.as_bytes()).unwrap();
        let proposing: Vec<Slot> = (0..100).map(|slot| Slot(u64::MAX - slot)).collect();
        slots(&chain, &proposing, Some(200_000))
    }

    #[test]
    fn what_is_told_is_the_same_clock_and_fits_a_question() {
        let told = longest();
        let bytes = serde_json::to_vec(&told).unwrap();
        assert!(bytes.len() + 256 < QUESTION_LIMIT, "{}", bytes.len());
        let read: Slots = serde_json::from_slice(&bytes).unwrap();
        let clock = read.clock().unwrap();
        assert_eq!(clock.genesis(), UnixMs(1_606_824_023_000));
        let into = |slot: Slot| clock.due(slot, Step::Attest).since(clock.start_of(slot));
        assert_eq!((into(Slot(7)), into(clock.first_slot(crate::model::Epoch(600_000)))), (3_999, 3_000));
    }
}
