//! Tests of what the files of this folder do together.

mod chrony;
mod daemons;
mod sntp;
mod verdict;
