//! SQLite's result codes as errors an operator understands.

use std::path::Path;
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::store::{Cause, StoreError};

/// What a check of the file found.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Damage(String);

/// A finding of SQLite's own check as a cause: its first line says only in which database.
pub fn damage(found: &str) -> Cause {
    Arc::new(Damage(found.lines().last().unwrap_or_default().to_owned()))
}

/// Sorts an error of SQLite (sqlite.org/rescode.html).
pub fn fault(doing: &'static str, file: &Path, error: rusqlite::Error) -> StoreError {
    let code = error.sqlite_error_code();
    let (path, source) = (file.to_owned(), Arc::new(error));
    match code {
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreError::ReadOnly { doing, path, source }
        }
        Some(ErrorCode::DiskFull) => StoreError::Full { doing, path, source },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt { path, source },
        _ => StoreError::Failed { doing, path, source },
    }
}
