//! What ntpd-rs and timesyncd say, and what it means.

use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;
use tokio::io::AsyncWriteExt as _;

use super::super::reading::Sources;
use super::super::timesyncd::Message;
use super::super::*;

/// As ntpd-rs 1.x writes it, with fields that are of no use here.
fn state(stratum: u16, sources: &[(f64, u32)]) -> String {
    let sources: Vec<String> = sources
        .iter()
        .map(|(offset, unanswered)| {
            format!(
                r#"{{"offset":{offset},"uncertainty":0.001,"delay":0.004,"remote_delay":0.002,"remote_uncertainty":0.003,
                "last_update":{{"timestamp":16}},"unanswered_polls":{unanswered},"poll_interval":6,"name":"ntp.example:123",
                "address":"192.0.2.1:123","id":1,"nts_cookies":null}}"#
            )
        })
        .collect();
    format!(
        r#"{{"program":{{"version":"1.6.2"}},"system":{{"stratum":{stratum},"reference_id":0,"root_delay":0.001,"leap_indicator":"NoWarning"}},"sources":[{}],"servers":[]}}"#,
        sources.join(",")
    )
}

#[test]
fn a_source_ahead_is_a_host_behind() {
    let reading = ntpd_rs::decode(state(2, &[(0.08, 0), (0.081, 1), (0.9, 0), (5.0, 8)]).as_bytes()).unwrap();
    // Half of both delays, 3 ms, and both uncertainties, 4 ms; rounded outwards.
    assert_eq!(reading.offset, Some(Interval::new(-87_001, -74_000).unwrap()));
    assert_eq!(reading.standing, Standing::Synchronised);
    assert_eq!(reading.sources, Some(Sources { reachable: 3, false_tickers: 1 }));
    assert_eq!((reading.jitter_us, reading.stratum), (Some(1_000), Some(2)));
}

#[rstest]
#[case::no_reference(16, &[(0.0, 0)], Standing::Unsynchronised)]
#[case::all_lost(2, &[(0.0, 8)], Standing::FreeRunning)]
#[case::all_apart(2, &[(0.0, 0), (0.5, 0)], Standing::FreeRunning)]
fn ntpd_rs_that_follows_nothing(
    #[case] stratum: u16,
    #[case] sources: &[(f64, u32)],
    #[case] expected: Standing,
) {
    let reading = ntpd_rs::decode(state(stratum, sources).as_bytes()).unwrap();
    assert_eq!((reading.standing, reading.offset), (expected, None));
}

#[tokio::test]
async fn ntpd_rs_is_read_at_its_socket_and_no_further_than_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("observe");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let answers = tokio::spawn(async move {
        let json = state(2, &[(0.0, 0)]);
        for (length, body) in [(json.len() as u64, json.as_str()), (u64::MAX, ""), (2, "{]")] {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(&length.to_be_bytes()).await.unwrap();
            stream.write_all(body.as_bytes()).await.unwrap();
        }
    });
    assert!(ntpd_rs::read(&path).await.unwrap().offset.is_some_and(|offset| offset.contains(0)));
    let error = ntpd_rs::read(&path).await.unwrap_err();
    assert!(error.to_string().contains("1048576 at most"), "{error}");
    let error = ntpd_rs::read(&path).await.unwrap_err();
    assert_eq!(error.to_string(), "what it sent is no state of ntpd-rs");
    answers.await.unwrap();
}

const NOW: u64 = 1_700_000_000_000_000;

/// A host 80 ms behind asked a server 2 ms away each way.
fn message() -> Message {
    Message {
        leap: 0,
        stratum: 2,
        root_delay: 2_000,
        root_dispersion: 1_000,
        sent: NOW,
        came: NOW + 82_000,
        left: NOW + 82_000,
        received: NOW + 4_000,
        spike: false,
        packets: 3,
        jitter: 12_000,
        poll: 64_000_000,
    }
}

#[test]
fn what_timesyncd_measured_is_being_corrected() {
    let reading = message().reading(NOW + 10_004_000);
    let offset = reading.offset.unwrap();
    // 2 ms of way, 1 ms of root delay, 1 ms of root dispersion, 150 us of drift in 10 s.
    assert_eq!(offset, Interval::new(-84_151, 151).unwrap());
    assert_eq!((reading.standing, reading.age_ms), (Standing::Synchronised, Some(10_000)));
    assert_eq!((reading.jitter_us, reading.stratum), (Some(12_000), Some(3)), "one further than its server");
    let spike = Message { spike: true, ..message() }.reading(NOW + 10_004_000);
    assert_eq!(spike.offset.unwrap(), Interval::new(-84_151, -75_849).unwrap(), "a spike is not followed");
}

#[rstest]
#[case::never(Message { packets: 0, ..message() }, Duration::ZERO, Standing::Unsynchronised)]
#[case::leap(Message { leap: 3, ..message() }, Duration::ZERO, Standing::Unsynchronised)]
#[case::stratum(Message { stratum: 0, ..message() }, Duration::ZERO, Standing::Unsynchronised)]
#[case::in_time(message(), Duration::from_secs(512), Standing::Synchronised)]
#[case::late(message(), Duration::from_secs(513), Standing::FreeRunning)]
fn timesyncd_that_follows(#[case] message: Message, #[case] after: Duration, #[case] expected: Standing) {
    let now = NOW + 4_000 + after.as_micros() as u64;
    assert_eq!(message.reading(now).standing, expected);
}

proptest! {
    #[test]
    fn no_message_breaks_it(times: [u64; 8], poll: u64, now: u64) {
        let [root_delay, root_dispersion, sent, came, left, received, jitter, packets] = times;
        let message = Message {
            root_delay,
            root_dispersion,
            sent,
            came,
            left,
            received,
            packets,
            jitter,
            poll,
            ..message()
        };
        message.reading(now);
    }

    #[test]
    fn no_state_breaks_it(json in "\\PC{0,80}", offset: f64) {
        let _ = ntpd_rs::decode(json.as_bytes());
        let _ = ntpd_rs::decode(state(2, &[(offset, 0)]).as_bytes());
    }
}

#[rstest]
#[case(true, None, Grade::Ok)]
#[case(false, None, Grade::Bad)]
#[case(false, Some(Standing::FreeRunning), Grade::Bad)]
#[case(false, Some(Standing::Synchronised), Grade::Ok)]
fn the_kernels_flag_is_believed_only_if_no_daemon_follows(
    #[case] synchronised: bool,
    #[case] chrony: Option<Standing>,
    #[case] expected: Grade,
) {
    let reading = chrony.map(|standing| Reading {
        witness: Witness::Chrony,
        offset: None,
        standing,
        age_ms: None,
        stratum: None,
        jitter_us: None,
        sources: None,
        frequency_ppm: None,
    });
    let kernel = Some(KernelClock { synchronised, max_error_us: 16_000_000, frequency_ppm: 0 });
    let evidence =
        ClockEvidence { readings: reading.into_iter().collect(), kernel, ..ClockEvidence::default() };
    let verdict = judge(&evidence, Limits::default());
    assert_eq!(verdict.about(ClockAspect::Kernel).map(|finding| finding.grade), Some(expected));
}
