//! Who signs with which key: what is told to [`crate::duties::Signers`], and what it says at the end of a slot.

use std::sync::Arc;

use super::Observer;
use crate::duties::{AttesterDuty, Publication};
use crate::engine::journal::Labels;
use crate::engine::observe::Passed;
use crate::engine::observe::kept::{self, Kept};
use crate::model::{ClientId, Observation, Slot, ValidatorIndex};

/// The label of clients that sign with the same keys by agreement.
const CLUSTER: &str = "cluster";

impl Observer {
    /// A publication passed.
    pub(super) fn signed(&mut self, passed: &Passed<Publication>) {
        let taken = !self.names.set(passed.beacons).is_empty();
        let (Some(client), Some(signers)) = (self.names.client(passed.client), &mut self.signers) else {
            return;
        };
        if !signers.published(&passed.what, client, taken) {
            signers.missed(passed.what.slot);
        }
    }

    /// A client was told duties.
    pub(super) fn duties_told(&mut self, passed: &Passed<Vec<AttesterDuty>>) {
        if let (Some(signers), Some(client)) = (&mut self.signers, self.names.client(passed.client)) {
            signers.told(&passed.what, client);
        }
    }

    /// Somebody was told who is live in the epoch of a slot.
    pub(super) fn live(&mut self, slot: Slot, passed: &Passed<Vec<ValidatorIndex>>) {
        self.under(&passed.labels);
        let epoch = self.table.clock.as_ref().map(|clock| clock.epoch_of(slot));
        let client = self.names.client(passed.client);
        if let (Some(signers), Some(client), Some(epoch)) = (&mut self.signers, client, epoch) {
            signers.live(epoch, &passed.what, client);
        }
    }

    /// These clients asked for something.
    pub(super) fn heard(&mut self, clients: &[ClientId], labels: &Arc<Labels>) {
        self.under(labels);
        if let (Some(signers), Some(slot)) = (&mut self.signers, self.slot) {
            let known = clients.iter().filter_map(|id| self.names.client(*id));
            known.for_each(|client| signers.heard(client, slot));
        }
    }

    /// Another fleet file is in force.
    pub(super) fn renamed(&mut self) {
        if let (Some(signers), Some(slot)) = (&mut self.signers, self.slot) {
            signers.renamed(slot);
        }
    }

    /// What is known of keys, to be kept; none while nothing is.
    fn known_keys(&self) -> Option<Kept> {
        let (signers, clock) = (self.signers.as_ref()?, self.table.clock.as_ref()?);
        let mut kept = Kept { genesis: clock.genesis(), ..Kept::default() };
        for (validator, client, slot) in signers.last() {
            if let Some(name) = self.names.client_name(client) {
                kept.clients.entry(name.to_owned()).or_default().push((validator, slot));
            }
        }
        kept.clients.values_mut().for_each(|keys| keys.sort_unstable());
        // What was kept before and could not be recalled yet is not forgotten by that.
        (!kept.clients.is_empty() && self.kept.is_none()).then_some(kept)
    }

    /// Keeps what is known of keys.
    pub(super) fn keep_keys(&self) {
        if let Some(kept) = self.known_keys() {
            kept::write(&self.state, &kept);
        }
    }

    /// Takes back what a process before this one knew, once clients are known by name.
    fn recall_keys(&mut self, slot: Slot) {
        let (Some(signers), Some(ledger), Some(clock), Some(_)) =
            (&mut self.signers, &mut self.ledger, &self.table.clock, self.names.in_force())
        else {
            return;
        };
        let Some(kept) = self.kept.take().filter(|kept| kept.genesis == clock.genesis()) else { return };
        signers.renamed(slot);
        signers.missed(slot);
        for (name, keys) in kept.clients {
            let Some(client) = self.names.client_of(&name) else { continue };
            let validators: Vec<ValidatorIndex> = keys.iter().map(|(validator, _)| *validator).collect();
            // What the chain says of them is looked at from now on, whether their client asks or not.
            ledger.named(&validators, client);
            for (validator, last) in keys {
                signers.recall(validator, client, last);
            }
        }
    }

    /// Keys of which it showed by the end of a slot that they sign at two places.
    pub(super) fn key_lines(&mut self, slot: Slot) -> Vec<Observation> {
        self.recall_keys(slot);
        if self.table.clock.as_ref().is_some_and(|clock| slot.0.is_multiple_of(clock.slots_per_epoch()))
            && let Some(kept) = self.known_keys()
        {
            let state = self.state.clone();
            self.tasks.spawn_blocking(move || kept::write(&state, &kept));
        }
        let (Some(signers), Some(ledger), Some(clock)) = (&mut self.signers, &self.ledger, &self.table.clock)
        else {
            return Vec::new();
        };
        let untold = self.metrics.traces_dropped.get();
        if untold != self.untold {
            self.untold = untold;
            signers.missed(slot);
        }
        let fleet = self.fleet.load();
        let clusters = |id: ClientId| {
            let name = self.names.client_name(id)?;
            let labels = fleet.clients.iter().find(|client| client.name == name)?.labels.iter();
            labels.filter(|(key, _)| key == CLUSTER).map(|(_, value)| value.as_str()).next()
        };
        let found = signers.ended(slot, ledger, &clusters);
        self.keys.lines(&found, slot, clock.slots_per_epoch(), &self.names)
    }
}
