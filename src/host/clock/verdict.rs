//! One verdict on one host's clock, out of all that was said of it.
//!
//! Owns what follows from the sources' words. It never averages: sources that agree narrow the interval, sources that do
//! not are a finding of their own, and then the worst of them counts.

use serde::{Deserialize, Serialize};

use super::interval::Interval;
use super::kernel::{KernelClock, of_kernel};
use super::limits::{Grade, Limits};
use super::reading::{Reading, Standing, Witness};
use super::select::{Selection, select};
use super::steps::Step;

/// What a finding is about. Each is one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockAspect {
    /// How far the clock is off.
    Offset,
    /// How far that may be off.
    Uncertainty,
    /// Whether those who measure it agree.
    Agreement,
    /// Whether what disciplines it follows its references.
    Following,
    /// How much the measurements spread.
    Jitter,
    /// Whether there are references enough to outvote a wrong one.
    Sources,
    /// Whether it jumped.
    Steps,
    /// Whether its oscillator can be corrected.
    Frequency,
    /// Whether one program, and a good one, disciplines it.
    Daemon,
    /// Whether the kernel is told that it follows a reference.
    Kernel,
}

/// One thing found, good or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClockFinding {
    /// What it is about.
    pub aspect: ClockAspect,
    /// How bad.
    pub grade: Grade,
    /// One sentence with the numbers.
    pub text: String,
}

/// All that is known of one host's clock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClockEvidence {
    /// What each source that answered says.
    pub readings: Vec<Reading>,
    /// What the kernel says, if it could be asked.
    pub kernel: Option<KernelClock>,
    /// Steps seen in the time that matters; those of the first synchronisation left out.
    pub steps: Vec<Step>,
}

/// What is to be thought of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClockVerdict {
    /// Host less true time; of sources that disagree, the worst; nothing if none can say.
    pub offset: Option<Interval>,
    /// Who stands behind that.
    pub by: Vec<Witness>,
    /// Everything judged, in the order of [`ClockAspect`]; what is not among them could not be judged.
    pub findings: Vec<ClockFinding>,
}

impl ClockVerdict {
    /// The worst of it; nothing if nothing is known.
    pub fn grade(&self) -> Option<Grade> {
        self.findings.iter().map(|finding| finding.grade).max()
    }

    /// What was found about one thing.
    pub fn about(&self, aspect: ClockAspect) -> Option<&ClockFinding> {
        self.findings.iter().find(|finding| finding.aspect == aspect)
    }
}

/// Judges a clock.
pub fn judge(evidence: &ClockEvidence, limits: Limits) -> ClockVerdict {
    let candidates = candidates(&evidence.readings);
    let intervals: Vec<Interval> = candidates.iter().map(|(_, interval)| *interval).collect();
    let (offset, by, agreement) = match select(&intervals) {
        None => (None, Vec::new(), None),
        Some(Selection::Agreed { interval, within, outvoted }) => {
            let by = within.iter().map(|place| candidates[*place].0.witness).collect();
            (Some(interval), by, agreement(&candidates, &outvoted, limits))
        }
        Some(Selection::Disagreed) => {
            let worst = candidates.iter().max_by_key(|(_, interval)| interval.middle().unsigned_abs());
            let all: Vec<usize> = (0..candidates.len()).collect();
            let by = worst.map(|(reading, _)| reading.witness).into_iter().collect();
            (worst.map(|(_, interval)| *interval), by, agreement(&candidates, &all, limits))
        }
    };
    let mut findings = Vec::new();
    if let Some(offset) = offset {
        findings.push(of_offset(offset, &by, &candidates, limits));
        findings.push(of_uncertainty(offset, limits));
    }
    findings.extend(agreement);
    findings.extend(of_following(&evidence.readings));
    findings.extend(of_jitter(&evidence.readings, limits));
    findings.extend(of_sources(&evidence.readings, limits));
    findings.extend(of_steps(&evidence.steps, limits));
    findings.extend(of_frequency(&evidence.readings, limits));
    findings.extend(of_daemon(&evidence.readings));
    findings.extend(evidence.kernel.map(|kernel| of_kernel(kernel, &evidence.readings)));
    ClockVerdict { offset, by, findings }
}

/// Readings that say where the clock is. One that lost its references is heard only if no other is left.
fn candidates(readings: &[Reading]) -> Vec<(&Reading, Interval)> {
    let of = |standing: Standing| {
        let mine = readings.iter().filter(move |reading| reading.standing == standing);
        mine.filter_map(|reading| Some((reading, reading.offset?))).collect::<Vec<_>>()
    };
    let followed = of(Standing::Synchronised);
    if followed.is_empty() { of(Standing::FreeRunning) } else { followed }
}

fn finding(aspect: ClockAspect, grade: Grade, text: String) -> ClockFinding {
    ClockFinding { aspect, grade, text }
}

fn names(witnesses: &[Witness]) -> String {
    witnesses.iter().map(|witness| witness.name()).collect::<Vec<_>>().join(" and ")
}

fn of_offset(
    offset: Interval,
    by: &[Witness],
    candidates: &[(&Reading, Interval)],
    limits: Limits,
) -> ClockFinding {
    let mine = candidates.iter().filter(|(reading, _)| by.contains(&reading.witness));
    let age = mine.filter_map(|(reading, _)| reading.age_ms).min();
    let age = age.map_or_else(String::new, |ms| format!(", {} s old", ms / 1_000));
    let text = format!("the clock is off by {offset} ({}{age})", names(by));
    finding(ClockAspect::Offset, limits.offset(offset.middle()), text)
}

fn of_uncertainty(offset: Interval, limits: Limits) -> ClockFinding {
    let half = offset.half();
    let text = format!("how far the clock is off is known to ±{:.1} ms", half as f64 / 1e3);
    finding(ClockAspect::Uncertainty, limits.uncertainty(half), text)
}

/// `apart` are those who contradict the rest, or all if there is no majority. One alone agrees with nobody.
fn agreement(candidates: &[(&Reading, Interval)], apart: &[usize], limits: Limits) -> Option<ClockFinding> {
    if candidates.len() < 2 {
        return None;
    }
    let said = |place: &usize| {
        let (reading, interval) = candidates[*place];
        format!("{} says {interval}", reading.witness)
    };
    if apart.is_empty() {
        let all: Vec<Witness> = candidates.iter().map(|(reading, _)| reading.witness).collect();
        return Some(finding(ClockAspect::Agreement, Grade::Ok, format!("{} agree", names(&all))));
    }
    let worst = apart.iter().map(|place| limits.offset(candidates[*place].1.middle())).max();
    let everyone = apart.len() == candidates.len();
    let grade = if everyone { worst.unwrap_or(Grade::Warn).max(Grade::Warn) } else { Grade::Warn };
    let words = apart.iter().map(said).collect::<Vec<_>>().join(", ");
    let text = if everyone {
        format!("time sources disagree: {words}")
    } else {
        format!("{words}, against the others")
    };
    Some(finding(ClockAspect::Agreement, grade, text))
}

fn of_following(readings: &[Reading]) -> Option<ClockFinding> {
    let daemons = || readings.iter().filter(|reading| reading.witness.disciplines());
    let best = daemons().min_by_key(|reading| match reading.standing {
        Standing::Synchronised => 0,
        Standing::FreeRunning => 1,
        Standing::Unsynchronised => 2,
    })?;
    let witness = best.witness;
    let (grade, text) = match best.standing {
        Standing::Synchronised => (Grade::Ok, format!("{witness} follows its references")),
        Standing::FreeRunning => {
            let since = best.age_ms.map_or_else(String::new, |ms| format!(" {} s ago", ms / 1_000));
            (Grade::Bad, format!("the clock runs free: {witness} lost its references{since}"))
        }
        Standing::Unsynchronised => (Grade::Bad, format!("{witness} is not synchronised to any reference")),
    };
    Some(finding(ClockAspect::Following, grade, text))
}

fn of_jitter(readings: &[Reading], limits: Limits) -> Option<ClockFinding> {
    let followed = readings.iter().filter(|reading| reading.standing == Standing::Synchronised);
    let (us, witness) = followed.filter_map(|reading| Some((reading.jitter_us?, reading.witness))).max()?;
    let text = format!("measurements of {witness} spread by {:.1} ms", us as f64 / 1e3);
    Some(finding(ClockAspect::Jitter, limits.jitter(us), text))
}

fn of_sources(readings: &[Reading], limits: Limits) -> Option<ClockFinding> {
    let counted = readings.iter().filter(|reading| reading.witness.disciplines());
    let (grade, sources, witness) = counted
        .filter_map(|reading| {
            let sources = reading.sources?;
            Some((limits.sources(sources), sources, reading.witness))
        })
        .max_by_key(|(grade, ..)| *grade)?;
    let wrong = match sources.false_tickers {
        0 => String::new(),
        n => format!(", {n} of them wrong"),
    };
    let text = format!("{witness} reaches {} time sources{wrong}", sources.reachable);
    Some(finding(ClockAspect::Sources, grade, text))
}

fn of_steps(steps: &[Step], limits: Limits) -> Option<ClockFinding> {
    let size = |step: &Step| step.by.middle().unsigned_abs();
    let worst = steps.iter().max_by_key(|step| size(step))?;
    let text = format!(
        "the clock stepped {} times, by {:+.1} ms at {}",
        steps.len(),
        worst.by.middle() as f64 / 1e3,
        worst.at.utc()
    );
    Some(finding(ClockAspect::Steps, limits.step(size(worst)), text))
}

fn of_frequency(readings: &[Reading], limits: Limits) -> Option<ClockFinding> {
    let worst = readings.iter().filter_map(|reading| reading.frequency_ppm).max_by_key(|ppm| ppm.abs())?;
    let text = format!("the oscillator is off by {worst} ppm");
    Some(finding(ClockAspect::Frequency, limits.frequency(worst), text))
}

fn of_daemon(readings: &[Reading]) -> Option<ClockFinding> {
    let daemons: Vec<Witness> =
        readings.iter().map(|reading| reading.witness).filter(|witness| witness.disciplines()).collect();
    let (grade, text) = match daemons.as_slice() {
        [] => return None,
        [Witness::Timesyncd] => (
            Grade::Warn,
            "timesyncd alone disciplines the clock: it follows one server and cannot tell a wrong one"
                .to_owned(),
        ),
        [one] => (Grade::Ok, format!("{one} disciplines the clock")),
        several => (Grade::Bad, format!("{} all discipline the clock, against each other", names(several))),
    };
    Some(finding(ClockAspect::Daemon, grade, text))
}
