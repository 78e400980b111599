//! Events on their way to clients: read your events. Pure.
//!
//! A client asks for attestation data the moment it hears of a head. It is told when the pool agrees on that head, so
//! that the question finds beacons that have it; and after a moment in any case.

use std::collections::VecDeque;

use super::merger::Event;
use super::topics::Said;
use crate::model::Moment;
use crate::pool::AgreedHead;

/// The longest an event is held, and a question waits for a beacon that has the head its client was told of.
pub const LONGEST_MS: u64 = 150;
/// Events held at once.
const MOST: usize = 256;

/// Events in order of arrival; nothing overtakes.
#[derive(Default)]
pub struct Held(VecDeque<(Moment, Event)>);

impl Held {
    /// Takes an event.
    pub fn push(&mut self, event: Event, now: Moment) {
        self.0.push_back((now, event));
    }

    /// The next event that may pass now.
    pub fn next(&mut self, agreed: Option<AgreedHead>, now: Moment) -> Option<Event> {
        let (since, event) = self.0.front()?;
        let agrees = match event.said {
            Said::Head(said) => {
                agreed.is_some_and(|agreed| agreed == said.block || agreed.slot > said.block.slot)
            }
            _ => true,
        };
        let over = now.ms_since(*since) >= LONGEST_MS || self.0.len() > MOST;
        if !agrees && !over {
            return None;
        }
        self.0.pop_front().map(|(_, event)| event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Root, Slot};
    use crate::router::topics::read;

    fn agreed(slot: u64, root: u8) -> AgreedHead {
        AgreedHead { slot: Slot(slot), root: Root([root; 32]) }
    }

    fn at(ms: u64) -> Moment {
        Moment::default().plus_ms(ms)
    }

    fn event(topic: &str, slot: u64) -> Event {
        let data = format!(r#"{{"slot":"{slot}","block":"{}"}}"#, Root([1; 32]));
        let said = read(topic, data.as_bytes()).unwrap();
        Event { topic: topic.to_owned(), data: data.into(), said }
    }

    #[test]
    fn a_head_waits_for_agreement_but_not_for_long() {
        let mut held = Held::default();
        held.push(event("head", 7), at(0));
        assert_eq!(held.next(Some(agreed(6, 1)), at(10)), None);
        assert_eq!(held.next(Some(agreed(7, 2)), at(15)), None, "another block of that slot");
        assert!(held.next(Some(agreed(7, 1)), at(20)).is_some());
        held.push(event("head", 8), at(100));
        assert_eq!(held.next(Some(agreed(7, 1)), at(249)), None);
        assert!(held.next(Some(agreed(7, 1)), at(250)).is_some());
        held.push(event("head", 8), at(300));
        assert!(held.next(Some(agreed(9, 3)), at(300)).is_some(), "left behind already");
    }

    #[test]
    fn nothing_overtakes() {
        let mut held = Held::default();
        held.push(event("head", 7), at(0));
        held.push(event("block", 7), at(1));
        assert_eq!(held.next(Some(agreed(6, 1)), at(2)), None);
        let topics: Vec<String> =
            std::iter::from_fn(|| held.next(Some(agreed(7, 1)), at(3))).map(|event| event.topic).collect();
        assert_eq!(topics, ["head", "block"]);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut held = Held::default();
        for _ in 0..2 * MOST {
            held.push(event("head", 7), at(0));
            while held.next(None, at(0)).is_some() {}
        }
        assert_eq!(held.0.len(), MOST);
    }
}
