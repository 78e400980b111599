//! The verdict, from what sources may say together.

use proptest::prelude::*;
use rstest::rstest;

use super::super::reading::Sources;
use super::super::*;
use crate::model::UnixMs;

fn says(witness: Witness, offset_ms: i64, half_ms: u64) -> Reading {
    Reading {
        witness,
        offset: Some(Interval::around(offset_ms * 1_000, half_ms * 1_000)),
        standing: Standing::Synchronised,
        age_ms: Some(41_000),
        stratum: None,
        jitter_us: None,
        sources: None,
        frequency_ppm: None,
    }
}

fn verdict(readings: Vec<Reading>) -> ClockVerdict {
    judge(&ClockEvidence { readings, ..ClockEvidence::default() }, Limits::default())
}

fn grade(verdict: &ClockVerdict, aspect: ClockAspect) -> Option<Grade> {
    verdict.about(aspect).map(|finding| finding.grade)
}

#[test]
fn of_nothing_nothing_is_said() {
    let verdict = verdict(Vec::new());
    assert_eq!((verdict.offset, verdict.grade(), verdict.findings.len()), (None, None, 0));
}

#[rstest]
#[case(-3, 18, Grade::Ok)]
#[case(80, 2, Grade::Warn)]
#[case(-300, 2, Grade::Bad)]
#[case(700, 2, Grade::Critical)]
#[case(0, 100, Grade::Warn)]
#[case(0, 400, Grade::Bad)]
fn one_source_alone(#[case] offset_ms: i64, #[case] half_ms: u64, #[case] expected: Grade) {
    let verdict = verdict(vec![says(Witness::Chrony, offset_ms, half_ms)]);
    assert_eq!(verdict.grade(), Some(expected), "{verdict:?}");
    assert_eq!(verdict.by, [Witness::Chrony]);
    assert_eq!(grade(&verdict, ClockAspect::Agreement), None, "one alone agrees with nobody");
}

#[test]
fn the_sentence_names_number_bound_witness_and_age() {
    let verdict = verdict(vec![says(Witness::Chrony, -3, 18), says(Witness::Sntp, -1, 18)]);
    let offset = verdict.about(ClockAspect::Offset).unwrap();
    assert_eq!(offset.text, "the clock is off by -2.0 ms ±17.0 ms (chrony and SNTP, 41 s old)");
    assert_eq!(verdict.about(ClockAspect::Agreement).unwrap().text, "chrony and SNTP agree");
}

#[test]
fn sources_that_disagree_are_never_averaged() {
    let verdict = verdict(vec![says(Witness::Chrony, 0, 2), says(Witness::Sntp, -300, 5)]);
    assert_eq!(verdict.offset, Some(Interval::around(-300_000, 5_000)), "the worst counts");
    assert_eq!(verdict.by, [Witness::Sntp]);
    let agreement = verdict.about(ClockAspect::Agreement).unwrap();
    assert_eq!(agreement.grade, Grade::Bad);
    assert_eq!(
        agreement.text,
        "time sources disagree: chrony says +0.0 ms ±2.0 ms, SNTP says -300.0 ms ±5.0 ms"
    );
    let close = vec![says(Witness::Chrony, 0, 2), says(Witness::Sntp, 20, 5)];
    let close = judge(&ClockEvidence { readings: close, ..ClockEvidence::default() }, Limits::default());
    assert_eq!(grade(&close, ClockAspect::Agreement), Some(Grade::Warn), "one of them is wrong");
}

#[test]
fn a_majority_outvotes_the_one_that_is_wrong() {
    let readings =
        vec![says(Witness::Chrony, 1, 2), says(Witness::Sntp, 900, 5), says(Witness::NtpdRs, 0, 4)];
    let verdict = verdict(readings);
    assert_eq!(verdict.offset, Some(Interval::new(-1_000, 3_000).unwrap()));
    assert_eq!(verdict.by, [Witness::Chrony, Witness::NtpdRs]);
    assert_eq!(grade(&verdict, ClockAspect::Offset), Some(Grade::Ok));
    let agreement = verdict.about(ClockAspect::Agreement).unwrap();
    assert_eq!(agreement.grade, Grade::Warn);
    assert_eq!(agreement.text, "SNTP says +900.0 ms ±5.0 ms, against the others");
}

#[test]
fn a_daemon_without_references_is_bad_and_does_not_contradict_who_has_them() {
    let lost = Reading { standing: Standing::FreeRunning, ..says(Witness::Chrony, 0, 2) };
    let alone = verdict(vec![lost.clone()]);
    assert_eq!(alone.offset, lost.offset);
    assert_eq!(grade(&alone, ClockAspect::Following), Some(Grade::Bad));
    assert_eq!(
        alone.about(ClockAspect::Following).unwrap().text,
        "the clock runs free: chrony lost its references 41 s ago"
    );
    let measured = verdict(vec![lost, says(Witness::Sntp, 90, 3)]);
    assert_eq!(measured.offset, Some(Interval::around(90_000, 3_000)));
    assert_eq!(grade(&measured, ClockAspect::Agreement), None);
    assert_eq!(grade(&measured, ClockAspect::Following), Some(Grade::Bad));
}

#[test]
fn a_daemon_that_never_synchronised_is_bad() {
    let never = Reading { standing: Standing::Unsynchronised, offset: None, ..says(Witness::Chrony, 0, 0) };
    let verdict = verdict(vec![never]);
    assert_eq!((verdict.offset, verdict.grade()), (None, Some(Grade::Bad)));
}

#[test]
fn each_further_symptom_has_its_finding() {
    let chrony = Reading {
        jitter_us: Some(22_000),
        sources: Some(Sources { reachable: 4, false_tickers: 1 }),
        frequency_ppm: Some(-450),
        ..says(Witness::Chrony, 0, 2)
    };
    let step = Step { at: UnixMs(1_700_000_000_000), by: Interval::around(-120_000, 3) };
    let verdict = judge(
        &ClockEvidence { readings: vec![chrony], steps: vec![step], ..ClockEvidence::default() },
        Limits::default(),
    );
    let expected = [
        (ClockAspect::Jitter, Grade::Warn, "measurements of chrony spread by 22.0 ms"),
        (ClockAspect::Sources, Grade::Warn, "chrony reaches 4 time sources, 1 of them wrong"),
        (ClockAspect::Frequency, Grade::Bad, "the oscillator is off by -450 ppm"),
        (ClockAspect::Steps, Grade::Bad, "the clock stepped 1 times, by -120.0 ms at 2023-11-14T22:13:20Z"),
        (ClockAspect::Daemon, Grade::Ok, "chrony disciplines the clock"),
    ];
    for (aspect, grade, text) in expected {
        let found = verdict.about(aspect).unwrap();
        assert_eq!((found.grade, found.text.as_str()), (grade, text));
    }
}

#[rstest]
#[case(&[Witness::Timesyncd], Some(Grade::Warn))]
#[case(&[Witness::NtpdRs], Some(Grade::Ok))]
#[case(&[Witness::Chrony, Witness::Timesyncd], Some(Grade::Bad))]
#[case(&[Witness::Sntp], None)]
fn one_program_disciplines(#[case] witnesses: &[Witness], #[case] expected: Option<Grade>) {
    let verdict = verdict(witnesses.iter().map(|witness| says(*witness, 0, 1)).collect());
    assert_eq!(grade(&verdict, ClockAspect::Daemon), expected);
}

proptest! {
    /// No offset is made up: whatever is said, the verdict's interval overlaps what one of its witnesses said.
    #[test]
    fn the_interval_is_somebodys_word(said in prop::collection::vec((-900i64..900, 0u64..300), 1..4)) {
        let witnesses = [Witness::Chrony, Witness::NtpdRs, Witness::Sntp];
        let readings: Vec<Reading> =
            said.iter().zip(witnesses).map(|((offset, half), witness)| says(witness, *offset, *half)).collect();
        let verdict = verdict(readings.clone());
        let interval = verdict.offset.unwrap();
        prop_assert!(!verdict.by.is_empty());
        for reading in readings.iter().filter(|reading| verdict.by.contains(&reading.witness)) {
            prop_assert!(reading.offset.unwrap().meet(interval).is_some());
        }
    }
}
