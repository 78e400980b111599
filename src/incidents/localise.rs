//! Who is to blame: greedy maximum a posteriori over a noisy-OR model of many symptoms, with explain-away.
//!
//! For a cell with the active components of its path, P(bad) = 1 − (1 − b)·Π(1 − q) (Sherlock, SIGCOMM 2007; Flock,
//! arXiv 2305.03348). All symptoms share one set of active components; each component has a strength q per symptom. The
//! component with the largest gain in log-likelihood less its prior is added, until none is worth it; then each is
//! tried against its alternatives.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::Cells;
use super::component::{Id, Parts, is_front};
use super::given::Given;
use super::symptom::Symptom;
use super::weigh::{Scale, Weighed};

/// A component is blamed for at least so many nats.
const THRESHOLD: f64 = 13.0;
/// Most culprits.
const MOST: usize = 6;
/// What votes for another head alone must show besides.
const DOUBT: f64 = 6.0;
/// And so much more for the share of votes for which that is usual.
const DOUBTS: f64 = 40.0;
/// Where more than this share of votes is for another head, they alone say nothing.
const COMMON: f64 = 0.2;
/// A rival that explains the same within so many nats is waited for, while there is little to go by.
const RIVAL: (f64, f64) = (2.0, 8.0);
/// What is blamed already needs so many nats less.
const KNOWN: f64 = 6.0;
/// So much less probable is what would show elsewhere, too, and does not: see [`Localiser::strange`].
const STRANGE: f64 = 3.0;
/// What is weaker than this share of another symptom is no sign besides it.
const ASIDE: f64 = 0.25;

/// A component that is blamed.
#[derive(Debug, Clone)]
pub(super) struct Blame {
    pub(super) id: Id,
    /// Gain in log-likelihood less the prior, in nats.
    pub(super) score: f64,
    /// Strength by symptom.
    pub(super) strength: BTreeMap<Symptom, f64>,
    /// Newest slot that speaks for it.
    pub(super) newest: u64,
    /// What cannot be told apart from it.
    pub(super) like: Vec<Id>,
    /// Whose symptoms are mostly the same.
    pub(super) near: Vec<Id>,
}

/// Finds who is to blame for the cells of a window.
pub(super) struct Localiser<'a> {
    scale: Scale<'a>,
    parts: &'a Parts,
    /// How improbable each component is, in nats.
    priors: &'a [f64],
    /// What is blamed already.
    open: &'a BTreeSet<Id>,
    now: u64,
}

impl<'a> Localiser<'a> {
    pub(super) fn new(
        cells: &'a Cells,
        parts: &'a Parts,
        (priors, open): (&'a [f64], &'a BTreeSet<Id>),
        now: u64,
    ) -> Self {
        Self { scale: Scale::new(cells, parts), parts, priors, open, now }
    }

    /// The most probable set of culprits.
    pub(super) fn solve(&self) -> Vec<Blame> {
        let candidates: Vec<Id> = (0..self.parts.len()).filter(|id| self.scale.is_wrong(*id)).collect();
        let nobody = self.scale.given(&[]);
        let mut blames: Vec<Blame> = Vec::new();
        while blames.len() < MOST {
            let given = self.given(&blames);
            let given = given.as_ref().unwrap_or(&nobody);
            let Some(best) = self.best(&candidates, &blames, given, None) else { break };
            blames.push(best);
        }
        let mut place = 0;
        while place < blames.len() {
            let mut others = blames.clone();
            let old = others.remove(place);
            let given = self.given(&others);
            let given = given.as_ref().unwrap_or(&nobody);
            match self.best(&candidates, &others, given, Some(old.id)) {
                Some(best) => blames[place] = best,
                // What was found after it explains it.
                None if others.iter().any(|other| other.near.contains(&old.id)) => {
                    blames = others;
                    continue;
                }
                None => {}
            }
            place += 1;
        }
        if let Some(merged) = self.merged(&candidates, &blames, &nobody) {
            blames = merged;
        }
        let mut kept: Vec<Blame> = Vec::new();
        for blame in blames {
            if !kept.iter().any(|other| other.id == blame.id) {
                kept.push(blame);
            }
        }
        kept
    }

    /// Those of which several are parts of one component that explains as much: one culprit less is worth the threshold.
    /// That some of them are open already is no reason to keep them.
    fn merged(&self, candidates: &[Id], blames: &[Blame], nobody: &Given) -> Option<Vec<Blame>> {
        let mut best: Option<(f64, Vec<Blame>)> = None;
        for id in candidates.iter().filter(|id| self.parts.members(**id).len() > 1) {
            let (parts, rest): (Vec<Blame>, Vec<Blame>) =
                blames.iter().cloned().partition(|blame| self.parts.is_part(blame.id, *id));
            if parts.len() < 2 || parts.iter().any(|part| part.id == *id) {
                continue;
            }
            let given = self.given(&rest);
            let given = given.as_ref().unwrap_or(nobody);
            let Some(weighed) = self.weigh(*id, 1.0, given) else { continue };
            let less = THRESHOLD * (parts.len() - 1) as f64;
            let apart: f64 = parts.iter().map(|part| part.score - self.known(part.id)).sum();
            let gain = weighed.score - self.known(*id) + less - apart;
            let worse = best.as_ref().is_some_and(|(other, _)| *other >= gain);
            if gain < 0.0 || worse || !self.scale.covers(*id, &weighed, given) {
                continue;
            }
            let mut merged = rest;
            merged.push(self.blamed(*id, weighed, self.same(*id).collect()));
            best = Some((gain, merged));
        }
        best.map(|(_, blames)| blames)
    }

    /// What these blames explain; none: there are none.
    fn given(&self, blames: &[Blame]) -> Option<Given> {
        (!blames.is_empty()).then(|| self.scale.given(blames))
    }

    fn weigh(&self, id: Id, witnesses: f64, given: &Given) -> Option<Weighed> {
        let mut weighed = self.scale.weigh(id, witnesses, given)?;
        weighed.score += self.known(id) - self.priors[id] - self.strange(id, &weighed.strength);
        Some(weighed)
    }

    fn known(&self, id: Id) -> f64 {
        if self.open.contains(&id) { KNOWN } else { 0.0 }
    }

    /// A beacon by whose data others' heads are voted for is late with its own head, too; and of what a client does not
    /// do, something is seen before the chain says so: it asks for nothing, signs nothing, or is late.
    fn strange(&self, id: Id, strength: &BTreeMap<Symptom, f64>) -> f64 {
        let front = is_front(&self.parts.culprit(id).kind);
        let is_own = |symptom: Symptom| {
            if front {
                symptom == Symptom::Missed
            } else {
                matches!(symptom, Symptom::WrongHead | Symptom::Late)
            }
        };
        let most = |own: bool| {
            let of = strength.iter().filter(|(symptom, _)| is_own(**symptom) == own);
            of.map(|(_, strength)| *strength).fold(0.0, f64::max)
        };
        if most(false) < ASIDE * most(true) { STRANGE } else { 0.0 }
    }

    /// Votes for another head alone say little, the less the more usual they are.
    fn doubt(&self, strength: &BTreeMap<Symptom, f64>) -> f64 {
        let only = strength.keys().all(|symptom| matches!(symptom, Symptom::WrongHead | Symptom::Late));
        match self.scale.usual(Symptom::WrongHead) {
            _ if !only => 0.0,
            usual if usual > COMMON => f64::INFINITY,
            usual => DOUBT + DOUBTS * usual,
        }
    }

    /// The best of what is weighed, the best first; what explains the same is weighed by the same measure. And what cannot
    /// be told apart from it.
    fn fairest(&self, all: Vec<(Id, Weighed)>, given: &Given) -> Option<(Id, Weighed, Vec<Id>)> {
        let first = all.first()?.0;
        let near = self.scale.near(first);
        let mut rivals: Vec<(Id, Weighed)> =
            all.into_iter().filter(|(id, _)| *id == first || near.contains(id)).collect();
        let witnesses = rivals.iter().map(|(id, rival)| self.scale.witnesses(*id, &rival.strength));
        let witnesses = witnesses.fold(1.0, f64::max);
        for (id, rival) in &mut rivals {
            if let Some(again) = self.weigh(*id, witnesses, given) {
                *rival = again;
            }
        }
        let (id, best) =
            rivals.into_iter().max_by(|a, b| a.1.score.total_cmp(&b.1.score).then(b.0.cmp(&a.0)))?;
        // Whoever is open already needs less to be blamed again: what explains as much is compared without that.
        let own = self.scale.weigh(id, witnesses, given)?.score;
        let is_of_all = |id: Id| self.parts.is_of_all_beacons(id) || self.parts.timed(id).next().is_some();
        // What lost for being strange alone may be it, too.
        let explains = |other: &Id| {
            let Some(weighed) = self.scale.weigh(*other, witnesses, given) else { return false };
            let is_rival =
                is_of_all(id) && is_of_all(*other) || self.strange(*other, &weighed.strength) > 0.0;
            is_rival && weighed.score > own - RIVAL.0
        };
        let near = self.scale.near(id).into_iter();
        let mut like: Vec<Id> = near.filter(explains).chain(self.same(id)).collect();
        like.sort_unstable();
        like.dedup();
        Some((id, best, like))
    }

    /// Of which the same was seen.
    fn same(&self, id: Id) -> impl Iterator<Item = Id> {
        (0..self.parts.len()).filter(move |other| *other != id && self.scale.is_same(id, *other))
    }

    fn best(&self, candidates: &[Id], blames: &[Blame], given: &Given, related: Option<Id>) -> Option<Blame> {
        let mut all: Vec<(Id, Weighed)> = Vec::new();
        for id in candidates {
            if blames.iter().any(|blame| blame.id == *id)
                || related.is_some_and(|to| !self.parts.related(*id, to))
            {
                continue;
            }
            let Some(weighed) = self.weigh(*id, 1.0, given) else { continue };
            if weighed.score >= THRESHOLD + self.doubt(&weighed.strength)
                && (weighed.slots >= 2 || weighed.at_once)
                && self.scale.covers(*id, &weighed, given)
            {
                all.push((*id, weighed));
            }
        }
        all.sort_by(|a, b| b.1.score.total_cmp(&a.1.score).then(a.0.cmp(&b.0)));
        if let [(first, best), (second, rival), ..] = &all[..]
            && related.is_none()
            && best.score < THRESHOLD + self.doubt(&best.strength) + RIVAL.1
            && rival.score > best.score - RIVAL.0
            && !self.scale.is_same(*first, *second)
            && self.scale.near(*first).contains(second)
        {
            return None;
        }
        let (id, weighed, like) = self.fairest(all, given)?;
        Some(self.blamed(id, weighed, like))
    }

    fn blamed(&self, id: Id, weighed: Weighed, like: Vec<Id>) -> Blame {
        Blame {
            id,
            near: self.scale.near(id),
            score: weighed.score,
            strength: weighed.strength,
            newest: self.now.saturating_sub(weighed.newest as u64),
            like,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cells::{AGES, Cell, Right};
    use super::super::symptom::KINDS;
    use super::*;
    use crate::model::{Culprit, CulpritKind as Kind, FleetSeen, Labelled};

    /// Four beacons of one version, two clients.
    fn parts() -> Parts {
        let named = |name: String, labels: &[(&str, &str)]| Labelled {
            name,
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        };
        let mut parts = Parts::default();
        parts.learn(&FleetSeen {
            beacons: (0..4).map(|n| named(format!("b{n}"), &[("cl", "v1")])).collect(),
            clients: (0..2).map(|n| named(format!("c{n}"), &[])).collect(),
            slot_seconds: 12.0,
        });
        parts
    }

    /// Probes of all beacons that are slow in three slots and were not before.
    fn slow(parts: &mut Parts) -> Cells {
        let symptom = Symptom::ProbeSlow;
        let mut cells = Cells { totals: vec![[0.0; KINDS]; AGES], ..Cells::default() };
        for n in 0..4 {
            let path = parts.path(None, Some(&format!("b{n}")));
            let bad = |age| Cell { path, symptom, age, n: 1.0, bad: 1.0, usual: 0.01 };
            cells.bad.extend((0..3).map(bad));
            cells.right.push(Right { path, symptom, n: 1.0, usual: 0.01 });
        }
        cells
    }

    #[test]
    fn what_cannot_be_told_apart_is_told_of_whichever_is_weighed_first() {
        let mut parts = parts();
        let cells = slow(&mut parts);
        let find = |kind, name: &str| parts.find(&Culprit { kind, name: name.to_owned() }).unwrap();
        let both = [find(Kind::Cl, "v1"), find(Kind::Router, "router")];
        let priors: Vec<f64> = (0..parts.len()).map(|id| parts.prior(id)).collect();
        let open = BTreeSet::new();
        let localiser = Localiser::new(&cells, &parts, (&priors, &open), 100);
        let given = localiser.scale.given(&[]);
        let told = |order: [Id; 2]| {
            let weighed = order.map(|id| (id, localiser.weigh(id, 1.0, &given).unwrap()));
            let (id, _, like) = localiser.fairest(weighed.into(), &given).unwrap();
            (id, like)
        };
        let (id, like) = told(both);
        let other = both.into_iter().find(|one| *one != id).unwrap();
        assert!(like.contains(&other) && !like.contains(&id), "{id} {like:?}");
        assert_eq!(told([both[1], both[0]]), (id, like));
    }

    #[test]
    fn what_would_show_elsewhere_and_does_not_is_less_probable() {
        let mut parts = parts();
        let cells = slow(&mut parts);
        let find = |kind, name: &str| parts.find(&Culprit { kind, name: name.to_owned() }).unwrap();
        let (beacon, client) = (find(Kind::Beacon, "b1"), find(Kind::Client, "c1"));
        let (priors, open) = (vec![0.0; parts.len()], BTreeSet::new());
        let localiser = Localiser::new(&cells, &parts, (&priors, &open), 100);
        let is = |id: Id, shown: &[(Symptom, f64)]| {
            localiser.strange(id, &shown.iter().copied().collect::<BTreeMap<_, _>>()) > 0.0
        };
        assert!(is(beacon, &[(Symptom::WrongHead, 0.8)]), "its own head comes in time");
        assert!(is(beacon, &[(Symptom::WrongHead, 0.8), (Symptom::HeadLate, 0.1)]), "as good as in time");
        assert!(!is(beacon, &[(Symptom::WrongHead, 0.8), (Symptom::HeadLate, 0.4)]));
        assert!(!is(beacon, &[(Symptom::Missed, 0.8)]));
        assert!(!is(client, &[(Symptom::WrongHead, 0.8)]), "it votes too early");
        assert!(is(client, &[(Symptom::Missed, 0.8)]), "it asked and signed");
        assert!(!is(client, &[(Symptom::Missed, 0.8), (Symptom::Unasked, 0.8)]));
    }

    #[test]
    fn what_is_open_is_blamed_again_for_less() {
        let mut parts = parts();
        let cells = slow(&mut parts);
        let version = parts.find(&Culprit { kind: Kind::Cl, name: "v1".to_owned() }).unwrap();
        let priors = vec![0.0; parts.len()];
        let score = |open: &BTreeSet<Id>| {
            let localiser = Localiser::new(&cells, &parts, (&priors, open), 100);
            let given = localiser.scale.given(&[]);
            localiser.weigh(version, 1.0, &given).unwrap().score
        };
        let more = score(&BTreeSet::from([version])) - score(&BTreeSet::new());
        assert!((more - KNOWN).abs() < 1e-9, "{more}");
    }
}
