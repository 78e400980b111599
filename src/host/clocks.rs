//! The clock as the checks read it: every witness's word out of the record, one verdict, and the programs that discipline it.

use super::clock::{
    ClockAspect, ClockEvidence, ClockFinding, ClockVerdict, Glance, Grade, KernelClock, Limits, Reading,
    Steps, judge, places,
};
use super::facts::{Facts, misunderstood};
use super::finding::{Cannot, Judged, Verdict, not_applicable, unknown};
use super::limits;
use super::source::{Kind, Unread};

/// Programs that set the clock, as the kernel shortens their names.
const DAEMONS: &[&str] = &["chronyd", "ntpd", "ntp-daemon", "systemd-timesyn", "phc2sys"];

/// What is to be thought of this machine's clock.
pub fn verdict(facts: &Facts<'_>) -> Result<ClockVerdict, Cannot> {
    Ok(judge(&evidence(facts)?, limits(facts)))
}

/// What is said of it.
pub fn evidence(facts: &Facts<'_>) -> Result<ClockEvidence, Cannot> {
    let mut readings: Vec<Reading> = Vec::new();
    for witness in places::DAEMONS {
        readings.extend(word(facts, witness)?);
    }
    Ok(ClockEvidence { readings, kernel: kernel(facts)?, steps: steps(facts)? })
}

/// Thresholds by the disparity that this fleet's spec allows.
pub fn limits(facts: &Facts<'_>) -> Limits {
    Limits::of_disparity(facts.limit(&limits::CLOCK_DISPARITY) as u64)
}

/// What was found about one thing, or why nothing was.
pub fn found(facts: &Facts<'_>, aspect: ClockAspect, expected: &str) -> Result<Judged, Cannot> {
    let verdict = verdict(facts)?;
    match verdict.about(aspect) {
        Some(finding) => Ok(judged(finding, expected)),
        None => silent(facts),
    }
}

/// A finding about the clock, as a check says it.
pub fn judged(finding: &ClockFinding, expected: &str) -> Judged {
    let verdict = match finding.grade {
        Grade::Ok => Verdict::Ok,
        Grade::Warn => Verdict::Warn,
        Grade::Bad | Grade::Critical => Verdict::Bad,
    };
    Judged::new(verdict, expected, finding.text.as_str())
}

/// Nobody told: because nobody may be asked, or because nobody is there who could.
pub fn silent<T>(facts: &Facts<'_>) -> Result<T, Cannot> {
    for witness in places::DAEMONS {
        match facts.read(Kind::Clock, witness) {
            Err(Unread::Denied) => {
                return unknown(format!("{witness} may not be asked by this user; run it as root"));
            }
            Err(Unread::Failed(reason)) => return unknown(format!("{witness} gives no answer: {reason}")),
            Ok(_) | Err(Unread::Absent) => {}
        }
    }
    not_applicable("no time daemon of this machine says anything of it")
}

/// What the kernel says.
pub fn kernel(facts: &Facts<'_>) -> Result<Option<KernelClock>, Cannot> {
    word(facts, places::KERNEL)
}

/// Programs that are running and set the clock.
pub fn daemons(facts: &Facts<'_>) -> Result<Vec<String>, Cannot> {
    let mut running: Vec<String> =
        running(facts)?.into_iter().filter(|name| DAEMONS.contains(&name.as_str())).collect();
    running.dedup();
    Ok(running)
}

/// Names of all programs that are running, sorted.
pub fn running(facts: &Facts<'_>) -> Result<Vec<String>, Cannot> {
    let pids =
        facts.names("/proc")?.into_iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let mut names: Vec<String> = pids
        .filter_map(|pid| facts.maybe(&format!("/proc/{pid}/comm")))
        .map(|name| name.trim().to_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// The step between the two moments, if they are two.
fn steps(facts: &Facts<'_>) -> Result<Vec<super::clock::Step>, Cannot> {
    let (before, now) = glances(facts)?;
    let mut steps = Steps::default();
    let taken = [before, now].into_iter().flatten().filter_map(|glance| steps.take(glance));
    Ok(taken.collect())
}

/// Both clocks at both moments.
pub fn glances(facts: &Facts<'_>) -> Result<(Option<Glance>, Option<Glance>), Cannot> {
    let before = facts.read_before(Kind::Clock, places::GLANCE).ok();
    let before = before.and_then(|text| serde_json::from_str(&text).ok());
    Ok((before, word(facts, places::GLANCE)?))
}

/// A witness's word, if it has one.
fn word<T: serde::de::DeserializeOwned>(facts: &Facts<'_>, witness: &str) -> Result<Option<T>, Cannot> {
    match facts.read(Kind::Clock, witness) {
        Ok(text) => {
            serde_json::from_str(&text).map_or_else(|_| misunderstood(witness), |word| Ok(Some(word)))
        }
        Err(_) => Ok(None),
    }
}
