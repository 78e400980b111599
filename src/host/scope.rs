//! Where a process is: its network namespace, its cgroup, the interface it talks through.

use super::facts::{Facts, misunderstood};
use super::finding::{Cannot, not_applicable, unknown};
use super::source::{Kind, Unread};

enum Place {
    /// The namespace this program is in, too.
    Here,
    Other(u32),
    Untold(u32),
}

fn place(facts: &Facts<'_>) -> Place {
    let Ok(pid) = facts.pid() else { return Place::Here };
    let of = |pid: &str| facts.read(Kind::Link, &format!("/proc/{pid}/ns/net"));
    match (of("self"), of(&pid.to_string())) {
        (Ok(own), Ok(its)) if own == its => Place::Here,
        (Ok(_), Ok(_)) => {
            facts.is_elsewhere(pid);
            Place::Other(pid)
        }
        (_, Err(Unread::Absent)) | (Err(Unread::Absent), _) => Place::Here,
        _ => Place::Untold(pid),
    }
}

/// A network setting in the namespace of the process that is judged.
pub fn net_setting(facts: &Facts<'_>, path: &str) -> Result<String, Cannot> {
    match place(facts) {
        Place::Here => facts.text(path),
        Place::Other(pid) => match facts.read(Kind::Netns, &format!("{pid}{path}")) {
            Ok(text) => Ok(text),
            Err(Unread::Absent) => {
                not_applicable(format!("the network namespace of process {pid} has no {path}"))
            }
            Err(_) => unknown(format!(
                "process {pid} has a network namespace of its own that this user may not enter; run it as root"
            )),
        },
        Place::Untold(pid) => unknown(format!(
            "this user may not see which network namespace process {pid} is in; run it as root"
        )),
    }
}

/// Path of a table of the namespace of the process that is judged: readable by everybody, whatever the namespace.
pub fn net_table(facts: &Facts<'_>, name: &str) -> String {
    if let Ok(pid) = facts.pid() {
        let path = format!("/proc/{pid}/net/{name}");
        if !matches!(facts.read(Kind::File, &path), Err(Unread::Absent)) {
            place(facts);
            return path;
        }
    }
    format!("/proc/net/{name}")
}

/// The interface of the default route with the smallest metric; else the first that is no loopback.
pub fn interface(facts: &Facts<'_>) -> Result<String, Cannot> {
    let routes = facts.maybe("/proc/net/route").unwrap_or_default();
    let default = routes
        .lines()
        .skip(1)
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let (name, to) = (columns.first()?, columns.get(1)?);
            let metric: u32 = columns.get(6)?.parse().ok()?;
            to.chars().all(|c| c == '0').then(|| (metric, (*name).to_owned()))
        })
        .min();
    if let Some((_, name)) = default {
        return Ok(name);
    }
    let names = facts.names("/sys/class/net")?;
    match names.into_iter().find(|name| name != "lo") {
        Some(name) => Ok(name),
        None => not_applicable("this machine has no interface but the loopback"),
    }
}

/// Path of `cpu.stat` of a process's cgroup: of the unified tree, or of the first version's tree for processors.
pub fn cpu_stat(facts: &Facts<'_>, pid: u32) -> Result<String, Cannot> {
    let path = format!("/proc/{pid}/cgroup");
    let text = facts.text(&path)?;
    let mut unified = None;
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next())
        else {
            return misunderstood(&path);
        };
        // A group outside this namespace begins with `..`: its files are not below this root.
        if group.split('/').any(|part| part == "..") {
            return unknown(format!("process {pid} is in a cgroup that is not mounted here"));
        }
        let group = group.trim_end_matches('/');
        if controllers.split(',').any(|controller| controller == "cpu") {
            return Ok(format!("/sys/fs/cgroup/{controllers}{group}/cpu.stat"));
        }
        if number == "0" {
            unified = Some(format!("/sys/fs/cgroup{group}/cpu.stat"));
        }
    }
    unified.map_or_else(|| misunderstood(&path), Ok)
}
