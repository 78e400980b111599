//! Judges what an engine said of a scenario: lines of `replay --json` against the incidents the scenario expects.

use std::collections::BTreeMap;

use beacondeck::sim::{At, Expected, FIRST_SLOT, Scenario};
use serde::Deserialize;

/// One line of `replay --json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Said {
    pub slot: u64,
    pub event: String,
    pub id: serde_json::Value,
    #[serde(default)]
    pub culprits: Vec<Culprit>,
    #[serde(default, rename = "ambiguous-with")]
    pub ambiguous_with: Vec<Culprit>,
    #[serde(default)]
    pub confidence: f64,
    #[serde(default)]
    pub cause: String,
    #[serde(default)]
    pub evidence: Vec<String>,
}

/// Who is blamed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Culprit {
    pub kind: String,
    pub name: String,
}

/// What came of one scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub exact: bool,
    pub top: bool,
    /// For each expected incident, slots from the first evidence to its name; none: never named.
    pub slots: Vec<Option<u64>>,
    /// Incidents that blame nobody who is to blame, in words.
    pub wrong: Vec<String>,
    /// Expected and not there, in words.
    pub missing: Vec<String>,
}

fn at(culprit: &Culprit) -> At {
    let name = culprit.name.clone();
    match culprit.kind.as_str() {
        "beacon" => At::Beacon(name),
        "host" => At::Host(name),
        "el" => At::El(name),
        "cl" => At::Cl(name),
        "zone" => At::Zone(name),
        "client" => At::Client(name),
        "signer" => At::Signer(name),
        "router" => At::Router(name),
        // A slot is blamed when the network is.
        _ => At::Network,
    }
}

fn is(scenario: &Scenario, expected: &Expected, culprit: &Culprit) -> bool {
    let said = at(culprit);
    scenario.fleet.same_members(&expected.at, &said) || expected.or.contains(&said)
}

/// The slot of the first of these lines that names an expected culprit.
fn named<'a>(
    scenario: &Scenario,
    expected: &Expected,
    mut lines: impl Iterator<Item = &'a Said>,
) -> Option<u64> {
    let names = |line: &&Said| line.culprits.iter().any(|culprit| is(scenario, expected, culprit));
    lines.find(names).map(|line| line.slot)
}

/// Judges what was said; `evidence` has for each expected incident the slot it could first be known in.
pub fn judge(scenario: &Scenario, said: &[Said], evidence: &[Option<u64>]) -> Verdict {
    let mut last: BTreeMap<String, &Said> = BTreeMap::new();
    for line in said.iter().filter(|line| !line.culprits.is_empty()) {
        last.insert(line.id.to_string(), line);
    }
    let right = |culprit: &Culprit| scenario.expect.iter().any(|expected| is(scenario, expected, culprit));
    let mut strongest: Option<&Said> = None;
    for line in last.values() {
        if strongest.is_none_or(|so_far| line.confidence > so_far.confidence) {
            strongest = Some(line);
        }
    }
    let missing: Vec<String> = scenario
        .expect
        .iter()
        .filter(|expected| named(scenario, expected, last.values().copied()).is_none())
        .map(|expected| expected.at.to_string())
        .collect();
    let all_right = last.values().all(|line| line.culprits.iter().all(right));
    let wrong = last.values().filter(|line| !line.culprits.iter().any(right)).map(|line| {
        let names: Vec<String> = line.culprits.iter().map(|of| format!("{} {}", of.kind, of.name)).collect();
        format!("{} (slot {})", names.join(" + "), line.slot.saturating_sub(FIRST_SLOT.0))
    });
    let slots = scenario.expect.iter().zip(evidence).map(|(expected, evidence)| {
        let since = (*evidence)?;
        let name = named(scenario, expected, said.iter().filter(|line| line.event != "resolved"))?;
        Some(name.saturating_sub(since))
    });
    Verdict {
        exact: all_right && missing.is_empty(),
        top: strongest.map_or(scenario.expect.is_empty(), |line| line.culprits.first().is_some_and(right)),
        slots: slots.collect(),
        wrong: wrong.collect(),
        missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Vec<Said> {
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn scenario() -> Scenario {
        let text = "
story: s
fleet: { hosts: 12 }
faults:
  - { slot: 24, at: { beacon: beacon-3 }, fault: hang }
  - { slot: 30, at: { client: vc-8 }, fault: stop }
expect:
  - { at: { beacon: beacon-3 }, or: [{ client: vc-3 }] }
  - { at: { client: vc-8 } }
";
        Scenario::parse("x", text).unwrap()
    }

    const EVIDENCE: [Option<u64>; 2] = [Some(320_024), Some(320_030)];
    const BEACON: &str = r#"{"slot":320025,"event":"opened","id":1,"culprits":[{"kind":"host","name":"h3"}],"confidence":0.9}"#;
    const CLIENT: &str = r#"{"slot":320033,"event":"opened","id":2,"culprits":[{"kind":"client","name":"vc-8"}],"confidence":0.8}"#;

    #[test]
    fn what_nobody_can_tell_apart_is_right_and_slots_count_from_the_evidence() {
        let verdict = judge(&scenario(), &said(&[BEACON, CLIENT]), &EVIDENCE);
        assert!(verdict.exact && verdict.top && verdict.wrong.is_empty() && verdict.missing.is_empty());
        assert_eq!(verdict.slots, [Some(1), Some(3)]);
        let by_list = said(&[&BEACON.replace("host", "client").replace("h3", "vc-3"), CLIENT]);
        assert!(judge(&scenario(), &by_list, &EVIDENCE).exact);
    }

    #[test]
    fn the_last_word_of_an_incident_counts() {
        let first = BEACON.replace("h3", "h9");
        let changed = BEACON.replace("opened", "changed").replace("320025", "320027");
        let verdict = judge(&scenario(), &said(&[&first, CLIENT, &changed]), &EVIDENCE);
        assert!(verdict.exact && verdict.slots == [Some(3), Some(3)], "{verdict:?}");
    }

    #[test]
    fn what_is_missing_wrong_or_too_much_is_not_exact() {
        let missing = judge(&scenario(), &said(&[BEACON]), &EVIDENCE);
        assert!(!missing.exact && missing.top && missing.missing == ["client vc-8"]);
        let stranger = BEACON.replace("h3", "h9").replace("\"id\":1", "\"id\":3").replace("0.9", "0.95");
        let wrong = judge(&scenario(), &said(&[BEACON, CLIENT, &stranger]), &EVIDENCE);
        assert!(!wrong.exact && !wrong.top && wrong.wrong == ["host h9 (slot 25)"], "{wrong:?}");
        let slot = BEACON.replace("host", "slot").replace("\"id\":1", "\"id\":4");
        assert!(
            !judge(&scenario(), &said(&[BEACON, CLIENT, &slot]), &EVIDENCE).exact,
            "the network was well"
        );
        assert!(!judge(&scenario(), &[], &EVIDENCE).exact);
    }
}
