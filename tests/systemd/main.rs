//! `serve` under a service manager: what it says (to one of our own), and what a real systemd makes of it.
//!
//! A real systemd needs root; where it cannot run these tests fail and say so, unless `BEACONDECK_SYSTEMD=skip`.

#![allow(clippy::print_stderr, reason = "a test that cannot run here says why")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod agent;
mod beacons;
mod door;
mod machine;
#[path = "../common/namespace.rs"]
mod namespace;
mod orphans;
mod unit;
mod words;
