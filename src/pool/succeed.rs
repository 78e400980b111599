//! The pool under another fleet file: who stays keeps all that is known of it, and the head agreed on stays agreed on.

use std::sync::Arc;

use super::condition::Settings;
use super::gauge::Gauge;
use super::state::{Action, Event, Member, Pool, Seat};
use super::table::Table;
use crate::model::{BeaconId, Moment, Use};

/// A beacon's seat in the next pool.
pub struct Joined {
    /// What the fleet file says of it.
    pub member: Member,
    /// Its gauge; of one that stays the same as before.
    pub gauge: Arc<Gauge>,
    /// Its place in this pool; none if it is new, or another one under the same name.
    pub before: Option<BeaconId>,
}

impl Pool {
    /// The pool under the next fleet file, after `events` that tell of beacons that are new in it, and what they ask for.
    /// Its first table has the number after this pool's last.
    pub fn succeed(
        &self,
        settings: Settings,
        joined: Vec<Joined>,
        events: Vec<Event>,
        now: Moment,
    ) -> (Pool, Vec<Action>) {
        let mut places = vec![None; self.seats.len()];
        for (index, joined) in joined.iter().enumerate() {
            if let Some(before) = joined.before {
                places[before.index()] = Some(BeaconId(index as u16));
            }
        }
        let seats = joined
            .into_iter()
            .map(|Joined { member, gauge, before }| match before {
                Some(before) => self.seats[before.index()].again(member, gauge),
                None => Seat::new(member, gauge, now),
            })
            .collect();
        let mut pool = Pool::new(settings, Vec::new(), now);
        pool.seats = seats;
        pool.heads = self.heads.at(&places);
        pool.clock.clone_from(&self.clock);
        pool.passing = self.passing.clone();
        pool.rift.clone_from(&self.rift);
        let mut actions = Vec::new();
        pool.conclude(now, &mut actions);
        for event in events {
            actions.extend(pool.handle(event, now));
        }
        pool.seq = self.seq + 1;
        (pool, actions)
    }
}

impl Seat {
    /// The same beacon under another fleet file.
    fn again(&self, member: Member, gauge: Arc<Gauge>) -> Seat {
        let same_weight = member.weight == self.member.weight;
        Seat {
            share: if same_weight { self.share } else { u32::from(member.weight) * 100 },
            member,
            gauge,
            condition: self.condition.clone(),
            client: self.client.clone(),
            drained: self.drained,
            turn: self.turn,
            unseeded: self.unseeded,
            // Who was asked answers to this pool, too.
            confirming: self.confirming,
            since: self.since,
            shown: self.shown.clone(),
        }
    }
}

/// Whether there is in `new`, for whatever beacons are used for, one of no worse rank than the best in `old`, and a head
/// agreed on if there was.
pub fn serves_as_well(old: &Table, new: &Table) -> bool {
    let best = |table: &Table, uses: Use| table.entries.iter().map(|entry| entry.ranks[uses as usize]).min();
    let worse = |uses: &Use| best(old, *uses).is_some_and(|old| best(new, *uses).is_none_or(|new| new > old));
    !Use::ALL.iter().any(worse) && (old.agreed.is_none() || new.agreed.is_some())
}
