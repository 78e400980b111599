//! A host's clock as a real chronyd sees it, which follows a time server of the test that is wrong by a known amount.
//!
//! chronyd runs with `-x`: it measures and never touches the clock. Whatever it is told, the clock of this machine and
//! that of the test's server are one and the same but for the chosen shift, so the truth is known.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

#[path = "clock/daemon.rs"]
mod daemon;
#[path = "clock/server.rs"]
mod server;

use std::time::Duration;

use beacondeck::host::clock::chrony::{ChronyError, Report, ask};
use beacondeck::host::clock::sntp::{Pace, measure};
use beacondeck::host::clock::{
    ClockAspect, ClockEvidence, ClockVerdict, Grade, Limits, Standing, Witness, judge,
};

use daemon::{Daemon, unix_us};
use server::{Habit, TimeServer};

const PATIENCE: Duration = Duration::from_secs(1);
/// Half the width of what is known of a server on loopback, once it is known well. Microseconds.
const NARROW_US: u64 = 20_000;
/// The longest anything here is waited for.
const LONGEST: Duration = Duration::from_secs(60);

fn verdict(report: &Report) -> ClockVerdict {
    let readings = vec![report.reading(unix_us())];
    judge(&ClockEvidence { readings, ..ClockEvidence::default() }, Limits::default())
}

/// Asks until what chronyd says satisfies `is`.
async fn until(daemon: &Daemon, what: &str, is: impl Fn(&Report) -> bool) -> Report {
    let mut last = None;
    let asked = async {
        loop {
            match ask(&daemon.udp, PATIENCE).await {
                Ok(report) if is(&report) => return report,
                other => last = Some(other),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let found = tokio::time::timeout(LONGEST, asked).await;
    found.unwrap_or_else(|_| panic!("{what}: not within {LONGEST:?}; last: {last:?}; {}", daemon.said()))
}

/// It follows its server, after so many measurements.
async fn following(daemon: &Daemon, samples: u32) -> Report {
    let follows = |report: &Report| {
        let reading = report.reading(unix_us());
        let measured = report.sources.iter().all(|(_, stats)| stats.samples >= samples);
        reading.standing == Standing::Synchronised && measured
    };
    until(daemon, "follows its server", follows).await
}

fn grade(verdict: &ClockVerdict, aspect: ClockAspect) -> Option<Grade> {
    verdict.about(aspect).map(|finding| finding.grade)
}

/// What the server is ahead by is what this host is behind by.
async fn shifted_by(server_ahead_us: i64, expected: Grade) {
    let server = TimeServer::start(Habit::Shifted(server_ahead_us));
    let daemon = Daemon::start(server.address);
    // After a handful of measurements chronyd owns to knowing the oscillator badly, hence the offset; every word of it on
    // the way must hold the truth.
    let narrow = |report: &Report| {
        let reading = report.reading(unix_us());
        let offset = reading.offset;
        assert!(offset.is_none_or(|offset| offset.contains(-server_ahead_us)), "{reading:?}; {report:?}");
        reading.standing == Standing::Synchronised && offset.is_some_and(|offset| offset.half() < NARROW_US)
    };
    let verdict = verdict(&until(&daemon, "knows loopback well", narrow).await);
    assert_eq!(grade(&verdict, ClockAspect::Offset), Some(expected), "{verdict:?}");
    assert_eq!(grade(&verdict, ClockAspect::Following), Some(Grade::Ok), "{verdict:?}");
}

#[tokio::test]
async fn a_clock_that_is_right() {
    shifted_by(0, Grade::Ok).await;
}

#[tokio::test]
async fn a_clock_that_is_80_ms_ahead() {
    shifted_by(-80_000, Grade::Warn).await;
}

#[tokio::test]
async fn a_clock_that_is_300_ms_behind() {
    shifted_by(300_000, Grade::Bad).await;
}

#[tokio::test]
async fn a_server_that_jitters_is_told_by_the_spread() {
    let server = TimeServer::start(Habit::Jittery(20_000));
    let daemon = Daemon::start(server.address);
    let report = following(&daemon, 6).await;
    let verdict = verdict(&report);
    let offset = verdict.offset.expect("chronyd follows its server");
    assert!(offset.contains(0), "{offset}; {report:?}");
    assert!(grade(&verdict, ClockAspect::Jitter) >= Some(Grade::Warn), "{verdict:?}; {report:?}");
}

#[tokio::test]
async fn a_server_that_vanished_leaves_a_clock_that_runs_free() {
    let server = TimeServer::start(Habit::Shifted(0));
    let daemon = Daemon::start(server.address);
    following(&daemon, 4).await;
    drop(server);
    let lost = |report: &Report| report.reading(unix_us()).standing == Standing::FreeRunning;
    let report = until(&daemon, "notices that its server is gone", lost).await;
    let verdict = verdict(&report);
    assert_eq!(
        report.tracking.leap,
        beacondeck::host::clock::chrony::wire::Leap::Normal,
        "chronyd itself goes on saying that all is well"
    );
    assert_eq!(grade(&verdict, ClockAspect::Following), Some(Grade::Bad), "{verdict:?}");
    assert!(verdict.offset.is_some_and(|offset| offset.contains(0)), "{verdict:?}");
}

#[tokio::test]
async fn its_unix_socket_says_the_same() {
    let server = TimeServer::start(Habit::Shifted(80_000));
    let daemon = Daemon::start(server.address);
    following(&daemon, 4).await;
    let report =
        ask(&daemon.unix, PATIENCE).await.unwrap_or_else(|error| panic!("{error}: {}", daemon.said()));
    assert!(verdict(&report).offset.is_some_and(|offset| offset.contains(-80_000)), "{report:?}");
    let left = std::fs::read_dir(daemon.folder.path()).unwrap();
    let ours =
        left.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("beacondeck."));
    assert_eq!(ours.count(), 0, "our own end of the socket is gone");
}

#[tokio::test]
async fn nobody_there_is_said_with_what_to_do() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let door = beacondeck::host::clock::chrony::Door::Udp(silent.local_addr().unwrap());
    let patience = Duration::from_millis(50);
    let error = ask(&door, patience).await.unwrap_err();
    assert!(matches!(error, ChronyError::Silent { .. }), "{error}");
    assert_eq!(error.to_string(), format!("chronyd at {door} did not answer within 50 ms"));
    drop(silent);
    let error = ask(&door, patience).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot ask chronyd at {door}; is it running, with its command port open?")
    );
}

#[tokio::test]
async fn our_own_question_to_a_server_holds_the_truth_and_confirms_chronyd() {
    let server = TimeServer::start(Habit::Shifted(-80_000));
    let pace = Pace { exchanges: 4, apart: Duration::from_millis(10), patience: PATIENCE };
    let sample = measure(server.address, pace).await.unwrap();
    assert!(sample.offset.contains(80_000) && sample.offset.half() < NARROW_US, "{}", sample.offset);
    let daemon = Daemon::start(server.address);
    let chrony = following(&daemon, 4).await.reading(unix_us());
    let readings = vec![chrony, sample.reading()];
    let verdict = judge(&ClockEvidence { readings, ..ClockEvidence::default() }, Limits::default());
    assert_eq!(verdict.by, [Witness::Chrony, Witness::Sntp]);
    assert_eq!(grade(&verdict, ClockAspect::Agreement), Some(Grade::Ok), "{verdict:?}");
    assert_eq!(grade(&verdict, ClockAspect::Offset), Some(Grade::Warn), "{verdict:?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_said_to_be_silent() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let pace = Pace { exchanges: 2, apart: Duration::ZERO, patience: Duration::from_millis(30) };
    let error = measure(silent.local_addr().unwrap(), pace).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer within 30 ms; is UDP port 123 open to it?");
}
