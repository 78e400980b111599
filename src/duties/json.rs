//! The API's JSON habits: answers lie in `data`.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ParseError;
pub(super) use crate::model::Quoted;

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
