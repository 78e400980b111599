//! Simulated beacons and validator clients: real HTTP on loopback, one virtual chain, scripted faults.
//!
//! For tests and for `beacondeck demo`. The parts, from the core outward:
//!
//! | part | owns |
//! |---|---|
//! | `chain` | pure: duties, blocks, the record of submissions and its [`Report`] |
//! | `wire` | JSON and SSZ of today's fork (Fulu) |
//! | `world` | who knows what when: gossip, branches, what a beacon holds in memory |
//! | `routes` | the Beacon API, one function an endpoint |
//! | `server`, `gate`, `body` | sockets, and the faults that befall sockets |
//! | `validator` | validator clients that behave like today's |
//! | `network` | a fleet of it |
//! | `scenario` | fleets, faults and the incidents that must come of them, as data in `tests/scenarios/` |
//! | `recording` | the same played without sockets: what the engine would have seen |
//!
//! It never looks into the router: what is tested is on the other side of a socket. Signatures and hash tree roots are
//! for show; nothing here can sign for a real network. To add a fault see `fault`, an endpoint `routes`, a scenario
//! `scenario`.

mod beacon;
mod body;
mod chain;
mod clock;
mod fault;
mod gate;
mod network;
mod recording;
mod routes;
mod scenario;
mod server;
mod validator;
mod wire;
mod world;

pub use beacon::SimBeacon;
pub use chain::{ChainConfig, Due, Report};
pub use fault::{Act, Fault, Script};
pub use network::{SimConfig, SimError, SimNetwork};
pub use recording::{FIRST_SLOT, Recording};
pub use scenario::{At, Expected, FleetPlan, Ill, Scenario, scenario, scenarios};
pub use validator::{ClientReport, Job, SimValidatorClient, Style};
