//! Reading and writing in another process's network namespace: `/proc/sys/net` answers with the settings of whoever asks, so a thread
//! of its own goes there to ask. It ends with the question; no other thread of this program changes its namespace.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// What `work` gives in the network namespace of a process.
///
/// # Errors
/// No such process, no right to enter its namespace (`CAP_SYS_ADMIN`), or what `work` says.
pub fn within<T: Send + 'static>(
    pid: &str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let namespace = File::open(format!("/proc/{pid}/ns/net"))?;
    thread::spawn(move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).map_err(denied)?;
        work()
    })
    .join()
    .unwrap_or_else(|_| Err(io::Error::other("the thread that entered the namespace panicked")))
}

fn denied(error: rustix::io::Errno) -> io::Error {
    match error {
        rustix::io::Errno::PERM => io::ErrorKind::PermissionDenied.into(),
        other => other.into(),
    }
}
