//! What whoever started this process hands over: listening sockets (`LISTEN_FDS`, `sd_listen_fds(3)`) that a service manager
//! kept over a restart, or those of the process before this one and the line to it.
//!
//! A socket is found again by the address it is bound to; its name is only for whoever keeps it.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;

use listenfd::ListenFd;

use super::heritage::Word;
use super::step::Step;

/// Set by a process that hands over, to its id, for the step between; and by that one, to its own, for the next process: the
/// last socket given is the line to the process before.
pub const PREDECESSOR: &str = "BEACONDECK_PREDECESSOR";

/// What this process was started for.
#[derive(Debug)]
pub enum Birth {
    /// To serve, with what it was given.
    Serve(Inherited),
    /// To start the process that is to serve, and to end.
    Between(Step),
}

impl Birth {
    /// Takes what this process was given, once: the variables that tell of it are removed, so that no child takes it for
    /// its own. To be called before there are threads. What is not a TCP socket stays untouched.
    pub fn of_process() -> Self {
        let mut given = ListenFd::from_env();
        let by = std::env::var(PREDECESSOR).ok().and_then(|id| id.parse::<u32>().ok());
        // The step leads a group of its own: only the process that it starts is another one of that group.
        let is_heir = by.is_some_and(|by| by == rustix::process::getpgrp().as_raw_pid() as u32);
        let is_step = !is_heir && by == Some(parent_id());
        if is_heir {
            // A terminal that ends the process before must not end this one.
            let _ = rustix::process::setsid();
        }
        let line = given.len().checked_sub(1).filter(|_| is_heir || is_step);
        // It is no listener; but the crate's check is of family and type, and both are the same.
        let line = line.and_then(|last| given.take_unix_listener(last).ok().flatten());
        let line = line.map(|line| UnixStream::from(OwnedFd::from(line)));
        let doors = (0..given.len()).filter_map(|place| given.take_tcp_listener(place).ok().flatten());
        let doors = doors.collect();
        match line {
            Some(line) if is_step => Self::Between(Step { doors, line }),
            predecessor => {
                if let Some(line) = &predecessor {
                    // That it does not hear is found when it does not answer.
                    let _ = Word::Here(std::process::id()).say(line);
                }
                Self::Serve(Inherited { doors, predecessor })
            }
        }
    }
}

/// Sockets nobody has claimed yet.
#[derive(Debug, Default)]
pub struct Inherited {
    doors: Vec<TcpListener>,
    predecessor: Option<UnixStream>,
}

impl Inherited {
    /// The line to the process that hands over to this one, if one does.
    pub fn take_predecessor(&mut self) -> Option<UnixStream> {
        self.predecessor.take()
    }

    /// Another end of that line, for the case that this process does not come to serve.
    pub fn farewell(&self) -> Farewell {
        Farewell(self.predecessor.as_ref().and_then(|line| line.try_clone().ok()))
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

/// Tells the process before this one why this one ends.
#[derive(Debug)]
pub struct Farewell(Option<UnixStream>);

impl Farewell {
    /// One sentence. Nobody hears it if there is no process before, or if it has handed over.
    pub fn say(self, why: String) {
        if let Some(line) = self.0 {
            let _ = Word::Ends(why).say(&line);
        }
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
