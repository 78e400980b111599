//! Duties as they are asked for: path and truth side by side.

use std::collections::BTreeMap;

use super::path::{Given, Path, step_of};
use super::roll::Number;
use super::verdict::Verdict;
use super::{Kind, Ledger, OfEpoch};
use crate::model::{BeaconId, ClientId, Epoch, Slot, ValidatorIndex};

/// Which duties are asked for; all conditions hold at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask {
    /// Of this validator.
    pub validator: Option<ValidatorIndex>,
    /// Of validators of this client.
    pub client: Option<ClientId>,
    /// Whose data this beacon served, or whose message it took.
    pub beacon: Option<BeaconId>,
    /// Due in this slot.
    pub slot: Option<Slot>,
    /// Due in this epoch.
    pub epoch: Option<Epoch>,
    /// At most so many, the newest.
    pub limit: usize,
}

/// What became of a duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The chain does not say yet, or is not known so far back.
    Unknown,
    /// The chain never says: aggregates, contributions. Or there was nothing to do: a payload attestation in a slot without a
    /// block.
    Untold,
    /// An attestation that a block includes.
    Attested(Verdict),
    /// Not included in any block so far.
    Missed,
    /// The block is the chain's.
    Proposed,
    /// The block is on another branch.
    Orphaned,
    /// The next block includes the sync message.
    Synced,
    /// The next block includes the payload attestation.
    PayloadAttested {
        /// Whether it says of the payload what most of those included do.
        agrees: bool,
    },
}

/// One duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Whose.
    pub validator: ValidatorIndex,
    /// When due.
    pub slot: Slot,
    /// What.
    pub kind: Kind,
    /// By which path.
    pub path: Path,
    /// What became of it.
    pub fate: Fate,
}

/// Attestations of one slot that went one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfPath {
    /// Whose validators.
    pub client: ClientId,
    /// Whose data was signed.
    pub beacon: Option<BeaconId>,
    /// How many were due.
    pub due: u32,
    /// Not included so far.
    pub missed: u32,
    /// Included, but not in the first block that could.
    pub late: u32,
    /// Included with another head than the chain's.
    pub wrong_head: u32,
}

impl Ask {
    fn fits(&self, row: &Row) -> bool {
        let beacon =
            |beacon| row.path.data.is_some_and(|data| data.beacon == beacon) || row.path.via.has(beacon);
        self.validator.is_none_or(|validator| row.validator == validator)
            && self.client.is_none_or(|client| row.path.client == Some(client))
            && self.beacon.is_none_or(beacon)
            && self.slot.is_none_or(|slot| row.slot == slot)
    }
}

impl Ledger {
    /// Duties, newest first; those ahead are left out.
    pub fn duties(&self, ask: &Ask) -> Vec<Row> {
        let mut out = Vec::new();
        let wanted = |epoch: &Epoch| {
            ask.epoch.is_none_or(|wanted| wanted == *epoch)
                && ask.slot.is_none_or(|slot| self.epoch(slot) == *epoch)
        };
        let kept = self.epoch(self.horizon()).0..=self.epoch(self.now).0;
        for epoch in kept.rev().map(Epoch).filter(wanted) {
            let from = out.len();
            if let Some(of) = self.epochs.get(&epoch) {
                self.attestations(epoch, of, ask, &mut out);
            }
            self.others(epoch, ask, &mut out);
            out[from..].sort_by_key(|row: &Row| (std::cmp::Reverse(row.slot), row.kind as u8, row.validator));
            if out.len() >= ask.limit {
                out.truncate(ask.limit);
                break;
            }
        }
        out
    }

    fn numbers(&self, ask: &Ask) -> std::ops::Range<Number> {
        match ask.validator {
            None => 0..self.roll.len() as Number,
            Some(validator) => self.roll.number(validator).map_or(0..0, |number| number..number + 1),
        }
    }

    fn attestations(&self, epoch: Epoch, of: &OfEpoch, ask: &Ask, out: &mut Vec<Row>) {
        for number in self.numbers(ask) {
            let verdict = of.verdicts.get(number as usize).copied().flatten();
            let slot = match verdict {
                Some((place, _)) => Some(Slot(self.first(epoch).0 + u64::from(place))),
                None => of.told.get(&number).copied(),
            };
            let Some(slot) = slot.filter(|slot| *slot <= self.now) else { continue };
            let kind = Kind::Attestation;
            let path =
                self.path(number, kind, slot, of.paths.get(number as usize).copied().unwrap_or_default());
            let fate = verdict.map_or(Fate::Unknown, |(_, verdict)| self.attested(slot, verdict));
            let row = Row { validator: self.roll.validator(number), slot, kind, path, fate };
            if ask.fits(&row) {
                out.push(row);
            }
        }
    }

    fn attested(&self, slot: Slot, verdict: Verdict) -> Fate {
        match self.branch.head() {
            _ if verdict.included() => Fate::Attested(verdict),
            Some(head) if head.slot > slot => Fate::Missed,
            _ => Fate::Unknown,
        }
    }

    /// A path, with the client and the data that are known although nothing was published.
    pub(super) fn path(&self, number: Number, kind: Kind, slot: Slot, mut path: Path) -> Path {
        let client = *path.client.get_or_insert_with(|| self.roll.client(number));
        if path.data.is_none() {
            path.data = self.given(kind, slot, client);
        }
        path
    }

    fn given(&self, kind: Kind, slot: Slot, client: ClientId) -> Option<Given> {
        self.paths.given(slot, step_of(kind)?, client)
    }

    fn others(&self, epoch: Epoch, ask: &Ask, out: &mut Vec<Row>) {
        let first = self.first(epoch).0;
        let last = (first + self.shape.slots_per_epoch).min(self.now.0 + 1);
        for slot in (first..last).map(Slot).filter(|slot| ask.slot.is_none_or(|wanted| wanted == *slot)) {
            let mut paths: BTreeMap<(Number, u8), (Kind, Path)> = BTreeMap::new();
            for (number, kind, path) in self.paths.others(slot) {
                paths.insert((number, kind as u8), (kind, path));
            }
            self.expect(slot, &mut paths);
            for ((number, _), (kind, path)) in paths {
                let path = self.path(number, kind, slot, path);
                let validator = self.roll.validator(number);
                let row = Row { validator, slot, kind, path, fate: self.fate(slot, number, kind) };
                if ask.fits(&row) {
                    out.push(row);
                }
            }
        }
    }

    /// Adds the duties that were told and of which nothing was published, and who told them.
    fn expect(&self, slot: Slot, paths: &mut BTreeMap<(Number, u8), (Kind, Path)>) {
        let mut told = |number, kind: Kind, by| {
            let (_, path) = paths.entry((number, kind as u8)).or_insert((kind, Path::default()));
            path.duties = path.duties.or(by);
        };
        if let Some((validator, by)) = self.proposers.get(&slot)
            && let Some(number) = self.roll.number(*validator)
        {
            told(number, Kind::Block, *by);
        }
        for (number, (_, by)) in self.sync.get(&self.period(slot)).into_iter().flatten() {
            told(*number, Kind::SyncMessage, *by);
        }
        for (number, by) in self.payloads.told(slot) {
            told(number, Kind::PayloadAttestation, by);
        }
    }

    /// The sync committee that signs in a slot is the one of the next slot's block (altair spec, validator).
    fn period(&self, slot: Slot) -> u64 {
        self.epoch(Slot(slot.0 + 1)).0 / self.shape.sync_period.max(1)
    }

    fn fate(&self, slot: Slot, number: Number, kind: Kind) -> Fate {
        match kind {
            Kind::Block => self.proposed(slot, self.roll.validator(number)),
            Kind::SyncMessage => self.synced(slot, number),
            Kind::PayloadAttestation => self.payload_attested(slot, number),
            _ => Fate::Untold,
        }
    }

    fn proposed(&self, slot: Slot, validator: ValidatorIndex) -> Fate {
        match self.has_block(slot) {
            None => Fate::Unknown,
            Some(true) if self.branch.at(slot).is_some_and(|block| block.proposer == validator) => {
                Fate::Proposed
            }
            Some(_) if self.branch.aside(slot, validator) => Fate::Orphaned,
            Some(_) => Fate::Missed,
        }
    }

    fn synced(&self, slot: Slot, number: Number) -> Fate {
        let places = self.sync.get(&self.period(slot)).and_then(|of| of.get(&number));
        let (Some((places, _)), Some(_)) = (places, self.has_block(Slot(slot.0 + 1))) else {
            return Fate::Unknown;
        };
        let Some(block) = self.branch.at(Slot(slot.0 + 1)) else { return Fate::Missed };
        let has = |place: &u16| {
            block.sync.get(usize::from(*place) / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1)
        };
        if places.iter().all(has) { Fate::Synced } else { Fate::Missed }
    }

    /// The slot of a validator's attestation in an epoch, if a block includes it.
    pub fn voted(&self, validator: ValidatorIndex, epoch: Epoch) -> Option<Slot> {
        let (of, number) = (self.epochs.get(&epoch)?, self.roll.number(validator)?);
        let (place, verdict) = of.verdicts.get(number as usize).copied().flatten()?;
        verdict.included().then(|| Slot(self.first(epoch).0 + u64::from(place)))
    }

    /// Slots from one on in which validators that were seen here are to propose, as far as duties were told.
    pub fn proposing(&self, from: Slot) -> Vec<Slot> {
        let ours =
            self.proposers.range(from..).filter(|(_, (validator, _))| self.roll.number(*validator).is_some());
        ours.map(|(slot, _)| *slot).collect()
    }

    /// The client of the validator that is to propose in a slot, if it was seen here.
    pub fn proposer_of(&self, slot: Slot) -> Option<ClientId> {
        let (validator, _) = self.proposers.get(&slot)?;
        Some(self.roll.client(self.roll.number(*validator)?))
    }

    /// Who proposed the block of a slot, if it has one.
    pub fn proposer(&self, slot: Slot) -> Option<ValidatorIndex> {
        self.branch.at(slot).map(|block| block.proposer)
    }

    /// The attestations of a slot, by path; empty while they are not counted.
    pub fn by_path(&self, slot: Slot) -> Vec<OfPath> {
        let epoch = self.epoch(slot);
        let place = (slot.0 % self.shape.slots_per_epoch) as u16;
        let Some(of) = self.epochs.get(&epoch) else { return Vec::new() };
        let mut out: BTreeMap<(ClientId, Option<BeaconId>), OfPath> = BTreeMap::new();
        for (number, verdict) in (0..).zip(&of.verdicts) {
            let Some((_, verdict)) = verdict.filter(|(at, _)| *at == place) else { continue };
            let kept = of.paths.get(number as usize).copied().unwrap_or_default();
            let path = self.path(number, Kind::Attestation, slot, kept);
            let (client, beacon) = (path.client.unwrap_or_default(), path.data.map(|data| data.beacon));
            let new = OfPath { client, beacon, due: 0, missed: 0, late: 0, wrong_head: 0 };
            let sum = out.entry((client, beacon)).or_insert(new);
            sum.due += 1;
            sum.missed += u32::from(!verdict.included());
            sum.late += u32::from(verdict.late());
            sum.wrong_head += u32::from(verdict.included() && !verdict.head());
        }
        out.into_values().collect()
    }
}
