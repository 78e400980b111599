//! The client of one beacon: one method a read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, DATE};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::error::{DecodeError, ReadError};
use super::events::EventStream;
use super::http::{Subject, builder, setup};
use super::lag;
use super::shape::{
    CpuTime, Data, HeaderAnswer, HeaderInfo, MachineHealth, NodeRecord, NodeVersion, PeerCount, Probe,
    ProcessStart, Syncing, UiHealth, VersionOne, VersionTwo, started,
};
use crate::chain::{ForkSchedule, Genesis, Identity, Spec};
use crate::model::{Beacon, BeaconName, Secret};

const GENESIS: &str = "/eth/v1/beacon/genesis";
const SPEC: &str = "/eth/v1/config/spec";
const FORK_SCHEDULE: &str = "/eth/v1/config/fork_schedule";
const SYNCING: &str = "/eth/v1/node/syncing";

/// Typed reads of one beacon. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct BeaconClient(Arc<Inner>);

struct Inner {
    name: BeaconName,
    base: String,
    timeout: Duration,
    secrets: Vec<Secret>,
    reads: reqwest::Client,
    /// Of its own, so that a stream never shares a connection with reads.
    streams: reqwest::Client,
    /// Where its own metrics are, and who reads them: without its headers, which are for its API.
    metrics: Option<(String, reqwest::Client)>,
}

impl fmt::Debug for BeaconClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BeaconClient({})", self.0.name)
    }
}

impl BeaconClient {
    /// A client for a beacon of the fleet file: with its headers, its CA file, and HTTP/2 on plain `http` if it says `h2c`.
    ///
    /// `timeout` bounds each read as a whole; three quarters of it are for the connection, so that a host which drops packets
    /// is told from a beacon that is connected and silent. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ReadError::Setup`] when the CA file cannot be read or holds no certificate, a header cannot be sent, or the process
    /// has not installed a rustls crypto provider.
    pub fn new(beacon: &Beacon, timeout: Duration) -> Result<Self, ReadError> {
        let client = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|e| setup(beacon, "TLS".to_owned(), Box::new(e)))
        };
        let connect = timeout * 3 / 4;
        let metrics = beacon.metrics.clone().map(|url| {
            let bare = Beacon { url: url.clone(), headers: Vec::new(), h2c: false, ..beacon.clone() };
            Ok((url, client(builder(&bare, connect)?.timeout(timeout))?))
        });
        Ok(Self(Arc::new(Inner {
            name: beacon.name.clone(),
            base: beacon.url.trim_end_matches('/').to_owned(),
            timeout,
            secrets: beacon.headers.iter().map(|header| header.value.clone()).collect(),
            reads: client(builder(beacon, connect)?.timeout(timeout))?,
            streams: client(builder(beacon, connect)?.pool_max_idle_per_host(0))?,
            metrics: metrics.transpose()?,
        })))
    }

    /// The beacon's name in the fleet file.
    pub fn name(&self) -> &BeaconName {
        &self.0.name
    }

    /// Genesis; none before the chain has one (404).
    pub async fn genesis(&self) -> Result<Option<Genesis>, ReadError> {
        match self.data(GENESIS).await {
            Ok(genesis) => Ok(Some(genesis)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The spec, and the body it came in, to be served as it is.
    pub async fn spec(&self) -> Result<(Spec, Bytes), ReadError> {
        self.data_and_raw(SPEC).await
    }

    /// The fork schedule, and the body it came in, to be served as it is.
    pub async fn fork_schedule(&self) -> Result<(ForkSchedule, Bytes), ReadError> {
        self.data_and_raw(FORK_SCHEDULE).await
    }

    /// Genesis, fork schedule and spec, asked for at once; none before the chain has a genesis.
    pub async fn identity(&self) -> Result<Option<Identity>, ReadError> {
        let (genesis, (forks, _), (spec, _)) =
            tokio::try_join!(self.genesis(), self.fork_schedule(), self.spec())?;
        Ok(genesis.map(|genesis| Identity { genesis, forks, spec }))
    }

    /// The beacon's word about its sync.
    pub async fn syncing(&self) -> Result<Syncing, ReadError> {
        self.data(SYNCING).await
    }

    /// Client and version, of the execution client too where the beacon tells.
    ///
    /// Asks v2 first; a beacon that does not have it, or has another draft of it, is asked for v1.
    pub async fn version(&self) -> Result<NodeVersion, ReadError> {
        match self.data::<VersionTwo>("/eth/v2/node/version").await {
            Ok(version) => Ok(version.into()),
            Err(ReadError::Status { .. } | ReadError::Decode { .. }) => {
                self.data::<VersionOne>("/eth/v1/node/version").await.map(Into::into)
            }
            Err(error) => Err(error),
        }
    }

    /// Its node record and metadata.
    pub async fn record(&self) -> Result<NodeRecord, ReadError> {
        self.data("/eth/v1/node/identity").await
    }

    /// How long its process has been running; only Lighthouse tells.
    pub async fn uptime(&self) -> Result<Duration, ReadError> {
        let health: UiHealth = self.data("/lighthouse/ui/health").await?;
        Ok(Duration::from_secs(health.app_uptime))
    }

    /// Whether it can be asked when its process started.
    pub fn tells_start(&self) -> bool {
        self.0.metrics.is_some()
    }

    /// When its process started, by its own metrics; none: the fleet file does not say where they are.
    pub async fn process_start(&self) -> Option<Result<ProcessStart, ReadError>> {
        let (url, client) = self.0.metrics.as_ref()?;
        let subject = self.subject("its metrics", self.0.timeout);
        let told = async {
            let answer = client.get(url).send().await.map_err(|e| subject.failed(e))?;
            let date = answer.headers().get(DATE).and_then(|value| value.to_str().ok()).map(str::to_owned);
            let page = subject.body(answer).await?;
            let started = started(&String::from_utf8_lossy(&page));
            let started = started.ok_or_else(|| subject.unreadable(DecodeError::NoStart))?;
            Ok(ProcessStart { started, date })
        };
        Some(told.await)
    }

    /// Processor time of its machine so far; only Lighthouse tells.
    pub async fn cpu_time(&self) -> Result<CpuTime, ReadError> {
        self.data::<MachineHealth>("/lighthouse/health").await.map(Into::into)
    }

    /// Connected peers.
    pub async fn peer_count(&self) -> Result<u32, ReadError> {
        let count: PeerCount = self.data("/eth/v1/node/peer_count").await?;
        Ok(u32::try_from(count.connected).unwrap_or(u32::MAX))
    }

    /// The `Date` of a cheap answer, where it has one (RFC 9110, 6.6.1).
    pub async fn date(&self) -> Result<Option<String>, ReadError> {
        let path = "/eth/v1/node/version";
        let subject = self.subject(path, self.0.timeout);
        let answer = self.0.reads.get(self.url(path)).send().await.map_err(|e| subject.failed(e))?;
        let date = answer.headers().get(DATE).and_then(|value| value.to_str().ok());
        Ok(date.map(str::to_owned))
    }

    /// The header of a block by `head`, `finalized`, slot or root.
    pub async fn header(&self, id: &str) -> Result<HeaderInfo, ReadError> {
        let path = format!("/eth/v1/beacon/headers/{id}");
        let (answer, _) = self.read::<HeaderAnswer>(&path).await?;
        Ok(answer.into())
    }

    /// Sync state and head at once, and how long both took together. Where this process stood still for more than a quarter
    /// of that, the time says nothing of the beacon.
    ///
    /// # Errors
    /// The first that fails, at once.
    pub async fn probe(&self) -> Result<Probe, ReadError> {
        let start = Instant::now();
        let (read, late) = lag::beside(async { tokio::try_join!(self.syncing(), self.header("head")) }).await;
        let (syncing, head) = read?;
        let took = start.elapsed();
        Ok(Probe { syncing, head, took: (late <= took / 4).then_some(took) })
    }

    /// The body of a path that begins with `/`, as the beacon sent it.
    pub async fn raw(&self, path: &str) -> Result<Bytes, ReadError> {
        self.raw_within(path, self.0.timeout).await
    }

    /// The same for what takes longer than a probe.
    pub async fn raw_within(&self, path: &str, time: Duration) -> Result<Bytes, ReadError> {
        let subject = self.subject(path, time);
        let ask = || self.0.reads.get(self.url(path)).timeout(time).header(ACCEPT, "application/json").send();
        let answer = match ask().await {
            // The beacon closed an idle connection as we wrote to it: not its fault, and reads may be repeated.
            Err(error) if error.is_request() && !error.is_connect() && !error.is_timeout() => ask().await,
            answer => answer,
        };
        subject.body(answer.map_err(|e| subject.failed(e))?).await
    }

    /// A stream of events on these topics, on a connection of its own. Connects when it is first polled.
    ///
    /// `silence` is how long the beacon may send nothing, comments included, before the stream counts as dead; it bounds the
    /// time to the answer's head, too. There is no other timeout.
    ///
    /// Topics are asked for as `?topics=head&topics=block`, as Vero and Vouch do of every client. The list of the specification,
    /// `?topics=head,block`, is one unknown name to some: Lodestar 1.5 then answers nothing, not even a refusal.
    pub fn events(&self, topics: &[&str], silence: Duration) -> EventStream {
        let path = format!("/eth/v1/events?topics={}", topics.join("&topics="));
        let request = self.0.streams.get(self.url(&path)).header(ACCEPT, "text/event-stream");
        EventStream::new(self.subject(&path, silence), request)
    }

    async fn data<T: DeserializeOwned>(&self, path: &str) -> Result<T, ReadError> {
        self.data_and_raw(path).await.map(|(data, _)| data)
    }

    async fn data_and_raw<T: DeserializeOwned>(&self, path: &str) -> Result<(T, Bytes), ReadError> {
        let (answer, raw) = self.read::<Data<T>>(path).await?;
        Ok((answer.data, raw))
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<(T, Bytes), ReadError> {
        let raw = self.raw(path).await?;
        let answer =
            serde_json::from_slice(&raw).map_err(|e| self.subject(path, self.0.timeout).unreadable(e))?;
        Ok((answer, raw))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.base)
    }

    fn subject(&self, path: &str, time: Duration) -> Subject {
        let (beacon, secrets) = (self.0.name.clone(), self.0.secrets.clone());
        Subject { beacon, path: path.to_owned(), time, secrets }
    }
}
