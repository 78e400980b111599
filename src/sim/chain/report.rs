//! The judgement: what became of each duty of an epoch.

use std::ops::AddAssign;

use serde::Serialize;

use super::{ChainConfig, EpochDuties, Ledger, Tree, sync_committee};
use crate::model::{Epoch, Root, Slot, ValidatorIndex};

/// What became of the duties of one or more epochs. Counts of duties unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Attestations due.
    pub due: u64,
    /// Attestations that never reached the main network in time to be included (end of the next epoch).
    pub missed: u64,
    /// Attestations that reached it after `AGGREGATE_DUE` of their slot.
    pub late: u64,
    /// Attestations whose head is not the main chain's block at their slot.
    pub wrong_head: u64,
    /// Attestations whose target is not the main chain's.
    pub wrong_target: u64,
    /// Identical attestations that arrived again, by whatever beacon.
    pub duplicates: u64,
    /// Validators that signed two different attestations for one target epoch: slashable.
    pub double_votes: u64,
    /// Slots with a proposer.
    pub proposals_due: u64,
    /// Slots whose proposer's client published no block that reached the main network.
    pub proposals_missed: u64,
    /// Slots in which two different blocks were offered: slashable.
    pub double_proposals: u64,
    /// Published blocks that pay another address than the one its validator was given.
    pub wrong_fee_recipient: u64,
    /// Sync committee messages due, one a distinct member and slot.
    pub sync_due: u64,
    /// Sync committee messages that never reached the main network, or vote for another block than its own.
    pub sync_missed: u64,
    /// Committees due an aggregate.
    pub aggregates_due: u64,
    /// Committees without one.
    pub aggregates_missed: u64,
    /// Sync subcommittees due a contribution.
    pub contributions_due: u64,
    /// Sync subcommittees without one.
    pub contributions_missed: u64,
    /// Validators whose attestation was missed, in order.
    pub missed_by: Vec<ValidatorIndex>,
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.due += other.due;
        self.missed += other.missed;
        self.late += other.late;
        self.wrong_head += other.wrong_head;
        self.wrong_target += other.wrong_target;
        self.duplicates += other.duplicates;
        self.double_votes += other.double_votes;
        self.proposals_due += other.proposals_due;
        self.proposals_missed += other.proposals_missed;
        self.double_proposals += other.double_proposals;
        self.wrong_fee_recipient += other.wrong_fee_recipient;
        self.sync_due += other.sync_due;
        self.sync_missed += other.sync_missed;
        self.aggregates_due += other.aggregates_due;
        self.aggregates_missed += other.aggregates_missed;
        self.contributions_due += other.contributions_due;
        self.contributions_missed += other.contributions_missed;
        self.missed_by.extend(other.missed_by);
        self.missed_by.sort_unstable();
        self.missed_by.dedup();
    }
}

/// The address simulated validator clients give for a validator's fees.
pub(crate) fn fee_recipient_of(validator: ValidatorIndex) -> [u8; 20] {
    let mut address = [0xfe; 20];
    address[12..].copy_from_slice(&validator.0.to_be_bytes());
    address
}

/// What the judge looks at.
pub(crate) struct Judge<'a> {
    /// Constants.
    pub(crate) config: &'a ChainConfig,
    /// Blocks.
    pub(crate) tree: &'a Tree,
    /// Head of the main network.
    pub(crate) head: Root,
    /// Submissions.
    pub(crate) ledger: &'a Ledger,
}

impl Judge<'_> {
    /// What became of an epoch's duties, as far as slot `until` (exclusive).
    pub(crate) fn epoch(&self, epoch: Epoch, duties: &EpochDuties, until: Slot) -> Report {
        let mut report = Report::default();
        let sync = distinct(sync_committee(self.config, epoch));
        let first = self.config.first_slot(epoch).0;
        for (slot, committees) in (first..).map(Slot).zip(&duties.committees) {
            if slot >= until {
                break;
            }
            for member in committees.iter().flatten() {
                self.attestation(slot, epoch, *member, &mut report);
            }
            report.aggregates_due += committees.iter().filter(|members| !members.is_empty()).count() as u64;
            let aggregated = self.ledger.aggregates.get(&slot).map_or(0, |done| done.len() as u64);
            report.aggregates_missed += (committees.iter().filter(|members| !members.is_empty()).count()
                as u64)
                .saturating_sub(aggregated);
            self.sync(slot, &sync, &mut report);
            // Slot 0 is genesis itself.
            if slot.0 > 0 {
                self.proposal(slot, &mut report);
            }
        }
        report.missed_by.sort_unstable();
        report
    }

    fn attestation(&self, slot: Slot, epoch: Epoch, validator: ValidatorIndex, report: &mut Report) {
        report.due += 1;
        let none = Vec::new();
        let seen = self.ledger.attestations.get(&epoch).and_then(|of| of.get(&validator)).unwrap_or(&none);
        let last = self.config.slot_start(self.config.first_slot(Epoch(epoch.0 + 2)));
        let Some(first) = seen.iter().find(|a| a.reached && a.at < last) else {
            report.missed += 1;
            report.missed_by.push(validator);
            return;
        };
        let same = seen.iter().filter(|a| a.data == first.data).count() as u64;
        report.duplicates += same - 1;
        report.double_votes += u64::from(same < seen.len() as u64);
        report.late += u64::from(first.at > self.config.due_at(slot, self.config.due.aggregate));
        let head = self.tree.at_or_before(self.head, slot).root;
        let target = self.tree.at_or_before(self.head, self.config.first_slot(epoch)).root;
        report.wrong_head += u64::from(first.data.head != head);
        report.wrong_target += u64::from(first.data.target.1 != target);
    }

    fn sync(&self, slot: Slot, members: &[ValidatorIndex], report: &mut Report) {
        report.sync_due += members.len() as u64;
        let head = self.tree.at_or_before(self.head, slot).root;
        let done = self.ledger.sync.get(&slot);
        report.sync_missed += members
            .iter()
            .filter(|member| {
                !done.and_then(|of| of.get(member)).is_some_and(|seen| seen.reached && seen.root == head)
            })
            .count() as u64;
        let subnets = super::SYNC_SUBNETS as u64;
        report.contributions_due += subnets;
        let contributed = self.ledger.contributions.get(&slot).map_or(0, |of| of.len() as u64);
        report.contributions_missed += subnets.saturating_sub(contributed);
    }

    fn proposal(&self, slot: Slot, report: &mut Report) {
        report.proposals_due += 1;
        let none = Vec::new();
        let blocks = self.ledger.proposals.get(&slot).unwrap_or(&none);
        report.proposals_missed += u64::from(!blocks.iter().any(|block| block.reached));
        report.double_proposals += u64::from(blocks.len() > 1);
        report.wrong_fee_recipient +=
            blocks.iter().filter(|block| block.fee_recipient != fee_recipient_of(block.proposer)).count()
                as u64;
    }
}

fn distinct(mut members: Vec<ValidatorIndex>) -> Vec<ValidatorIndex> {
    members.sort_unstable();
    members.dedup();
    members
}
