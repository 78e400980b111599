//! Recordings of a scenario, made without sockets: the fleet is played slot by slot, by causes.
//!
//! Nobody here decides that a duty is missed. A block comes to each beacon when propagation, its execution client, its
//! clock and its pauses let it; a client asks at its own time; the beacon answers with the head it has then; the signer
//! takes its time; the message gets into gossip or not, in time for aggregators or not; the next blocks include it or
//! not. What a recording tells follows from that, with its clumps: all duties of one request share one fate.
//!
//! | part | owns |
//! |---|---|
//! | `dice` | draws from the seed: each depends on what it is for only, so a fault changes what it touches and no more |
//! | `sky` | the network: when blocks come, what gets lost whoever sends it, what is included when |
//! | `effects` | what faults do to beacons and clients in a slot |
//! | `beacon` | what one beacon knows and answers at a moment |
//! | `client` | whose duties are when, when they are asked for and signed |
//! | `router` | whom a request goes to, what is done when no answer comes |
//! | `probe` | what watching the fleet tells |
//! | `tally` | what is counted, and the lines it makes |
//!
//! It uses nothing of the engine that infers incidents: a recording is judged by that engine, not made for it.

mod beacon;
mod client;
mod dice;
mod effects;
mod play;
mod probe;
mod router;
mod sky;
mod tally;

#[cfg(test)]
mod tests;

pub use play::{FIRST_SLOT, Recording};
