//! A chain split: an incident of its own, critical from its first slot on.
//!
//! Nothing is weighed: the heads that beacons report are what shows it, and whether they part along the lines of clients
//! was judged where they are compared. There is one at a time, whoever joins a side; it ends with the first slot at whose
//! end it is not told any more.

use super::causes::{Case, cause};
use super::life::{Change, Event, Incident};
use crate::model::{Culprit, CulpritKind as Kind, SplitSeen, SplitSide};

/// How sure it is, in the measure of incidents.
const SURE: f64 = 100.0;
/// Slots without it after which it has ended.
const PATIENCE: u64 = 2;

/// Incidents of chain splits.
#[derive(Debug, Default)]
pub(super) struct Splits {
    /// What was told of the slot that goes on.
    seen: Option<SplitSeen>,
    last: Option<Incident>,
    beacons: Vec<String>,
}

impl Splits {
    /// Whether an incident is one of a split.
    pub(super) fn are_of(change: &Change) -> bool {
        change.culprits.iter().any(|culprit| culprit.kind == Kind::ChainSplit)
    }

    /// Takes a line.
    pub(super) fn take(&mut self, seen: &SplitSeen) {
        self.seen = Some(seen.clone());
    }

    /// The beacons of all its sides.
    pub(super) fn beacons(&self) -> Vec<String> {
        self.beacons.clone()
    }

    /// Goes on with one of a process before this one.
    pub(super) fn restore(&mut self, change: Change, now: u64) {
        self.last = Some(Incident { seen: now, ..Incident::new(change, SURE, PATIENCE) });
    }

    /// A slot is over: what has changed. `last` is the number of the last incident of any kind.
    pub(super) fn look(&mut self, now: u64, last: &mut u64, changes: &mut Vec<Change>) {
        let Some(seen) = self.seen.take() else {
            if let Some(open) = self.last.as_mut().filter(|last| last.open && last.seen + PATIENCE <= now) {
                (open.open, open.at) = (false, now);
                changes.push(Change { slot: now, event: Event::Resolved, ..open.change.clone() });
            }
            return;
        };
        self.beacons = seen.split.beacons().map(ToString::to_string).collect();
        let change = told(&seen, now);
        if let Some(known) = self.last.as_mut().filter(|known| known.is_recent(now)) {
            // Its heads move on with every block: what is news is who is on which side.
            let other = known.culprit() != &change.culprits[0];
            changes.extend(known.again(change, SURE, PATIENCE, other));
            return;
        }
        *last += 1;
        let change = Change { id: *last, ..change };
        self.last = Some(Incident::new(change.clone(), SURE, PATIENCE));
        changes.push(change);
    }
}

fn told(seen: &SplitSeen, now: u64) -> Change {
    let split = &seen.split;
    let culprit = Culprit { kind: Kind::ChainSplit, name: split.name() };
    let cause = cause(&Case { split: Some(split), ..Case::of(&culprit.kind) });
    let mut evidence = vec![format!("validators stay with {}", split.ours.told())];
    evidence.extend(split.theirs.iter().map(SplitSide::told));
    Change { evidence, ..Change::blames(culprit, cause, now) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::split;

    fn look(splits: &mut Splits, now: u64, theirs: Option<&[&str]>) -> Vec<(Event, u64, String)> {
        let (mut last, mut changes) = (6, Vec::new());
        if let Some(theirs) = theirs {
            splits.take(&SplitSeen { slot: crate::model::Slot(now), split: split(theirs) });
        }
        splits.look(now, &mut last, &mut changes);
        changes.iter().map(|change| (change.event, change.id, change.culprits[0].name.clone())).collect()
    }

    #[test]
    fn it_opens_at_once_tells_who_changes_sides_and_ends_when_it_is_not_seen() {
        let mut splits = Splits::default();
        let name = "Lighthouse / Teku".to_owned();
        assert_eq!(look(&mut splits, 100, Some(&["Teku"])), [(Event::Opened, 7, name.clone())]);
        assert_eq!(look(&mut splits, 101, Some(&["Teku"])), [], "its heads moving on are no news");
        let both = "Lighthouse / Prysm, Teku".to_owned();
        assert_eq!(look(&mut splits, 102, Some(&["Prysm", "Teku"])), [(Event::Changed, 7, both.clone())]);
        assert_eq!(look(&mut splits, 103, None), [], "a slot without it is none yet");
        assert_eq!(look(&mut splits, 104, None), [(Event::Resolved, 7, both)]);
        assert_eq!(look(&mut splits, 110, Some(&["Teku"])), [(Event::Changed, 7, name)], "it is back");
    }

    #[test]
    fn one_of_a_process_before_goes_on() {
        let mut splits = Splits::default();
        let kept = told(&SplitSeen { slot: crate::model::Slot(99), split: split(&["Teku"]) }, 99);
        assert!(Splits::are_of(&kept));
        splits.restore(Change { id: 3, ..kept }, 120);
        assert_eq!(look(&mut splits, 121, Some(&["Teku"])), []);
        assert_eq!(look(&mut splits, 123, None), [(Event::Resolved, 3, "Lighthouse / Teku".to_owned())]);
    }
}
