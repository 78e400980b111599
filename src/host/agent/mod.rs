//! The agent of a host, and the router's side of it.
//!
//! Owns how the two know each other ([`identity`], [`paired`], [`pin`]), what they say ([`words`], [`frame`]), the agent's door
//! ([`server`], [`session`], [`orders`]) and the router's connection ([`client`], [`sample`]). An agent reports what the checks
//! of its host found and what time it is there. It writes and runs only what its own file names, by that name: no
//! question carries a command, a path or a value. Who looks at the host and who carries an order out is told by whoever starts it.
//!
//! To add a question: a variant of [`words::Question`] and of [`words::Answer`], an arm in `session`, a function in `client`.
//! What older agents do not understand needs a new version in [`words::PROTOCOL`].

pub mod client;
pub mod frame;
pub mod identity;
pub mod orders;
pub mod paired;
pub mod pin;
mod rate;
pub mod sample;
pub mod server;
pub mod session;
pub mod words;

#[cfg(test)]
mod tests;

pub use client::{Client, ClientError};
pub use identity::{Identity, IdentityError};
pub use orders::{Drafting, Hands, Orders, Run};
pub use paired::Paired;
pub use sample::Sample;
pub use server::{ServeError, Server};
pub use session::{House, Looked, Micros, Schedule, nonce};
