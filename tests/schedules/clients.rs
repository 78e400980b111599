//! Clients that each keep one connection, ask one thing after the other, and check that each answer is its own.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use beacondeck::model::Slot;
use beacondeck::sim::SimNetwork;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Time between an answer and the next request of a client.
const THINK: Duration = Duration::from_millis(15);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A validator's record, by a number the answer repeats.
    Read,
    /// Attestation data of the present slot.
    Sign,
    /// A signed contribution.
    Publish,
}

/// One request and what was wrong with its answer.
#[derive(Debug)]
pub struct Done {
    pub kind: Kind,
    pub tag: String,
    pub wrong: Option<String>,
}

/// Where slots lie.
#[derive(Debug, Clone, Copy)]
pub struct Slots {
    genesis_ms: u64,
    slot_ms: u64,
}

impl Slots {
    fn now(self) -> Slot {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        Slot((now - self.genesis_ms) / self.slot_ms)
    }
}

/// The slots of a network.
pub fn slots(network: &SimNetwork) -> Slots {
    Slots { genesis_ms: network.chain().genesis.0, slot_ms: network.chain().slot_ms }
}

/// The present slot of a network.
pub fn slot(network: &SimNetwork) -> Slot {
    slots(network).now()
}

/// Running clients.
pub struct Clients {
    tasks: JoinSet<Vec<Done>>,
    stop: CancellationToken,
}

impl Clients {
    pub fn start(count: usize, network: &SimNetwork, url: &str) -> Self {
        let door: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
        let (stop, slots) = (CancellationToken::new(), slots(network));
        let mut tasks = JoinSet::new();
        for client in 0..count {
            tasks.spawn(run(client, door, slots, stop.clone()));
        }
        Self { tasks, stop }
    }

    /// Lets each finish its request; everything they asked.
    pub async fn stop(self) -> Vec<Done> {
        self.stop.cancel();
        self.tasks.join_all().await.into_iter().flatten().collect()
    }
}

async fn run(client: usize, door: SocketAddr, slots: Slots, stop: CancellationToken) -> Vec<Done> {
    // Each from an address of its own: the router draws beacons by who asks.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 2 + client as u8], 0))).unwrap();
    let stream = socket.connect(door).await.unwrap();
    stream.set_nodelay(true).unwrap();
    // One connection for all: an answer too many, or one of another request, would break it.
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut done = Vec::new();
    for number in 0.. {
        if stop.is_cancelled() {
            break;
        }
        let kind = [Kind::Sign, Kind::Publish, Kind::Read][(client + number) % 3];
        let tag = format!("{client}-{number}");
        let wrong = ask(&mut sender, kind, &tag, number, slots.now()).await.err();
        let broken = sender.is_closed();
        done.push(Done { kind, tag, wrong });
        if broken {
            done.last_mut().unwrap().wrong.get_or_insert("the router closed the connection".to_owned());
            break;
        }
        tokio::time::sleep(THINK).await;
    }
    drop(sender);
    connection.await.unwrap().unwrap();
    done
}

async fn ask(
    sender: &mut SendRequest<Full<Bytes>>,
    kind: Kind,
    tag: &str,
    number: usize,
    slot: Slot,
) -> Result<(), String> {
    let index = (number % 64).to_string();
    let (method, path, body) = match kind {
        Kind::Read => ("GET", format!("/eth/v1/beacon/states/head/validators/{index}"), String::new()),
        Kind::Sign => (
            "GET",
            format!("/eth/v1/validator/attestation_data?slot={slot}&committee_index=0"),
            String::new(),
        ),
        Kind::Publish => ("POST", CONTRIBUTIONS.to_owned(), contribution(tag, slot)),
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "router")
        .header("content-type", "application/json")
        .header("x-sim-tag", tag)
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| format!("no answer: {error:?}"))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| format!("half an answer: {error:?}"))?.to_bytes();
        Ok::<_, String>((head.status, body))
    };
    let (status, body) =
        tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| "no answer in time".to_owned())??;
    if status != StatusCode::OK {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body)));
    }
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (told, expected) = match kind {
        Kind::Read => (&json["data"]["index"], index),
        Kind::Sign => (&json["data"]["slot"], slot.to_string()),
        Kind::Publish => return Ok(()),
    };
    if *told == expected { Ok(()) } else { Err(format!("an answer to another request: {json}")) }
}

const CONTRIBUTIONS: &str = "/eth/v1/validator/contribution_and_proofs";

/// A signed contribution like no other.
fn contribution(tag: &str, slot: Slot) -> String {
    let signature = format!("0x{tag:0>192}").replace('-', "f");
    format!(
        r#"[{{"message":{{"aggregator_index":"1","selection_proof":"{signature}","contribution":{{"slot":"{slot}","beacon_block_root":"0x{root}","subcommittee_index":"0","aggregation_bits":"0x01","signature":"{signature}"}}}},"signature":"{signature}"}}]"#,
        root = "00".repeat(32),
    )
}

/// A publication as bytes: head and body. The connection ends after its answer.
pub fn publication(tag: &str, slot: Slot) -> (String, String) {
    let body = contribution(tag, slot);
    let head = format!(
        "POST {CONTRIBUTIONS} HTTP/1.1\r\nhost: router\r\nconnection: close\r\ncontent-type: application/json\r\n\
         x-sim-tag: {tag}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (head, body)
}

/// Asks for a block of `slot`, as bytes. The connection ends after its answer.
pub fn production(slot: Slot) -> String {
    format!(
        "GET /eth/v3/validator/blocks/{slot}?randao_reveal=0x00 HTTP/1.1\r\nhost: router\r\nconnection: close\r\n\r\n"
    )
}

/// Sends bytes and reads the whole answer.
pub async fn exchange(door: SocketAddr, bytes: String) -> String {
    let mut stream = TcpStream::connect(door).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
