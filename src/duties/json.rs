//! The API's JSON habits: integers are strings, answers lie in `data`.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};

use super::ParseError;

/// An unsigned integer, as a string (the API's form) or as a number (some clients').
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quoted(pub(super) u64);

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

/// An answer of the API.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<T> {
    pub(super) data: T,
    #[serde(default)]
    pub(super) dependent_root: Option<crate::model::Root>,
}

/// Reads a whole document.
pub(super) fn read<T: DeserializeOwned>(what: &'static str, body: &[u8]) -> Result<T, ParseError> {
    serde_json::from_slice(body).map_err(|source| ParseError::ReadJson { what, source })
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
