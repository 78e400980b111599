//! The step between one process and the next: a process of the next program that starts it and ends at once, so that the next
//! one is a child of the service manager before it serves.
//!
//! systemd knows only of its own children when they end. Of another's it logs "Supervising process … which is not our child",
//! and where control groups do not tell it either, as their first version does not in a container, it takes a stop for done
//! as soon as it has sent the signal: what was in flight would be cut.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Command;

use command_fds::{CommandFdExt as _, FdMapping, FdMappingCollision};

use super::handover::Program;
use super::sockets::PREDECESSOR;

/// The first descriptor of `sd_listen_fds(3)`.
const FIRST: i32 = 3;

/// What is passed on.
#[derive(Debug)]
pub struct Step {
    /// The listening sockets.
    pub doors: Vec<TcpListener>,
    /// The line from the next process to the one before.
    pub line: UnixStream,
}

impl Step {
    /// Starts the next process.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn take(self) -> io::Result<()> {
        let sockets = self.doors.into_iter().map(OwnedFd::from);
        command(&Program::again(), sockets, self.line)?.spawn().map(drop)
    }
}

/// How a program is run with these sockets, the last of them the line to the process before.
///
/// # Errors
/// None of the system: descriptors are counted from the first.
pub fn command(
    program: &Program,
    sockets: impl IntoIterator<Item = OwnedFd>,
    line: UnixStream,
) -> io::Result<Command> {
    let given = sockets.into_iter().chain([line.into()]);
    let mappings: Vec<FdMapping> =
        given.zip(FIRST..).map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd }).collect();
    let mut command = Command::new(&program.path);
    command
        .args(&program.args)
        .env("LISTEN_FDS", mappings.len().to_string())
        // Its number is not known before it runs; the variable is absent for "whoever reads it".
        .env_remove("LISTEN_PID")
        .env_remove("LISTEN_FDNAMES")
        // The watchdog will watch the next process instead of this one.
        .env_remove("WATCHDOG_PID")
        .env(PREDECESSOR, std::process::id().to_string())
        .stdin(std::process::Stdio::null());
    command.fd_mappings(mappings).map_err(|FdMappingCollision| io::ErrorKind::InvalidInput)?;
    Ok(command)
}
