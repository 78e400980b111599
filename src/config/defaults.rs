//! What holds when the fleet file is silent: right for mainnet, shown in `fleet.example.yaml`, compared by a test.

use std::time::Duration;

use crate::model::{
    Bps, Broadcast, Confirm, Health, Impossible, Limits, LogFormat, Probing, Quorum, Role, Seeding, Severity,
    Voter,
};

/// Directory of the unix sockets.
pub const CONTROL: &str = "/run/beacondeck";
/// Directory of persisted state.
pub const STATE: &str = "/var/lib/beacondeck";
/// Where an agent listens unless its file says otherwise.
pub const AGENT_PORT: u16 = 5064;
/// Directory of an agent's key and of the routers it is paired with.
pub const AGENT_STATE: &str = "/var/lib/beacondeck-agent";
/// Weight of a beacon.
pub const WEIGHT: u16 = 100;
/// Time a restart or an upgrade may take.
pub const PROCEDURE: Duration = Duration::from_secs(600);
/// Time until a beacon that was restarted is fit; one that was down for an upgrade may have to catch up for a while.
pub const FIT: Duration = Duration::from_secs(1_800);
/// The least severe incidents a notifier is told of.
pub const NOTIFIED: Severity = Severity::Warning;
/// Where `PagerDuty` takes events (Events API v2).
pub const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";
/// Load balancers keep idle connections to what is behind them for up to 600 s; whoever answers must keep them longer,
/// or a request meets a connection that is just being closed.
pub const IDLE_ADVISED: Duration = Duration::from_secs(620);

/// Beacons asked for one block.
pub const PRODUCERS: u8 = 2;
/// Beacons a signed message goes to.
pub const BROADCAST: Broadcast = Broadcast { messages: 3, blocks: 3 };
/// Beacons told of state.
pub const SEEDING: Seeding = Seeding { subscriptions: 2, preparations: 0, registrations: 1 };
/// What other beacons must stand by, once it is asked for at all.
pub const QUORUM: Quorum =
    Quorum { confirm: Confirm::Majority, by: Voter::Beacon, impossible: Impossible::FollowBest };
/// In and out.
pub const HEALTH: Health = Health {
    stale_slots: 1,
    silence: Duration::from_millis(500),
    rise: 3,
    fall: 2,
    warm_up_slots: 2,
    slow_factor: 5,
};
/// Probes.
pub const PROBING: Probing = Probing {
    interval: Duration::from_secs(1),
    timeout: Duration::from_secs(1),
    shadow: Bps(500),
    canary: Bps(0),
};
/// Bounds.
pub const LIMITS: Limits = Limits {
    connections: 4096,
    connections_per_client: 3072,
    requests_per_second_per_client: 5_000,
    in_flight: 1024,
    body: 64 << 20,
    bodies: 1 << 30,
    head: 64 << 10,
    head_time: Duration::from_secs(10),
    body_time: Duration::from_secs(10),
    idle: Duration::from_secs(650),
    stop: Duration::from_secs(20),
    traces: 32_768,
};
/// Filter of logs.
pub const LOG_FILTER: &str = "info";
/// Form of logs.
pub const LOG_FORMAT: LogFormat = LogFormat::Text;
/// Log files kept.
pub const LOG_KEEP: usize = 14;

/// Every role.
pub fn roles() -> u8 {
    Role::ALL.iter().fold(0, |set, role| set | role.bit())
}
