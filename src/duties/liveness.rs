//! Liveness as beacons answer it.

use serde::Deserialize;

use super::ParseError;
use super::json::{Answer, Quoted, read};
use crate::model::ValidatorIndex;

#[derive(Deserialize)]
struct Told {
    index: Quoted,
    is_live: bool,
}

/// Reads an answer to `validator/liveness/{epoch}` (JSON; the API has no other form): those who are live.
///
/// # Errors
/// It is no such answer.
pub fn live(body: &[u8]) -> Result<Vec<ValidatorIndex>, ParseError> {
    let answer: Answer<Vec<Told>> = read("liveness", body)?;
    let live = answer.data.into_iter().filter(|told| told.is_live);
    Ok(live.map(|told| ValidatorIndex(told.index.0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_live_are_read() {
        let body = br#"{"data":[{"index":"1","is_live":false},{"index":"7","is_live":true}]}"#;
        assert_eq!(live(body).unwrap(), [ValidatorIndex(7)]);
        assert!(live(b"[]").is_err() && live(br#"{"data":[{"index":"1"}]}"#).is_err());
    }
}
