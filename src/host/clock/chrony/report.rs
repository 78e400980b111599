//! What chronyd's answers mean for the clock. Pure.

use super::wire::{Leap, Source, SourceState, SourceStats, Tracking};
use crate::host::clock::interval::Interval;
use crate::host::clock::reading::{Reading, Sources, Standing, Witness};

/// An oscillator that nobody corrects may drift by this, parts per million (RFC 5905, PHI), beside what chronyd knows of it.
const DRIFT_PPM: f64 = 15.0;
/// Updates come at most so many intervals apart; later than that the references are lost.
const INTERVALS: f64 = 8.0;
/// Polls are powers of two of a second within this (chrony.conf(5): minpoll, maxpoll).
const POLLS: (i16, i16) = (-7, 24);

/// All that chronyd was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// How the clock stands.
    pub tracking: Tracking,
    /// Its references and what was measured of them.
    pub sources: Vec<(Source, SourceStats)>,
}

impl Report {
    /// In the words all sources share. `now_us` is this host's wall clock, microseconds since the Unix epoch: chronyd tells
    /// the time of its last update by it.
    ///
    /// The offset is the correction still pending, with its sign turned. The offset of the last measurement is no measure:
    /// it is small while a clock that may not be set stands 300 ms off.
    pub fn reading(&self, now_us: i64) -> Reading {
        let age_us = now_us.saturating_sub(self.tracking.reference_us).max(0);
        let standing = self.standing(age_us);
        let seen = standing != Standing::Unsynchronised;
        Reading {
            witness: Witness::Chrony,
            offset: if seen { self.offset(standing, age_us) } else { None },
            standing,
            age_ms: seen.then_some(age_us.unsigned_abs() / 1_000),
            stratum: u8::try_from(self.tracking.stratum).ok().filter(|_| seen),
            jitter_us: self.deviation().map(|seconds| (seconds * 1e6) as u64),
            sources: Some(self.counted()),
            frequency_ppm: seen.then_some(self.tracking.frequency_ppm.round() as i64),
        }
    }

    fn standing(&self, age_us: i64) -> Standing {
        if self.tracking.leap == Leap::Unsynchronised || !(1..16).contains(&self.tracking.stratum) {
            return Standing::Unsynchronised;
        }
        // chronyd goes on saying that all is normal when nothing is left to follow.
        let late = age_us as f64 / 1e6 > INTERVALS * self.expected_interval();
        if late || self.chosen().is_none() || self.counted().reachable == 0 {
            Standing::FreeRunning
        } else {
            Standing::Synchronised
        }
    }

    /// Seconds between updates: of the last two, or by the poll of what it follows, which is longer after the first burst.
    fn expected_interval(&self) -> f64 {
        let polled =
            self.chosen().map_or(0.0, |(source, _)| f64::from(source.poll.clamp(POLLS.0, POLLS.1)).exp2());
        self.tracking.update_interval.max(polled)
    }

    fn chosen(&self) -> Option<&(Source, SourceStats)> {
        self.sources.iter().find(|(source, _)| source.state == SourceState::Selected)
    }

    fn offset(&self, standing: Standing, age_us: i64) -> Option<Interval> {
        let tracking = &self.tracking;
        let half = tracking.root_delay.abs() / 2.0 + tracking.root_dispersion.abs();
        let offset = Interval::around_seconds(-tracking.correction, half)?;
        if standing != Standing::FreeRunning {
            return Some(offset);
        }
        let drift = age_us as f64 * (tracking.skew_ppm.abs() + DRIFT_PPM) / 1e6;
        Some(offset.widened(drift.ceil() as u64))
    }

    fn deviation(&self) -> Option<f64> {
        let (_, stats) = self.chosen()?;
        (stats.samples > 1).then_some(stats.deviation.abs())
    }

    fn counted(&self) -> Sources {
        let answering = || self.sources.iter().filter(|(source, _)| source.reach != 0);
        let wrong = answering().filter(|(source, _)| source.state == SourceState::FalseTicker).count();
        let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        Sources { reachable: count(answering().count()), false_tickers: count(wrong) }
    }
}
