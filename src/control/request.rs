//! What is asked for. Pure.
//!
//! To add an order: a variant of [`Order`], its line in [`Order::words`], and its arm where the engine carries orders out.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{BeaconName, DutiesAsked, Intent, Play, RemedyAsked, Slot};

/// What an operator asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Request {
    /// Who is there: the first thing said on a connection, so that both sides know the other's version.
    Hello {
        /// Version of the asking program.
        beacondeck: String,
        /// What it is, in one word: `console`, `status`, …
        program: String,
    },
    /// The fleet as it is now.
    Status,
    /// Why requests went where they went, newest first.
    Explain {
        /// Only requests about this slot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<Slot>,
        /// Only requests of the client with this name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<String>,
        /// At most so many.
        limit: u32,
    },
    /// What became of duties, newest first.
    Duties(DutiesAsked),
    /// What an order would mean, before it is given.
    Preflight {
        /// The order.
        intent: Intent,
        /// At which beacons.
        beacons: Vec<BeaconName>,
    },
    /// What an order about a host's remedy would do, before it is given.
    Remedy(RemedyAsked),
    /// Who did what, the latest entries in the order they were written.
    Journal {
        /// At most so many.
        limit: u32,
    },
    /// Move in the recording that is played; what is shown then, a watch tells.
    Play {
        /// How.
        how: Play,
    },
    /// Everything that changes, until the connection ends: a snapshot at once, then snapshots when something changed and
    /// at most one a second, events, and a sign of life every few seconds. Nothing else is answered on this connection.
    Watch(Wanted),
    /// An order; for the control socket only.
    Order {
        /// Made by the asker. The same id again does nothing and is answered with what became of the first.
        order: OrderId,
        /// What is to be done.
        #[serde(flatten)]
        what: Order,
    },
}

impl Request {
    /// An order with an id of its own.
    pub fn order(what: Order) -> Self {
        Request::Order { order: OrderId::random(), what }
    }
}

/// What a watch tells besides snapshots and who is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wanted {
    /// Journal entries: this many of the latest at once, then each new one; none: no entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<u32>,
    /// Lines of the daemon's log, in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<u32>,
}

/// How the journal calls a hand-over.
pub const HAND_OVER: &str = "hand-over";

/// What can be ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Order {
    /// Give a beacon no new work.
    Drain {
        /// The beacon.
        beacon: BeaconName,
    },
    /// Give a drained beacon work again.
    Resume {
        /// The beacon.
        beacon: BeaconName,
    },
    /// Drain it, restart its process as the fleet file says, resume it when it is fit.
    Restart {
        /// The beacon.
        beacon: BeaconName,
        /// Even if no other healthy beacon is left.
        #[serde(default)]
        force: bool,
    },
    /// Drain it, upgrade it as the fleet file says, resume it when it is fit.
    Upgrade {
        /// The beacon.
        beacon: BeaconName,
        /// Even if no other healthy beacon is left.
        #[serde(default)]
        force: bool,
    },
    /// Take note of something that is wrong.
    Ack {
        /// What, by its key.
        key: String,
        /// Why, or what is being done, in a few words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Tell nobody of something for a while.
    Silence {
        /// An incident by its key, or a culprit: whatever it is blamed for, now and until then.
        key: String,
        /// For so long from now, [`crate::model::LONGEST_SILENCE_S`] at most.
        seconds: u64,
        /// Why, in a few words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// End a silence before its time.
    Unsilence {
        /// What was silenced.
        key: String,
    },
    /// End the restart or upgrade that runs.
    Abort {
        /// The beacon.
        beacon: BeaconName,
    },
    /// Write a host's remedy, keep it, or take it back.
    Remedy {
        /// Which, on which host.
        #[serde(flatten)]
        asked: RemedyAsked,
        /// The seal of the plan that was shown: another one is refused. To keep it takes none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        seal: String,
    },
    /// Hand over to the program as it is on disk now, without a client's noticing.
    HandOver,
}

impl Order {
    /// Verb and target, as the journal has them.
    pub fn words(&self) -> (&'static str, Option<&str>) {
        match self {
            Order::Drain { beacon } => ("drain", Some(beacon.as_str())),
            Order::Resume { beacon } => ("resume", Some(beacon.as_str())),
            Order::Restart { beacon, .. } => ("restart", Some(beacon.as_str())),
            Order::Upgrade { beacon, .. } => ("upgrade", Some(beacon.as_str())),
            Order::Ack { key, .. } => ("ack", Some(key)),
            Order::Silence { key, .. } => ("silence", Some(key)),
            Order::Unsilence { key } => ("unsilence", Some(key)),
            Order::Abort { beacon } => ("abort", Some(beacon.as_str())),
            Order::Remedy { asked, .. } => (asked.verb.word(), Some(&asked.host)),
            Order::HandOver => (HAND_OVER, None),
        }
    }
}

/// `drain b2`.
impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words() {
            (verb, Some(target)) => write!(f, "{verb} {target}"),
            (verb, None) => f.write_str(verb),
        }
    }
}

/// An order's id: 128 random bits in hex, so that two askers never choose the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId(String);

impl OrderId {
    /// A new id. Panics only on a system that has no source of randomness.
    pub fn random() -> Self {
        let mut bits = [0_u8; 16];
        getrandom::fill(&mut bits).expect("the system gives random bytes");
        Self(format!("{:032x}", u128::from_be_bytes(bits)))
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<OrderId> for String {
    fn from(id: OrderId) -> String {
        id.0
    }
}

impl TryFrom<String> for OrderId {
    type Error = OrderIdError;

    fn try_from(text: String) -> Result<Self, OrderIdError> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 32 && text.bytes().all(digit) { Ok(Self(text)) } else { Err(OrderIdError) }
    }
}

/// Text that is no order's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order's id is 32 digits of 0-9 and a-f")]
pub struct OrderIdError;

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn ids_are_their_own() {
        let ids: std::collections::HashSet<_> = (0..1_000).map(|_| OrderId::random()).collect();
        assert_eq!(ids.len(), 1_000);
        for id in ids {
            assert_eq!(OrderId::try_from(id.as_str().to_owned()), Ok(id));
        }
    }

    #[rstest]
    #[case("")]
    #[case("0123456789abcdef0123456789abcde")]
    #[case("0123456789abcdef0123456789abcdef0")]
    #[case("0123456789ABCDEF0123456789ABCDEF")]
    #[case("0123456789abcdef 123456789abcdef")]
    fn other_text_is_no_id(#[case] text: &str) {
        assert_eq!(OrderId::try_from(text.to_owned()), Err(OrderIdError));
    }
}
