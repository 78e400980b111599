//! The fleet file: raw text becomes a [`Fleet`], which cannot be wrong.
//!
//! `load` is the one file that reads disk; the rest is pure and reports every problem at once.

mod fleet;

pub use fleet::{
    Beacon, Broadcast, Client, ClientFrom, Fleet, Header, Health, Limits, Listen, LogFormat, Logging, Opened, Probing,
    Routing, Secret, Seeding,
};
