//! One client's connection: its requests one after the other or as streams, until either side ends it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::Router;
use super::body::Answer;
use super::guarded::{Guarded, Patience, Phase};
use super::guest::{Guest, answered};
use super::listener::Ends;
use crate::model::Limits;

/// Streams of one HTTP/2 connection.
const STREAMS: u32 = 1_024;
/// hyper's smallest head buffer.
const HEAD_FLOOR: usize = 8_192;
/// Time a fresh connection has for its first request when its door ends and somebody else takes over.
const FIRST_USE: Duration = Duration::from_secs(1);

/// An answer's body; its connection is busy until it is sent or given up.
struct Busy {
    body: Answer,
    phase: Arc<Phase>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.phase.end();
    }
}

impl Body for Busy {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Serves it until its client goes, or its door ends.
pub async fn connection<S>(router: Arc<ArcSwap<Router>>, stream: S, guest: Guest, ends: Ends)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let ip = guest.caller.ip;
    let phase = Arc::new(Phase::default());
    let Limits { head_time, idle, body_time, head, .. } = router.load().limits;
    let patience = Patience { head: head_time, idle, take: body_time };
    let guarded = Guarded::new(stream, phase.clone(), patience);
    let builder = builder(head.max(HEAD_FLOOR));
    let (busy, retire) = (phase.clone(), ends.retire.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let version = request.version();
        busy.begin(version == Version::HTTP_2);
        let (router, guest) = (router.load_full(), guest.clone());
        let (phase, retire) = (busy.clone(), retire.clone());
        async move {
            let mut response = answered(router, &guest, request).await;
            if version != Version::HTTP_2 && retire.is_cancelled() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, std::convert::Infallible>(response.map(|body| Busy { body, phase }))
        }
    });
    let serving = builder.serve_connection(TokioIo::new(guarded), service);
    let mut serving = std::pin::pin!(serving);
    let (mut closing, mut retiring) = (false, false);
    let ended = loop {
        tokio::select! {
            ended = serving.as_mut() => break ended,
            () = last_call(&ends, &phase), if !closing => {
                closing = true;
                serving.as_mut().graceful_shutdown();
            }
            () = ends.retire.cancelled(), if !retiring => {
                retiring = true;
                if phase.is_multiplexed() {
                    serving.as_mut().graceful_shutdown();
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%ip, %error, "connection ended");
    }
}

/// When the connection is closed if it is idle. A client that connected and has not asked yet is about to: it is waited for a
/// little longer where somebody else serves this address, and told with its first answer to go there.
async fn last_call(ends: &Ends, phase: &Phase) {
    ends.close.cancelled().await;
    if ends.retire.is_cancelled() {
        let _ = timeout(FIRST_USE, phase.used()).await;
    }
}

fn builder(head: usize) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(head).max_headers(256);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(head).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(Duration::from_secs(60)));
    builder
}
