//! Simulated beacons and validator clients.
