//! The common order: rank first, then the agreed head, the router's own zone, and a weighted draw per client.

use std::net::IpAddr;

use crate::endpoint::Row;
use crate::model::{BeaconId, ClientId, Slot, Use};
use crate::pool::{Entry, NEVER, Table};

/// Who asks, for draws that should stay the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Key(pub u64);

impl Key {
    /// Of a connection: the client's place in the fleet file, or its address when it has none.
    pub fn of(client: ClientId, ip: IpAddr) -> Key {
        if client.0 > 0 {
            return Key(u64::from(client.0));
        }
        let bits = match ip {
            IpAddr::V4(ip) => u128::from(u32::from(ip)),
            IpAddr::V6(ip) => u128::from(ip),
        };
        Key((bits as u64 ^ (bits >> 64) as u64) | 1 << 63)
    }
}

/// Eligible beacons in common order. `salt` decides how long a client's draw stays the same.
pub fn common(row: &Row, key: Key, salt: u64, table: &Table) -> Vec<BeaconId> {
    let head_matters = row.needs == Use::Sign || row.step.is_some();
    let mut drawn: Vec<(u8, bool, bool, f64, BeaconId)> = table
        .entries
        .iter()
        .filter(|entry| entry.rank(row.needs, row.role) != NEVER)
        .map(|entry| {
            let elsewhere = head_matters && !entry.at_agreed;
            (entry.rank(row.needs, row.role), elsewhere, !entry.near, draw(key, salt, entry), entry.id)
        })
        .collect();
    drawn.sort_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)).then(a.3.total_cmp(&b.3)));
    drawn.into_iter().map(|(.., id)| id).collect()
}

/// Weighted rendezvous hashing (Schindelhauer and Schomaker, 2005): the smallest draw wins, and a beacon wins as often
/// as its share of the weights says, whoever else is there.
fn draw(key: Key, salt: u64, entry: &Entry) -> f64 {
    let bits = mix(key.0 ^ mix(salt ^ mix(u64::from(entry.id.0) + 1)));
    let uniform = ((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -uniform.ln() / f64::from(entry.share.max(1))
}

/// The finaliser of splitmix64 (Steele, Lea, Flood 2014).
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Duty steps draw anew each slot, the rest each epoch-sized stretch, so that lists of duties do not flap.
pub fn salt(row: &Row, slot: Slot, table: &Table) -> u64 {
    let per_epoch = table.clock.as_ref().map_or(32, crate::chain::SlotClock::slots_per_epoch);
    if row.step.is_some() { slot.0 } else { slot.epoch(per_epoch).0 }
}

/// Moves the beacons for which `first` holds to the front, keeping order otherwise.
pub fn promote(order: Vec<BeaconId>, first: impl Fn(BeaconId) -> bool) -> Vec<BeaconId> {
    let (mut front, back): (Vec<_>, Vec<_>) = order.into_iter().partition(|id| first(*id));
    front.extend(back);
    front
}

/// Spreads hosts: the first of each host before the second of any, within equal rank.
pub fn spread_hosts(order: &[BeaconId], row: &Row, table: &Table) -> Vec<BeaconId> {
    let mut seen: Vec<u16> = Vec::new();
    let mut keyed: Vec<(u8, usize, usize, BeaconId)> = order
        .iter()
        .enumerate()
        .map(|(place, id)| {
            let entry = &table.entries[id.index()];
            let again = seen.iter().filter(|host| **host == entry.host).count();
            seen.push(entry.host);
            (entry.rank(row.needs, row.role), again, place, *id)
        })
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(.., id)| id).collect()
}
