//! beacondeck: the flight deck of a fleet of Ethereum beacon nodes.
//!
//! Validator clients talk to a *pool* of beacon nodes through one router. This crate is that router and all that
//! watches it. It is laid out as rooms; which room may use which is a table held by `tests/architecture.rs`.
//!
//! | room | owns |
//! |---|---|
//! | [`model`] | the words everyone uses: ids, units, moments, snapshots, traces |
//! | [`endpoint`] | the Beacon API as data: one row an endpoint |
//! | [`chain`] | spec as read from beacons, the slot clock, block keys |
//! | [`files`] | files that are put in their place whole |
//! | [`tls`] | certificate and key of a door: PEM text to a server's configuration |
//! | [`config`] | the fleet file: raw text to a [`config::Fleet`] that cannot be wrong |
//! | [`beacon`] | typed reads, probes and event streams of one beacon node |
//! | [`pool`] | who may serve what: health with hysteresis, agreed head, lifecycle |
//! | [`seeds`] | what each beacon has been told |
//! | [`guard`] | what may never be given to be signed |
//! | [`store`] | what survives a restart: seeds, drains, journal, high-water marks |
//! | [`duties`] | what passed the router for which validator |
//! | [`incidents`] | from symptoms to culprits: who is to blame, why, since when |
//! | [`router`] | the door: listener, strategies, attempts, answers |
//! | [`host`] | what a machine says about itself, judged, with the remedy |
//! | [`ops`] | restart and upgrade of a beacon's process, step by step |
//! | [`control`] | the unix sockets for operators: questions, orders, watches |
//! | [`metrics`], [`telemetry`] | Prometheus text; logs |
//! | [`engine`] | composition root: starts, supervises and stops everything |
//! | [`sim`] | simulated beacons and validator clients over real HTTP |
//! | [`console`] | the screen: events in, effects out; panels, themes, the terminal |
//! | [`cli`] | one file a command |
//!
//! Three roads run through it: a request (listener, row, candidates, strategy, upstream, trace), a symptom (probe, event,
//! trace, pool, published table) and an order (command, control frame, lifecycle, journal).

pub mod beacon;
pub mod chain;
pub mod cli;
pub mod config;
pub mod console;
pub mod control;
pub mod duties;
pub mod endpoint;
pub mod engine;
pub mod files;
pub mod guard;
pub mod host;
pub mod incidents;
pub mod metrics;
pub mod model;
pub mod ops;
pub mod pool;
pub mod router;
pub mod seeds;
pub mod sim;
pub mod store;
pub mod telemetry;
pub mod tls;
