//! An agent's file: text to [`AgentFile`].

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::problem::{self, Complaint, Problem, Severity, did_you_mean};
use super::reader::{Field, Reader, Section};
use super::{Outside, defaults, hosts, knobs, procedures, scalar, schema, tree};
use crate::host::{CHECKS, Role, check_of};
use crate::model::{AgentFile, Procedure};

const NETWORKS: &str =
    "write a list of networks such as `[10.0.0.0/8]`; leave `allow` out to let every paired router in";
const REMEDIES: &str =
    "write a list of checks such as `[net.somaxconn]`, or `all`; `beacondeck audit --all` names the checks";
const PROCEDURES: &str =
    "write `NAME: {systemd: UNIT.service}` or `NAME: {command: [/path, argument]}` lines";

/// Text to file, with its warnings.
///
/// # Errors
/// Every problem of the text, and its warnings, in order of place.
pub fn parse(text: &str, outside: &dyn Outside) -> Result<(AgentFile, Vec<Problem>), Vec<Problem>> {
    // Nothing is said in it: everything has its default.
    let is_empty = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    let (root, found) = tree::parse(if is_empty { "{}" } else { text });
    let mut reader = Reader { found, shapes: &schema::ALL_OF_AGENT, ..Reader::default() };
    let file = root.as_ref().and_then(|root| file(&mut reader, &Field::root(root), outside));
    let problems = problem::finish(text, reader.found, &reader.secrets);
    match file {
        Some(file) if problems.iter().all(|problem| problem.severity == Severity::Warning) => {
            Ok((file, problems))
        }
        _ => Err(problems),
    }
}

fn file(reader: &mut Reader, root: &Field<'_>, outside: &dyn Outside) -> Option<AgentFile> {
    let root = reader.section(root, &schema::AGENT)?;
    let listen = root.get("listen").and_then(|field| reader.read(field, address));
    let allow = root.get("allow").map(|field| {
        let items = reader.items(field, NETWORKS).unwrap_or_default();
        items.iter().filter_map(|item| reader.read(item, scalar::network)).collect()
    });
    let roles = root.get("roles").map(|field| roles(reader, field));
    let state = root.get("state").and_then(|field| knobs::path(reader, field, outside));
    Some(AgentFile {
        listen: listen.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, defaults::AGENT_PORT))),
        allow: allow.unwrap_or_default(),
        state: state.unwrap_or_else(|| PathBuf::from(defaults::AGENT_STATE)),
        roles: roles.unwrap_or_default(),
        limits: root.get("limits").map(|field| hosts::thresholds(reader, field)).unwrap_or_default(),
        restart: procedures(reader, &root, "restart"),
        upgrade: procedures(reader, &root, "upgrade"),
        remedies: root.get("remedies").map(|field| remedies(reader, field)).unwrap_or_default(),
        probe_dir: root.get("probe-dir").and_then(|field| knobs::path(reader, field, outside)),
        validators: root.get("validators").and_then(|field| {
            let value = reader.unquoted(field, scalar::whole)?;
            let value = reader.within(field, value, &(1..=u64::from(u32::MAX)), u64::to_string)?;
            u32::try_from(value).ok()
        }),
        logging: knobs::log(reader, &root, outside),
    })
}

fn address(text: &str) -> Result<SocketAddr, Complaint> {
    scalar::address(text).map_err(|complaint| {
        let hint = complaint.hint.replace("5052", &defaults::AGENT_PORT.to_string());
        Complaint::new(complaint.message, hint)
    })
}

fn procedures(reader: &mut Reader, root: &Section<'_>, key: &str) -> BTreeMap<String, Procedure> {
    let mut all = BTreeMap::new();
    let Some(field) = root.get(key) else { return all };
    for (name, field) in reader.entries(field, PROCEDURES) {
        if let Err(complaint) = scalar::name(name) {
            reader.complain_at_key(&field, complaint);
            continue;
        }
        let read = procedures::read(reader, &field, &schema::AGENT_PROCEDURE, None);
        all.extend(read.map(|procedure| (name.to_owned(), procedure)));
    }
    all
}

/// Checks whose remedies may be written: a list of them, or `all` of those there are.
fn remedies(reader: &mut Reader, field: &Field<'_>) -> Vec<String> {
    let written = || CHECKS.iter().filter(|check| check.is_written()).map(|check| check.id);
    if matches!(&field.node.value, tree::Value::Scalar { text, .. } if text == "all") {
        return written().map(str::to_owned).collect();
    }
    let mut named: Vec<String> = Vec::new();
    for item in reader.items(field, REMEDIES).unwrap_or_default() {
        named.extend(reader.read(&item, |text| {
            if named.iter().any(|of| of == text) {
                return Err(Complaint::new("this check is given twice", "keep one"));
            }
            match check_of(text) {
                Some(check) if check.is_written() => Ok(text.to_owned()),
                Some(_) => {
                    Err(Complaint::new("its remedy is for a person: no value written is all of it", REMEDIES))
                }
                None => Err(Complaint::new(
                    "there is no such check",
                    did_you_mean(text, written()).unwrap_or_else(|| REMEDIES.to_owned()),
                )),
            }
        }));
    }
    named
}

fn roles(reader: &mut Reader, field: &Field<'_>) -> Vec<String> {
    let known = || Role::ALL.iter().map(|role| role.word());
    let all = "one of `beacon`, `execution`, `validator`; leave it out and what runs there says";
    let mut roles: Vec<String> = Vec::new();
    for item in reader.items(field, all).unwrap_or_default() {
        roles.extend(reader.read(&item, |text| match known().find(|word| *word == text) {
            Some(word) if roles.iter().any(|role| role == word) => {
                Err(Complaint::new("this role is given twice", "keep one"))
            }
            Some(word) => Ok(word.to_owned()),
            None => Err(Complaint::new(
                "not a role",
                did_you_mean(text, known()).unwrap_or_else(|| all.to_owned()),
            )),
        }));
    }
    roles
}
