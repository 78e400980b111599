//! The house as it is, against the house as it is meant: which room uses which, how long files and functions are,
//! that every file says what it owns and is registered.
//!
//! To add a room, add its row to [`ROOMS`]. To let a room use one more, add it to the row and say why; a cycle is
//! never the answer.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

#[path = "architecture/text.rs"]
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use text::{Source, code, functions, rooms_used, sources, without_tests};

/// Longest file, in lines.
const FILE: usize = 400;
/// Longest function, in lines from signature to closing brace.
const FUNCTION: usize = 60;

/// A room, the rooms it may use besides `model`, and why.
struct Room {
    name: &'static str,
    uses: &'static [&'static str],
    /// Rooms only its tests use.
    tests_use: &'static [&'static str],
    why: &'static str,
}

const fn room(name: &'static str, uses: &'static [&'static str], why: &'static str) -> Room {
    Room { name, uses, tests_use: &[], why }
}

impl Room {
    const fn tests(self, tests_use: &'static [&'static str]) -> Self {
        Self { tests_use, ..self }
    }
}

/// Lower rooms first. `model` may be used by all.
const ROOMS: &[Room] = &[
    room("model", &[], "the words everyone uses: they know nobody"),
    room("endpoint", &[], "data about the Beacon API, the same for any fleet"),
    room("chain", &[], "slots and forks, as the spec of the beacons says"),
    room("files", &[], "a file is put whole whatever stands in it"),
    room("tls", &[], "PEM text is the same for any fleet"),
    room(
        "host",
        &["chain", "files"],
        "what a host costs is counted in shares of a slot; keys and remedies are files",
    ),
    room(
        "config",
        &["endpoint", "tls", "host"],
        "which namespaces there are to open, whether a key fits, which thresholds of hosts there are",
    ),
    room("metrics", &[], "counts what it is told"),
    room("telemetry", &[], "writes what it is told"),
    room("beacon", &["endpoint", "chain"], "typed reads are rows, the spec it reads is the chain's"),
    room("pool", &["chain"], "lag is counted in slots"),
    room("seeds", &["chain", "endpoint"], "what was told expires by slot and is told through rows"),
    room("guard", &["chain"], "what an index means depends on the fork"),
    room("store", &[], "keeps what it is given and knows not what it means"),
    room("duties", &["chain", "endpoint"], "a duty is seen in a row's body and is due in a slot"),
    room("incidents", &[], "what was seen is words of the model; whom to blame is counted from them"),
    room(
        "router",
        &["endpoint", "pool", "seeds", "guard", "chain", "metrics", "tls", "files"],
        "a row says how, the pool who, the guard what, the seeds what first, the slot how long, a certificate who we are, a file what was given",
    )
    .tests(&["sim"]),
    room("ops", &[], "an operation is told of the fleet by the model's words and reaches it by its hands"),
    room("control", &[], "frames carry words of the model only, so that attaching cannot rot"),
    room("sim", &["endpoint", "chain"], "plays beacons: the same API, another chain"),
    room(
        "engine",
        &[
            "endpoint",
            "chain",
            "files",
            "tls",
            "config",
            "metrics",
            "telemetry",
            "beacon",
            "pool",
            "seeds",
            "guard",
            "store",
            "duties",
            "incidents",
            "host",
            "ops",
            "router",
            "control",
        ],
        "the composition root wires everything but the program's face",
    )
    .tests(&["sim"]),
    room("console", &["control"], "sees the fleet by frames alone, so that attaching cannot rot")
        .tests(&["ops"]),
    room(
        "cli",
        &[
            "endpoint",
            "chain",
            "tls",
            "config",
            "metrics",
            "telemetry",
            "beacon",
            "pool",
            "seeds",
            "guard",
            "store",
            "duties",
            "host",
            "ops",
            "router",
            "control",
            "engine",
            "incidents",
            "sim",
            "console",
        ],
        "commands may use all; nobody uses them",
    ),
    room("main", &["cli"], "runs the command"),
];

/// Every use of a room that the table does not allow.
fn forbidden(source: &Source) -> Vec<String> {
    let Some(room) = ROOMS.iter().find(|room| room.name == source.room) else {
        return vec![format!("{}: the room `{}` is not in the table", source.path.display(), source.room)];
    };
    let names: BTreeSet<&str> = ROOMS.iter().map(|room| room.name).collect();
    let (own, tests) = without_tests(&code(&source.text).replace("beacondeck::", "crate::"));
    let in_own = rooms_used(&own).into_iter().map(|used| (used, false));
    let in_tests = rooms_used(&tests).into_iter().map(|used| (used, true));
    in_own
        .chain(in_tests)
        .filter(|(used, _)| names.contains(used.as_str()) && used != room.name && used != "model")
        .filter(|(used, test)| {
            !(room.uses.contains(&used.as_str()) || *test && room.tests_use.contains(&used.as_str()))
        })
        .map(|(used, _)| {
            format!("{}: `{}` may not use `{used}` ({})", source.path.display(), room.name, room.why)
        })
        .collect()
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn rooms_use_only_what_the_table_allows() {
    let sources = sources();
    none(&sources.iter().filter(|source| source.room != "lib").flat_map(forbidden).collect::<Vec<_>>());
    let found: BTreeSet<&str> =
        sources.iter().map(|source| source.room.as_str()).filter(|room| *room != "lib").collect();
    let gone: Vec<String> = ROOMS
        .iter()
        .filter(|room| !found.contains(room.name))
        .map(|room| format!("no room `{}`", room.name))
        .collect();
    none(&gone);
}

#[test]
fn the_table_has_no_cycle() {
    let mut above = BTreeMap::new();
    for (order, room) in ROOMS.iter().enumerate() {
        for used in room.uses {
            let place = above.get(used).copied();
            assert!(
                place.is_some_and(|place| place < order),
                "`{}` uses `{used}`, which is not below it",
                room.name
            );
        }
        assert!(above.insert(room.name, order).is_none(), "`{}` has two rows", room.name);
    }
}

#[test]
fn a_forbidden_use_is_seen() {
    let source =
        |room: &str, text: &str| Source { path: "x.rs".into(), room: room.into(), text: text.into() };
    for text in [
        "use crate::router::Door;",
        "fn f() { crate::router::go(); }",
        "use crate::{\n    chain,\n    router::{Door, chain},\n};",
        "const A: char = '\"';\nuse crate::router::Door; // \"",
        "use beacondeck::router::Door;",
        "#[cfg(test)]\nmod tests {\n    use crate::router::Door;\n}\n",
        "#[cfg(test)]\nmod tests {\n}\nuse crate::router::Door;\n",
    ] {
        assert_eq!(forbidden(&source("pool", text)).len(), 1, "{text}");
    }
    for text in [
        "// use crate::router::Door;",
        "/* crate::router */ use crate::chain::Clock;",
        "const A: &str = \"crate::router::Door\";",
        "const A: &str = r#\"crate::router \" crate::router\"#;",
        "use crate::{chain::{router, self}, model::Slot};",
        "use crate::pool::router;",
    ] {
        assert_eq!(forbidden(&source("pool", text)), Vec::<String>::new(), "{text}");
    }
    let in_test = "#[cfg(test)]\nmod tests {\n    use crate::sim::Fleet;\n}\n";
    assert!(forbidden(&source("router", in_test)).is_empty());
    assert_eq!(forbidden(&source("router", "use crate::sim::Fleet;")).len(), 1);
    assert_eq!(forbidden(&source("attic", "")).len(), 1);
}

#[test]
fn files_are_short_and_say_first_what_they_own() {
    let mut wrong = Vec::new();
    for Source { path, text, .. } in sources() {
        let lines = text.lines().count();
        if lines > FILE {
            wrong.push(format!("{}: {lines} lines, {FILE} allowed", path.display()));
        }
        if !text.starts_with("//! ") {
            wrong.push(format!("{}: does not begin with `//! ` and what it owns", path.display()));
        }
    }
    none(&wrong);
}

#[test]
fn functions_are_short() {
    let mut wrong = Vec::new();
    for Source { path, text, .. } in sources() {
        for (line, name, length) in functions(&text) {
            if length > FUNCTION {
                wrong.push(format!(
                    "{}:{line}: `{name}` has {length} lines, {FUNCTION} allowed",
                    path.display()
                ));
            }
        }
    }
    none(&wrong);
}

#[test]
fn functions_are_measured() {
    let long = format!(
        "impl A {{\n    pub async fn long<T>(\n        a: T,\n    ) -> T {{\n{}    }}\n}}\n",
        "        a();\n".repeat(5)
    );
    assert_eq!(functions(&long), [(2, "long".to_owned(), 9)]);
    assert_eq!(
        functions("fn short() {}\n// fn not() {\nlet f = |x: fn(u8)| {\n};\n"),
        [(1, "short".to_owned(), 1)]
    );
}

#[test]
fn every_file_is_registered_in_its_folder() {
    let all = sources();
    let mut wrong = Vec::new();
    for Source { path, .. } in &all {
        let (name, folder) = (path.file_stem().unwrap().to_str().unwrap(), path.parent().unwrap());
        let (name, parent) = match (name, folder.parent()) {
            ("main" | "lib", _) => continue,
            ("mod", Some(above)) => (folder.file_name().unwrap().to_str().unwrap(), above),
            _ => (name, folder),
        };
        let beside = parent.with_extension("rs");
        let register = if parent == Path::new("") { "lib.rs".into() } else { parent.join("mod.rs") };
        let registered =
            all.iter().filter(|source| source.path == register || source.path == beside).any(|source| {
                code(&source.text).lines().any(|line| line.trim_start().ends_with(&format!("mod {name};")))
            });
        if !registered {
            wrong.push(format!("{}: `mod {name};` is not in {}", path.display(), register.display()));
        }
    }
    none(&wrong);
}

#[test]
fn unsafe_code_is_in_host_only() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|source| source.room != "host")
        .filter(|source| {
            let code = code(&source.text);
            let words = || code.split(|c: char| !c.is_alphanumeric() && c != '_');
            words().any(|word| word == "unsafe") || code.contains("allow(unsafe_code)")
        })
        .map(|source| format!("{}: `unsafe`", source.path.display()))
        .collect();
    none(&wrong);
}

#[test]
fn anyhow_is_in_the_program_only() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|source| !["cli", "main"].contains(&source.room.as_str()))
        .filter(|source| code(&source.text).contains("anyhow"))
        .map(|source| format!("{}: `anyhow` is for `cli` and `main`", source.path.display()))
        .collect();
    none(&wrong);
}
