//! What one beacon takes far longer for than others that are given the same: a client's publications of a slot go to several.
//!
//! Whatever a client does late, all of them get late; what only one of them has late is its own doing.

use std::collections::BTreeMap;

use super::component::Id;
use super::usual::Times;

/// It is slow at so many times the usual.
const TIMES: f64 = 4.0;

/// When a beacon had taken what a client published, in milliseconds at the median.
#[derive(Debug, Clone, Copy)]
struct Taken {
    client: Id,
    beacon: Id,
    ms: f64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Apart {
    open: BTreeMap<u64, Vec<Taken>>,
    usual: Times,
}

impl Apart {
    /// A beacon took publications.
    pub(super) fn take(&mut self, slot: u64, (client, beacon): (Id, Id), ms: f64) {
        self.open.entry(slot).or_default().push(Taken { client, beacon, ms });
    }

    /// Whom others can be compared with, slot by slot, and whether it was slow with most of what it was given: longer than
    /// usual and by more than `floor` milliseconds.
    pub(super) fn ended(&mut self, floor: f64) -> Vec<(u64, Id, bool)> {
        let mut told = Vec::new();
        for (slot, mut all) in std::mem::take(&mut self.open) {
            all.sort_by_key(|taken| taken.client);
            let mut counts: BTreeMap<Id, (u32, u32)> = BTreeMap::new();
            for of_client in all.chunk_by(|a, b| a.client == b.client).filter(|all| all.len() > 1) {
                let first = of_client.iter().map(|taken| taken.ms).fold(f64::INFINITY, f64::min);
                for taken in of_client {
                    let slow = self.usual.is_own_odd(taken.beacon, taken.ms - first, TIMES, floor);
                    let count = counts.entry(taken.beacon).or_default();
                    *count = (count.0 + u32::from(slow), count.1 + 1);
                }
            }
            told.extend(counts.into_iter().map(|(beacon, (slow, all))| (slot, beacon, 2 * slow > all)));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(apart: &mut Apart, times: &[(Id, Id, f64)]) -> Vec<(Id, bool)> {
        for (client, beacon, ms) in times {
            apart.take(7, (*client, *beacon), *ms);
        }
        apart.ended(250.0).into_iter().map(|(_, beacon, slow)| (beacon, slow)).collect()
    }

    #[test]
    fn late_by_one_beacon_is_its_own_doing_and_late_by_all_is_nobodys() {
        let mut apart = Apart::default();
        let calm = [(1, 10, 50.0), (1, 11, 60.0), (2, 10, 55.0), (2, 12, 40.0)];
        for _ in 0..4 {
            assert_eq!(slot(&mut apart, &calm), [(10, false), (11, false), (12, false)]);
        }
        let late = [(1, 10, 4_050.0), (1, 11, 4_060.0), (2, 10, 55.0), (2, 12, 40.0)];
        assert_eq!(slot(&mut apart, &late), [(10, false), (11, false), (12, false)], "its client is late");
        let slow = [(1, 10, 1_400.0), (1, 11, 60.0), (2, 10, 1_300.0), (2, 12, 40.0)];
        assert_eq!(slot(&mut apart, &slow), [(10, true), (11, false), (12, false)]);
        let one = [(1, 10, 1_400.0), (1, 11, 60.0), (2, 10, 55.0), (2, 12, 40.0)];
        assert_eq!(slot(&mut apart, &one)[0], (10, false), "half of it is not most of it");
        assert_eq!(slot(&mut apart, &[(1, 10, 9_000.0)]), [], "there is nothing to compare it with");
    }
}
