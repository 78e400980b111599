//! Keys that sign at two places: an incident for each pair of clients, or for each client whose keys sign elsewhere.
//!
//! Nothing is weighed: what shows it is a signature. It opens at the end of the slot in which it showed, whatever else goes
//! on, and ends when nothing more showed for [`QUIET`] slots.

use super::causes::{Case, cause};
use super::life::{Change, Event, Incident};
use crate::model::{Culprit, CulpritKind as Kind, KeyHow, KeySeen};

/// Slots without a sign after which it has ended: three epochs of mainnet. An attester signs once an epoch.
const QUIET: u64 = 96;
/// Where a key signs that signs at no other client.
const ELSEWHERE: &str = "elsewhere";
/// How sure it is, in the measure of incidents; that a validator can be slashed is told although its incident is open.
const SURE: f64 = 100.0;
const SLASHABLE: f64 = 200.0;

/// Who signs with the same keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parties<'a> {
    /// Two clients.
    Two(&'a str, &'a str),
    /// Two processes behind one client's name.
    One(&'a str),
    /// A client that is idle, and somebody elsewhere.
    Elsewhere(&'a str),
}

impl<'a> Parties<'a> {
    /// By the name of a culprit.
    pub(super) fn of(name: &'a str) -> Self {
        match name.rsplit_once('+') {
            Some((client, ELSEWHERE)) => Self::Elsewhere(client),
            Some((first, second)) => Self::Two(first, second),
            None => Self::One(name),
        }
    }
}

/// Incidents of keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// What showed in the slot that goes on.
    seen: Vec<KeySeen>,
    all: Vec<Incident>,
}

impl Keys {
    /// Whether an incident is one of keys.
    pub(super) fn are_of(change: &Change) -> bool {
        change.culprits.iter().any(|culprit| culprit.kind == Kind::Key)
    }

    /// Takes a line.
    pub(super) fn take(&mut self, seen: &KeySeen) {
        self.seen.push(seen.clone());
    }

    /// Goes on with one of a process before this one.
    pub(super) fn restore(&mut self, change: Change, now: u64) {
        self.all.push(Incident { seen: now, ..Incident::new(change, SURE, QUIET) });
    }

    /// A slot is over: what has changed. `last` is the number of the last incident of any kind.
    pub(super) fn look(&mut self, now: u64, last: &mut u64, changes: &mut Vec<Change>) {
        for seen in std::mem::take(&mut self.seen) {
            let score = if seen.slashable > 0 { SLASHABLE } else { SURE };
            let change = told(&seen, now);
            let known = self
                .all
                .iter_mut()
                .rfind(|known| known.culprit() == &change.culprits[0] && known.is_recent(now));
            if let Some(known) = known {
                changes.extend(known.again(change, score, QUIET, false));
                continue;
            }
            *last += 1;
            let change = Change { id: *last, ..change };
            self.all.push(Incident::new(change.clone(), score, QUIET));
            changes.push(change);
        }
        for known in self.all.iter_mut().filter(|known| known.open && known.seen + QUIET <= now) {
            (known.open, known.at) = (false, now);
            changes.push(Change { slot: now, event: Event::Resolved, ..known.change.clone() });
        }
        self.all.retain(|known| known.is_recent(now));
    }
}

fn told(seen: &KeySeen, now: u64) -> Change {
    let mut name = seen.clients.join("+");
    if seen.how == KeyHow::Elsewhere {
        name = format!("{name}+{ELSEWHERE}");
    }
    let culprit = Culprit { kind: Kind::Key, name };
    let cause = cause(&Case { key: Some(seen), ..Case::of(&culprit.kind) });
    let (validators, evidence) = (u64::from(seen.keys), seen.shown.clone());
    Change { validators, evidence, ..Change::blames(culprit, cause, now) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Slot, ValidatorIndex};

    fn seen(slot: u64, keys: u32, slashable: u32) -> KeySeen {
        KeySeen {
            slot: Slot(slot),
            how: KeyHow::Twice,
            clients: vec!["vc-1".into(), "vc-2".into()],
            keys,
            slashable,
            validators: (0..u64::from(keys.min(8))).map(ValidatorIndex).collect(),
            shown: vec![format!("slot {slot}")],
        }
    }

    fn look(keys: &mut Keys, now: u64, lines: &[KeySeen]) -> Vec<(Event, u64, u64)> {
        let (mut last, mut changes) = (6, Vec::new());
        for line in lines {
            keys.take(line);
        }
        keys.look(now, &mut last, &mut changes);
        changes.iter().map(|change| (change.event, change.id, change.validators)).collect()
    }

    #[test]
    fn it_opens_at_once_grows_and_ends_when_it_was_quiet_for_three_epochs() {
        let mut keys = Keys::default();
        assert_eq!(look(&mut keys, 100, &[seen(100, 1, 0)]), [(Event::Opened, 7, 1)]);
        assert_eq!(look(&mut keys, 101, &[seen(101, 2, 0)]), [], "a second key is no news");
        assert_eq!(look(&mut keys, 102, &[seen(102, 40, 0)]), [(Event::Changed, 7, 40)]);
        assert_eq!(
            look(&mut keys, 103, &[seen(103, 40, 1)]),
            [(Event::Changed, 7, 40)],
            "one can be slashed"
        );
        assert_eq!(look(&mut keys, 103 + QUIET - 1, &[]), []);
        assert_eq!(look(&mut keys, 103 + QUIET, &[]), [(Event::Resolved, 7, 40)]);
        assert_eq!(look(&mut keys, 110 + QUIET, &[seen(210, 1, 0)]), [(Event::Changed, 7, 1)], "it is back");
    }

    #[test]
    fn each_pair_has_its_own_and_one_of_before_goes_on() {
        let mut keys = Keys::default();
        let elsewhere = KeySeen { how: KeyHow::Elsewhere, clients: vec!["vc-1".into()], ..seen(100, 3, 0) };
        let both = look(&mut keys, 100, &[seen(100, 1, 0), elsewhere.clone()]);
        assert_eq!(both, [(Event::Opened, 7, 1), (Event::Opened, 8, 3)]);
        let mut again = Keys::default();
        let kept = Change { id: 8, ..told(&elsewhere, 100) };
        assert!(Keys::are_of(&kept));
        again.restore(kept, 120);
        assert_eq!(look(&mut again, 121, std::slice::from_ref(&elsewhere)), [], "it is known");
        assert_eq!(look(&mut again, 121 + QUIET, &[]), [(Event::Resolved, 8, 3)]);
    }

    #[test]
    fn who_shares_keys_is_known_by_the_name() {
        for (clients, how, parties) in [
            (vec!["vc-1", "vc-2"], KeyHow::Twice, Parties::Two("vc-1", "vc-2")),
            (vec!["vc-1"], KeyHow::Twice, Parties::One("vc-1")),
            (vec!["vc-1"], KeyHow::Elsewhere, Parties::Elsewhere("vc-1")),
        ] {
            let clients = clients.into_iter().map(str::to_owned).collect();
            let change = told(&KeySeen { how, clients, ..seen(1, 1, 0) }, 1);
            assert_eq!(Parties::of(&change.culprits[0].name), parties);
        }
    }
}
