//! Everything with a default: `routing`, `health`, `probing`, `limits`, `log`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::problem::{Complaint, did_you_mean};
use super::reader::{Field, Knobs, Reader, Section};
use super::{Outside, defaults, quorum, scalar, schema};
use crate::model::{Broadcast, Health, Limits, LogFormat, Logging, Opened, Probing, Routing, Seeding};

const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;
const OPEN: &str = "write a list of `debug`, `keymanager`, `exits`, `credential-changes` or a client's own such as `lighthouse`";
/// First path segments of the clients' own namespaces, to tell a slip of the pen from a namespace.
const VENDORS: [&str; 7] = ["lighthouse", "lodestar", "nimbus", "prysm", "teku", "grandine", "caplin"];

fn ms(range: RangeInclusive<u64>) -> RangeInclusive<Duration> {
    Duration::from_millis(*range.start())..=Duration::from_millis(*range.end())
}

fn secs(range: RangeInclusive<u64>) -> RangeInclusive<Duration> {
    Duration::from_secs(*range.start())..=Duration::from_secs(*range.end())
}

/// `routing`.
pub fn routing(reader: &mut Reader, root: &Section<'_>) -> Routing {
    let mut knobs = Knobs::new(reader, Some(root), "routing", &schema::ROUTING);
    let producers = knobs.whole("producers", &(1..=u8::MAX), defaults::PRODUCERS);
    let section = knobs.section().cloned();
    let mut knobs = Knobs::new(reader, section.as_ref(), "broadcast", &schema::BROADCAST);
    let default = defaults::BROADCAST;
    let broadcast = Broadcast {
        messages: knobs.whole("messages", &(1..=u8::MAX), default.messages),
        blocks: knobs.whole("blocks", &(1..=u8::MAX), default.blocks),
    };
    let mut knobs = Knobs::new(reader, section.as_ref(), "seeding", &schema::SEEDING);
    let default = defaults::SEEDING;
    let seeding = Seeding {
        subscriptions: knobs.knob("subscriptions", default.subscriptions, width),
        preparations: knobs.knob("preparations", default.preparations, width),
        registrations: knobs.knob("registrations", default.registrations, width),
    };
    let open = section.as_ref().and_then(|section| section.get("open")).cloned();
    let open = open.map(|field| opened(reader, &field)).unwrap_or_default();
    let quorum = section.as_ref().and_then(|section| quorum::quorum(reader, section));
    Routing { producers, broadcast, seeding, open, quorum }
}

/// A number of beacons, or 0 for `all`.
fn width(reader: &mut Reader, field: &Field<'_>) -> Option<u8> {
    if reader.text(field, "write a number of beacons, or `all`")? == "all" {
        return Some(0);
    }
    let number = reader.unquoted(field, |text| {
        scalar::whole(text)
            .map_err(|_| Complaint::new("neither a number nor `all`", "write a number of beacons, or `all`"))
    })?;
    u8::try_from(reader.within(field, number, &(1..=u64::from(u8::MAX)), u64::to_string)?).ok()
}

fn opened(reader: &mut Reader, field: &Field<'_>) -> Vec<Opened> {
    let mut open = Vec::new();
    // An empty list says what silence says.
    if matches!(&field.node.value, super::tree::Value::List(items) if items.is_empty()) {
        return open;
    }
    for item in reader.items(field, OPEN).unwrap_or_default() {
        let Some(one) = reader.read(&item, namespace) else { continue };
        if open.contains(&one) {
            reader.complain(&item, Complaint::new("this namespace is given twice", "keep one"));
        }
        open.push(one);
    }
    open
}

fn namespace(text: &str) -> Result<Opened, Complaint> {
    let own = ["debug", "keymanager", "exits", "credential-changes"];
    match text {
        "debug" => return Ok(Opened::Debug),
        "keymanager" => return Ok(Opened::Keymanager),
        "exits" => return Ok(Opened::Exits),
        "credential-changes" => return Ok(Opened::CredentialChanges),
        vendor if VENDORS.contains(&vendor) => return Ok(Opened::Vendor(vendor.to_owned())),
        _ => {}
    }
    if let Some(hint) = did_you_mean(text, own.into_iter().chain(VENDORS)) {
        return Err(Complaint::new("not a namespace", hint));
    }
    let name = scalar::name(text).map_err(|_| Complaint::new("not a namespace", OPEN))?;
    if name == "eth" {
        return Err(Complaint::new("`eth` is no client's own", OPEN));
    }
    Ok(Opened::Vendor(name))
}

/// `health`.
pub fn health(reader: &mut Reader, root: &Section<'_>) -> Health {
    let mut knobs = Knobs::new(reader, Some(root), "health", &schema::HEALTH);
    let default = defaults::HEALTH;
    Health {
        stale_slots: knobs.whole("stale-slots", &(1..=1024), default.stale_slots),
        silence: knobs.duration("silence", &ms(10..=60_000), default.silence),
        rise: knobs.whole("rise", &(1..=100), default.rise),
        fall: knobs.whole("fall", &(1..=100), default.fall),
        warm_up_slots: knobs.whole("warm-up-slots", &(0..=1024), default.warm_up_slots),
        slow_factor: knobs.whole("slow-factor", &(2..=1000), default.slow_factor),
    }
}

/// `probing`.
pub fn probing(reader: &mut Reader, root: &Section<'_>) -> Probing {
    let mut knobs = Knobs::new(reader, Some(root), "probing", &schema::PROBING);
    let default = defaults::PROBING;
    Probing {
        interval: knobs.duration("interval", &ms(100..=60_000), default.interval),
        timeout: knobs.duration("timeout", &ms(50..=60_000), default.timeout),
        shadow: knobs.knob("shadow", default.shadow, |reader, field| reader.read(field, scalar::share)),
        canary: knobs.knob("canary", default.canary, |reader, field| reader.read(field, scalar::share)),
    }
}

/// `limits`.
pub fn limits(reader: &mut Reader, root: &Section<'_>) -> Limits {
    let mut knobs = Knobs::new(reader, Some(root), "limits", &schema::LIMITS);
    let default = defaults::LIMITS;
    let limits = Limits {
        connections: knobs.count("connections", &(1..=1_000_000), default.connections),
        connections_per_client: knobs.count(
            "connections-per-client",
            &(1..=1_000_000),
            default.connections_per_client,
        ),
        requests_per_second_per_client: knobs.whole(
            "requests-per-second-per-client",
            &(1..=1_000_000),
            default.requests_per_second_per_client,
        ),
        in_flight: knobs.count("in-flight", &(1..=65_536), default.in_flight),
        body: knobs.size("body", &(KIB..=GIB), default.body),
        bodies: knobs.size("bodies", &(KIB..=1024 * GIB), default.bodies),
        // The HTTP/1 reader takes no smaller buffer (hyper, `http1::Builder::max_buf_size`).
        head: knobs.size("head", &(8 * KIB..=1024 * KIB), default.head),
        head_time: knobs.duration("head-time", &ms(100..=600_000), default.head_time),
        body_time: knobs.duration("body-time", &ms(100..=600_000), default.body_time),
        idle: knobs.duration("idle", &secs(1..=86_400), default.idle),
        stop: knobs.duration("stop", &secs(0..=3600), default.stop),
        traces: knobs.count("traces", &(1..=10_000_000), default.traces),
    };
    let field = |key: &str| knobs.section().and_then(|section| section.get(key)).cloned();
    let (idle, body) = (field("idle"), field("bodies").or_else(|| field("body")));
    if let Some(field) = idle
        && limits.idle < defaults::IDLE_ADVISED
    {
        let hint = format!(
            "at least {}s is advised: clients and load balancers keep idle connections for up to 600s",
            defaults::IDLE_ADVISED.as_secs()
        );
        let message = format!("connections idle for {} are closed", scalar::show_duration(limits.idle));
        knobs.reader().warn(&field, Complaint::new(message, hint));
    }
    if let Some(field) = body
        && limits.bodies < limits.body
    {
        let (one, all) = (scalar::show_size(limits.body as u64), scalar::show_size(limits.bodies as u64));
        let message = format!("`bodies` ({all}) is less than `body` ({one})");
        knobs
            .reader()
            .complain(&field, Complaint::new(message, "`bodies` bounds all bodies together; raise it"));
    }
    limits
}

/// `log`.
pub fn log(reader: &mut Reader, root: &Section<'_>, outside: &dyn Outside) -> Logging {
    let mut knobs = Knobs::new(reader, Some(root), "log", &schema::LOG);
    Logging {
        filter: knobs.knob("filter", defaults::LOG_FILTER.to_owned(), |reader, field| {
            reader.read(field, |text| {
                let hint = "write a level such as `info`, or for instance `info,beacondeck::router=debug`";
                EnvFilter::builder().parse(text).map_err(|_| Complaint::new("not a filter of logs", hint))?;
                Ok(text.to_owned())
            })
        }),
        format: knobs.knob("format", defaults::LOG_FORMAT, |reader, field| {
            reader.read(field, |text| match text {
                "text" => Ok(LogFormat::Text),
                "json" => Ok(LogFormat::Json),
                _ => Err(Complaint::new("not a form of logs", "write `text` or `json`")),
            })
        }),
        directory: knobs.knob("directory", None, |reader, field| path(reader, field, outside).map(Some)),
        keep: knobs.count("keep", &(1..=3650), defaults::LOG_KEEP),
    }
}

/// A path, taken from the fleet file's directory if it is relative.
pub fn path(reader: &mut Reader, field: &Field<'_>, outside: &dyn Outside) -> Option<PathBuf> {
    let text = reader.text(field, "write a path")?;
    if text.is_empty() || text.contains('\0') {
        reader.complain(field, Complaint::new("not a path", "write a path, or remove the key"));
        return None;
    }
    Some(outside.resolve(text))
}
