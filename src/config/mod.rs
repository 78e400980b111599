//! The fleet file: raw text becomes a [`Fleet`], which cannot be wrong. An agent's file is read by the same means.
//!
//! Three steps: `tree` reads YAML into nodes that know their place, the readers (`doors`, `locks`, `beacons`, `headers`,
//! `hosts`, `agents`, `notify`, `knobs`, and `agent` for an agent's own file) turn nodes into words of the model and collect every problem, `problem` shows them. `load` is the one file
//! that reads disk, environment and clock; the rest is pure. Never shows a secret, in no excerpt and no message.
//!
//! To add a knob: its key in `schema`, its default in `defaults`, one line in its reader, one in `fleet.example.yaml`.

mod agent;
mod agents;
mod beacons;
mod changes;
mod defaults;
mod doors;
mod headers;
mod hosts;
mod knobs;
mod load;
mod locks;
mod notify;
mod problem;
mod procedures;
mod quorum;
mod reader;
mod redact;
mod scalar;
mod schema;
mod tree;

use std::io;
use std::path::{Path, PathBuf};

pub use crate::model::Fleet;
pub use changes::{Change, Takes, changes};
pub use defaults::{AGENT_STATE, STATE};
pub use load::{Env, LoadError, Loaded, VARIABLE, load, load_agent, load_with, locate, locate_agent};
pub use problem::{Problem, Severity, did_you_mean};

use crate::model::UnixMs;
use problem::Complaint;
use reader::{Field, Reader};

/// What a fleet file may refer to.
pub trait Outside {
    /// A path of the file, from the file's directory if it is relative.
    fn resolve(&self, path: &str) -> PathBuf;

    /// The text of a file.
    ///
    /// # Errors
    /// It cannot be read, or is not UTF-8.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// The value of a variable, if it is set and UTF-8.
    fn env(&self, name: &str) -> Option<String>;

    /// The present, by which certificates are judged.
    fn now(&self) -> UnixMs;
}

/// A valid fleet and what is not advised about it.
#[derive(Debug)]
pub struct Parsed {
    /// The fleet.
    pub fleet: Fleet,
    /// Warnings in order of place.
    pub warnings: Vec<Problem>,
}

/// Every mapping of the fleet file with fixed keys: its path, empty at the root, and its keys.
pub fn keys() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    schema::ALL.iter().map(|shape| (shape.path, shape.keys))
}

/// The same of an agent's file.
pub fn keys_of_agent() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    schema::ALL_OF_AGENT.iter().map(|shape| (shape.path, shape.keys))
}

/// Text to fleet.
///
/// # Errors
/// Every problem of the text, and its warnings, in order of place.
pub fn parse(text: &str, outside: &dyn Outside) -> Result<Parsed, Vec<Problem>> {
    let (root, found) = tree::parse(text);
    let mut reader = Reader { found, shapes: &schema::ALL, ..Reader::default() };
    let fleet = root.as_ref().and_then(|root| fleet(&mut reader, &Field::root(root), outside));
    let problems = problem::finish(text, reader.found, &reader.secrets);
    match fleet {
        Some(fleet) if problems.iter().all(|problem| problem.severity == Severity::Warning) => {
            Ok(Parsed { fleet, warnings: problems })
        }
        _ => Err(problems),
    }
}

fn fleet(reader: &mut Reader, root: &Field<'_>, outside: &dyn Outside) -> Option<Fleet> {
    let root = reader.section(root, &schema::ROOT)?;
    let name = reader.required(&root, "fleet", "give the fleet a name, for instance `fleet: mainnet`");
    let name = name.and_then(|field| reader.read(&field, scalar::name));
    let listen = doors::listen(reader, &root, outside);
    let hosts = agents::read(reader, &root);
    let beacons = beacons::read(reader, &root, &hosts, outside);
    let clients = doors::clients(reader, &root, &listen);
    let metrics = doors::metrics(reader, &root, &listen);
    let notify = notify::read(reader, &root, outside);
    let mut directory = |key: &str, default: &str| {
        let path = root.get(key).and_then(|field| knobs::path(reader, field, outside));
        path.unwrap_or_else(|| PathBuf::from(default))
    };
    let (control, state) = (directory("control", defaults::CONTROL), directory("state", defaults::STATE));
    let genesis = root.get("genesis-validators-root").and_then(|field| {
        let hint = "write `0x` and 64 hex digits, as `/eth/v1/beacon/genesis` answers";
        reader.read(field, |text| text.parse().map_err(|_| Complaint::new("not a root", hint)))
    });
    let zone = root.get("zone").and_then(|field| {
        let zone = reader.read(field, scalar::label)?;
        if !beacons.iter().any(|beacon| beacon.label("zone") == Some(&zone)) {
            let hint = "give the beacons near this router `labels: {zone: …}` of the same value";
            reader.warn(field, Complaint::new(format!("no beacon is in the zone `{zone}`"), hint));
        }
        Some(zone)
    });
    let theme = root.get("theme").and_then(|field| reader.read(field, scalar::name));
    Some(Fleet {
        // Without a name there is a problem, and no fleet is handed out.
        name: name.unwrap_or_default(),
        listen,
        beacons,
        clients,
        control,
        state,
        metrics,
        notify,
        zone,
        theme,
        genesis_validators_root: genesis,
        routing: knobs::routing(reader, &root),
        health: knobs::health(reader, &root),
        probing: knobs::probing(reader, &root),
        limits: knobs::limits(reader, &root),
        host: hosts::read(reader, &root, outside),
        hosts,
        logging: knobs::log(reader, &root, outside),
    })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::*;

    struct Nowhere;

    impl Outside for Nowhere {
        fn resolve(&self, path: &str) -> PathBuf {
            path.into()
        }

        fn read(&self, _: &Path) -> io::Result<String> {
            Err(io::ErrorKind::NotFound.into())
        }

        fn env(&self, _: &str) -> Option<String> {
            None
        }

        fn now(&self) -> UnixMs {
            UnixMs(0)
        }
    }

    /// `%` marks where a slip of the pen may happen; `hunter2` must never be shown.
    const FILE: &str = "%fleet: %main%
%listen: 127.0.0.1:5052%
beacons:%
%  - name: a%
%    url: %http://bob:hunter2@10.0.0.1:5052%
%    headers:%
%      authorization: %Bearer% hunter2%
%      x-api-key: %\"hunter2%\"%
%      x-token: %|%
%        hunter2%
%        hunter2%
%  - {name: b, url: \"http://hunter2@b:1\"%, password: hunter2, %headers: {cookie: %'hunter2', x-auth: {env: hunter2}%}%}
%notify:%
%  - {name: p, %pagerduty: {%routing-key: %hunter2}}%
%  - name: s%
%    slack: %https://hooks.example/hunter2%
%  - name: w%
%    webhook:%
%      url: %https://hooks.example/?hunter2%
zone: no%
";

    fn said(text: &str) -> String {
        let problems = match parse(text, &Nowhere) {
            Ok(parsed) => return format!("{parsed:?}"),
            Err(problems) => problems,
        };
        let shown = problems.iter().map(|problem| problem.render(Path::new("f")));
        format!("{}{problems:?}", shown.collect::<String>())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_slip_of_the_pen_shows_no_secret(
            place in any::<prop::sample::Index>(), slip in "[\"'{}\\[\\]:,#|>&*!%@`? \t\n-]{1,3}"
        ) {
            let pieces: Vec<&str> = FILE.split('%').collect();
            let mut text = String::new();
            for (index, piece) in pieces.iter().enumerate() {
                text.push_str(piece);
                text.push_str(if place.index(pieces.len()) == index { &slip } else { "" });
            }
            let said = said(&text);
            prop_assert!(!said.contains("hunter2"), "{}\n{}", text, said);
        }

        #[test]
        fn no_text_panics(text in "[a-z0-9\"'{}\\[\\]:,#|>&*!%@`?~<é🙂 \t\r\n-]{0,60}") {
            said(&text);
        }
    }

    #[test]
    fn two_beacons_and_nothing_else_have_the_documented_defaults() {
        let text = "fleet: m\nlisten: 127.0.0.1:0\nbeacons:\n- {name: a, url: http://a:1}\n- {name: b, url: http://b:1}\n";
        let Parsed { fleet, warnings } = parse(text, &Nowhere).unwrap();
        assert!(warnings.is_empty());
        assert_eq!((fleet.control, fleet.state), ("/run/beacondeck".into(), "/var/lib/beacondeck".into()));
        assert_eq!(
            (fleet.beacons[1].weight, fleet.beacons[1].roles, fleet.beacons[1].h2c),
            (100, 0b1111, false)
        );
        assert_eq!((fleet.routing.broadcast.blocks, fleet.routing.seeding.preparations), (3, 0));
        assert_eq!(
            (fleet.limits.idle.as_secs(), fleet.limits.body, fleet.probing.shadow.0, fleet.probing.canary.0),
            (650, 64 << 20, 500, 0)
        );
    }
}
