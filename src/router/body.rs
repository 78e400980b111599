//! Bodies: read whole with a bound and a patience, or passed through.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::upstream::InFlight;

/// Why a body could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Larger than allowed.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// Silent, or all too slow, for too long.
    #[error("the body stopped coming")]
    Stalled,
    /// No room for it beside the others.
    #[error("too many bodies are held at once")]
    Full,
    /// The connection broke.
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
}

/// A body must come at this pace at least, bytes a second: one that trickles would hold its place for days.
const SLOWEST: u64 = 1_024;

/// Bytes of a refused body that are taken and thrown away.
const SWALLOWED: usize = 64 << 20;

/// How long a body may be silent, and how long it may take: nothing bounds it here if it is none.
pub type Patience = Option<Duration>;

/// Reads a body whole, of at most `limit` bytes. `hold` is asked for room for what has come so far.
pub async fn whole(
    body: &mut Incoming,
    limit: usize,
    patience: Patience,
    mut hold: impl FnMut(usize) -> bool,
) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge(limit));
    }
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let mut came = 0;
    let mut pace = Pace { patience, began: None };
    loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
        let Some(next) = pace.wait(frame, came).await else { return Err(BodyError::Stalled) };
        let Some(frame) = next else { break };
        let Ok(data) = frame.map_err(BodyError::Broken)?.into_data() else { continue };
        came += data.len();
        if came > limit {
            return Err(BodyError::TooLarge(limit));
        }
        if !hold(came) {
            return Err(BodyError::Full);
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

/// How fast a body comes.
struct Pace {
    patience: Patience,
    /// When it was waited for first.
    began: Option<Instant>,
}

impl Pace {
    /// Polls once before a timer is set up: most bodies are there with their head. None when patience is over.
    async fn wait<F: Future>(&mut self, frame: F, came: usize) -> Option<F::Output> {
        let mut frame = std::pin::pin!(frame);
        let ready = std::future::poll_fn(|cx| Poll::Ready(frame.as_mut().poll(cx))).await;
        let Some(patience) = self.patience else {
            return Some(match ready {
                Poll::Ready(output) => output,
                Poll::Pending => frame.await,
            });
        };
        match ready {
            Poll::Ready(output) => Some(output),
            Poll::Pending => {
                let now = Instant::now();
                let due = *self.began.get_or_insert(now) + patience;
                let slowest = due + Duration::from_millis(came as u64 * 1_000 / SLOWEST);
                tokio::time::timeout_at(slowest.min(now + patience), frame).await.ok()
            }
        }
    }
}

/// Swallows what still comes of a body that was refused, so that its sender reads the refusal and not a reset
/// connection (RFC 9112, section 9.6). Neither for long nor without end.
pub async fn swallow(mut body: Incoming, time: Duration) {
    let mut left = SWALLOWED;
    let all = async {
        while let Some(Ok(frame)) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    // Whoever still sends after that has been told.
    let _ = tokio::time::timeout(time, all).await;
}

/// A beacon's answer on its way to the client.
///
/// Where it breaks off, the break is told one poll late: hyper closes a connection on a body's error without sending what
/// it holds, and the client is to have what came.
pub struct Passing {
    body: Incoming,
    _flight: InFlight,
    broke: Option<hyper::Error>,
}

impl Passing {
    /// Begins to pass a body on.
    pub fn new(body: Incoming, flight: InFlight) -> Self {
        Self { body, _flight: flight, broke: None }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(error) = self.broke.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Err(error))) => {
                self.broke = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            polled => polled,
        }
    }
}

/// The body of an answer.
pub enum Answer {
    /// Held in memory.
    Whole(Full<Bytes>),
    /// Passed through from a beacon; in flight until its end.
    Through(Passing),
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
            Self::Through(passing) => passing.poll_frame(cx),
            Self::Events(events) => events.poll_recv(cx).map(|next| next.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(full) => full.is_end_stream(),
            Self::Through(passing) => passing.broke.is_none() && passing.body.is_end_stream(),
            Self::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(full) => full.size_hint(),
            Self::Through(passing) => passing.body.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
