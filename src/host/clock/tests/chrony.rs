//! chronyd's datagrams and what they mean; a real chronyd is asked in `tests/clock.rs`.

use proptest::prelude::*;
use rstest::rstest;

use super::super::chrony::Report;
use super::super::chrony::wire::{
    Answer, Leap, Question, REQUEST, Source, SourceState, SourceStats, Tracking, WireError, decode,
};
use super::super::reading::Sources;
use super::super::*;

const QUESTIONS: [Question; 4] =
    [Question::Tracking, Question::SourceCount, Question::Source(2), Question::SourceStats(2)];

/// A reply as chronyd 4.3 sends it.
fn reply(command: u16, kind: u16, status: u16, sequence: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![6, 2, 0, 0];
    for half in [command, kind, status, 0, 0, 0] {
        bytes.extend(half.to_be_bytes());
    }
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend(data);
    bytes
}

fn tracking_data(floats: [u32; 9]) -> Vec<u8> {
    let mut data = vec![0xc0, 0, 2, 1, 192, 0, 2, 1];
    data.extend([0; 12]);
    data.extend([0, 1, 0, 0]); // family IPv4, padding
    data.extend([0, 3, 0, 0]); // stratum 3, no leap
    for part in [0u32, 1_700_000_000, 250_000_000] {
        data.extend(part.to_be_bytes());
    }
    for float in floats {
        data.extend(float.to_be_bytes());
    }
    data
}

/// chrony's float: 1.0 is a coefficient of 2^23 with an exponent of 2.
const ONE: u32 = 2 << 25 | 1 << 23;
/// Minus a quarter: the same coefficient, negative, with an exponent of 0.
const MINUS_QUARTER: u32 = 0x0180_0000;

#[test]
fn a_request_is_long_enough_for_any_answer() {
    for question in QUESTIONS {
        let bytes = question.encode(0x0102_0304);
        assert_eq!(bytes.len(), REQUEST);
        assert_eq!(bytes[..4], [6, 1, 0, 0]);
        assert_eq!(bytes[8..12], [1, 2, 3, 4]);
    }
    assert_eq!(Question::Tracking.encode(0)[4..6], [0, 33]);
    assert_eq!(Question::SourceCount.encode(0)[4..6], [0, 14]);
    assert_eq!(Question::Source(7).encode(0)[4..6], [0, 15]);
    assert_eq!(Question::Source(7).encode(0)[20..24], [0, 0, 0, 7]);
    assert_eq!(Question::SourceStats(7).encode(0)[4..6], [0, 34]);
}

#[test]
fn tracking_is_read() {
    let floats = [MINUS_QUARTER, 0, 0, ONE, 0, ONE, ONE, MINUS_QUARTER, ONE];
    let bytes = reply(33, 5, 0, 9, &tracking_data(floats));
    let expected = Tracking {
        stratum: 3,
        leap: Leap::Normal,
        reference_us: 1_700_000_000_250_000,
        correction: -0.25,
        frequency_ppm: 1.0,
        skew_ppm: 1.0,
        root_delay: 1.0,
        root_dispersion: -0.25,
        update_interval: 1.0,
    };
    assert_eq!(decode(Question::Tracking, 9, &bytes), Ok(Answer::Tracking(expected)));
    for length in 0..bytes.len() {
        assert!(decode(Question::Tracking, 9, &bytes[..length]).is_err(), "{length} bytes");
    }
}

#[rstest]
#[case::another_sequence(reply(33, 5, 0, 8, &[0; 76]), WireError::Stray)]
#[case::another_command(reply(34, 5, 0, 9, &[0; 76]), WireError::Stray)]
#[case::unauthorised(reply(33, 1, 2, 9, &[]), WireError::Declined(2))]
#[case::other_data(reply(33, 6, 0, 9, &[0; 76]), WireError::Kind(6))]
#[case::cut_short(reply(33, 5, 0, 9, &[0; 75]), WireError::Short(103))]
#[case::our_own_request(Question::Tracking.encode(9).to_vec(), WireError::Stray)]
#[case::nothing(Vec::new(), WireError::Short(0))]
fn what_is_no_answer_is_refused(#[case] bytes: Vec<u8>, #[case] expected: WireError) {
    assert_eq!(decode(Question::Tracking, 9, &bytes), Err(expected));
}

#[test]
fn another_version_is_named() {
    let mut bytes = reply(33, 5, 0, 9, &[0; 76]);
    bytes[0] = 5;
    assert_eq!(decode(Question::Tracking, 9, &bytes), Err(WireError::Version(5)));
}

fn report(change: impl FnOnce(&mut Report)) -> Report {
    let tracking = Tracking {
        stratum: 3,
        leap: Leap::Normal,
        reference_us: 1_700_000_000_000_000,
        correction: 0.3,
        frequency_ppm: -12.3,
        skew_ppm: 1.0,
        root_delay: 0.002,
        root_dispersion: 0.001,
        update_interval: 2.0,
    };
    let source = Source { address: None, poll: 6, state: SourceState::Selected, reach: 0o377 };
    let stats = SourceStats { samples: 9, deviation: 0.022 };
    let mut report = Report { tracking, sources: vec![(source, stats)] };
    change(&mut report);
    report
}

fn at(seconds: i64) -> i64 {
    1_700_000_000_000_000 + seconds * 1_000_000
}

#[test]
fn a_host_that_must_be_corrected_forwards_is_behind() {
    let reading = report(|_| ()).reading(at(41));
    assert_eq!(reading.offset, Some(Interval::new(-302_000, -298_000).unwrap()));
    assert_eq!(reading.standing, Standing::Synchronised, "the first updates came in a burst, 2 s apart");
    assert_eq!((reading.age_ms, reading.jitter_us), (Some(41_000), Some(22_000)));
    assert_eq!(reading.stratum, Some(3));
    assert_eq!(reading.sources, Some(Sources { reachable: 1, false_tickers: 0 }));
    assert_eq!(reading.frequency_ppm, Some(-12));
}

#[rstest]
#[case::never(report(|it| it.tracking.leap = Leap::Unsynchronised), 1, Standing::Unsynchronised)]
#[case::no_stratum(report(|it| it.tracking.stratum = 0), 1, Standing::Unsynchronised)]
#[case::in_time(report(|_| ()), 8 * 64, Standing::Synchronised)]
#[case::late(report(|_| ()), 8 * 64 + 1, Standing::FreeRunning)]
#[case::slow_updates(report(|it| it.tracking.update_interval = 1_024.0), 8 * 64 + 1, Standing::Synchronised)]
#[case::all_silent(report(|it| it.sources[0].0.reach = 0), 1, Standing::FreeRunning)]
#[case::none_chosen(report(|it| it.sources[0].0.state = SourceState::Unusable), 1, Standing::FreeRunning)]
#[case::no_sources(report(|it| it.sources.clear()), 1, Standing::FreeRunning)]
#[case::stepped_back(report(|_| ()), -500, Standing::Synchronised)]
fn normal_is_not_believed(#[case] report: Report, #[case] seconds: i64, #[case] expected: Standing) {
    assert_eq!(report.reading(at(seconds)).standing, expected);
}

#[test]
fn what_runs_free_grows_less_certain() {
    let lost = report(|it| it.sources[0].0.reach = 0).reading(at(10_000));
    // 10,000 s at 1 ppm of skew and 15 ppm of drift: 160 ms.
    assert_eq!(lost.offset, Some(Interval::new(-462_000, -138_000).unwrap()));
    let never = report(|it| it.tracking.leap = Leap::Unsynchronised).reading(at(1));
    assert_eq!((never.offset, never.age_ms), (None, None));
}

proptest! {
    #[test]
    fn no_datagram_breaks_it(bytes in prop::collection::vec(any::<u8>(), 0..600), sequence: u32, which in 0usize..4) {
        let _ = decode(QUESTIONS[which], sequence, &bytes);
    }

    /// Whatever data a proper header brings is read, and what it means is worked out without overflow.
    #[test]
    fn no_data_breaks_what_is_made_of_it(data in prop::collection::vec(any::<u8>(), 76), source_data in prop::collection::vec(any::<u8>(), 48), stats in prop::collection::vec(any::<u8>(), 48), now: i64) {
        let read = |question, kind, command, data: &[u8]| decode(question, 1, &reply(command, kind, 0, 1, data)).unwrap();
        let tracking = read(Question::Tracking, 5, 33, &data).tracking().unwrap();
        let source = read(Question::Source(0), 3, 15, &source_data).source().unwrap();
        let stats = read(Question::SourceStats(0), 6, 34, &stats).stats().unwrap();
        let reading = Report { tracking, sources: vec![(source, stats)] }.reading(now);
        judge(&ClockEvidence { readings: vec![reading], ..ClockEvidence::default() }, Limits::default());
    }
}
