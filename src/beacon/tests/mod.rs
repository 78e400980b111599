//! The client against real HTTP on loopback: shapes of clients old and new, and everything that can go wrong on the way.

mod faults;
mod reads;
mod server;
mod streams;

use std::time::Duration;

use super::BeaconClient;
use crate::model::{Beacon, BeaconName, Header, Role, Secret};

/// Far longer than anything on loopback takes, far shorter than a test run.
const PATIENCE: Duration = Duration::from_secs(20);

fn beacon(url: &str) -> Beacon {
    rustls::crypto::ring::default_provider().install_default().ok();
    Beacon {
        name: BeaconName::new("beacon-1"),
        url: url.to_owned(),
        labels: Vec::new(),
        weight: 100,
        roles: Role::ALL.iter().fold(0, |set, role| set | role.bit()),
        headers: vec![Header { name: "authorization".to_owned(), value: Secret::new("Bearer s3cret") }],
        h2c: false,
        ca_file: None,
        local: true,
        metrics: None,
        restart: None,
        upgrade: None,
    }
}

fn client(url: &str) -> BeaconClient {
    BeaconClient::new(&beacon(url), PATIENCE).unwrap()
}
