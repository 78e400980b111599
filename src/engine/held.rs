//! Head events on their way to clients: read your events. Pure.
//!
//! A client asks for attestation data the moment it hears of a head. It is told when the pool agrees on that head, so
//! that the question finds beacons that have it; and after a moment in any case.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Deserialize;

use crate::model::{BeaconId, Moment, Quoted};
use crate::pool::AgreedHead;

/// The longest an event is held.
const LONGEST_MS: u64 = 150;
/// Events held at once; a head is announced once by each beacon.
const MOST: usize = 256;

#[derive(Deserialize)]
struct Head {
    slot: Quoted,
}

struct Waiting {
    slot: Option<u64>,
    since: Moment,
    event: (BeaconId, String, Bytes),
}

/// Events in order of arrival; nothing overtakes.
#[derive(Default)]
pub struct Held(VecDeque<Waiting>);

impl Held {
    /// Takes an event.
    pub fn push(&mut self, from: BeaconId, topic: String, data: Bytes, now: Moment) {
        let is_head = topic == "head" || topic == "head_v2";
        let head = is_head.then(|| serde_json::from_slice::<Head>(&data).ok()).flatten();
        self.0.push_back(Waiting {
            slot: head.map(|head| head.slot.0),
            since: now,
            event: (from, topic, data),
        });
    }

    /// All of them, whether they may pass or not.
    pub fn take_all(&mut self) -> Vec<(BeaconId, String, Bytes)> {
        self.0.drain(..).map(|waiting| waiting.event).collect()
    }

    /// The events that may pass now.
    pub fn ready(&mut self, agreed: Option<AgreedHead>, now: Moment) -> Vec<(BeaconId, String, Bytes)> {
        let mut out = Vec::new();
        while let Some(first) = self.0.front() {
            let agrees = first.slot.is_none_or(|slot| agreed.is_some_and(|agreed| agreed.slot.0 >= slot));
            let over = now.ms_since(first.since) >= LONGEST_MS || self.0.len() > MOST;
            if !agrees && !over {
                break;
            }
            out.extend(self.0.pop_front().map(|waiting| waiting.event));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Root, Slot};

    fn agreed(slot: u64) -> AgreedHead {
        AgreedHead { slot: Slot(slot), root: Root::default() }
    }

    fn at(ms: u64) -> Moment {
        Moment::default().plus_ms(ms)
    }

    fn head(held: &mut Held, slot: u64, now: Moment) {
        let data = format!(r#"{{"slot":"{slot}","block":"0x"}}"#);
        held.push(BeaconId(0), "head".to_owned(), data.into(), now);
    }

    #[test]
    fn a_head_waits_for_agreement_but_not_for_long() {
        let mut held = Held::default();
        head(&mut held, 7, at(0));
        assert!(held.ready(Some(agreed(6)), at(10)).is_empty());
        assert_eq!(held.ready(Some(agreed(7)), at(20)).len(), 1);
        head(&mut held, 8, at(100));
        assert!(held.ready(Some(agreed(7)), at(249)).is_empty());
        assert_eq!(held.ready(Some(agreed(7)), at(250)).len(), 1);
    }

    #[test]
    fn nothing_overtakes() {
        let mut held = Held::default();
        head(&mut held, 7, at(0));
        held.push(BeaconId(0), "block".to_owned(), Bytes::from_static(b"{}"), at(1));
        assert!(held.ready(Some(agreed(6)), at(2)).is_empty());
        let topics: Vec<String> =
            held.ready(Some(agreed(7)), at(3)).into_iter().map(|(_, topic, _)| topic).collect();
        assert_eq!(topics, ["head", "block"]);
    }
}
