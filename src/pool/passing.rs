//! What the passing of time tells: silence, errors in a row, lag, slowness, preference.
//!
//! Exclusion is at once, at any tick; preference changes only late in a slot. To add what only time shows, add it here.

use super::agree::AgreedHead;
use super::condition::ERRORS_IN_ROW;
use super::state::{Action, Pool};
use crate::model::{BeaconId, Moment, Reason, Slot, Step, UnixMs};

/// A beacon slower than this is never called slow, whatever its peers do, microseconds.
const SLOW_FLOOR_US: u32 = 50_000;
/// Samples a latency must rest on before it is compared.
const SLOW_SAMPLES: u32 = 20;
/// Answer times weigh half as much after this: what a quantile tells is at most a few minutes old.
const FADE_MS: u64 = 60_000;

/// What has been done for the present slot.
#[derive(Clone)]
pub(super) struct Passing {
    expected: Option<Expected>,
    ranked: Option<Slot>,
    faded: Moment,
}

/// What every beacon should have by the time of the sample.
#[derive(Clone, Copy)]
struct Expected {
    slot: Slot,
    head: AgreedHead,
    sample: UnixMs,
    sampled: bool,
}

impl Passing {
    /// Nothing has passed yet.
    pub(super) fn new(now: Moment) -> Self {
        Self { expected: None, ranked: None, faded: now }
    }
}

impl Pool {
    pub(super) fn tick(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let silence = self.settings.health.silence.as_millis() as u64;
        for index in 0..self.seats.len() {
            let id = BeaconId(index as u16);
            let seat = &mut self.seats[index];
            if seat.gauge.silence_ms(now) >= silence {
                self.confirm(id, actions);
            } else if seat.gauge.errors_in_row() >= ERRORS_IN_ROW && !seat.condition.is_down() {
                seat.condition.put_out(Reason::Failing, now);
            }
        }
        if now.ms_since(self.passing.faded) >= FADE_MS {
            self.passing.faded = now;
            self.seats.iter().for_each(|seat| seat.gauge.fade());
        }
        self.sample_lag(now);
        self.prefer(now);
    }

    /// Lag is the head agreed on at the attestation due point minus a beacon's own, looked at one twelfth of a slot later:
    /// so that a missed slot is no lag, and neither is a block that comes late, to one beacon or to all.
    fn sample_lag(&mut self, now: Moment) {
        let (Some(clock), Some(agreed)) = (&self.clock, self.heads.agreed()) else { return };
        let Some(slot) = clock.slot_at(now.wall) else { return };
        if now.wall < clock.due(slot, Step::Attest) {
            return;
        }
        let expected = match self.passing.expected {
            Some(expected) if expected.slot == slot => expected,
            _ => {
                let sample = UnixMs(now.wall.0 + clock.slot_ms(slot) / 12);
                Expected { slot, head: agreed, sample, sampled: false }
            }
        };
        let sample = !expected.sampled && now.wall >= expected.sample;
        self.passing.expected = Some(Expected { sampled: expected.sampled || sample, ..expected });
        if !sample {
            return;
        }
        for (index, seat) in self.seats.iter_mut().enumerate() {
            let own = self.heads.of(BeaconId(index as u16)).map(|head| head.slot);
            let own = seat.condition.own_slot(own);
            seat.condition.lag = own.map_or(0, |own| expected.head.slot.0.saturating_sub(own.0));
        }
    }

    /// Preference among the healthy changes only in the last quarter of a slot, so that an attestation and its
    /// aggregate meet the same beacons; slowness and the end of a warm-up are judged then too.
    fn prefer(&mut self, now: Moment) {
        if let Some(clock) = &self.clock {
            let Some(slot) = clock.slot_at(now.wall) else { return };
            let late = clock.start_of(slot).0 + clock.slot_ms(slot) * 3 / 4;
            if now.wall.0 < late || self.passing.ranked == Some(slot) {
                return;
            }
            self.passing.ranked = Some(slot);
        }
        let mut known: Vec<u32> = self
            .seats
            .iter()
            .filter(|seat| !seat.condition.is_down())
            .map(|seat| seat.gauge.latency())
            .filter(|(_, samples)| *samples >= SLOW_SAMPLES)
            .map(|(latency, _)| latency)
            .collect();
        known.sort_unstable();
        let median = known.get((known.len().max(1) - 1) / 2).copied().unwrap_or(0);
        let factor = u32::from(self.settings.health.slow_factor.max(2));
        for seat in &mut self.seats {
            seat.condition.warm(now);
            if self.rift.is_some() {
                // Where clients part, who serves what stays as it is.
                continue;
            }
            let (latency, samples) = seat.gauge.latency();
            let comparable = known.len() >= 2 && samples >= SLOW_SAMPLES && median > 0;
            // Once slow it must be twice as good as what made it so before it counts as recovered.
            let bound = if seat.condition.slow { factor / 2 } else { factor };
            seat.condition.slow =
                comparable && latency > SLOW_FLOOR_US && latency > median.saturating_mul(bound);
            let weight = u32::from(seat.member.weight) * 100;
            // A beacon twice as slow as its peers gets half its share, within a factor of two either way.
            let pace = if comparable {
                (u64::from(median) * 100 / u64::from(latency.max(1))).clamp(50, 200)
            } else {
                100
            };
            seat.share = ((u64::from(weight) * pace / 100) as u32).max(1);
        }
    }
}
