//! Listening sockets that whoever started this process hands over (`LISTEN_FDS`, `sd_listen_fds(3)`): a service manager
//! that kept them over a restart, or the process before this one.
//!
//! A socket is found again by the address it is bound to; its name is only for whoever keeps it.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;

use listenfd::ListenFd;

/// Set by a process that hands over, to its id: the last socket it gives is the line to it.
pub const PREDECESSOR: &str = "BEACONDECK_PREDECESSOR";

/// Sockets nobody has claimed yet.
#[derive(Debug, Default)]
pub struct Inherited {
    doors: Vec<TcpListener>,
    predecessor: Option<UnixStream>,
}

impl Inherited {
    /// Takes what this process was given, once: the variables that tell of it are removed, so that no child takes it for
    /// its own. To be called before there are threads. What is not a TCP socket stays untouched.
    pub fn of_process() -> Self {
        let mut given = ListenFd::from_env();
        let is_heir = std::env::var(PREDECESSOR).is_ok_and(|id| id == parent_id().to_string());
        if is_heir {
            // A terminal that ends the process before must not end this one. Who leads a group already stays in its session.
            let _ = rustix::process::setsid();
        }
        let line = given.len().checked_sub(1).filter(|_| is_heir);
        // It is no listener; but the crate's check is of family and type, and both are the same.
        let line = line.and_then(|last| given.take_unix_listener(last).ok().flatten());
        let doors = (0..given.len()).filter_map(|place| given.take_tcp_listener(place).ok().flatten());
        Self { doors: doors.collect(), predecessor: line.map(|line| UnixStream::from(OwnedFd::from(line))) }
    }

    /// The line to the process that hands over to this one, if one does.
    pub fn take_predecessor(&mut self) -> Option<UnixStream> {
        self.predecessor.take()
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.doors.is_empty()
    }

    /// The socket bound to this address, if it was given. Port 0 asks for a free one and so claims none.
    pub fn claim(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let place =
            self.doors.iter().position(|socket| socket.local_addr().is_ok_and(|bound| bound == address));
        place.map(|place| self.doors.swap_remove(place))
    }

    /// Closes those that were not claimed: nobody would ever answer there. Returns their addresses.
    pub fn close(self) -> Vec<SocketAddr> {
        self.doors.into_iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_claimed_once_by_its_address_and_the_rest_is_closed() {
        let [first, second] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [one, two] = [&first, &second].map(|socket| socket.local_addr().unwrap());
        let mut inherited = Inherited { doors: vec![first, second], predecessor: None };
        assert!(inherited.claim("127.0.0.1:0".parse().unwrap()).is_none());
        assert_eq!(inherited.claim(two).unwrap().local_addr().unwrap(), two);
        assert!(inherited.claim(two).is_none());
        assert_eq!(inherited.close(), [one]);
        TcpListener::bind(one).expect("a closed socket's address is free");
    }
}
