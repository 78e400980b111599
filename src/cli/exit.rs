//! Exit codes, after `sysexits.h`, and the errors that carry one.

use std::process::ExitCode;

use thiserror::Error;

use super::output;
use crate::config::LoadError;

/// The command line is wrong.
pub const USAGE: u8 = 64;
/// A line of a file given to be read is wrong.
pub const DATA: u8 = 65;
/// What is asked for cannot be had now: nothing listens, a beacon is not there.
pub const UNAVAILABLE: u8 = 69;
/// A fault of this program, or of the machine.
pub const SOFTWARE: u8 = 70;
/// This user may not.
pub const NOPERM: u8 = 77;
/// The fleet file is wrong or missing.
pub const CONFIG: u8 = 78;

/// A failure whose exit code is not 70. The text is one sentence: what failed, on what, what to do.
#[derive(Debug, Error)]
pub enum Failure {
    /// Exit 64.
    #[error("{0}")]
    Usage(String),
    /// Exit 65.
    #[error("{0}")]
    Data(String),
    /// Exit 69.
    #[error("{0}")]
    Unavailable(String),
    /// Exit 77.
    #[error("{0}")]
    Forbidden(String),
    /// Exit 78.
    #[error("{0}")]
    Config(String),
}

/// Prints an error with all its causes and gives its exit code.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<LoadError>() {
        Some(error) => output::complain(&error.render()),
        None => output::complain(&format!("beacondeck: {}", sentence(error))),
    }
    code(error).into()
}

/// An error as one sentence.
pub fn sentence(error: &anyhow::Error) -> String {
    match error.downcast_ref::<LoadError>() {
        Some(error) => error.summary(),
        None => format!("{error:#}"),
    }
}

fn code(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<LoadError>().is_some() {
        return CONFIG;
    }
    match error.downcast_ref::<Failure>() {
        Some(Failure::Usage(_)) => USAGE,
        Some(Failure::Data(_)) => DATA,
        Some(Failure::Unavailable(_)) => UNAVAILABLE,
        Some(Failure::Forbidden(_)) => NOPERM,
        Some(Failure::Config(_)) => CONFIG,
        None => SOFTWARE,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_failure_keeps_its_code_under_context() {
        let wrapped =
            Err::<(), _>(Failure::Unavailable("nothing listens".into())).context("asking").unwrap_err();
        assert_eq!(code(&wrapped), UNAVAILABLE);
        assert_eq!(code(&Failure::Usage(String::new()).into()), USAGE);
        assert_eq!(code(&Failure::Data(String::new()).into()), DATA);
        assert_eq!(code(&Failure::Forbidden(String::new()).into()), NOPERM);
        assert_eq!(code(&Failure::Config(String::new()).into()), CONFIG);
        assert_eq!(code(&LoadError::Find { path: "/f".into() }.into()), CONFIG);
        assert_eq!(code(&anyhow::anyhow!("disk")), SOFTWARE);
    }
}
