//! The chain as beacons tell it: spec, fork schedule, slot clock.
