//! The program: installs the TLS provider, runs the command, turns its error into an exit code.

use std::process::ExitCode;

use beacondeck::cli;
use tikv_jemallocator::Jemalloc;

/// Gives back what a burst of requests took; glibc's keeps it in pieces, a little more at each burst (`tests/flat.rs`).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    // An error only says that there is one already, and nobody before `main` installs another.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::run().unwrap_or_else(|error| cli::fail(&error))
}
