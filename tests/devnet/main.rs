//! The router between real validator clients and real beacon nodes.
//!
//! A network of four Lodestar beacon nodes, joined over p2p on loopback, with 64 validators in four
//! validator clients that all knock at the one router. Faults befall one beacon after another, then the router is handed
//! over, reloaded and killed, and beacons are drained and restarted at its console; the chain itself then tells which
//! attestations were missed, late or wrong.
//!
//! ```text
//! tests/devnet/setup.sh && cargo test --test devnet combined -- --nocapture
//! ```
//!
//! `combined` takes 14 minutes at slots of four seconds. It needs `setup.sh` run once (node, npm, a C++ compiler, 270 MB).
//! The fault `no peers` needs root and nft, what is done at the console needs tmux; without, its row says that it was
//! skipped. The second half alone, with more of it:
//!
//! ```text
//! cargo test --test devnet upkeep -- --ignored --nocapture
//! ```
//!
//! The comparison of topologies, the same three times on fresh networks, 30 minutes a topology:
//!
//! ```text
//! BEACONDECK_DEVNET_TOPOLOGY=direct cargo test --test devnet matrix -- --ignored --nocapture
//! ```
//!
//! Ten epochs with faults in turn beside clients each at its own healthy beacon, and how often beacons are asked for
//! attestation data meanwhile, 12 minutes at slots of three seconds:
//!
//! ```text
//! cargo test --test devnet epochs -- --ignored --nocapture
//! ```
//!
//! | variable | means | if unset |
//! |---|---|---|
//! | `BEACONDECK_DEVNET_TOPOLOGY` | `router`; `direct`: each client at its own beacon; `fallback`: the client's own list | `router` |
//! | `BEACONDECK_DEVNET_RUNS` | runs of `matrix` | 3 |
//! | `BEACONDECK_DEVNET_ONLY` | the one fault of `matrix`, as its table names it: `client stops` | all of them |
//! | `BEACONDECK_DEVNET_SLOT_SECONDS` | length of a slot | 3 |
//! | `BEACONDECK_DEVNET_KEEP` | if set to anything, logs and data are left in the temporary folder | removed |

// Under cfg(test) for clippy: what is allowed in tests is allowed in these.
#[cfg(test)]
mod blame;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod fault;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod hands;
#[cfg(test)]
mod heads;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod lodestar;
#[cfg(test)]
mod network;
#[cfg(test)]
mod process;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod report;
#[cfg(test)]
mod router;
#[cfg(test)]
mod run;
#[cfg(test)]
mod screen;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod truth;
#[cfg(test)]
mod upkeep;
