//! The ledger against a recount of its own chain, and the paths of duties.

mod chain;
mod paths;
mod recount;
mod wire;
