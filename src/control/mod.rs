//! The unix socket operators speak through: frames, the serving side, the asking side.
//!
//! This room carries orders and answers; it never decides what an order does: that is the [`Handler`] it is given. To add
//! an order, add a variant to [`Request`] (and to [`Answer`] if none fits) and answer it in the engine's handler.

mod client;
mod error;
mod frames;
mod peer;
mod server;
#[cfg(test)]
mod tests;

pub use client::Client;
pub use error::ControlError;
pub use frames::{
    ANSWER_LIMIT, Answer, AnswerFrame, FrameError, REQUEST_LIMIT, Request, RequestFrame, VERSION,
};
pub use peer::Peer;
pub use server::{Answering, ControlServer, Handler};

/// Name of the socket within the control directory.
pub const SOCKET: &str = "control.sock";
