//! Owns a proxy before a beacon: it passes everything on as it comes and writes down what the beacon is asked and when. For
//! the router it is the beacon: where nobody listens at the beacon's port, nobody listens here either.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// How often it looks whether somebody listens at the beacon's port again.
const LOOK: Duration = Duration::from_millis(50);

/// A request that came by.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When it came.
    pub at: SystemTime,
    /// Method and path.
    pub what: String,
    /// The beacon's answer and when it came, if it did.
    pub answer: Option<(u16, SystemTime)>,
}

impl Seen {
    /// Whether it is a request by this method at a path that begins so.
    pub fn is(&self, method: &str, path: &str) -> bool {
        self.what.strip_prefix(method).is_some_and(|rest| rest.trim_start().starts_with(path))
    }

    /// When it was taken: answered well.
    pub fn taken(&self) -> Option<SystemTime> {
        self.answer.filter(|(status, _)| (200..300).contains(status)).map(|(_, at)| at)
    }
}

/// What came by, in order of arrival.
#[derive(Clone, Debug, Default)]
struct Notes(Arc<Mutex<Vec<Seen>>>);

impl Notes {
    fn came(&self, request: &Request<Incoming>) -> usize {
        let mut all = self.0.lock().unwrap();
        let what = format!("{} {}", request.method(), request.uri().path());
        all.push(Seen { at: SystemTime::now(), what, answer: None });
        all.len() - 1
    }

    fn answered(&self, place: usize, status: u16) {
        self.0.lock().unwrap()[place].answer = Some((status, SystemTime::now()));
    }
}

/// The proxy; ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Index of the beacon behind it.
    pub beacon: usize,
    /// Its port.
    pub port: u16,
    notes: Notes,
    restarted: Mutex<Option<SystemTime>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Starts one at `port` before the beacon whose port is `to`.
    pub async fn start(beacon: usize, port: u16, to: u16) -> Result<Self> {
        let notes = Notes::default();
        let listener = listen(port).await.context("a proxy's port")?;
        let task = tokio::spawn(serve(listener, port, to, notes.clone()));
        Ok(Self { beacon, port, notes, restarted: Mutex::default(), task })
    }

    /// All that came by so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.notes.0.lock().unwrap().clone()
    }

    /// Remembers that the beacon is started again now.
    pub fn restarts(&self) {
        *self.restarted.lock().unwrap() = Some(SystemTime::now());
    }

    /// When the beacon was started again, and what came before and since.
    pub fn around_restart(&self) -> Option<(SystemTime, Vec<Seen>, Vec<Seen>)> {
        let restarted = (*self.restarted.lock().unwrap())?;
        let all = self.notes.0.lock().unwrap().clone();
        let (before, since) = all.into_iter().partition(|seen| seen.at < restarted);
        Some((restarted, before, since))
    }
}

async fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

async fn dial(port: u16) -> std::io::Result<TcpStream> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await
}

async fn serve(mut listener: TcpListener, port: u16, to: u16, notes: Notes) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        if let Ok(upstream) = dial(to).await {
            connections.spawn(pass(stream, upstream, notes.clone()));
            while connections.try_join_next().is_some() {}
            continue;
        }
        drop((stream, listener));
        listener = loop {
            tokio::time::sleep(LOOK).await;
            if dial(to).await.is_ok()
                && let Ok(again) = listen(port).await
            {
                break again;
            }
        };
    }
}

/// One connection to the beacon for each from the router; when one ends, so does the other.
async fn pass(stream: TcpStream, upstream: TcpStream, notes: Notes) {
    let Ok((sender, upstream)) = handshake(TokioIo::new(upstream)).await else { return };
    let sender = Arc::new(tokio::sync::Mutex::new(sender));
    let service = service_fn(move |request| forward(sender.clone(), notes.clone(), request));
    let downstream = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut downstream = std::pin::pin!(downstream);
    tokio::select! {
        _ = upstream => {}
        _ = &mut downstream => return,
    }
    // What was answered is delivered still.
    downstream.as_mut().graceful_shutdown();
    let _ = downstream.await;
}

async fn forward(
    sender: Arc<tokio::sync::Mutex<SendRequest<Incoming>>>,
    notes: Notes,
    request: Request<Incoming>,
) -> hyper::Result<Response<Incoming>> {
    let place = notes.came(&request);
    let mut sender = sender.lock().await;
    sender.ready().await?;
    let answer = sender.send_request(request).await?;
    notes.answered(place, answer.status().as_u16());
    Ok(answer)
}

#[tokio::test]
async fn what_passes_is_noted_and_a_dead_beacon_refuses() -> Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let beacon = TcpListener::bind("127.0.0.1:0").await?;
    let (to, port) = (beacon.local_addr()?.port(), super::network::free_ports(1)?[0]);
    let proxy = Proxy::start(3, port, to).await?;
    let ask = async || -> Result<String> {
        let mut stream = dial(port).await?;
        stream.write_all(b"POST /a/b?c HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n[]").await?;
        let mut told = vec![0; 1_024];
        let length = stream.read(&mut told).await?;
        Ok(String::from_utf8_lossy(&told[..length]).into_owned())
    };
    let answer = async || -> Result<()> {
        let (mut stream, _) = beacon.accept().await?;
        let mut asked = [0; 1_024];
        assert!(stream.read(&mut asked).await? > 0);
        stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await?;
        Ok(())
    };
    let (told, answered) = tokio::join!(ask(), answer());
    answered?;
    assert!(told?.starts_with("HTTP/1.1 202"));
    proxy.restarts();
    let (_, before, since) = proxy.around_restart().context("marked")?;
    assert!(before[0].is("POST", "/a/b") && before[0].taken().is_some() && since.is_empty(), "{before:?}");
    drop(beacon);
    assert_eq!(ask().await.unwrap_or_default(), "");
    assert!(dial(port).await.is_err(), "nobody listens");
    Ok(())
}
