//! The console as an operator has it: the real program on a real terminal, seen through a parser of what it writes.
//!
//! Nothing here waits for a time: keys are pressed when the screen says what it must say, with generous bounds.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod keys;
mod leaving;
mod lines;
#[path = "../handover/load.rs"]
mod load;
mod orphans;
mod own_files;
mod panics;
mod processes;
mod replay;
mod restarts;
mod room;
#[path = "../handover/serve.rs"]
mod serve;
#[path = "../door/stub.rs"]
mod stub;
mod tables;
mod terminal;
#[path = "../door/wire.rs"]
mod wire;
