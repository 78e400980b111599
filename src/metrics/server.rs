//! The door Prometheus reads at: `GET /metrics`, nothing else.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Metrics;

/// Scrapes at once; more wait to be accepted.
const SCRAPES: usize = 8;
/// Time a scrape may take from connect to end; a connection serves one.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause after the system refused to accept (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const OPENMETRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// The metrics door could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The address could not be bound.
    #[error("could not listen for metrics at {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A started metrics door; it ends with its token and is waited for by its tracker.
#[derive(Debug)]
pub struct MetricsServer {
    address: SocketAddr,
}

impl MetricsServer {
    /// Listens at `address` (port 0 takes a free one) until `cancel`. Errors: it cannot be bound.
    pub async fn start(
        address: SocketAddr,
        metrics: Arc<Metrics>,
        cancel: CancellationToken,
        tracker: &TaskTracker,
    ) -> Result<Self, MetricsError> {
        let failed = |source| MetricsError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let connections = tracker.clone();
        tracker.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = accept(&listener, &metrics, &cancel, &connections) => {}
            }
        });
        Ok(Self { address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(
    listener: &TcpListener,
    metrics: &Arc<Metrics>,
    cancel: &CancellationToken,
    tracker: &TaskTracker,
) {
    let places = Arc::new(Semaphore::new(SCRAPES));
    // The semaphore is never closed; if it were, there would be nobody left to serve.
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (metrics, cancel) = (metrics.clone(), cancel.clone());
                tracker.spawn(async move {
                    tokio::select! {
                        () = cancel.cancelled() => {}
                        _ = timeout(PATIENCE, serve(stream, metrics)) => {}
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the metrics door could not accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, metrics: Arc<Metrics>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(request.method(), request.uri().path(), &metrics);
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a scrape was broken off");
    }
}

fn answer(method: &Method, path: &str, metrics: &Metrics) -> Response<Full<Bytes>> {
    let known = path == "/metrics";
    let reads = method == Method::GET || method == Method::HEAD;
    let mut answer = Response::new(Full::default());
    if known && reads {
        *answer.body_mut() = Full::from(metrics.render());
        answer.headers_mut().insert(CONTENT_TYPE, OPENMETRICS);
    } else if known {
        *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    } else {
        *answer.status_mut() = StatusCode::NOT_FOUND;
    }
    answer
}
