//! Any history of clients: what only moves is never found, who takes turns always is.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const C: ClientId = ClientId(3);

/// What one client does in a slot with a key: nothing, or signs so many slots late.
fn course() -> impl Strategy<Value = Vec<Option<u64>>> {
    prop::collection::vec(prop::option::weighted(0.6, 0..3_u64), 1..20)
}

proptest! {
    /// Whatever a key's one client does, and whoever it moves to, if the old one does not come back.
    #[test]
    fn a_key_that_only_moves_is_never_found(courses in prop::collection::vec(course(), 1..5)) {
        let mut play = Play::new();
        let mut late: BTreeMap<u64, Vec<(ClientId, u64)>> = BTreeMap::new();
        let mut slot = 1;
        for (client, course) in (1..).map(ClientId).zip(&courses) {
            for does in course {
                if let Some(by) = does {
                    late.entry(slot + by).or_default().push((client, slot));
                }
                for (client, of) in late.remove(&slot).unwrap_or_default() {
                    play.told(client, of, &[3]);
                    play.asks(client, of, Step::SyncMessage);
                    play.publishes(client, &votes(of, Kind::SyncMessage, &[3], 1));
                }
                play.ends(slot);
                slot += 1;
            }
        }
        prop_assert!(play.found.twice.is_empty(), "{:?}", play.found.twice);
        prop_assert!(play.found.elsewhere.is_empty());
    }

    /// Found is exactly what the rule says, told by looking at all of the history at once.
    #[test]
    fn whoever_signs_by_turns_or_the_same_is_found(history in prop::collection::vec(0..8_u8, 1..30)) {
        let clients = |bits: u8| [A, B, C].into_iter().filter(move |client| bits >> (client.0 - 1) & 1 == 1);
        let mut play = Play::new();
        for (slot, bits) in (1..).zip(&history) {
            for client in clients(*bits) {
                play.told(client, slot, &[3]);
                play.asks(client, slot, Step::SyncMessage);
                play.publishes(client, &votes(slot, Kind::SyncMessage, &[3], 1));
            }
            play.ends(slot);
        }
        let signed: Vec<(u64, ClientId)> =
            (1..).zip(&history).flat_map(|(slot, bits)| clients(*bits).map(move |client| (slot, client))).collect();
        let same = history.iter().any(|bits| bits.count_ones() > 1);
        let turns = signed.iter().any(|(end, client)| {
            let own = signed.iter().filter(|(slot, of)| of == client && slot < end).map(|(slot, _)| *slot);
            own.max().is_some_and(|begin| {
                let between = |(slot, of): &(u64, ClientId)| of != client && *slot > begin && slot < end;
                end - begin <= WINDOW * EPOCH && signed.iter().any(between)
            })
        });
        prop_assert_eq!(!play.found.twice.is_empty(), same || turns, "{:?}", play.found.twice);
    }
}
