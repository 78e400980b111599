//! Silences: of what nobody is told, until when, by whose wish.

use serde::{Deserialize, Serialize};

use super::{Incident, UnixMs};

/// Seconds a silence lasts at most: what is to be quiet for longer is silenced again by somebody who has looked.
pub const LONGEST_SILENCE_S: u64 = 24 * 3_600;

/// Who does not want to be told of an incident, or of whatever a culprit does, until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// The key of an incident, or a culprit as it is shown: `incident 7`, `beacon b2`.
    pub key: String,
    /// Who.
    pub by: String,
    /// Since when.
    pub at: UnixMs,
    /// Until when.
    pub until: UnixMs,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Silence {
    /// Whether it has ended.
    pub fn is_over(&self, now: UnixMs) -> bool {
        self.until <= now
    }

    /// `silenced until 2026-11-25T19:25:50Z by alice (uid 1000): its disk is changed`.
    pub fn words(&self) -> String {
        let why = self.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        format!("silenced until {} by {}{why}", self.until.utc(), self.by)
    }
}

/// The silence that keeps an incident quiet the longest. One of a culprit does if every other culprit has one too: the
/// first of them to end ends it.
pub fn silence_of<'a>(incident: &Incident, silences: &'a [Silence]) -> Option<&'a Silence> {
    let of = |key: String| silences.iter().find(move |silence| silence.key == key);
    let culprits: Option<Vec<&Silence>> =
        incident.culprits.iter().map(|culprit| of(culprit.to_string())).collect();
    let of_culprits = culprits.and_then(|all| all.into_iter().min_by_key(|silence| silence.until));
    of(incident.key()).into_iter().chain(of_culprits).max_by_key(|silence| silence.until)
}

/// Reads `45s`, `30m` (or `30min`), `2h`, `1d` and several in a row, `1h30m`, as seconds.
pub fn read_seconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut all = 0_u64;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, tail) = tail.split_at(letters);
        let seconds = match unit {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        all = number.parse::<u64>().ok()?.checked_mul(seconds)?.checked_add(all)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::model::{Culprit, CulpritKind, Slot};

    fn silence(key: &str, until: u64) -> Silence {
        Silence { key: key.into(), by: "alice".into(), at: UnixMs(0), until: UnixMs(until), why: None }
    }

    fn incident(names: &[&str]) -> Incident {
        let culprit = |name: &&str| Culprit { kind: CulpritKind::Beacon, name: (*name).to_owned() };
        Incident::new(7, names.iter().map(culprit).collect(), "hung".into(), Slot(1), UnixMs(0))
    }

    #[rstest]
    #[case::nothing(&["b2"], &[], None)]
    #[case::itself(&["b2"], &[("incident 7", 5)], Some(5))]
    #[case::another(&["b2"], &[("incident 70", 5), ("beacon b22", 5), ("host b2", 5)], None)]
    #[case::its_culprit(&["b2"], &[("beacon b2", 5)], Some(5))]
    #[case::the_longer(&["b2"], &[("incident 7", 5), ("beacon b2", 9)], Some(9))]
    #[case::one_of_two(&["b2", "b3"], &[("beacon b2", 5)], None)]
    #[case::both(&["b2", "b3"], &[("beacon b2", 5), ("beacon b3", 4)], Some(4))]
    #[case::itself_for_one_of_two(&["b2", "b3"], &[("beacon b2", 9), ("incident 7", 5)], Some(5))]
    fn an_incident_is_quiet_by_its_own_silence_or_that_of_all_its_culprits(
        #[case] culprits: &[&str],
        #[case] given: &[(&str, u64)],
        #[case] until: Option<u64>,
    ) {
        let given: Vec<Silence> = given.iter().map(|(key, until)| silence(key, *until)).collect();
        let found = silence_of(&incident(culprits), &given);
        assert_eq!(found.map(|silence| silence.until.0), until);
    }

    #[rstest]
    #[case("45s", Some(45))]
    #[case("30m", Some(1_800))]
    #[case("30min", Some(1_800))]
    #[case("1h30m", Some(5_400))]
    #[case("1d", Some(86_400))]
    #[case("0s", Some(0))]
    #[case("", None)]
    #[case("2", None)]
    #[case("h", None)]
    #[case("2 h", None)]
    #[case("-2h", None)]
    #[case("2hours", None)]
    #[case("99999999999999999999h", None)]
    #[case("18446744073709551615d", None)]
    fn seconds_are_read(#[case] text: &str, #[case] seconds: Option<u64>) {
        assert_eq!(read_seconds(text), seconds);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_and_each_sum_is_read(text in "[0-9a-z ä]{0,12}", h in 0_u64..99, m in 0_u64..99) {
            let _ = read_seconds(&text);
            prop_assert_eq!(read_seconds(&format!("{h}h{m}m")), Some(h * 3_600 + m * 60));
        }
    }
}
