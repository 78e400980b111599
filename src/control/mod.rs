//! The unix sockets operators speak through: frames, the serving side, the asking side.
//!
//! This room carries requests and answers; it never decides what they mean: that is the [`Handler`] it is given. What reads
//! comes by `observe.sock`, what orders by `control.sock`; within one process the same frames pass through a duplex
//! stream ([`Reach`]). To add an order, see [`Order`]; to add a question, add a variant to [`Request`] (and to [`Answer`]
//! if none fits) and answer it in the engine's handler; to tell watchers more, add a variant to [`Event`].

mod answer;
mod client;
mod desk;
mod error;
mod frames;
mod peer;
mod place;
mod reach;
mod request;
mod server;
mod stream;
#[cfg(test)]
mod tests;
mod watchers;

pub use answer::{Access, Answer, Event, Watcher, Welcome};
pub use client::{Client, Watch, Wire};
pub use desk::{Answering, Desk, Feed, Feeding, Handler, SNAPSHOT_EVERY, Tail};
pub use error::ControlError;
pub use frames::{ANSWER_LIMIT, AnswerFrame, FrameError, REQUEST_LIMIT, RequestFrame, VERSION};
pub use peer::Peer;
pub use place::GROUP;
pub use reach::{Lasting, Reach, Told};
pub use request::{HAND_OVER, Order, OrderId, OrderIdError, Request, Wanted};
pub use server::ControlServer;
