//! When durable writes are measured on an agent's host: in phase with the slots, which a router tells, and not before its blocks.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use crate::chain::SlotClock;
use crate::engine::hosts::Probed;
use crate::host::agent::Schedule;
use crate::host::agent::words::Slots;
use crate::model::{AgentFile, Slot};

/// What a router told that long ago is not known any more: blocks of the next epoch may be due.
const OLD: Duration = Duration::from_secs(900);

/// What a router told last.
struct Told {
    at: Instant,
    clock: SlotClock,
    proposing: Vec<Slot>,
    validators: Option<u32>,
}

/// What the agent's file says, and what routers told.
pub struct Phase {
    dir: Option<PathBuf>,
    validators: Option<u32>,
    told: ArcSwapOption<Told>,
}

impl Phase {
    /// By the agent's file; nothing is told yet.
    pub fn new(file: &AgentFile) -> Self {
        Self { dir: file.probe_dir.clone(), validators: file.validators, told: ArcSwapOption::empty() }
    }

    fn fresh(&self) -> Option<std::sync::Arc<Told>> {
        self.told.load_full().filter(|told| told.at.elapsed() < OLD)
    }
}

impl Schedule for Phase {
    fn wanted(&self) -> bool {
        self.dir.is_some()
    }

    fn take(&self, slots: &Slots) -> Result<(), String> {
        let clock = slots.clock().map_err(|error| error.to_string())?;
        let (at, proposing, validators) = (Instant::now(), slots.proposing.clone(), slots.validators);
        self.told.store(Some(Told { at, clock, proposing, validators }.into()));
        Ok(())
    }
}

impl Probed for Phase {
    fn dir(&self) -> Option<PathBuf> {
        self.dir.clone()
    }

    fn slots(&self) -> Option<SlotClock> {
        self.fresh().map(|told| told.clock.clone())
    }

    fn proposing(&self) -> Vec<Slot> {
        self.fresh().map_or_else(Vec::new, |told| told.proposing.clone())
    }

    fn validators(&self) -> Option<u32> {
        self.validators.or_else(|| self.fresh()?.validators)
    }
}
