//! The valid fleet: what the rest of the program is given. Nothing in it can be out of range.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::{AgentAddress, BeaconName, Bps, Host, Logging, Notifier, Role, Root, Verb};

/// A whole fleet file, checked.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// `fleet:`, the name shown everywhere.
    pub name: String,
    /// Where validator clients knock; at least one.
    pub listen: Vec<Listen>,
    /// The pool; at least one, names unique.
    pub beacons: Vec<Beacon>,
    /// Named clients, in order of matching.
    pub clients: Vec<Client>,
    /// Directory of the unix sockets.
    pub control: PathBuf,
    /// Directory of persisted state.
    pub state: PathBuf,
    /// Where Prometheus text is served; none: nowhere.
    pub metrics: Option<SocketAddr>,
    /// Who is told of incidents; names unique, none by default.
    pub notify: Vec<Notifier>,
    /// The router's own zone; beacons whose `zone` label equals it are preferred.
    pub zone: Option<String>,
    /// Theme of consoles of this fleet, should nobody ask for another; none: the program's own choice.
    pub theme: Option<String>,
    /// If given, the only network that is accepted.
    pub genesis_validators_root: Option<Root>,
    /// Choice of beacons.
    pub routing: Routing,
    /// When a beacon is in and when it is out.
    pub health: Health,
    /// How beacons are probed.
    pub probing: Probing,
    /// Bounds of the door.
    pub limits: Limits,
    /// What the checks of hosts go by.
    pub host: HostChecks,
    /// Hosts that have an agent; names and agents unique.
    pub hosts: Vec<Host>,
    /// Logs.
    pub logging: Logging,
}

/// What the checks of hosts go by, where it is not the program's own table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostChecks {
    /// Thresholds by name; numbers from 0 up, not scaled by the machine's size.
    pub limits: BTreeMap<String, f64>,
    /// Directory of the signing records of this machine, in which durable writes are measured; none: nowhere.
    pub probe_dir: Option<PathBuf>,
    /// Validators whose signatures are recorded there; none: all that are seen.
    pub validators: Option<u32>,
}

/// One door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Address to bind; port 0 takes a free one.
    pub address: SocketAddr,
    /// Networks that may connect; empty: all.
    pub allow: Vec<IpNet>,
    /// Speak TLS only; none: plain connections only.
    pub tls: Option<ListenTls>,
    /// What every request must carry; none: nothing.
    pub token: Option<Secret>,
}

/// The files of a door that speaks TLS, all PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenTls {
    /// The door's certificate, then its chain.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Authorities one of which must have signed a client's certificate; none: clients need none.
    pub client_ca: Option<PathBuf>,
}

/// One beacon node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beacon {
    /// Unique name.
    pub name: BeaconName,
    /// `http` or `https`, host, port, optional path prefix without trailing slash; never user information.
    pub url: String,
    /// Labels, `host` and `zone` among them, sorted by key.
    pub labels: Vec<(String, String)>,
    /// Share of work relative to the others, 1 to 1000; default 100.
    pub weight: u16,
    /// Set of [`Role::bit`].
    pub roles: u8,
    /// Headers added to each request to it.
    pub headers: Vec<Header>,
    /// Speak HTTP/2 with prior knowledge on a plain `http` URL.
    pub h2c: bool,
    /// PEM bundle that must have signed its certificate, instead of the system's roots.
    pub ca_file: Option<PathBuf>,
    /// Whether it runs on the machine that runs beacondeck.
    pub local: bool,
    /// Where it tells its metrics; none: nowhere that is known.
    pub metrics: Option<String>,
    /// How its process is restarted; none: not by beacondeck.
    pub restart: Option<Procedure>,
    /// How it is upgraded; none: not by beacondeck.
    pub upgrade: Option<Procedure>,
}

/// What is run to restart or upgrade a beacon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Procedure {
    /// What.
    pub how: How,
    /// Time it may take; default 10 minutes.
    pub timeout: Duration,
    /// Time the beacon may take after it until it is fit; default 30 minutes.
    pub fit_within: Duration,
}

/// By whom a procedure is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// A unit of the local systemd is restarted over D-Bus.
    Systemd(String),
    /// A program and its arguments; no shell, cleared environment.
    Command(Vec<String>),
    /// The agent of a host does what its own file calls by this name.
    Agent {
        /// The host.
        host: String,
        /// The name.
        name: String,
    },
}

impl Fleet {
    /// The agent of a host.
    pub fn agent(&self, host: &str) -> Option<AgentAddress> {
        self.hosts.iter().find(|of| of.name == host).map(|of| of.agent)
    }
}

impl Beacon {
    /// Where it runs: its label `host`, else a host of its own.
    pub fn host(&self) -> &str {
        self.label("host").unwrap_or(self.name.as_str())
    }

    /// The procedure of a verb.
    pub fn procedure(&self, verb: Verb) -> Option<&Procedure> {
        match verb {
            Verb::Restart => self.restart.as_ref(),
            Verb::Upgrade => self.upgrade.as_ref(),
        }
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// Whether it is the same beacon, reached the same way; what it is used for may differ.
    pub fn is_same(&self, other: &Beacon) -> bool {
        (&self.name, &self.url, &self.headers, self.h2c, &self.ca_file, &self.metrics)
            == (&other.name, &other.url, &other.headers, other.h2c, &other.ca_file, &other.metrics)
    }

    /// Whether it has a role.
    pub fn has(&self, role: Role) -> bool {
        self.roles & role.bit() != 0
    }
}

/// A header with a value that may be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Lower-case name, valid in HTTP.
    pub name: String,
    /// Value, valid in HTTP.
    pub value: Secret,
}

/// Text that no output shows. Its `==` is for telling a changed fleet file: it takes a time that tells of the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps the text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A named client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Unique name.
    pub name: String,
    /// How its connections are recognised.
    pub from: ClientFrom,
    /// What it shares with others: `signer`, or any label.
    pub labels: Vec<(String, String)>,
}

/// How a client's connections are recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFrom {
    /// By source network.
    Net(IpNet),
    /// By the door they knock at.
    Listen(SocketAddr),
}

/// Choice of beacons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing {
    /// Beacons asked at once for a block, of which the best is taken; default 2.
    pub producers: u8,
    /// Beacons a signed message or block goes to.
    pub broadcast: Broadcast,
    /// Beacons told of subscriptions, preparations, registrations.
    pub seeding: Seeding,
    /// Closed namespaces that are open here.
    pub open: Vec<Opened>,
    /// What other beacons must stand by; none: nothing.
    pub quorum: Option<Quorum>,
}

/// Source and target of attestation data that other beacons must stand by before anybody gets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quorum {
    /// How many must.
    pub confirm: Confirm,
    /// What counts as one.
    pub by: Voter,
    /// What if they do not.
    pub impossible: Impossible,
}

/// How many must stand by something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirm {
    /// More than half of those that may be asked.
    Majority,
    /// So many.
    Voices(u8),
}

/// What counts as one voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voter {
    /// A beacon.
    Beacon,
    /// All beacons of one client: they share its bugs.
    Family,
}

/// What if not enough stand by one source and target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impossible {
    /// The best beacon's word is given, and on-call is told.
    FollowBest,
    /// Nobody gets attestation data, and on-call is told.
    Halt,
}

/// Beacons a signed message goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broadcast {
    /// Attestations, sync messages, aggregates, contributions; default 3.
    pub messages: u8,
    /// Blocks, the producer among them; default 3.
    pub blocks: u8,
}

/// Beacons told of state; 0 means all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeding {
    /// Committee and sync subscriptions, on different hosts; default 2.
    pub subscriptions: u8,
    /// Fee recipients and proposer preferences; default all.
    pub preparations: u8,
    /// Builder registrations; default 1.
    pub registrations: u8,
}

/// A namespace that is closed unless listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// `debug`: `/eth/*/debug`, node identity and peers.
    Debug,
    /// `keymanager`.
    Keymanager,
    /// `exits`: voluntary exits.
    Exits,
    /// `credential-changes`: BLS to execution changes.
    CredentialChanges,
    /// A client's own namespace by its first path segment, e.g. `lighthouse`.
    Vendor(String),
}

/// When a beacon is in and when it is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Slots behind the agreed head at which a head is stale; default 1: any lag after the due point.
    pub stale_slots: u64,
    /// A beacon that owes answers and gives none for so long is suspected to hang; default 500 ms.
    pub silence: Duration,
    /// Probes in a row that must succeed before a beacon that was out warms up; default 3.
    pub rise: u8,
    /// Probes in a row that must fail before one is out (a refused connection is out at once); default 2.
    pub fall: u8,
    /// Slots a returning beacon warms up; default 2.
    pub warm_up_slots: u64,
    /// Smoothed latency above this multiple of the peers' median is slow; default 5.
    pub slow_factor: u16,
}

/// How beacons are probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probing {
    /// Time between probes; default 1 s.
    pub interval: Duration,
    /// When a probe is given up; default 1 s.
    pub timeout: Duration,
    /// Share of reads repeated at excluded beacons, answers discarded; default 5 %.
    pub shadow: Bps,
    /// Share of questions about attestation data asked of one more healthy beacon, answers only looked at; default none.
    pub canary: Bps,
}

/// Bounds of the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections over all doors; default 4096.
    pub connections: usize,
    /// Connections of one client; default 3072, a quarter of all is left to the others.
    pub connections_per_client: usize,
    /// Requests a second of one client, and twice as many at once; default 5000.
    pub requests_per_second_per_client: u32,
    /// Requests in flight per beacon; default 1024.
    pub in_flight: usize,
    /// Request body bytes; default 64 MiB.
    pub body: usize,
    /// Bytes of all bodies held at once; default 1 GiB.
    pub bodies: usize,
    /// Request head bytes; default 64 KiB.
    pub head: usize,
    /// Time a client has to send a request's head once it began; default 10 s.
    pub head_time: Duration,
    /// Time a client may be silent within a body, or take nothing of an answer; default 10 s.
    pub body_time: Duration,
    /// Time an idle connection is kept; default 650 s.
    pub idle: Duration,
    /// Time in-flight requests get at a stop; default 20 s.
    pub stop: Duration,
    /// Traces kept in memory; default 32768.
    pub traces: usize,
}
