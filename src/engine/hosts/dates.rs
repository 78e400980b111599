//! Clocks of hosts where nobody looks, by the `Date` of their beacons' answers: estimates.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::beacon::BeaconClient;
use crate::host::clock::Interval;
use crate::host::clock::date::{Answered, DateEstimate, parse};
use crate::model::{BeaconName, Clock, Moment, UnixMs};

/// A beacon is asked at most so often, and just when its second should turn.
const LEAST: Duration = Duration::from_secs(9);

#[derive(Default)]
struct Known {
    estimate: DateEstimate,
    /// When to ask again, by the monotonic clock.
    next_us: u64,
}

/// What is known of each beacon's clock.
#[derive(Default)]
pub struct Dates(BTreeMap<BeaconName, Known>);

impl Dates {
    /// Asks those whose turn it is, all at once; those that are gone are forgotten.
    pub async fn ask(&mut self, clients: &[BeaconClient], clock: &Clock) {
        self.0.retain(|name, _| clients.iter().any(|client| client.name() == name));
        let now = clock();
        let due = clients
            .iter()
            .filter(|client| self.0.get(client.name()).is_none_or(|known| known.next_us <= now.mono_us));
        let asks = due.map(async |client| {
            let wait = self
                .0
                .get(client.name())
                .map_or(Duration::ZERO, |known| known.estimate.wait(micros(clock()), Duration::ZERO));
            tokio::time::sleep(wait).await;
            let sent = clock();
            let told = client.date().await;
            (client.name().clone(), sent, clock(), told)
        });
        let answers = futures_util::future::join_all(asks).await;
        for (name, sent, received, told) in answers {
            let known = self.0.entry(name).or_default();
            known.next_us = received.mono_us + LEAST.as_micros() as u64;
            // A beacon that does not answer is known to be so by its probes.
            if let Some(date) = told.ok().flatten().as_deref().and_then(parse) {
                // Our moments are whole milliseconds: the received one may be almost one later.
                let (sent_us, received_us) = (micros(sent), micros(received) + 1_000);
                known.estimate.take(Answered { sent_us, received_us, date });
            }
        }
    }

    /// Where a beacon's clock less ours lies, and when that was learnt last.
    pub fn of(&self, beacon: &BeaconName, now_us: i64) -> Option<(Interval, UnixMs)> {
        let estimate = &self.0.get(beacon)?.estimate;
        let learnt = UnixMs((estimate.learnt_us()? / 1_000).max(0).unsigned_abs());
        Some((estimate.interval(now_us)?, learnt))
    }
}

/// The wall time of a moment, in microseconds.
pub fn micros(moment: Moment) -> i64 {
    i64::try_from(moment.wall.0.saturating_mul(1_000)).unwrap_or(i64::MAX)
}
