//! Effective balances as beacons answer them.

use serde::Deserialize;

use super::ParseError;
use super::json::{Answer, Quoted, read};
use crate::model::ValidatorIndex;

#[derive(Deserialize)]
struct Told {
    index: Quoted,
    validator: Record,
}

#[derive(Deserialize)]
struct Record {
    effective_balance: Quoted,
}

/// Reads an answer to `beacon/states/{state}/validators` (JSON): each validator's effective balance, in Gwei.
///
/// # Errors
/// It is no such answer.
pub fn effective_balances(body: &[u8]) -> Result<Vec<(ValidatorIndex, u64)>, ParseError> {
    let answer: Answer<Vec<Told>> = read("validators", body)?;
    let told = answer.data.into_iter();
    Ok(told.map(|told| (ValidatorIndex(told.index.0), told.validator.effective_balance.0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_balances_are_read() {
        let body = br#"{"execution_optimistic":false,"finalized":false,"data":[{"index":"7","balance":"2048012345678",
            "status":"active_ongoing","validator":{"pubkey":"0x00","effective_balance":"2048000000000","slashed":false}}]}"#;
        assert_eq!(effective_balances(body).unwrap(), [(ValidatorIndex(7), 2_048_000_000_000)]);
        assert!(effective_balances(b"[]").is_err());
        assert!(effective_balances(br#"{"data":[{"index":"7","validator":{}}]}"#).is_err());
    }
}
