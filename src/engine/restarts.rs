//! What follows from a sign that a beacon's process may be another one: what it was told is told again, and since when it is up is
//! known no more, or in doubt.

use std::sync::atomic::Ordering::Relaxed;

use super::pool_task::PoolTask;
use crate::model::BeaconId;
use crate::pool::Event;
use crate::seeds::{Lost, Sign, Verdict};

impl PoolTask {
    /// What may have been lost is lost before the pool is told: a table that says unseeded is younger than the loss.
    pub(super) fn saw(&mut self, id: BeaconId, sign: Sign) {
        let now = (self.clock)();
        let place = self.course.place(id);
        let verdict = self.signs.entry(place.watcher.key).or_default().saw(sign, now);
        // A network that is gone for a moment is no restart: what it began to say goes on then, or it tells when it started.
        let hears = self.hearing.contains(&place.watcher.key);
        match (sign, verdict) {
            (Sign::Broken, Verdict::Nothing) => {}
            (Sign::Started | Sign::Version, _) => self.tenures.lost(&place.name, now.wall),
            _ if place.watcher.client.tells_start() || sign == Sign::Refused && hears => {
                // Asked for first: what is told from now on is told of the process there is then.
                place.watcher.look.store(true, Relaxed);
                place.watcher.in_doubt();
                self.tenures.doubt(&place.name, now.wall);
            }
            _ => self.tenures.lost(&place.name, now.wall),
        }
        let lost = match verdict {
            Verdict::Nothing => return,
            Verdict::Suspected => Lost::Maybe,
            Verdict::Restarted => Lost::Everything,
        };
        tracing::info!(beacon = %place.name, ?sign, ?lost, "it may have lost what it was told; it is told again");
        self.course.memory.forget(id);
        // What it says of its start is asked again.
        place.watcher.look.store(true, Relaxed);
        self.desk.with(|book| book.lose(&place.name, lost));
        self.feed(Event::Unseeded(id));
    }
}
