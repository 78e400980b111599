//! Why: the stage at which what is blamed goes wrong.

use super::localise::Blame;
use super::symptom::Symptom;
use crate::model::CulpritKind as Kind;

/// In a few words.
pub(super) fn cause(kind: &Kind, blame: &Blame, finding: Option<&str>) -> String {
    let strong = |symptom: Symptom| blame.strength.get(&symptom).copied().unwrap_or(0.0);
    let clients = matches!(kind, Kind::Client | Kind::Signer);
    let words = if let Some(check) = finding.filter(|check| check.starts_with("time.")) {
        return format!("the clock of the host ({check})");
    } else if strong(Symptom::ElOffline) > 0.3 {
        "its execution client is offline"
    } else if strong(Symptom::Optimistic) > 0.3 {
        "follows the head without its execution client's word"
    } else if strong(Symptom::Unreachable) > 0.3 {
        if strong(Symptom::Unanswered) > 0.3 { "does not answer" } else { "cannot be reached" }
    } else if strong(Symptom::Behind) > 0.3 {
        "its head is behind"
    } else if strong(Symptom::Peers) > 0.3 {
        "has few peers"
    } else if strong(Symptom::Unanswered) > 0.1 {
        "fails requests"
    } else if strong(Symptom::Slow) > 0.2 || strong(Symptom::ProbeSlow) > 0.3 {
        "answers slowly"
    } else if strong(Symptom::PublishedLate) > 0.2 {
        if clients { "signs late" } else { "late publications" }
    } else if clients && strong(Symptom::Missed) > 0.8 {
        "does not ask for its duties"
    } else if strong(Symptom::WrongHead) > strong(Symptom::Missed) {
        "votes for another head"
    } else if strong(Symptom::Missed) > 0.0 {
        "what is published is not included"
    } else {
        "what is published is included late"
    };
    finding.map_or_else(|| words.to_owned(), |check| format!("{words} ({check})"))
}
