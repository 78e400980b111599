//! A beacon written by hand: well wherever the router looks after it, and as bad as a test wants elsewhere.
//!
//! It owns one address and remembers what it was asked. It speaks HTTP/1.1 only and writes its answers byte by byte,
//! so that they can be wrong. To add a kind of wrong, add a [`Step`].

#![allow(dead_code, reason = "each test program uses its own part")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// Milliseconds of a slot: budgets are shares of it, and a loaded machine must keep them.
pub const SLOT_MS: u64 = 4_000;

/// A read that every stub answers well, whatever its script.
pub const KNOWN_READ: &str = "/eth/v1/beacon/states/head/root";

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub target: String,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// Number of the connection it came on.
    pub connection: usize,
    /// When it was read.
    pub at: Instant,
}

impl Seen {
    /// The values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Whether no client asked: probes, and what is read for the ledger.
    pub fn is_the_routers_own(&self) -> bool {
        self.all("user-agent").iter().any(|agent| agent.starts_with("beacondeck/"))
    }
}

/// One thing done to answer.
#[derive(Debug, Clone)]
pub enum Step {
    /// Bytes as they are.
    Send(Bytes),
    /// Nothing for a while; what the other side does meanwhile is noticed.
    Wait(Duration),
    /// Nothing until the other side has gone.
    Hang,
    /// The connection ends.
    Close,
    /// So many bytes in chunks of HTTP/1.1, counted as they leave.
    Flood(u64, Arc<AtomicU64>),
}

/// A whole answer of HTTP/1.1; `headers` are whole lines.
pub fn answer(status: &str, headers: &[&str], body: &[u8]) -> Step {
    let mut text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for line in headers {
        text.push_str(line);
        text.push_str("\r\n");
    }
    let mut bytes = (text + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    Step::Send(bytes.into())
}

/// A good answer in JSON.
pub fn json(body: &str) -> Step {
    answer("200 OK", &["content-type: application/json"], body.as_bytes())
}

/// Bytes of text.
pub fn text(text: &str) -> Step {
    Step::Send(Bytes::copy_from_slice(text.as_bytes()))
}

/// What to do about a request.
pub type Script = Arc<dyn Fn(&Seen) -> Vec<Step> + Send + Sync>;

/// The same steps for every request.
pub fn always(steps: Vec<Step>) -> Script {
    Arc::new(move |_| steps.clone())
}

/// `{"data":"ok"}` to everything.
pub fn good() -> Script {
    always(vec![json(r#"{"data":"ok"}"#)])
}

/// What tests look at.
#[derive(Debug, Default)]
pub struct Notes {
    seen: Mutex<Vec<Seen>>,
    finished: Mutex<Vec<String>>,
    abandoned: Mutex<Vec<String>>,
    connections: AtomicUsize,
    streams: Mutex<Vec<String>>,
    open: AtomicUsize,
    unknown: Mutex<Vec<&'static str>>,
    syncing: AtomicBool,
    gloas: Mutex<Option<u64>>,
    hanging: AtomicBool,
}

impl Notes {
    /// Targets of event streams that were asked for.
    pub fn streams(&self) -> Vec<String> {
        self.streams.lock().unwrap().clone()
    }

    /// Event streams open now.
    pub fn open_streams(&self) -> usize {
        self.open.load(SeqCst)
    }

    /// Streams of this topic are refused from now on.
    pub fn refuse(&self, topic: &'static str) {
        self.unknown.lock().unwrap().push(topic);
    }

    /// From now on it says that it syncs, or that it does not.
    pub fn syncs(&self, syncs: bool) {
        self.syncing.store(syncs, SeqCst);
    }

    /// From now on its spec has Gloas from this epoch on.
    pub fn has_gloas(&self, epoch: u64) {
        *self.gloas.lock().unwrap() = Some(epoch);
    }

    /// From now on it takes requests and answers none.
    pub fn hangs(&self) {
        self.hanging.store(true, SeqCst);
    }

    /// The topic that such a stream would be refused for.
    fn refused(&self, target: &str) -> Option<&'static str> {
        let topics = target.split_once('?')?.1;
        let unknown = self.unknown.lock().unwrap();
        // A list is one name here, and an unknown one is not answered with events: so does Lodestar 1.5.
        if topics.contains(',') {
            return Some("a list");
        }
        unknown.iter().copied().find(|unknown| topics.split(['&', '=']).any(|topic| topic == *unknown))
    }

    /// Requests besides those the router makes of its own.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Requests to targets that begin so.
    pub fn of(&self, target: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.target.starts_with(target)).collect()
    }

    /// Answers to such targets that were given to their end.
    pub fn finished(&self, target: &str) -> usize {
        self.finished.lock().unwrap().iter().filter(|done| done.starts_with(target)).count()
    }

    /// Answers to such targets whose reader left before their end.
    pub fn abandoned(&self, target: &str) -> usize {
        self.abandoned.lock().unwrap().iter().filter(|left| left.starts_with(target)).count()
    }

    /// Connections made.
    pub fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    /// Remembers a request.
    pub fn note(&self, seen: &Seen) {
        self.seen.lock().unwrap().push(seen.clone());
    }
}

/// A running stub; it ends when it is dropped.
pub struct Stub {
    pub address: SocketAddr,
    pub notes: Arc<Notes>,
    events: broadcast::Sender<String>,
    task: JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stub {
    /// Listens on a free port of loopback.
    pub async fn start(script: Script) -> Self {
        Self::over(script, |stream| std::future::ready(Some(stream))).await
    }

    /// The same, each connection wrapped first (TLS); one that cannot be is dropped.
    pub async fn over<S, W>(script: Script, wrap: impl Fn(TcpStream) -> W + Send + 'static) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        W: Future<Output = Option<S>> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let notes = Arc::new(Notes::default());
        let (events, _) = broadcast::channel(64);
        let (kept, said) = (notes.clone(), events.clone());
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let _ = stream.set_nodelay(true);
                let Some(stream) = wrap(stream).await else { continue };
                let number = kept.connections.fetch_add(1, SeqCst);
                tokio::spawn(serve(stream, number, script.clone(), kept.clone(), said.clone()));
            }
        });
        Self { address, notes, events, task }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says this on every event stream, as it is. How many streams heard it.
    pub fn event(&self, frame: &str) -> usize {
        self.events.send(frame.to_owned()).unwrap_or(0)
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    number: usize,
    script: Script,
    notes: Arc<Notes>,
    events: broadcast::Sender<String>,
) {
    let (read, mut write) = tokio::io::split(stream);
    let mut read = BufReader::new(read);
    while let Some(seen) = request(&mut read, number).await {
        if seen.target.starts_with("/eth/v1/events") {
            notes.streams.lock().unwrap().push(seen.target.clone());
            if let Some(topic) = notes.refused(&seen.target) {
                let body = format!(r#"{{"code":400,"message":"invalid topic: {topic}"}}"#);
                let refusal = answer("400 Bad Request", &[], body.as_bytes());
                let _ = perform(refusal, &mut read, &mut write).await;
                continue;
            }
            notes.open.fetch_add(1, SeqCst);
            tokio::select! {
                () = stream_events(&mut write, events.subscribe()) => {}
                // Whoever reads events says nothing more; an end is an end.
                _ = read.read_u8() => {}
            }
            notes.open.fetch_sub(1, SeqCst);
            return;
        }
        let behind = notes.syncing.load(SeqCst).then(|| syncing(&seen.target)).flatten();
        let behind = behind.or_else(|| gloas(&seen.target, (*notes.gloas.lock().unwrap())?));
        let steps = if notes.hanging.load(SeqCst) {
            vec![Step::Hang]
        } else if let Some(body) = behind {
            vec![json(&body)]
        } else if let Some(body) = known(&seen.target) {
            vec![json(&body)]
        } else {
            if !seen.is_the_routers_own() {
                notes.note(&seen);
            }
            script(&seen)
        };
        for step in steps {
            match perform(step, &mut read, &mut write).await {
                Some(true) => {}
                Some(false) => return,
                None => return notes.abandoned.lock().unwrap().push(seen.target),
            }
        }
        notes.finished.lock().unwrap().push(seen.target);
    }
}

/// Whether to go on; none if the reader has gone.
async fn perform<R, W>(step: Step, read: &mut BufReader<R>, write: &mut W) -> Option<bool>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    match step {
        Step::Send(bytes) => {
            write.write_all(&bytes).await.ok()?;
            write.flush().await.ok()?;
        }
        Step::Wait(time) => {
            let over = tokio::time::sleep(time);
            tokio::select! {
                () = over => {}
                gone = read.fill_buf() => match gone {
                    Ok([]) | Err(_) => return None,
                    Ok(_) => tokio::time::sleep(time).await,
                },
            }
        }
        Step::Hang => {
            while matches!(read.read(&mut [0; 64]).await, Ok(1..)) {}
            return None;
        }
        Step::Close => {
            let _ = write.shutdown().await;
            return Some(false);
        }
        Step::Flood(total, sent) => {
            let chunk = vec![b'x'; 65_536];
            while sent.load(SeqCst) < total {
                write.write_all(b"10000\r\n").await.ok()?;
                write.write_all(&chunk).await.ok()?;
                write.write_all(b"\r\n").await.ok()?;
                sent.fetch_add(chunk.len() as u64, SeqCst);
            }
            write.write_all(b"0\r\n\r\n").await.ok()?;
        }
    }
    Some(true)
}

async fn request(read: &mut BufReader<impl AsyncRead + Unpin>, connection: usize) -> Option<Seen> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" if lines.is_empty() => {}
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut words = lines[0].split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    read.read_exact(&mut body).await.ok()?;
    Some(Seen { method, target, headers, body: body.into(), connection, at: Instant::now() })
}

async fn stream_events(write: &mut (impl AsyncWrite + Unpin), mut events: broadcast::Receiver<String>) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n:\n\n";
    let mut frame = head.to_owned();
    while write.write_all(frame.as_bytes()).await.is_ok() && write.flush().await.is_ok() {
        match events.recv().await {
            Ok(next) => frame = next,
            Err(_) => return,
        }
    }
}

/// What a beacon answers otherwise that is far behind.
fn syncing(target: &str) -> Option<String> {
    let head = known(target)?;
    match target {
        "/eth/v1/node/syncing" => Some(
            head.replace(
                r#""sync_distance":"0","is_syncing":false"#,
                r#""sync_distance":"50","is_syncing":true"#,
            )
            .replace(r#""head_slot":"100""#, r#""head_slot":"50""#),
        ),
        "/eth/v1/beacon/headers/head" => {
            let other = head.replace(r#""slot":"100""#, r#""slot":"50""#);
            Some(other.replace(&"ab".repeat(32), &"ef".repeat(32)))
        }
        _ => None,
    }
}

/// What a beacon answers otherwise whose spec has Gloas from this epoch on.
fn gloas(target: &str, epoch: u64) -> Option<String> {
    let spec = (target == "/eth/v1/config/spec").then(|| known(target))??;
    let forks = format!(r#""ELECTRA_FORK_EPOCH":"0","GLOAS_FORK_EPOCH":"{epoch}","SLOTS_PER_EPOCH""#);
    Some(spec.replace(r#""SLOTS_PER_EPOCH""#, &forks))
}

/// What the router asks on its own, as a synced beacon of an old chain answers it.
pub fn known(target: &str) -> Option<String> {
    let root = format!("0x{}", "ab".repeat(32));
    let parent = format!("0x{}", "cd".repeat(32));
    let path = target.split('?').next()?;
    Some(match path {
        "/eth/v1/beacon/genesis" => format!(
            r#"{{"data":{{"genesis_time":"1600000000","genesis_validators_root":"{root}","genesis_fork_version":"0x00000000"}}}}"#
        ),
        "/eth/v1/config/spec" => {
            format!(
                r#"{{"data":{{"CONFIG_NAME":"stub","SLOTS_PER_EPOCH":"32","SLOT_DURATION_MS":"{SLOT_MS}"}}}}"#
            )
        }
        "/eth/v1/config/fork_schedule" => {
            r#"{"data":[{"previous_version":"0x00000000","current_version":"0x00000000","epoch":"0"}]}"#.to_owned()
        }
        "/eth/v1/config/deposit_contract" => r#"{"data":{"chain_id":"1","address":"0x00"}}"#.to_owned(),
        "/eth/v1/node/syncing" => {
            r#"{"data":{"head_slot":"100","sync_distance":"0","is_syncing":false,"is_optimistic":false,"el_offline":false}}"#
                .to_owned()
        }
        "/eth/v1/node/version" => r#"{"data":{"version":"Stub/v1"}}"#.to_owned(),
        "/eth/v2/node/version" => {
            r#"{"data":{"beacon_node":{"code":"ST","name":"Stub","version":"v1","commit":"0x00000000"}}}"#.to_owned()
        }
        "/eth/v1/node/identity" => {
            r#"{"data":{"peer_id":"stub","enr":"enr:-stub","metadata":{"seq_number":"1","attnets":"0x0000000000000000"}}}"#
                .to_owned()
        }
        "/eth/v1/node/peer_count" => {
            r#"{"data":{"disconnected":"0","connecting":"0","connected":"9","disconnecting":"0"}}"#.to_owned()
        }
        "/eth/v1/beacon/headers/head" => format!(
            r#"{{"execution_optimistic":false,"data":{{"root":"{root}","canonical":true,"header":{{"message":{{"slot":"100","proposer_index":"1","parent_root":"{parent}","state_root":"{root}","body_root":"{root}"}},"signature":"0x00"}}}}}}"#
        ),
        KNOWN_READ => format!(r#"{{"data":{{"root":"{root}"}}}}"#),
        _ if path.starts_with("/eth/v1/beacon/headers/") => return Some(r#"{"data":{}}"#.to_owned()),
        _ => return None,
    })
}
