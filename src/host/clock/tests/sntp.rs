//! The exchange with a time server, and what is not to be believed of one.

use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;

use super::super::sntp::SntpError;
use super::super::sntp::packet::{PACKET, Stamp, decode, encode};

const COOKIE: u64 = 0x0123_4567_89ab_cdef;
/// Microseconds since 1970 of true time at the start of every exchange here.
const START: i64 = 1_700_000_000_000_000;
/// From 1900 to 1970, seconds.
const TO_UNIX: u64 = 2_208_988_800;

fn stamp(us: i64) -> Stamp {
    Stamp::since_1970(Duration::from_micros(us as u64))
}

fn bytes_of(us: i64) -> [u8; 8] {
    let (seconds, us) = ((us / 1_000_000) as u64 + TO_UNIX, (us % 1_000_000) as u64);
    ((seconds << 32) | ((us << 32) / 1_000_000)).to_be_bytes()
}

/// A good answer of a server that was asked and answered at these moments of true time.
fn answer(asked: i64, answered: i64) -> [u8; PACKET] {
    let mut bytes = [0; PACKET];
    bytes[0] = 0b00_100_100;
    bytes[1] = 2;
    bytes[24..32].copy_from_slice(&COOKIE.to_be_bytes());
    bytes[32..40].copy_from_slice(&bytes_of(asked));
    bytes[40..48].copy_from_slice(&bytes_of(answered));
    bytes
}

#[test]
fn the_question_tells_nothing_but_the_cookie() {
    let bytes = encode(COOKIE);
    assert_eq!(bytes[0], 0b00_100_011);
    assert!(bytes[1..40].iter().all(|byte| *byte == 0));
    assert_eq!(bytes[40..], COOKIE.to_be_bytes());
}

#[test]
fn the_bound_has_what_the_server_owns_to() {
    let mut bytes = answer(START + 1_000, START + 1_000);
    bytes[4..8].copy_from_slice(&(1u32 << 14).to_be_bytes()); // root delay of 250 ms
    bytes[8..12].copy_from_slice(&(1u32 << 13).to_be_bytes()); // root dispersion of 125 ms
    let sample = decode(COOKIE, stamp(START), stamp(START + 2_000), &bytes).unwrap();
    assert_eq!((sample.delay_us.div_ceil(10), sample.stratum), (200, 2));
    assert!((251_000..251_010).contains(&sample.offset.half()), "{}", sample.offset);
    assert!(sample.offset.contains(0) && sample.offset.middle().abs() < 5);
}

#[rstest]
#[case::another_cookie(24, &[9], &SntpError::Stray)]
#[case::a_client(0, &[0b00_100_011], &SntpError::Stray)]
#[case::kiss(1, &[0], &SntpError::Kiss("RATE".to_owned()))]
#[case::leap_alarm(0, &[0b11_100_100], &SntpError::Unsynchronised)]
#[case::stratum(1, &[16], &SntpError::Unsynchronised)]
#[case::no_time(40, &[0; 8], &SntpError::Absurd("it names no time"))]
#[case::distance(8, &[0, 2, 0, 0], &SntpError::Distant(2_000_000))]
fn what_is_not_to_be_believed(#[case] at: usize, #[case] change: &[u8], #[case] expected: &SntpError) {
    let mut bytes = answer(START, START + 10);
    bytes[12..16].copy_from_slice(b"RATE");
    bytes[at..at + change.len()].copy_from_slice(change);
    assert_eq!(decode(COOKIE, stamp(START), stamp(START + 20), &bytes).as_ref(), Err(expected));
}

#[test]
fn what_cannot_have_happened() {
    let before = answer(START + 10, START);
    let error = decode(COOKIE, stamp(START), stamp(START + 20), &before).unwrap_err();
    assert_eq!(error, SntpError::Absurd("it answered before it was asked"));
    let long = answer(START, START + 5_000);
    let error = decode(COOKIE, stamp(START), stamp(START + 20), &long).unwrap_err();
    assert_eq!(error, SntpError::Absurd("it took longer than the whole exchange"));
    assert_eq!(decode(COOKIE, stamp(START), stamp(START), &[4; 47]), Err(SntpError::Short(47)));
}

#[test]
fn the_era_that_ends_in_2036_is_no_step() {
    let end = (4_294_967_296 - TO_UNIX as i64) * 1_000_000;
    let bytes = answer(end + 400, end + 500);
    let sample = decode(COOKIE, stamp(end - 300), stamp(end + 1_200), &bytes).unwrap();
    assert!(sample.offset.contains(0) && sample.offset.half() < 1_000, "{}", sample.offset);
}

proptest! {
    #[test]
    fn no_packet_breaks_it(bytes in prop::collection::vec(any::<u8>(), 0..100), sent: u32, took: u32) {
        let sent = i64::from(sent) * 1_000_000;
        let _ = decode(COOKIE, stamp(sent), stamp(sent + i64::from(took)), &bytes);
        if let Some(mut packet) = bytes.first_chunk::<PACKET>().copied() {
            packet[0] = 0b00_100_100;
            packet[24..32].copy_from_slice(&COOKIE.to_be_bytes());
            let _ = decode(COOKIE, stamp(sent), stamp(sent + i64::from(took)), &packet);
        }
    }

    /// However lopsided the way, the truth is within.
    #[test]
    fn the_interval_holds_the_truth(
        ahead in -5_000_000i64..5_000_000,
        there in 0i64..300_000,
        inside in 0i64..100_000,
        back in 0i64..300_000,
    ) {
        let bytes = answer(START + there, START + there + inside);
        let (sent, received) = (START + ahead, START + there + inside + back + ahead);
        let sample = decode(COOKIE, stamp(sent), stamp(received), &bytes).unwrap();
        prop_assert!(sample.offset.contains(ahead), "{} does not hold {ahead}", sample.offset);
    }
}
