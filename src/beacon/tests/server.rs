//! A tiny HTTP server that answers as told.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

/// How an answer's body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As it should.
    Whole,
    /// Never: nothing more is sent, nothing is closed.
    Never,
}

/// What the server answers on a path.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    status: u16,
    chunks: Vec<Bytes>,
    end: End,
}

impl Answer {
    pub(super) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, chunks: vec![body.into().into()], end: End::Whole }
    }

    pub(super) fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    pub(super) fn chunks(chunks: impl IntoIterator<Item = String>, end: End) -> Self {
        Self { status: 200, chunks: chunks.into_iter().map(Bytes::from).collect(), end }
    }
}

/// A request the server saw.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) version: Version,
    pub(super) authorization: Option<String>,
}

pub(super) struct Server {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers each path and query as told; 404 in Lighthouse's shape for others.
    pub(super) async fn start(answers: &[(&str, Answer)]) -> Server {
        let answers: HashMap<String, Answer> =
            answers.iter().map(|(path, answer)| ((*path).to_owned(), answer.clone())).collect();
        let (answers, seen) = (Arc::new(answers), Arc::new(Mutex::new(Vec::new())));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, log) = (Arc::clone(&answers), Arc::clone(&log));
                let service = service_fn(move |request: Request<Incoming>| {
                    let response = respond(&answers, &log, &request);
                    async move { Ok::<_, Infallible>(response) }
                });
                tokio::spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    server.serve_connection(TokioIo::new(stream), service).await.ok();
                });
            }
        });
        Server { url, seen }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn respond(
    answers: &HashMap<String, Answer>,
    log: &Mutex<Vec<Seen>>,
    request: &Request<Incoming>,
) -> Response<Scripted> {
    let path = request.uri().path_and_query().unwrap().as_str().to_owned();
    let authorization = request.headers().get("authorization").map(|v| v.to_str().unwrap().to_owned());
    let answer = answers
        .get(&path)
        .cloned()
        .unwrap_or_else(|| Answer::new(404, r#"{"code":404,"message":"NOT_FOUND","stacktraces":[]}"#));
    log.lock().unwrap().push(Seen { path, version: request.version(), authorization });
    let body = Scripted { chunks: answer.chunks.into_iter(), end: answer.end };
    Response::builder().status(answer.status).header(CONTENT_TYPE, "application/json").body(body).unwrap()
}

struct Scripted {
    chunks: std::vec::IntoIter<Bytes>,
    end: End,
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match (self.chunks.next(), self.end) {
            (Some(chunk), _) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
            (None, End::Whole) => Poll::Ready(None),
            (None, End::Never) => Poll::Pending,
        }
    }
}

/// A server without manners: accepts connections one after another, reads a request of each, writes what it is told and closes.
pub(super) fn blunt(answers: &'static [&'static str]) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let mut got = 0;
            while !request[..got].ends_with(b"\r\n\r\n") {
                got += stream.read(&mut request[got..]).unwrap();
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    url
}
