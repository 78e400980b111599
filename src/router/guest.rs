//! One who was accepted: whose limits hold, which gate was passed, and the answer to each request.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};

use super::body::Answer;
use super::door::{Peer, handle, let_go};
use super::gate::Gate;
use super::limit::Share;
use super::{Router, answer};

/// Where a connection comes from, and the door as the fleet file names it.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// Source address.
    pub ip: IpAddr,
    /// The door's address as configured.
    pub door: SocketAddr,
}

/// One who was accepted.
#[derive(Clone)]
pub struct Guest {
    /// Where it comes from.
    pub caller: Caller,
    /// The gate of its door.
    pub gate: Arc<Gate>,
    /// What its client takes.
    pub share: Arc<Share>,
}

impl Guest {
    /// Answers a request, or says why not. What is refused here leaves no trace: strangers must not push those of
    /// clients out of memory. It is counted.
    async fn answer(&self, router: Arc<Router>, request: Request<Incoming>) -> Response<Answer> {
        let rate = router.limits.requests_per_second_per_client;
        if !self.share.turn(rate).await {
            router.gauge.hurried.fetch_add(1, Relaxed);
            let why = format!(
                "more than {rate} requests a second by one client; raise limits: requests-per-second-per-client: in the \
                 fleet file, or look for what asks so often"
            );
            self.gate.say(self.caller.ip, &why);
            let_go(&router, request);
            return answer::error(StatusCode::SERVICE_UNAVAILABLE, &why);
        }
        if let Some(refusal) = self.gate.refuse(request.headers()) {
            router.gauge.strangers.fetch_add(1, Relaxed);
            self.gate.say(self.caller.ip, "its request does not carry the door's token");
            let_go(&router, request);
            return refusal;
        }
        let Caller { ip, door } = self.caller;
        let peer = Peer { client: router.clients.find(ip, door), ip };
        handle(router, peer, request).await
    }
}

/// A request that panics is answered, too.
pub async fn answered(router: Arc<Router>, guest: &Guest, request: Request<Incoming>) -> Response<Answer> {
    let answering = AssertUnwindSafe(guest.answer(router.clone(), request)).catch_unwind();
    answering.await.unwrap_or_else(|_| {
        router.gauge.panics.fetch_add(1, Relaxed);
        answer::error(StatusCode::INTERNAL_SERVER_ERROR, "the router failed on this request; see its log")
    })
}
