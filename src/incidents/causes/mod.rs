//! Why: the stage at which what is blamed goes wrong. One file a rule, one line each in [`RULES`]; the first that knows
//! has the word.
//!
//! To add a rule: its file, with a case that is its own and one that is not, and its line, before those that say less.

use std::collections::BTreeMap;

use super::network::StormKind;
use super::symptom::Symptom;
use crate::model::{ChainSplit, CulpritKind as Kind, HostLevel, KeySeen};

mod chain_split;
mod clock;
mod clock_doubt;
mod el_offline;
mod failing;
mod host_finding;
mod hung;
mod included_late;
mod key_elsewhere;
mod key_twice;
mod late_block;
mod late_head;
mod lost_by_all;
mod never_asked;
mod not_included;
mod not_signed;
mod optimistic;
mod other_head;
mod peers;
mod signed_late;
mod slow_answer;
mod stale_head;
mod wrong_chain;

/// What a rule looks at.
#[derive(Debug, Clone)]
pub(super) struct Case<'a> {
    /// What kind of thing is blamed.
    pub(super) kind: &'a Kind,
    /// How much of each symptom is its doing, 0 to 1.
    pub(super) strength: BTreeMap<Symptom, f64>,
    /// The worst check of its host, if it is one: its id and verdict.
    pub(super) finding: Option<(&'a str, HostLevel)>,
    /// Whether it accepts connections and does not answer.
    pub(super) hung: bool,
    /// What is everybody's.
    pub(super) storm: Option<StormKind>,
    /// Keys that sign at two places.
    pub(super) key: Option<&'a KeySeen>,
    /// Heads that part along the lines of clients.
    pub(super) split: Option<&'a ChainSplit>,
}

impl<'a> Case<'a> {
    /// One of which nothing is known but what kind of thing is blamed.
    pub(super) fn of(kind: &'a Kind) -> Self {
        Self {
            kind,
            strength: BTreeMap::new(),
            finding: None,
            hung: false,
            storm: None,
            key: None,
            split: None,
        }
    }

    fn strong(&self, symptom: Symptom) -> f64 {
        self.strength.get(&symptom).copied().unwrap_or(0.0)
    }

    /// A symptom of something behind the router, and the router.
    fn of_beacons(&self, symptom: Symptom) -> f64 {
        if matches!(self.kind, Kind::Client | Kind::Signer) { 0.0 } else { self.strong(symptom) }
    }

    /// A symptom of something before the beacons.
    fn of_fronts(&self, symptom: Symptom) -> f64 {
        if matches!(self.kind, Kind::Client | Kind::Signer | Kind::Router | Kind::Label(_)) {
            self.strong(symptom)
        } else {
            0.0
        }
    }

    fn bad_finding(&self, of: impl Fn(&str) -> bool) -> Option<&'a str> {
        self.finding.filter(|(check, level)| *level == HostLevel::Bad && of(check)).map(|(check, _)| check)
    }
}

/// A reason in a few words, if it is this one.
type Rule = fn(&Case<'_>) -> Option<String>;

/// The rules; those that say most come first.
const RULES: [Rule; 23] = [
    chain_split::why,
    key_twice::why,
    key_elsewhere::why,
    late_block::why,
    lost_by_all::why,
    clock::why,
    host_finding::why,
    el_offline::why,
    optimistic::why,
    hung::why,
    wrong_chain::why,
    clock_doubt::why,
    peers::why,
    stale_head::why,
    failing::why,
    slow_answer::why,
    late_head::why,
    never_asked::why,
    not_signed::why,
    signed_late::why,
    other_head::why,
    not_included::why,
    included_late::why,
];

/// `validator 17`, or `validators 17, 18, 19 and 37 more`.
fn validators(seen: &KeySeen) -> String {
    let named: Vec<String> = seen.validators.iter().take(3).map(ToString::to_string).collect();
    match (seen.keys as usize).saturating_sub(named.len()) {
        0 if named.len() == 1 => format!("validator {}", named[0]),
        0 => format!("validators {}", named.join(", ")),
        more => format!("validators {} and {more} more", named.join(", ")),
    }
}

/// In a few words.
pub(super) fn cause(case: &Case<'_>) -> String {
    let why = RULES.iter().find_map(|rule| rule(case));
    why.unwrap_or_else(|| "what goes by it goes wrong more often than is usual".to_owned())
}

/// Lighthouse on our side, these clients on the other.
#[cfg(test)]
pub(super) fn split(theirs: &[&str]) -> ChainSplit {
    use crate::model::{BeaconName, HeadStatus, Root, Slot, SplitSide, UnixMs};
    let side = |clients: &[&str], root: u8| SplitSide {
        clients: clients.iter().map(|client| (*client).to_owned()).collect(),
        beacons: (1..=2).map(|n| BeaconName::new(format!("{}-{n}", clients[0]))).collect(),
        head: HeadStatus { slot: Slot(99), root: Root([root; 32]) },
    };
    let (ours, theirs) = (side(&["Lighthouse"], 1), vec![side(theirs, 2)]);
    ChainSplit { began: Slot(99), since: UnixMs(0), parted: None, ours, theirs }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KeyHow, Slot, ValidatorIndex};

    /// Something of this kind with these symptoms.
    pub(in crate::incidents::causes) fn with(
        kind: &'static Kind,
        strength: &[(Symptom, f64)],
    ) -> Case<'static> {
        Case { strength: strength.iter().copied().collect(), ..Case::of(kind) }
    }

    /// A beacon with these symptoms.
    pub(in crate::incidents::causes) fn beacon(strength: &[(Symptom, f64)]) -> Case<'static> {
        with(&Kind::Beacon, strength)
    }

    /// A client with these symptoms.
    pub(in crate::incidents::causes) fn client(strength: &[(Symptom, f64)]) -> Case<'static> {
        with(&Kind::Client, strength)
    }

    /// Keys from validator 17 on.
    pub(in crate::incidents::causes) fn key(how: KeyHow, keys: u32) -> KeySeen {
        KeySeen {
            slot: Slot(1),
            how,
            clients: vec!["vc-1".into(), "vc-2".into()],
            keys,
            slashable: 0,
            validators: (17..17 + u64::from(keys.min(8))).map(ValidatorIndex).collect(),
            shown: Vec::new(),
        }
    }

    #[test]
    fn what_says_most_is_said_first() {
        let all = Symptom::ALL.map(|symptom| (symptom, 0.9));
        assert_eq!(cause(&beacon(&all)), "its execution client is offline");
        assert_eq!(cause(&client(&all)), "does not ask for its duties");
        let host = Case { finding: Some(("time.offset", HostLevel::Bad)), ..with(&Kind::Host, &all) };
        assert_eq!(cause(&host), "the clock of the host (time.offset)");
        assert!(!cause(&beacon(&[])).is_empty());
    }

    #[test]
    fn every_rule_has_a_line_and_a_file() {
        let mut files: Vec<String> =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/incidents/causes"))
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
        files.retain(|name| name != "mod.rs");
        assert_eq!(files.len(), RULES.len(), "{files:?}");
    }
}
