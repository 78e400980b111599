//! An origin: what a synced beacon node answers, over hyper, with a fixed delay.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{Sleep, sleep};

use crate::chain::{Chain, SLOT, SLOTS_PER_EPOCH, root, signature, slot_of};
use crate::process;

/// Size of the answer to a bulk read of validators.
const BULK_BYTES: usize = 200_000;
/// Where it tells how often it was asked for attestation data.
const READS: &str = "/bench/reads";
/// Longest time an event stream says nothing.
const COMMENT: Duration = Duration::from_secs(1);

/// A running origin; it ends with this value.
#[derive(Debug)]
pub struct Origin {
    pub address: SocketAddr,
    process: Child,
}

impl Origin {
    /// Starts this binary as an origin and waits until it says where it listens.
    pub async fn start(chain: Chain, delay_ms: u64, work_us: u64) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe().context("finding this binary")?)
            .args(["--role", "origin"])
            .args(["--genesis", &chain.genesis.to_string(), "--delay-ms", &delay_ms.to_string()])
            .args(["--work-us", &work_us.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting an origin")?;
        let mut line = String::new();
        let stdout = process.stdout.take().context("an origin has no standard output")?;
        BufReader::new(stdout).read_line(&mut line).await.context("reading where an origin listens")?;
        let address = line.trim().parse().context("an origin did not say where it listens")?;
        Ok(Self { address, process })
    }

    /// Attestation data it was asked for so far.
    pub async fn reads(&self) -> anyhow::Result<u64> {
        let url = format!("http://{}{READS}", self.address);
        let text = reqwest::get(url).await.context("asking an origin for its reads")?.text().await?;
        text.parse().context("an origin did not say how much it was asked")
    }

    /// Nanoseconds of processor time it has used.
    pub fn cpu_ns(&self) -> Option<u64> {
        process::cpu_ns(self.process.id()?)
    }
}

struct Node {
    chain: Chain,
    delay: Duration,
    /// Processor time that attestation data takes.
    work: Duration,
    reads: AtomicU64,
    bulk: Bytes,
}

/// Serves on a free port, which it prints, until standard input ends.
pub async fn run(chain: Chain, delay: Duration, work: Duration) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    crate::report::say(&listener.local_addr()?.to_string())?;
    let node = Arc::new(Node { chain, delay, work, reads: AtomicU64::new(0), bulk: bulk() });
    let accept = async {
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let node = node.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let node = node.clone();
                    async move { Ok::<_, Infallible>(node.answer(request).await) }
                });
                // An error here is a connection that the other side gave up; the other side counts it.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .pipeline_flush(true)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    };
    let orphaned = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
    tokio::select! {
        failed = accept => failed,
        _ = orphaned => Ok(()),
    }
}

impl Node {
    async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        let (head, body) = request.into_parts();
        // The body is read whole, as a node must before it can judge it.
        if body.collect().await.is_err() {
            return error(StatusCode::BAD_REQUEST, "the body ended early");
        }
        if !self.delay.is_zero() {
            sleep(self.delay).await;
        }
        let path = head.uri.path();
        if head.method == Method::POST {
            return self.post(path);
        }
        match path {
            READS => whole(Bytes::from(self.reads.load(Relaxed).to_string())),
            "/eth/v1/validator/attestation_data" => {
                self.reads.fetch_add(1, Relaxed);
                // On the one thread there is, as a beacon node's work is.
                let began = Instant::now();
                while began.elapsed() < self.work {
                    std::hint::spin_loop();
                }
                self.attestation_data(slot_asked(head.uri.query().unwrap_or_default()))
            }
            "/eth/v1/beacon/states/head/validators" => whole(self.bulk.clone()),
            "/eth/v1/events" => Response::builder()
                .header(CONTENT_TYPE, "text/event-stream")
                .body(Answer::Events(Box::new(Events::new(self.chain))))
                .unwrap_or_else(|_| error(StatusCode::INTERNAL_SERVER_ERROR, "no stream")),
            _ => self
                .small(path)
                .map_or_else(|| error(StatusCode::NOT_FOUND, "not found"), |value| data(&value)),
        }
    }

    fn post(&self, path: &str) -> Response<Answer> {
        match path {
            "/eth/v1/beacon/pool/attestations" | "/eth/v2/beacon/pool/attestations" => whole(Bytes::new()),
            "/eth/v1/beacon/states/head/validators" => whole(self.bulk.clone()),
            _ => error(StatusCode::NOT_FOUND, "not found"),
        }
    }

    fn attestation_data(&self, slot: Option<u64>) -> Response<Answer> {
        let head = self.chain.slot();
        let Some(slot) = slot.filter(|slot| *slot <= head + 1) else {
            return error(StatusCode::BAD_REQUEST, "slot is missing or too far ahead");
        };
        let epoch = slot / SLOTS_PER_EPOCH;
        data(&json!({
            "slot": slot.to_string(),
            "index": "0",
            "beacon_block_root": root(head.min(slot)),
            "source": {"epoch": epoch.saturating_sub(1).to_string(),
                "root": root(epoch.saturating_sub(1) * SLOTS_PER_EPOCH)},
            "target": {"epoch": epoch.to_string(), "root": root(epoch * SLOTS_PER_EPOCH)},
        }))
    }

    /// What probes read.
    fn small(&self, path: &str) -> Option<Value> {
        let head = self.chain.slot();
        Some(match path {
            "/eth/v1/beacon/genesis" => json!({
                "genesis_time": self.chain.genesis.to_string(),
                "genesis_validators_root": root(0),
                "genesis_fork_version": "0x10000038",
            }),
            "/eth/v1/config/spec" => spec(),
            "/eth/v1/config/fork_schedule" => json!([
                {"previous_version": "0x10000038", "current_version": "0x10000038", "epoch": "0"},
                {"previous_version": "0x10000038", "current_version": "0x60000038", "epoch": "0"},
            ]),
            "/eth/v1/node/syncing" => json!({
                "head_slot": head.to_string(), "sync_distance": "0",
                "is_syncing": false, "is_optimistic": false, "el_offline": false,
            }),
            "/eth/v1/node/version" => json!({"version": "Bench/v1.0.0/x86_64-linux"}),
            "/eth/v1/node/health" => json!({}),
            "/eth/v1/node/peer_count" => json!({
                "disconnected": "0", "connecting": "0", "connected": "50", "disconnecting": "0",
            }),
            _ => self.header(path.strip_prefix("/eth/v1/beacon/headers/")?)?,
        })
    }

    fn header(&self, id: &str) -> Option<Value> {
        let head = self.chain.slot();
        let slot = match id {
            "head" => head,
            "genesis" => 0,
            "finalized" => (head / SLOTS_PER_EPOCH).saturating_sub(2) * SLOTS_PER_EPOCH,
            id if id.starts_with("0x") => slot_of(id)?,
            id => id.parse().ok()?,
        };
        (slot <= head).then(|| {
            json!({
                "root": root(slot),
                "canonical": true,
                "header": {
                    "message": {
                        "slot": slot.to_string(), "proposer_index": (slot % 512).to_string(),
                        "parent_root": root(slot.saturating_sub(1)),
                        "state_root": root(slot), "body_root": root(slot),
                    },
                    "signature": signature(slot),
                },
            })
        })
    }
}

fn spec() -> Value {
    json!({
        "CONFIG_NAME": "bench",
        "PRESET_BASE": "mainnet",
        "SECONDS_PER_SLOT": SLOT.to_string(),
        "SLOT_DURATION_MS": (SLOT * 1_000).to_string(),
        "SLOTS_PER_EPOCH": SLOTS_PER_EPOCH.to_string(),
        "ATTESTATION_DUE_BPS": "3333",
        "AGGREGATE_DUE_BPS": "6667",
        "SYNC_MESSAGE_DUE_BPS": "3333",
        "CONTRIBUTION_DUE_BPS": "6667",
        "EPOCHS_PER_SYNC_COMMITTEE_PERIOD": "256",
        "DEPOSIT_CHAIN_ID": "1337",
        "DEPOSIT_NETWORK_ID": "1337",
        "DEPOSIT_CONTRACT_ADDRESS": "0x4242424242424242424242424242424242424242",
        "GENESIS_FORK_VERSION": "0x10000038",
        "ALTAIR_FORK_EPOCH": "0",
        "ELECTRA_FORK_VERSION": "0x60000038",
        "ELECTRA_FORK_EPOCH": "0",
    })
}

fn slot_asked(query: &str) -> Option<u64> {
    query.split('&').find_map(|pair| pair.strip_prefix("slot=")?.parse().ok())
}

fn bulk() -> Bytes {
    let mut text = String::from(r#"{"execution_optimistic":false,"finalized":false,"data":["#);
    for index in 0_u64.. {
        let comma = if index == 0 { "" } else { "," };
        let validator = json!({
            "index": index.to_string(), "balance": "32000000000", "status": "active_ongoing",
            "validator": {
                "pubkey": &signature(index)[..98], "withdrawal_credentials": root(index),
                "effective_balance": "32000000000", "slashed": false,
                "activation_eligibility_epoch": "0", "activation_epoch": "0",
                "exit_epoch": "18446744073709551615", "withdrawable_epoch": "18446744073709551615",
            },
        });
        let _ = write!(text, "{comma}{validator}");
        if text.len() >= BULK_BYTES {
            break;
        }
    }
    text.push_str("]}");
    Bytes::from(text)
}

fn data(value: &Value) -> Response<Answer> {
    let answer = json!({"execution_optimistic": false, "finalized": false, "data": value});
    whole(Bytes::from(answer.to_string()))
}

fn whole(body: Bytes) -> Response<Answer> {
    let mut answer = Response::new(Answer::Whole(Some(body)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert("eth-consensus-version", HeaderValue::from_static("electra"));
    answer
}

fn error(status: StatusCode, message: &str) -> Response<Answer> {
    let body = json!({"code": status.as_u16(), "message": message}).to_string();
    let mut answer = whole(Bytes::from(body));
    *answer.status_mut() = status;
    answer
}

/// The body of an answer.
enum Answer {
    Whole(Option<Bytes>),
    Events(Box<Events>),
}

/// A `head` event at each slot's start, comments in between.
struct Events {
    chain: Chain,
    told: u64,
    timer: Pin<Box<Sleep>>,
}

impl Events {
    fn new(chain: Chain) -> Self {
        Self { chain, told: chain.slot(), timer: Box::pin(sleep(COMMENT.min(chain.until_next()))) }
    }

    fn next(&mut self) -> String {
        let slot = self.chain.slot();
        if slot == self.told {
            return ":\n\n".to_owned();
        }
        self.told = slot;
        let epoch = slot / SLOTS_PER_EPOCH;
        let event = json!({
            "slot": slot.to_string(), "block": root(slot), "state": root(slot),
            "epoch_transition": slot.is_multiple_of(SLOTS_PER_EPOCH), "execution_optimistic": false,
            "previous_duty_dependent_root": root(epoch.saturating_sub(1) * SLOTS_PER_EPOCH),
            "current_duty_dependent_root": root(epoch * SLOTS_PER_EPOCH),
        });
        format!("event: head\ndata: {event}\n\n")
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Answer::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Answer::Events(events) => {
                ready!(events.timer.as_mut().poll(context));
                let text = events.next();
                events.timer = Box::pin(sleep(COMMENT.min(events.chain.until_next())));
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(text)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Answer::Whole(None))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Answer::Whole(body) => {
                hyper::body::SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64))
            }
            Answer::Events(_) => hyper::body::SizeHint::default(),
        }
    }
}
