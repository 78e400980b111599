//! The pool on simulated time: each sentence of its promise is a test here. No clock, no socket.

mod agreement;
mod fallback;
mod harness;
mod hysteresis;
mod lag;
mod preference;
mod properties;
mod silence;
mod splits;
mod succession;
