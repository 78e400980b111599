//! Identities: beacons, clients, slots, epochs, validators, roots.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// A slot number (consensus spec, `Slot`).
    Slot(u64)
);
number!(
    /// An epoch number (consensus spec, `Epoch`).
    Epoch(u64)
);
number!(
    /// A validator's index in the registry (consensus spec, `ValidatorIndex`).
    ValidatorIndex(u64)
);
number!(
    /// A beacon's place in the fleet file. Stable for the life of the process; an index into every per-beacon table.
    BeaconId(u16)
);
number!(
    /// A client's place in the router's list of clients; 0 is "not named in the fleet file".
    ClientId(u16)
);

impl Slot {
    /// The epoch this slot belongs to.
    pub fn epoch(self, slots_per_epoch: u64) -> Epoch {
        Epoch(self.0 / slots_per_epoch.max(1))
    }
}

impl BeaconId {
    /// The id as an index into per-beacon tables.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A set of beacons, one bit each; a fleet has at most [`BeaconSet::MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BeaconSet(pub u128);

impl BeaconSet {
    /// The largest fleet.
    pub const MOST: usize = 128;

    /// Whether a beacon is in the set.
    pub fn has(self, id: BeaconId) -> bool {
        self.0 >> id.0 & 1 == 1
    }

    /// Adds a beacon.
    pub fn add(&mut self, id: BeaconId) {
        self.0 |= 1 << id.0;
    }

    /// Takes a beacon out.
    pub fn remove(&mut self, id: BeaconId) {
        self.0 &= !(1 << id.0);
    }

    /// Both sets together.
    #[must_use]
    pub fn or(self, other: BeaconSet) -> BeaconSet {
        BeaconSet(self.0 | other.0)
    }

    /// Whether nobody is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A beacon node's name as the fleet file gives it. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BeaconName(Arc<str>);

impl BeaconName {
    /// Wraps a name; the fleet file's rules for names are checked in `config`.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BeaconName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A 32-byte root (consensus spec, `Root`); text form is `0x` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Root(pub [u8; 32]);

/// Text that is not a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a root is 0x and 64 hex digits")]
pub struct ParseRootError;

impl Root {
    /// The first four bytes as hex, for people.
    pub fn short(self) -> String {
        let [a, b, c, d, ..] = self.0;
        format!("0x{a:02x}{b:02x}{c:02x}{d:02x}…")
    }
}

impl std::str::FromStr for Root {
    type Err = ParseRootError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.strip_prefix("0x").ok_or(ParseRootError)?.as_bytes();
        if hex.len() != 64 {
            return Err(ParseRootError);
        }
        let mut out = [0_u8; 32];
        for (byte, pair) in out.iter_mut().zip(hex.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16).ok_or(ParseRootError)?;
            let low = char::from(pair[1]).to_digit(16).ok_or(ParseRootError)?;
            *byte = (high * 16 + low) as u8;
        }
        Ok(Self(out))
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl Serialize for Root {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Root {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_text_round_trips_and_refuses_other_shapes() {
        let text = format!("0x{}", "ab".repeat(32));
        assert_eq!(text.parse::<Root>().unwrap().to_string(), text);
        for bad in
            ["", "0x", "ab", &"0x".repeat(33), &text[..65], &format!("{text}0"), &text.replace('b', "g")]
        {
            assert_eq!(bad.parse::<Root>(), Err(ParseRootError), "{bad}");
        }
    }

    #[test]
    fn a_slot_knows_its_epoch() {
        assert_eq!(Slot(31).epoch(32), Epoch(0));
        assert_eq!(Slot(32).epoch(32), Epoch(1));
    }
}
