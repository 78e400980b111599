//! Typed reads, probes and event streams of one beacon node.
