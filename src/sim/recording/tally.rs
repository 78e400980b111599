//! What is counted in a slot, and the lines it makes.

use std::collections::{BTreeMap, VecDeque};

use super::router::Try;
use crate::model::{CanarySeen, DutiesSeen, Labelled, MsSpread, Observation, ServedSeen, ServedStep, Slot};

/// Slots after which a slot's duties are told, once a block could include them, and told again if that changed.
const TOLD: u64 = 2;
const TOLD_AGAIN: u64 = 8;
/// Slots after which duties are told whatever came.
const TOLD_ANYHOW: u64 = 33;

/// Requests of one client, beacon and step.
#[derive(Debug, Clone, Default)]
struct Count {
    n: u32,
    failed: u32,
    times: Vec<f64>,
}

/// Requests of one slot.
#[derive(Debug, Clone, Default)]
pub(super) struct Served(BTreeMap<(usize, usize, ServedStep), Count>);

impl Served {
    /// Counts a beacon's part in a request for data that carries `n` messages or questions.
    pub(super) fn data(&mut self, client: usize, n: u32, part: Try) {
        self.count(client, ServedStep::Data, n, part, part.asked);
    }

    /// Counts a beacon's part in a publication of `n` messages.
    pub(super) fn publish(&mut self, client: usize, n: u32, part: Try, due: f64) {
        self.count(client, ServedStep::Publish, n, part, due);
    }

    fn count(&mut self, client: usize, step: ServedStep, n: u32, part: Try, from: f64) {
        let count = self.0.entry((client, part.beacon, step)).or_default();
        count.n += n;
        match part.told {
            Some(told) => count.times.push(told - from),
            None => count.failed += n,
        }
    }

    /// How many requests for data a beacon had, and how many it failed.
    pub(super) fn of(&self, beacon: usize) -> (u32, u32) {
        let own = self.0.iter().filter(|((_, of, step), _)| *of == beacon && *step == ServedStep::Data);
        own.fold((0, 0), |(n, failed), (_, count)| (n + count.n, failed + count.failed))
    }

    /// The lines.
    pub(super) fn lines(self, slot: Slot, clients: &[Labelled], beacons: &[Labelled]) -> Vec<Observation> {
        let line = |((client, beacon, step), count): ((usize, usize, ServedStep), Count)| {
            Observation::Served(ServedSeen {
                slot,
                client: clients[client].name.clone(),
                beacon: beacons[beacon].name.clone(),
                step,
                n: count.n,
                failed: count.failed,
                after_due_ms: MsSpread::of(count.times),
            })
        };
        self.0.into_iter().map(line).collect()
    }
}

/// One more beacon's answer to a question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Canary {
    pub(super) slot: u64,
    pub(super) client: usize,
    pub(super) beacon: usize,
    /// Milliseconds it took, and whether its head was the chain's; none: it failed.
    pub(super) answer: Option<(f64, bool)>,
}

/// The lines of what was asked of one more beacon so many slots ago that its verdict is known; `first` is the number of slot 0.
pub(super) fn canaries(
    all: &mut Vec<Canary>,
    slot: u64,
    first: Slot,
    clients: &[Labelled],
    beacons: &[Labelled],
) -> Vec<Observation> {
    let line = |one: Canary| {
        Observation::Canary(CanarySeen {
            slot: Slot(first.0 + one.slot),
            as_of: Slot(first.0 + slot),
            client: clients[one.client].name.clone(),
            beacon: beacons[one.beacon].name.clone(),
            n: 1,
            failed: u32::from(one.answer.is_none()),
            wrong_head: one.answer.map_or(0, |(_, right)| u32::from(!right)),
            took_ms: one.answer.and_then(|(ms, _)| MsSpread::of(vec![ms])),
        })
    };
    let told = all.extract_if(.., |one| one.slot + TOLD <= slot);
    told.map(line).collect()
}

/// What becomes of the duties of one path.
#[derive(Debug, Clone, Default)]
struct Fate {
    due: u32,
    /// Slot of the block: how many it includes, and how many of them with the wrong head.
    included: BTreeMap<u64, (u32, u32)>,
    told: Option<(u32, u32, u32)>,
}

impl Fate {
    fn as_of(&self, slot: u64, next: Option<u64>) -> (u32, u32, u32) {
        let (mut missed, mut late, mut wrong) = (self.due, 0, 0);
        for (block, (count, of_them_wrong)) in self.included.range(..=slot) {
            missed -= count;
            late += if Some(*block) == next { 0 } else { *count };
            wrong += of_them_wrong;
        }
        (missed, late, wrong)
    }
}

/// Duties of one slot, by path.
#[derive(Debug, Clone, Default)]
pub(super) struct Duties {
    slot: u64,
    next: Option<u64>,
    paths: BTreeMap<(usize, Option<usize>), Fate>,
}

impl Duties {
    /// Of a slot whose next slot with a block is `next`.
    pub(super) fn new(slot: u64, next: Option<u64>) -> Self {
        Self { slot, next, paths: BTreeMap::new() }
    }

    /// One duty: the slot of the block that includes it, and whether with the wrong head.
    pub(super) fn one(&mut self, client: usize, beacon: Option<usize>, included: Option<(u64, bool)>) {
        let fate = self.paths.entry((client, beacon)).or_default();
        fate.due += 1;
        if let Some((block, wrong)) = included {
            let count = fate.included.entry(block).or_default();
            count.0 += 1;
            count.1 += u32::from(wrong);
        }
    }
}

/// Duties the chain has not given its last word on.
#[derive(Debug, Clone, Default)]
pub(super) struct Open(VecDeque<Duties>);

impl Open {
    /// Adds a slot's duties.
    pub(super) fn push(&mut self, duties: Duties) {
        self.0.push_back(duties);
    }

    /// The lines that can be told once the block of `slot` is counted; `first` is the number of slot 0.
    pub(super) fn lines(
        &mut self,
        slot: u64,
        first: Slot,
        clients: &[Labelled],
        beacons: &[Labelled],
    ) -> Vec<Observation> {
        let mut lines = Vec::new();
        for duties in &mut self.0 {
            let age = slot - duties.slot;
            let counted = duties.next.is_some_and(|next| next <= slot) || age >= TOLD_ANYHOW;
            if age < TOLD || !counted {
                continue;
            }
            for ((client, beacon), fate) in &mut duties.paths {
                let now = fate.as_of(slot, duties.next);
                if fate.told.is_some_and(|told| told == now || age < TOLD_AGAIN) {
                    continue;
                }
                fate.told = Some(now);
                lines.push(Observation::Duties(DutiesSeen {
                    slot: Slot(first.0 + duties.slot),
                    as_of: Slot(first.0 + slot),
                    client: clients[*client].name.clone(),
                    beacon: beacon.map(|beacon| beacons[beacon].name.clone()),
                    due: fate.due,
                    missed: now.0,
                    late: now.1,
                    wrong_head: now.2,
                }));
            }
        }
        self.0.retain(|duties| {
            slot - duties.slot < TOLD_AGAIN || duties.paths.values().any(|of| of.told.is_none())
        });
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Labelled {
        Labelled { name: name.to_owned(), ..Labelled::default() }
    }

    #[test]
    fn duties_are_told_when_a_block_counts_and_again_when_that_changed() {
        let mut open = Open::default();
        let mut duties = Duties::new(5, Some(8));
        duties.one(0, Some(0), Some((8, true)));
        duties.one(0, Some(0), Some((9, false)));
        duties.one(0, Some(0), None);
        duties.one(0, None, Some((8, false)));
        open.push(duties);
        let mut told = Vec::new();
        for slot in 5..20 {
            for line in open.lines(slot, Slot(100), &[named("vc")], &[named("b")]) {
                let Observation::Duties(line) = line else { panic!("{line:?}") };
                let path = line.beacon.is_some();
                told.push((line.as_of.0, path, line.due, line.missed, line.late, line.wrong_head));
            }
        }
        assert_eq!(told, [(108, false, 1, 0, 0, 0), (108, true, 3, 2, 0, 1), (113, true, 3, 1, 1, 1)]);
        assert!(open.0.is_empty());
    }
}
