//! The spec as a beacon serves it: key to value, read with care.
//!
//! Owns the map and what can be wrong with one value. Never decides which keys matter: `timing` and `identity` do.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What `/eth/v1/config/spec` serves as `data`: constants of the consensus spec and its configuration.
///
/// Values are mostly text (numbers in quotes); newer keys such as `BLOB_SCHEDULE` are lists. A key that is present says
/// nothing about whether its fork is active.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Spec(BTreeMap<String, Value>);

/// A spec no clock can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A key without which no slot can be computed.
    #[error("the spec does not serve {key}")]
    Missing {
        /// The key, or the keys of which one is needed.
        key: &'static str,
    },
    /// A value that is no unsigned number.
    #[error("the spec serves {key} as {value}, which is not an unsigned number")]
    NotANumber {
        /// The key.
        key: String,
        /// The value as JSON.
        value: String,
    },
    /// A number no chain can have.
    #[error("the spec serves {key} as {value}, outside {low} to {high}")]
    OutOfRange {
        /// The key.
        key: String,
        /// The number.
        value: u64,
        /// Least accepted.
        low: u64,
        /// Greatest accepted.
        high: u64,
    },
    /// A genesis no clock can start from.
    #[error("genesis time {time} s lies beyond the year 9999")]
    Genesis {
        /// Seconds since the Unix epoch.
        time: u64,
    },
}

impl Spec {
    /// Wraps the map.
    pub fn new(map: BTreeMap<String, Value>) -> Self {
        Self(map)
    }

    /// An unsigned number, in quotes or bare; none when absent or of another form.
    pub fn get_u64(&self, key: &str) -> Option<u64> {
        self.0.get(key).and_then(number)
    }

    /// A text; none when absent or not a text.
    pub fn get_str(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// Keys and values in order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value as served.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// What of it tells where slots and due points lie: the keys of `timing` and the epochs of forks, numbers all of them.
    #[must_use]
    pub fn of_time(&self) -> Self {
        let tells = |key: &str| {
            ["SLOTS_PER_EPOCH", "SECONDS_PER_SLOT", "INTERVALS_PER_SLOT"].contains(&key)
                || key.starts_with("SLOT_DURATION_MS")
                || key.contains("_DUE_BPS")
                || key.ends_with("_FORK_EPOCH")
        };
        let kept = self.0.iter().filter(|(key, value)| tells(key) && number(value).is_some());
        Self(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// An unsigned number; absent is none, another form is an error.
    pub(super) fn checked(&self, key: &str) -> Result<Option<u64>, SpecError> {
        let Some(value) = self.0.get(key) else { return Ok(None) };
        let read = number(value);
        if read.is_none() {
            return Err(SpecError::NotANumber { key: key.to_owned(), value: value.to_string() });
        }
        Ok(read)
    }

    /// An unsigned number within `range`; absent is none, anything else is an error.
    pub(super) fn ranged(&self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, SpecError> {
        match self.checked(key)? {
            Some(value) if !range.contains(&value) => Err(SpecError::OutOfRange {
                key: key.to_owned(),
                value,
                low: *range.start(),
                high: *range.end(),
            }),
            read => Ok(read),
        }
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Spec {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_reads_text_bare_numbers_and_lists() {
        let spec: Spec = serde_json::from_str(
            r#"{"CONFIG_NAME":"hoodi","SECONDS_PER_SLOT":"12","SLOTS_PER_EPOCH":32,"BLOB_SCHEDULE":[{"EPOCH":"1"}],"BAD":"x"}"#,
        )
        .unwrap();
        assert_eq!(spec.get_u64("SECONDS_PER_SLOT"), Some(12));
        assert_eq!(spec.get_u64("SLOTS_PER_EPOCH"), Some(32));
        assert_eq!(spec.get_str("CONFIG_NAME"), Some("hoodi"));
        assert_eq!(spec.get_u64("BLOB_SCHEDULE"), None);
        assert_eq!(spec.checked("ABSENT"), Ok(None));
        let text = spec.checked("BAD").unwrap_err().to_string();
        assert!(text.contains("BAD") && text.contains("\"x\""), "{text}");
    }
}
