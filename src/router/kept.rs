//! A beacon's answer that is kept to be given to several: what it said, and whose word it is.
//!
//! Beacons are known by name: what is kept may outlive a fleet file.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, ETAG, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};

use super::body::Answer;
use super::flow::Flowed;
use super::replies::soften;
use super::run::Tried;
use super::upstream::{Reply, ReplyBody};
use super::{Router, head};
use crate::model::{BeaconId, BeaconName};

/// An answer read whole.
#[derive(Clone)]
pub struct Kept {
    /// Whose it is.
    pub beacon: BeaconName,
    label: HeaderValue,
    /// Its status.
    pub status: StatusCode,
    /// Its headers as they came.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Kept {
    /// Keeps a reply; one that was not read whole has no body here.
    pub fn of(router: &Router, by: BeaconId, reply: Reply) -> Self {
        let upstream = &router.lane.upstreams[by.index()];
        let body = reply.bytes().cloned().unwrap_or_default();
        let (beacon, label) = (upstream.name.clone(), upstream.label.clone());
        Self { beacon, label, status: reply.status, headers: reply.headers, body }
    }

    /// What another process kept; none where no header can name the beacon.
    pub fn again(beacon: BeaconName, status: StatusCode, headers: HeaderMap, body: Bytes) -> Option<Self> {
        let label = HeaderValue::from_str(beacon.as_str()).ok()?;
        Some(Self { beacon, label, status, headers, body })
    }

    /// Keeps a copy of a reply.
    pub fn copy(router: &Router, by: BeaconId, reply: &Reply) -> Self {
        let Reply { status, ref headers, .. } = *reply;
        let body = ReplyBody::Whole(reply.bytes().cloned().unwrap_or_default());
        Self::of(router, by, Reply { status, headers: headers.clone(), body })
    }

    /// What a beacon told, put together anew in JSON.
    pub fn json(router: &Router, by: BeaconId, body: Bytes) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        Self::of(router, by, Reply { status: StatusCode::OK, headers, body: ReplyBody::Whole(body) })
    }

    /// Whether it is SSZ.
    pub fn is_ssz(&self) -> bool {
        head::is_ssz(&self.headers, &CONTENT_TYPE)
    }

    /// Gives it to a client as it is.
    pub fn give(&self, router: &Router, tried: Tried) -> Flowed {
        self.respond(router, self.headers.clone(), self.body.clone(), tried)
    }

    /// Gives it in another form.
    pub fn give_as(&self, router: &Router, form: &'static str, body: Bytes, tried: Tried) -> Flowed {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form));
        headers.remove(ETAG);
        self.respond(router, headers, body, tried)
    }

    fn respond(&self, router: &Router, mut headers: HeaderMap, body: Bytes, tried: Tried) -> Flowed {
        head::for_client(&mut headers, true, &self.label, usize::from(tried.count));
        let mut response = Response::new(Answer::of(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            soften(&mut response, &tried);
        }
        Flowed::fetched(response, router.place(&self.beacon), tried)
    }
}
