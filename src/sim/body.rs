//! Answer bodies: whole, cut off in the middle, or an event stream.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};

/// What the server answers with.
pub(super) type AnswerBody = UnsyncBoxBody<Bytes, io::Error>;

/// Time for the first half to leave before the connection breaks.
const BREAK_AFTER: Duration = Duration::from_millis(5);

/// A whole body.
pub(super) fn whole(bytes: Bytes) -> AnswerBody {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// The first half of a body whose head promises all of it, then a broken connection.
pub(super) fn truncated(mut bytes: Bytes) -> AnswerBody {
    bytes.truncate(bytes.len() / 2);
    Truncated { half: Some(bytes), pause: Box::pin(sleep(BREAK_AFTER)) }.boxed_unsync()
}

/// Chunks as they come.
pub(super) fn stream(chunks: mpsc::Receiver<Bytes>) -> AnswerBody {
    Chunks(chunks).boxed_unsync()
}

struct Truncated {
    half: Option<Bytes>,
    pause: Pin<Box<Sleep>>,
}

impl Body for Truncated {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        std::task::ready!(self.pause.as_mut().poll(cx));
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }
}

struct Chunks(mpsc::Receiver<Bytes>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
    }
}
