//! The doors that are open, from one fleet file to the next: the same address keeps its socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::common::Common;
use crate::model::Listen;
use crate::router::{Ends, ListenError, Listener, Router, Rules};

/// One open door.
struct Door {
    configured: SocketAddr,
    bound: SocketAddr,
    rules: Arc<ArcSwap<Rules>>,
    ends: Ends,
}

/// All of them.
pub struct Doors {
    open: Vec<Door>,
    router: Arc<ArcSwap<Router>>,
    common: Common,
}

/// Doors of a fleet file that are not open yet, bound.
pub struct Bound(Vec<(Listen, Listener)>);

impl Doors {
    /// None are open.
    pub fn new(router: Arc<ArcSwap<Router>>, common: Common) -> Self {
        Self { open: Vec::new(), router, common }
    }

    /// Where they are bound, ports included.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.open.iter().map(|door| door.bound).collect()
    }

    /// Binds those that are not open yet; nobody is let in.
    ///
    /// # Errors
    /// One cannot be bound; none is then.
    pub async fn bind(&self, listen: &[Listen]) -> Result<Bound, ListenError> {
        let mut open: Vec<SocketAddr> = self.open.iter().map(|door| door.configured).collect();
        let mut bound = Vec::new();
        for listen in listen {
            match open.iter().position(|address| *address == listen.address) {
                Some(place) => drop(open.remove(place)),
                None => bound.push((listen.clone(), Listener::bind(listen.address).await?)),
            }
        }
        Ok(Bound(bound))
    }

    /// Opens what was bound, gives the others the rules of `listen`, and closes those that are not in it: at once for new
    /// connections, and when they were idle for `patience` for those that are there.
    pub fn change(&mut self, listen: &[Listen], bound: Bound, patience: Duration) {
        let mut left = std::mem::take(&mut self.open);
        let mut fresh = bound.0;
        for listen in listen {
            if let Some(place) = left.iter().position(|door| door.configured == listen.address) {
                let door = left.remove(place);
                door.rules.store(Arc::new(Rules::new(listen)));
                self.open.push(door);
            } else if let Some(place) = fresh.iter().position(|(bound, _)| bound == listen) {
                let (listen, listener) = fresh.remove(place);
                self.open.extend(self.start(&listen, listener));
            }
        }
        for door in left {
            tracing::info!(address = %door.bound, "door closed");
            door.ends.retire.cancel();
            self.common.tasks.spawn(close_later(door.ends, patience));
        }
    }

    fn start(&self, listen: &Listen, listener: Listener) -> Option<Door> {
        let bound = listener.address().ok()?;
        let rules = Arc::new(ArcSwap::from_pointee(Rules::new(listen)));
        let ends = self.common.ends.child();
        let connections = &self.common.connections;
        connections.spawn(listener.serve(
            self.router.clone(),
            rules.clone(),
            ends.clone(),
            connections.clone(),
        ));
        Some(Door { configured: listen.address, bound, rules, ends })
    }
}

/// Idle connections had the time to be used once more, or to be given up by the client.
async fn close_later(ends: Ends, patience: Duration) {
    tokio::select! {
        () = ends.close.cancelled() => {}
        () = tokio::time::sleep(patience) => ends.close.cancel(),
    }
}
