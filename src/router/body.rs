//! Bodies: read whole with a bound and a patience, or passed through.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;

use super::upstream::InFlight;

/// Why a body could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Larger than allowed.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// Silent for too long.
    #[error("the body stopped coming")]
    Stalled,
    /// The connection broke.
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
}

/// Reads a body whole. `patience` is how long it may be silent.
pub async fn whole(mut body: Incoming, limit: usize, patience: Duration) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge(limit));
    }
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
        let Some(next) = frame_now(frame, patience).await else { return Err(BodyError::Stalled) };
        let Some(frame) = next else { break };
        let Ok(data) = frame.map_err(BodyError::Broken)?.into_data() else { continue };
        if first.as_ref().map_or(0, Bytes::len) + rest.len() + data.len() > limit {
            return Err(BodyError::TooLarge(limit));
        }
        match &first {
            None => first = Some(data),
            Some(head) => {
                if rest.is_empty() {
                    rest.extend_from_slice(head);
                    first = Some(Bytes::new());
                }
                rest.extend_from_slice(&data);
            }
        }
    }
    Ok(if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() })
}

/// Polls once before a timer is set up: most bodies are there with their head.
async fn frame_now<F: Future>(frame: F, patience: Duration) -> Option<F::Output> {
    let mut frame = std::pin::pin!(frame);
    let ready = std::future::poll_fn(|cx| Poll::Ready(frame.as_mut().poll(cx))).await;
    match ready {
        Poll::Ready(output) => Some(output),
        Poll::Pending => tokio::time::timeout(patience, frame).await.ok(),
    }
}

/// The body of an answer.
pub enum Answer {
    /// Held in memory.
    Whole(Full<Bytes>),
    /// Passed through from a beacon; in flight until its end.
    Through(Incoming, InFlight),
    /// Events, until the sender hangs up.
    Events(mpsc::Receiver<Bytes>),
}

impl Answer {
    /// A whole body.
    pub fn of(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Full::new(bytes.into()))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(full) => Pin::new(full).poll_frame(cx).map_err(|never: Infallible| match never {}),
            Self::Through(body, _) => Pin::new(body).poll_frame(cx),
            Self::Events(events) => events.poll_recv(cx).map(|next| next.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(full) => full.is_end_stream(),
            Self::Through(body, _) => body.is_end_stream(),
            Self::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(full) => full.size_hint(),
            Self::Through(body, _) => body.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
