//! What could not be written yet, in order, each thing once. Pure.

use std::collections::VecDeque;

use super::Write;
use crate::model::{Ack, BeaconName, Silence};

/// Most changes kept.
pub const MOST: usize = 4_096;
/// Most bytes of bodies kept.
pub const BYTES: usize = 64 * 1024 * 1024;

/// What a change is about: a later one takes the place of an earlier one about the same.
#[derive(PartialEq, Eq)]
enum About<'a> {
    Seed(&'a str, &'a str),
    Expired,
    Lifecycle(&'a BeaconName),
    Ack(&'a str),
    Silence(&'a str),
    Incident(u64),
}

/// Changes that wait for a disk that takes them.
#[derive(Default)]
pub struct Backlog {
    writes: VecDeque<Write>,
    bytes: usize,
    lost: u64,
}

impl Backlog {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// What waits, oldest first.
    pub fn writes(&mut self) -> &[Write] {
        self.writes.make_contiguous()
    }

    /// Takes changes that failed. Beyond the bounds the oldest are lost.
    pub fn add(&mut self, failed: Vec<Write>) {
        self.outdated_by(&failed);
        for write in failed {
            self.bytes += size(&write);
            self.writes.push_back(write);
        }
        while self.writes.len() > MOST || self.bytes > BYTES {
            let Some(oldest) = self.writes.pop_front() else { break };
            self.bytes -= size(&oldest);
            self.lost += 1;
        }
    }

    /// Newer changes were written, or have failed too: older ones about the same need no writing any more.
    pub fn outdated_by(&mut self, newer: &[Write]) {
        let bytes = &mut self.bytes;
        self.writes.retain(|write| {
            let goes = newer.iter().any(|newer| outdates(newer, write));
            *bytes -= if goes { size(write) } else { 0 };
            !goes
        });
    }

    /// All were written; how many were lost before.
    pub fn settled(&mut self) -> u64 {
        self.writes.clear();
        self.bytes = 0;
        std::mem::take(&mut self.lost)
    }
}

fn about(write: &Write) -> Option<About<'_>> {
    Some(match write {
        Write::Seed(seed) => About::Seed(&seed.client, &seed.kind),
        Write::Forget { client, kind } => About::Seed(client, kind),
        Write::Expire { .. } => About::Expired,
        Write::Drain(beacon, _) | Write::Resume(beacon) => About::Lifecycle(beacon),
        Write::Ack(Ack { key, .. }) | Write::Unack(key) => About::Ack(key),
        Write::Silence(Silence { key, .. }) | Write::Unsilence(key) => About::Silence(key),
        Write::Incident { id, .. } => About::Incident(*id),
        Write::Raise { .. } | Write::Journal(_) => return None,
    })
}

/// A mark that was raised higher before must still be raised.
fn outdates(newer: &Write, older: &Write) -> bool {
    if let (Write::Raise { mark, to }, Write::Raise { mark: same, to: before }) = (newer, older) {
        return mark == same && to >= before;
    }
    about(newer).is_some_and(|newer| about(older) == Some(newer))
}

fn size(write: &Write) -> usize {
    if let Write::Seed(seed) = write { seed.body.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Drain, UnixMs};
    use crate::store::tests::words::{note, seed};

    fn drain(name: &str, by: &str) -> Write {
        Write::Drain(BeaconName::new(name), Drain { by: by.into(), since: UnixMs(1) })
    }

    #[test]
    fn each_thing_waits_once_and_the_journal_in_full() {
        let mut backlog = Backlog::default();
        backlog.add(vec![drain("b1", "alice"), note(1), Write::Seed(seed("c", "k", b"old"))]);
        backlog.add(vec![Write::Resume(BeaconName::new("b1")), note(1), drain("b2", "bob")]);
        backlog.add(vec![Write::Seed(seed("c", "k", b"new"))]);
        let expected = [
            note(1),
            Write::Resume(BeaconName::new("b1")),
            note(1),
            drain("b2", "bob"),
            Write::Seed(seed("c", "k", b"new")),
        ];
        assert_eq!(backlog.writes(), expected);
        backlog.outdated_by(&[Write::Forget { client: "c".into(), kind: "k".into() }, drain("b2", "eve")]);
        assert_eq!(backlog.writes(), &expected[..3]);
        assert_eq!(backlog.settled(), 0);
        assert!(backlog.is_empty());
    }

    #[test]
    fn a_mark_waits_until_it_is_as_high_as_it_was_to_be() {
        let raise = |to| Write::Raise { mark: "m".into(), to };
        let mut backlog = Backlog::default();
        backlog.add(vec![raise(10)]);
        backlog.outdated_by(&[raise(9)]);
        assert_eq!(backlog.writes(), [raise(10)]);
        backlog.outdated_by(&[Write::Raise { mark: "other".into(), to: 11 }, raise(10)]);
        assert!(backlog.is_empty());
    }

    #[test]
    fn it_is_bounded_and_counts_what_it_lost() {
        let mut backlog = Backlog::default();
        backlog.add((0..MOST as u64 + 3).map(note).collect());
        assert_eq!((backlog.writes().len(), &backlog.writes()[0]), (MOST, &note(3)));
        assert_eq!(backlog.settled(), 3);
        let half = vec![0; BYTES / 2];
        for client in ["a", "b", "c"] {
            backlog.add(vec![Write::Seed(seed(client, "k", &half))]);
        }
        assert_eq!(backlog.writes().len(), 2);
        assert_eq!(backlog.settled(), 1);
        assert_eq!(backlog.settled(), 0);
    }
}
