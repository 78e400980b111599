//! What can go wrong on either side of the socket.

use std::io;
use std::path::PathBuf;

use super::FrameError;

/// A control operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// A unix socket's address holds 107 bytes of path.
    #[error("the socket path {} has {len} bytes and a unix socket's may have {limit}: choose a shorter `control:` directory", path.display())]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        len: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// The control directory could not be made.
    #[error("could not create the control directory {}", dir.display())]
    CreateDir {
        /// The directory.
        dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The lock file could not be opened or locked.
    #[error("could not lock {}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process serves this directory.
    #[error("another beacondeck serve{} holds {}", pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(), dir.display())]
    Held {
        /// The directory.
        dir: PathBuf,
        /// Its process, where it could be asked.
        pid: Option<i32>,
    },
    /// The socket could not be made.
    #[error("could not open the control socket {}", path.display())]
    Bind {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nobody listens.
    #[error("no serve is running for this fleet file ({}): start `beacondeck serve`, or name its fleet file with --fleet", path.display())]
    NoServe {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The socket is there and this user may not use it.
    #[error("this user may not open {}: join the group {group} and log in again, or use sudo", path.display())]
    Forbidden {
        /// The socket.
        path: PathBuf,
        /// The group that may.
        group: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Serve would not have the connection.
    #[error("{message}")]
    TurnedAway {
        /// Its sentence.
        message: String,
    },
    /// Serve ended a watch.
    #[error("serve ended the watch: {message}")]
    Ended {
        /// Its sentence.
        message: String,
    },
    /// The connection ended in the middle of a line.
    #[error(
        "the connection to serve was cut in the middle of a frame: serve died, or dropped a reader that did not keep up"
    )]
    Cut,
    /// An answer of another kind.
    #[error("serve gave an answer of another kind: is it another version of beacondeck?")]
    OffTopic,
    /// The connection failed in between.
    #[error("the connection to serve broke while {doing}")]
    Broken {
        /// What was going on: "sending a request", "waiting for the answer", …
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No answer, or no sign of life, in time.
    #[error("serve accepted the connection and has said nothing for {seconds} s")]
    Silent {
        /// How long was waited.
        seconds: u64,
    },
    /// What came is not an answer to what was asked.
    #[error("serve answered frame {got} to frame {asked}")]
    OtherAnswer {
        /// The request's number.
        asked: u64,
        /// The answer's.
        got: u64,
    },
    /// A frame could not be written or read.
    #[error("serve and this command do not understand each other")]
    Frame(#[source] FrameError),
}

impl ControlError {
    /// Whether the same may succeed later without anybody doing something here: serve may come back.
    pub fn passes(&self) -> bool {
        !matches!(
            self,
            ControlError::PathTooLong { .. }
                | ControlError::Forbidden { .. }
                | ControlError::OffTopic
                | ControlError::OtherAnswer { .. }
                | ControlError::Frame(_)
        )
    }
}
