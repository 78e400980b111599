//! What a machine's checks are about: the beacon's process, its network namespace, the interface it talks through.

use super::facts::{Facts, misunderstood};
use super::finding::{Cannot, not_applicable, unknown};
use super::source::{CLIENTS, Kind, Unread};

/// Program names that may be any program: their command line tells.
const RUNTIMES: &[&str] = &["java", "node", "dotnet", "MainThread"];
/// Longest program name the kernel keeps.
const COMM: usize = 15;

/// The first process that runs a beacon node.
pub fn process(facts: &Facts<'_>) -> Result<u32, Cannot> {
    let mut pids: Vec<u32> = facts.names("/proc")?.iter().filter_map(|name| name.parse().ok()).collect();
    pids.sort_unstable();
    let client = |pid: &u32| {
        let comm = facts.maybe(&format!("/proc/{pid}/comm")).unwrap_or_default();
        let comm = comm.trim();
        let known = |client: &&str| comm == client.get(..COMM).unwrap_or(client);
        (RUNTIMES.contains(&comm) || CLIENTS.iter().any(known))
            && facts
                .read(Kind::Program, &format!("/proc/{pid}/cmdline"))
                .is_ok_and(|client| !client.is_empty())
    };
    match pids.iter().find(|pid| client(pid)) {
        Some(pid) => Ok(*pid),
        None => not_applicable("no beacon node runs on this machine"),
    }
}

enum Place {
    /// The namespace this program is in, too.
    Here,
    Other(u32),
    Untold(u32),
}

fn place(facts: &Facts<'_>) -> Place {
    let Ok(pid) = facts.process() else { return Place::Here };
    let of = |pid: &str| facts.read(Kind::Link, &format!("/proc/{pid}/ns/net"));
    match (of("self"), of(&pid.to_string())) {
        (Ok(own), Ok(its)) if own == its => Place::Here,
        (Ok(_), Ok(_)) => Place::Other(pid),
        (_, Err(Unread::Absent)) | (Err(Unread::Absent), _) => Place::Here,
        _ => Place::Untold(pid),
    }
}

/// A network setting in the beacon's namespace.
pub fn net_setting(facts: &Facts<'_>, path: &str) -> Result<String, Cannot> {
    match place(facts) {
        Place::Here => facts.text(path),
        Place::Other(pid) => match facts.read(Kind::Netns, &format!("{pid}{path}")) {
            Ok(text) => Ok(text),
            Err(Unread::Absent) => {
                not_applicable(format!("the network namespace of the beacon (process {pid}) has no {path}"))
            }
            Err(_) => unknown(format!(
                "the beacon (process {pid}) has a network namespace of its own that this user may not enter; run it as root"
            )),
        },
        Place::Untold(pid) => unknown(format!(
            "this user may not see which network namespace the beacon (process {pid}) is in; run it as root"
        )),
    }
}

/// Path of a table of the beacon's namespace: readable by everybody, whatever the namespace.
pub fn net_table(facts: &Facts<'_>, name: &str) -> String {
    if let Ok(pid) = facts.process() {
        let path = format!("/proc/{pid}/net/{name}");
        if !matches!(facts.read(Kind::File, &path), Err(Unread::Absent)) {
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
            return unknown(format!("the beacon (process {pid}) is in a cgroup that is not mounted here"));
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
