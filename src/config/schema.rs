//! Which keys a fleet file and an agent's file know, and where.
//!
//! Owns the words; what they mean is said by the readers and, for people, by `fleet.example.yaml` and the example that
//! `beacondeck print agent-config` prints, in which a test looks for each of them. To add a knob: its key here, its default in `defaults`, its reader, its line in the example.

/// A mapping of the fleet file.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// Where it stands, e.g. `routing.broadcast`; empty at the root.
    pub path: &'static str,
    /// Its keys.
    pub keys: &'static [&'static str],
}

/// The file itself.
pub const ROOT: Shape = Shape {
    path: "",
    keys: &[
        "fleet",
        "listen",
        "beacons",
        "clients",
        "control",
        "state",
        "metrics",
        "notify",
        "zone",
        "theme",
        "genesis-validators-root",
        "routing",
        "health",
        "probing",
        "limits",
        "host",
        "hosts",
        "log",
    ],
};
/// A door.
pub const LISTEN: Shape = Shape { path: "listen", keys: &["address", "allow", "tls", "token"] };
/// A door's certificate and key.
pub const LISTEN_TLS: Shape = Shape { path: "listen.tls", keys: &["certificate", "key", "client-ca"] };
/// A secret by reference: a door's token, what a notifier posts with.
pub const TOKEN: Shape = Shape { path: "listen.token", keys: &["file", "env"] };
/// A beacon node.
pub const BEACON: Shape = Shape {
    path: "beacons",
    keys: &[
        "name", "url", "labels", "weight", "roles", "headers", "http2", "ca-file", "local", "metrics",
        "restart", "upgrade",
    ],
};
/// How a beacon is restarted.
pub const RESTART: Shape =
    Shape { path: "beacons.restart", keys: &["systemd", "command", "agent", "timeout", "fit-within"] };
/// How a beacon is upgraded.
pub const UPGRADE: Shape =
    Shape { path: "beacons.upgrade", keys: &["systemd", "command", "agent", "timeout", "fit-within"] };
/// A header's value by reference.
pub const HEADER: Shape = Shape { path: "beacons.headers", keys: &["file", "env"] };
/// A named client.
pub const CLIENT: Shape = Shape { path: "clients", keys: &["name", "from", "labels"] };
/// Somebody who is told of incidents.
pub const NOTIFY: Shape =
    Shape { path: "notify", keys: &["name", "alertmanager", "pagerduty", "slack", "webhook", "severity"] };
/// A service of `PagerDuty`.
pub const PAGERDUTY: Shape = Shape { path: "notify.pagerduty", keys: &["routing-key", "url"] };
/// Any other place.
pub const WEBHOOK: Shape = Shape { path: "notify.webhook", keys: &["url", "template"] };
/// Choice of beacons.
pub const ROUTING: Shape =
    Shape { path: "routing", keys: &["producers", "broadcast", "seeding", "open", "quorum"] };
/// What other beacons must stand by.
pub const QUORUM: Shape = Shape { path: "routing.quorum", keys: &["confirm", "by", "when-impossible"] };
/// Beacons a signed message goes to.
pub const BROADCAST: Shape = Shape { path: "routing.broadcast", keys: &["messages", "blocks"] };
/// Beacons told of state.
pub const SEEDING: Shape =
    Shape { path: "routing.seeding", keys: &["subscriptions", "preparations", "registrations"] };
/// In and out.
pub const HEALTH: Shape = Shape {
    path: "health",
    keys: &["stale-slots", "silence", "rise", "fall", "warm-up-slots", "slow-factor"],
};
/// Probes.
pub const PROBING: Shape = Shape { path: "probing", keys: &["interval", "timeout", "shadow", "canary"] };
/// Bounds.
pub const LIMITS: Shape = Shape {
    path: "limits",
    keys: &[
        "connections",
        "connections-per-client",
        "requests-per-second-per-client",
        "in-flight",
        "body",
        "bodies",
        "head",
        "head-time",
        "body-time",
        "idle",
        "stop",
        "traces",
    ],
};
/// Checks of hosts.
pub const HOST: Shape = Shape { path: "host", keys: &["limits", "probe-dir", "validators"] };
/// A host that has an agent.
pub const HOSTS: Shape = Shape { path: "hosts", keys: &["name", "agent"] };
/// Logs.
pub const LOG: Shape = Shape { path: "log", keys: &["filter", "format", "directory", "keep"] };

/// Every mapping of a fleet file with fixed keys.
pub const ALL: [&Shape; 22] = [
    &ROOT,
    &LISTEN,
    &LISTEN_TLS,
    &TOKEN,
    &BEACON,
    &RESTART,
    &UPGRADE,
    &HEADER,
    &CLIENT,
    &NOTIFY,
    &PAGERDUTY,
    &WEBHOOK,
    &ROUTING,
    &BROADCAST,
    &SEEDING,
    &QUORUM,
    &HEALTH,
    &PROBING,
    &LIMITS,
    &HOST,
    &HOSTS,
    &LOG,
];

/// An agent's file.
pub const AGENT: Shape = Shape {
    path: "",
    keys: &[
        "listen",
        "allow",
        "state",
        "roles",
        "limits",
        "restart",
        "upgrade",
        "remedies",
        "probe-dir",
        "validators",
        "log",
    ],
};
/// What an agent may do.
pub const AGENT_PROCEDURE: Shape = Shape { path: "restart.NAME", keys: &["systemd", "command", "timeout"] };

/// Every mapping of an agent's file with fixed keys.
pub const ALL_OF_AGENT: [&Shape; 3] = [&AGENT, &AGENT_PROCEDURE, &LOG];
