//! What is run: a unit of systemd, a command of the fleet file, or what an agent does.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Far, command, systemd};
use crate::model::{How, Procedure};

/// Time a program that is too late gets to end.
const ENDING: Duration = Duration::from_secs(30);

/// Why a program did not do its work. `Display` is the sentence an operator reads.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It could not be started.
    #[error("{program} cannot be started: {source}")]
    Start {
        /// Its path.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// It ended badly.
    #[error("{program} ended with {status}")]
    Ended {
        /// Its path.
        program: String,
        /// Exit status, in words.
        status: String,
    },
    /// It took longer than the fleet file allows, and was ended.
    #[error("it was still at work after {0} s and was ended")]
    Late(u64),
    /// Its operation was aborted.
    #[error("it was ended by order")]
    Aborted,
    /// The system bus or systemd did not do its part.
    #[error("systemd did not do it: {0}")]
    Bus(String),
    /// The agent did not do it; a sentence.
    #[error("{0}")]
    Agent(String),
    /// The unit's job did not end well.
    #[error("the job of {unit} ended as '{result}'; `systemctl status {unit}` says more")]
    Job {
        /// The unit.
        unit: String,
        /// systemd's word.
        result: String,
    },
}

/// A procedure that can be run.
#[derive(Clone)]
pub struct Program(Procedure, Arc<dyn Far>);

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Program {
    /// Of the fleet file, or of an agent's; `far` reaches the agents that the former may name.
    pub fn new(procedure: Procedure, far: Arc<dyn Far>) -> Self {
        Self(procedure, far)
    }

    /// How long the beacon may take to be fit afterwards, in milliseconds.
    pub fn fit_within_ms(&self) -> u64 {
        self.0.fit_within.as_millis() as u64
    }

    /// Runs it to its end, its time limit, or until `cancel`: the end of what it printed. A failure carries that too.
    pub async fn run(&self, cancel: CancellationToken) -> Result<String, (ProgramError, String)> {
        let over = cancel.child_token();
        let run = async {
            match &self.0.how {
                How::Command(argv) => command::run(argv, &over).await,
                How::Agent { host, name } => {
                    let ended = self.1.run(host, name, over.clone()).await;
                    ended.map_err(|(why, output)| (ProgramError::Agent(why), output))
                }
                How::Systemd(unit) => {
                    let done = systemd::restart(unit, &over).await;
                    done.map_err(|error| (error, String::new()))
                }
            }
        };
        let mut run = std::pin::pin!(run);
        if let Ok(ended) = timeout(self.0.timeout, run.as_mut()).await {
            return ended;
        }
        over.cancel();
        let late = ProgramError::Late(self.0.timeout.as_secs());
        match timeout(ENDING, run).await {
            // It ended well while it was being ended.
            Ok(Ok(output)) => Ok(output),
            Ok(Err((_, output))) => Err((late, output)),
            Err(_) => Err((late, String::new())),
        }
    }
}
