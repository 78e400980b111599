//! The API's habit of writing integers as strings.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// An unsigned integer, as a string (the Beacon API's form) or as a number (some clients').
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted(pub u64);

impl Quoted {
    /// For `#[serde(deserialize_with)]` on a plain `u64`.
    pub fn plain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        Self::deserialize(deserializer).map(|number| number.0)
    }
}

impl<'de> Deserialize<'de> for Quoted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuotedVisitor)
    }
}

struct QuotedVisitor;

impl Visitor<'_> for QuotedVisitor {
    type Value = Quoted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an unsigned integer, quoted or not")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Quoted, E> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(E::custom("an integer has digits only"));
        }
        text.parse().map(Quoted).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Quoted, E> {
        Ok(Quoted(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_quoted_or_bare_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<Quoted>(text).ok().map(|number| number.0);
        assert_eq!(read("\"18446744073709551615\""), Some(u64::MAX));
        assert_eq!(read("7"), Some(7));
        for bad in ["\"+7\"", "\"\"", "-7", "7.5", "\"0x7\"", "null", "\"18446744073709551616\"", "[7]"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
