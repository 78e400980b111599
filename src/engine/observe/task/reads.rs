//! What is read from beacons for the ledger, and what is made of it.

use super::Observer;
use crate::engine::observe::reader::{Lacks, Read};
use crate::model::{Epoch, Slot};

/// Slots after which what nobody could tell is asked for again.
const AGAIN: u64 = 2;

impl Observer {
    /// Tells the ledger of the head, and reads what it lacks.
    pub(super) fn follow(&mut self) {
        let head = self.table.agreed.map(|head| head.root);
        if let (Some(root), Some(ledger), true) = (head, &mut self.ledger, head != self.head) {
            ledger.head(root);
            self.head = head;
        }
        let Some(lacks) = self.lacks().filter(|_| !self.reading) else { return };
        self.reading = true;
        self.tasks.spawn(self.reader.clone().read(lacks, self.table.clone()));
    }

    /// The most urgent of what is lacking, but for what nobody could tell a moment ago.
    fn lacks(&self) -> Option<Lacks> {
        let ledger = self.ledger.as_ref()?;
        let fresh = |lacks: &Lacks| !self.spurned.iter().any(|(spurned, _)| spurned == lacks);
        let committees = || {
            let ((epoch, decided), (slot, state)) = (ledger.wanted().into_iter().next()?, ledger.tip()?);
            Some(Lacks::Committees { epoch, decided, slot, state })
        };
        // Who does not tell one of them tells none: few serve this yet.
        let tells =
            !self.spurned.iter().any(|(spurned, _)| matches!(spurned, Lacks::PayloadCommittee { .. }));
        let payload = || {
            let ((of, decided), (slot, state)) = (ledger.wanted_payload_committee()?, ledger.tip()?);
            Some(Lacks::PayloadCommittee { of, decided, slot, state })
        };
        let balances = || self.worth.wanted(ledger, self.epoch()?).map(Lacks::Balances);
        let block = ledger.missing().map(Lacks::Block).filter(fresh);
        let urgent = block.or_else(|| committees().filter(fresh));
        urgent.or_else(|| payload().filter(|_| tells)).or_else(|| balances().filter(fresh))
    }

    fn epoch(&self) -> Option<Epoch> {
        Some(self.table.clock.as_ref()?.epoch_of(self.slot?))
    }

    /// What was read, or that nobody could tell.
    pub(super) fn read(&mut self, lacks: Lacks, read: Read) {
        self.reading = false;
        let epoch = self.epoch();
        let Some(ledger) = &mut self.ledger else { return };
        let took = match read {
            Read::Block(block) => {
                ledger.block(block);
                true
            }
            Read::Committees(epoch, decided, list) => {
                let told = ledger.committees(epoch, decided, list);
                told.inspect_err(|error| tracing::warn!(%error, "a beacon told committees that are none"))
                    .is_ok()
            }
            Read::PayloadCommittee(slot, decided, members) => {
                ledger.payload_committee(slot, decided, members);
                true
            }
            Read::Balances(sampled, told) => epoch.is_some_and(|epoch| {
                self.worth.take(&sampled, &told, ledger, epoch);
                true
            }),
            Read::Nothing => false,
        };
        if !took {
            self.spurned.push((lacks, Slot(self.slot.unwrap_or_default().0 + AGAIN)));
        }
        self.follow();
    }
}
