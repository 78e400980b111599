//! What a beacon tells comes late, and the clock of its host may be off: an estimate is no proof, but nothing else is known.

use super::{Case, Symptom};
use crate::incidents::findings::is_clock;
use crate::model::HostLevel;

/// What a wrong clock shows by.
const LATE: [Symptom; 7] = [
    Symptom::Behind,
    Symptom::Trailing,
    Symptom::HeadLate,
    Symptom::WrongHead,
    Symptom::Late,
    Symptom::PublishedLate,
    Symptom::Missed,
];

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    let (check, _) = case.finding.filter(|(check, level)| *level >= HostLevel::Warn && is_clock(check))?;
    let late = LATE.iter().any(|symptom| case.of_beacons(*symptom) > 0.0);
    late.then(|| format!("what it tells is late, and the clock of its host may be off ({check})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::beacon;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let late = || beacon(&[(Symptom::Behind, 0.9)]);
        let finding = Some(("time.offset", HostLevel::Warn));
        let said = why(&Case { finding, ..late() });
        assert_eq!(
            said.as_deref(),
            Some("what it tells is late, and the clock of its host may be off (time.offset)")
        );
        assert_eq!(why(&late()), None);
        assert_eq!(why(&Case { finding: Some(("time.jitter", HostLevel::Warn)), ..late() }), None);
        assert_eq!(
            why(&Case { finding, ..beacon(&[(Symptom::ElOffline, 0.9)]) }),
            None,
            "a clock takes no execution client offline"
        );
    }
}
