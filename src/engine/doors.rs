//! The doors that are open, from one fleet file to the next: the same address keeps its socket.

use std::net::SocketAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::common::Common;
use super::sockets::Inherited;
use crate::model::Listen;
use crate::router::{Ends, Gate, ListenError, Listener, Router, Rules};

/// One open door.
struct Door {
    configured: SocketAddr,
    bound: SocketAddr,
    gate: Arc<Gate>,
    ends: Ends,
    /// The socket once more, for the next process; closed with the door.
    socket: OwnedFd,
}

/// All of them.
pub struct Doors {
    open: Vec<Door>,
    inherited: Inherited,
    /// Doors of before that are no more, for as long as the service manager may not have heard of it.
    gone: Vec<SocketAddr>,
    router: Arc<ArcSwap<Router>>,
    common: Common,
}

/// Doors of a fleet file: their rules, and those that are not open yet bound.
pub struct Bound(Vec<(Listen, Rules, Option<Listener>)>);

impl Doors {
    /// None are open. Those whose sockets were handed over need not be bound.
    pub fn new(router: Arc<ArcSwap<Router>>, common: Common, inherited: Inherited) -> Self {
        Self { open: Vec::new(), inherited, gone: Vec::new(), router, common }
    }

    /// Closes the sockets that were handed over for doors that are no more: nobody would ever answer there.
    pub fn close_the_rest(&mut self) {
        for address in std::mem::take(&mut self.inherited).close() {
            tracing::info!(%address, "door of before closed");
            self.common.manager.forget(address);
            self.gone.push(address);
        }
    }

    /// The service manager did not listen to this process before: it is told again which sockets to keep.
    pub fn followed(&mut self) {
        for address in self.gone.drain(..) {
            self.common.manager.forget(address);
        }
        for door in &self.open {
            self.common.manager.keep(door.bound, &door.socket);
        }
    }

    /// Their sockets once more, for the next process.
    ///
    /// # Errors
    /// This process has too many files open.
    pub fn sockets(&self) -> std::io::Result<Vec<OwnedFd>> {
        self.open.iter().map(|door| door.socket.try_clone()).collect()
    }

    /// Where they are bound, ports included.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.open.iter().map(|door| door.bound).collect()
    }

    /// Reads the rules of all and binds those that are not open yet; nobody is let in.
    ///
    /// # Errors
    /// One cannot be bound, or its certificate cannot be used; none is then.
    pub async fn bind(&mut self, listen: &[Listen]) -> Result<Bound, ListenError> {
        let mut open: Vec<SocketAddr> = self.open.iter().map(|door| door.configured).collect();
        let mut bound = Vec::new();
        for listen in listen {
            let rules = Rules::new(listen)?;
            let listener = match open.iter().position(|address| *address == listen.address) {
                Some(place) => {
                    open.remove(place);
                    None
                }
                None => Some(self.listener(listen.address).await?),
            };
            bound.push((listen.clone(), rules, listener));
        }
        Ok(Bound(bound))
    }

    async fn listener(&mut self, address: SocketAddr) -> Result<Listener, ListenError> {
        match self.inherited.claim(address) {
            Some(socket) => Listener::adopt(socket, address),
            None => Listener::bind(address).await,
        }
    }

    /// Opens what was bound, gives the others their rules, and closes those that are not among them: at once for new
    /// connections, and when they were idle for `patience` for those that are there.
    pub fn change(&mut self, bound: Bound, patience: Duration) {
        let mut left = std::mem::take(&mut self.open);
        for (listen, rules, listener) in bound.0 {
            if let Some(listener) = listener {
                self.open.extend(self.start(&listen, rules, listener));
            } else if let Some(place) = left.iter().position(|door| door.configured == listen.address) {
                let door = left.remove(place);
                door.gate.change(rules);
                self.open.push(door);
            }
        }
        for door in left {
            tracing::info!(address = %door.bound, "door closed");
            self.common.manager.forget(door.bound);
            door.ends.retire.cancel();
            self.common.tasks.spawn(close_later(door.ends, patience));
        }
        self.close_the_rest();
    }

    fn start(&self, listen: &Listen, rules: Rules, listener: Listener) -> Option<Door> {
        let bound = listener.address().ok()?;
        self.common.manager.keep(bound, &listener);
        let socket = listener.as_fd().try_clone_to_owned().ok()?;
        let gate = Arc::new(Gate::new(rules));
        let ends = self.common.ends.child();
        let connections = &self.common.connections;
        connections.spawn(listener.serve(
            self.router.clone(),
            gate.clone(),
            ends.clone(),
            connections.clone(),
        ));
        Some(Door { configured: listen.address, bound, gate, ends, socket })
    }
}

/// Idle connections had the time to be used once more, or to be given up by the client.
async fn close_later(ends: Ends, patience: Duration) {
    tokio::select! {
        () = ends.close.cancelled() => {}
        () = tokio::time::sleep(patience) => ends.close.cancel(),
    }
}
