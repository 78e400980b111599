//! What checks read: a machine at two moments, with what all of them need to know of it.

use std::cell::{Cell, OnceCell};

use procfs::FromRead;

use super::finding::{Cannot, not_applicable, unknown};
use super::limit::{Limit, Overrides, Scale};
use super::nic;
use super::processes::{Process, processes};
use super::qdisc;
use super::scope;
use super::source::{Ask, Kind, Reading, Source, Unread};
use super::text::number;

/// A machine at two moments.
pub struct Facts<'a> {
    before: &'a dyn Source,
    now: &'a dyn Source,
    limits: &'a Overrides,
    /// The process that is judged; not set: the first of the machine's node.
    process: OnceCell<Option<Process>>,
    asked: Cell<bool>,
    /// The process whose network namespace was read, if it is not this program's.
    elsewhere: Cell<Option<u32>>,
}

/// By how much a counter moved, and within which time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moved {
    /// By how much.
    pub count: u64,
    /// Its value now.
    pub total: u64,
    /// Within how many seconds; 0 if that is not known.
    pub seconds: f64,
    /// The machine was seen once only: it moved so since boot.
    pub since_boot: bool,
}

impl Moved {
    /// How much a minute; the count itself, if nobody knows since when.
    pub fn per_minute(&self) -> f64 {
        if self.seconds > 0.0 { self.count as f64 * 60.0 / self.seconds } else { self.count as f64 }
    }

    /// In words: `3 in 5 s, 120 since boot`.
    pub fn words(&self) -> String {
        if self.since_boot {
            format!("{} since boot", self.total)
        } else {
            format!("{} in {:.0} s, {} since boot", self.count, self.seconds.max(1.0), self.total)
        }
    }
}

impl<'a> Facts<'a> {
    /// The machine at two moments, which may be one.
    pub fn new(before: &'a dyn Source, now: &'a dyn Source, limits: &'a Overrides) -> Self {
        Self {
            before,
            now,
            limits,
            process: OnceCell::new(),
            asked: Cell::default(),
            elsewhere: Cell::default(),
        }
    }

    /// The answer now, as it came.
    pub fn read(&self, kind: Kind, path: &str) -> Reading {
        self.now.read(&Ask::new(kind, path))
    }

    /// The answer at the first moment, as it came.
    pub fn read_before(&self, kind: Kind, path: &str) -> Reading {
        self.before.read(&Ask::new(kind, path))
    }

    /// The text of a file; what is not there makes the check *n/a*, what cannot be read makes it *unknown*.
    pub fn text(&self, path: &str) -> Result<String, Cannot> {
        told(self.read(Kind::File, path), path)
    }

    /// The text of a file at the first moment.
    pub fn text_before(&self, path: &str) -> Result<String, Cannot> {
        told(self.before.read(&Ask::new(Kind::File, path)), path)
    }

    /// The text of a file that need not be there.
    pub fn maybe(&self, path: &str) -> Option<String> {
        self.read(Kind::File, path).ok()
    }

    /// The one number of a file.
    pub fn number(&self, path: &str) -> Result<f64, Cannot> {
        let text = self.text(path)?;
        number(&text).map_or_else(|| misunderstood(path), Ok)
    }

    /// A file as a type of `procfs`.
    pub fn parsed<T: FromRead>(&self, path: &str) -> Result<T, Cannot> {
        parse(&self.text(path)?, path)
    }

    /// A file at both moments as a type of `procfs`, the first moment first.
    pub fn parsed_twice<T: FromRead>(&self, path: &str) -> Result<(T, T), Cannot> {
        Ok((parse(&self.text_before(path)?, path)?, parse(&self.text(path)?, path)?))
    }

    /// Names in a directory.
    pub fn names(&self, path: &str) -> Result<Vec<String>, Cannot> {
        let text = told(self.read(Kind::List, path), path)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// How a counter of a file moved between the two moments; since boot, if they are one.
    pub fn moved(&self, path: &str, count: impl Fn(&str) -> Option<u64>) -> Result<Moved, Cannot> {
        let total = count(&self.text(path)?).map_or_else(|| misunderstood(path), Ok)?;
        let before = self.text_before(path).ok().and_then(|text| count(&text));
        Ok(self.between(before, total))
    }

    /// How a counter moved from its first value to its second; since boot, if both are of one moment.
    pub fn between(&self, before: Option<u64>, total: u64) -> Moved {
        let (from, to) = (uptime(self.before), uptime(self.now));
        match before {
            Some(before) if to > from => {
                Moved { count: total.saturating_sub(before), total, seconds: to - from, since_boot: false }
            }
            _ => Moved { count: total, total, seconds: to, since_boot: true },
        }
    }

    /// Seconds between the two moments; since boot, if they are one.
    pub fn seconds(&self) -> f64 {
        self.between(Some(0), 0).seconds
    }

    /// The limit of this machine.
    pub fn limit(&self, limit: &Limit) -> f64 {
        if let Some(set) = self.limits.get(limit.name) {
            return *set;
        }
        limit.value
            * match limit.scale {
                Scale::Fixed => 1.0,
                Scale::Link => (self.link_mbit().unwrap_or(1000.0) / 1000.0).max(1.0),
                Scale::Cores => self.cores(),
                Scale::Ram => self.ram() / f64::from(1 << 30),
            }
    }

    /// Processors that are there; at least one.
    pub fn cores(&self) -> f64 {
        let text = self.maybe("/proc/cpuinfo").unwrap_or_default();
        (text.lines().filter(|line| line.starts_with("processor")).count() as f64).max(1.0)
    }

    /// Memory, in bytes; 0 if it is not told.
    pub fn ram(&self) -> f64 {
        let text = self.maybe("/proc/meminfo").unwrap_or_default();
        super::text::field(&text, "MemTotal:").unwrap_or(0) as f64 * 1024.0
    }

    /// Whether this is a virtual machine: the processor says so.
    pub fn is_virtual(&self) -> bool {
        let text = self.maybe("/proc/cpuinfo").unwrap_or_default();
        text.lines()
            .filter(|line| line.starts_with("flags"))
            .any(|line| line.split_whitespace().any(|flag| flag == "hypervisor"))
    }

    /// Goes on on bare metal only.
    pub fn bare_metal(&self, what: &str) -> Result<(), Cannot> {
        if self.is_virtual() {
            not_applicable(format!("virtual machine: {what} is the host's"))
        } else {
            Ok(())
        }
    }

    /// Speed of the link the machine talks through, in Mbit/s, if it is told.
    pub fn link_mbit(&self) -> Option<f64> {
        let nic = self.interface().ok()?;
        let speed = number(&self.maybe(&format!("/sys/class/net/{nic}/speed"))?)?;
        (speed > 0.0).then_some(speed)
    }

    /// A number of an interface that ethtool sets, and the largest it may be: of `eth0/rx-ring`.
    pub fn nic(&self, name: &str) -> Result<(u64, u64), Cannot> {
        match self.read(Kind::Nic, name) {
            Ok(text) => nic::parse(&text).map_or_else(|| misunderstood(name), Ok),
            Err(Unread::Absent) => not_applicable(format!("ethtool knows no {name}")),
            Err(Unread::Denied) => unknown(format!("this user may not ask ethtool for {name}")),
            Err(Unread::Failed(why)) => unknown(format!("ethtool does not tell {name}: {why}")),
        }
    }

    /// The queueing discipline at the root of an interface, and how many packets it dropped.
    pub fn qdisc(&self, interface: &str) -> Result<(String, Moved), Cannot> {
        let known = |reading: Reading| match reading {
            Ok(text) => qdisc::parse(&text).map_or_else(|| misunderstood(interface), Ok),
            Err(Unread::Absent) => not_applicable(format!("{interface} has no queueing discipline")),
            Err(Unread::Denied) => {
                unknown(format!("the queueing discipline of {interface} may not be asked for"))
            }
            Err(Unread::Failed(why)) => {
                unknown(format!("the queueing discipline of {interface} is not told: {why}"))
            }
        };
        let (kind, dropped) = known(self.read(Kind::Qdisc, interface))?;
        let before = known(self.read_before(Kind::Qdisc, interface)).ok().map(|(_, dropped)| dropped);
        Ok((kind, self.between(before, dropped)))
    }

    /// The interface of the default route.
    pub fn interface(&self) -> Result<String, Cannot> {
        scope::interface(self)
    }

    /// The processes of this machine's node, beacons first.
    pub fn processes(&self) -> Result<Vec<Process>, Cannot> {
        processes(self)
    }

    /// The same machine, with this process judged; none: as if nothing of the node ran there.
    #[must_use]
    pub fn about(&self, process: Option<Process>) -> Self {
        Self { process: process.into(), ..Self::new(self.before, self.now, self.limits) }
    }

    /// The process that is judged.
    pub fn pid(&self) -> Result<u32, Cannot> {
        self.asked.set(true);
        let first = || self.processes().ok()?.into_iter().next();
        match self.process.get_or_init(first) {
            Some(process) => Ok(process.pid),
            None => not_applicable("no beacon node, nor another program of a node, runs on this machine"),
        }
    }

    /// The process whose network namespace was read, if it is not this program's.
    pub fn elsewhere(&self) -> Option<u32> {
        self.elsewhere.get()
    }

    /// Notes that the network namespace of a process was read, which is not this program's.
    pub fn is_elsewhere(&self, pid: u32) {
        self.elsewhere.set(Some(pid));
    }

    /// Whether a check asked which process is judged.
    pub fn asked(&self) -> bool {
        self.asked.get()
    }

    /// A network setting of the namespace of the process that is judged, by its path below `/proc/sys`.
    pub fn net_setting(&self, path: &str) -> Result<String, Cannot> {
        scope::net_setting(self, path)
    }

    /// Path of a file of `/proc/net` as the namespace of the process that is judged has it.
    pub fn net_table(&self, name: &str) -> String {
        scope::net_table(self, name)
    }
}

fn uptime(at: &dyn Source) -> f64 {
    let text = at.read(&Ask::new(Kind::File, "/proc/uptime")).unwrap_or_default();
    text.split_whitespace().next().and_then(number).unwrap_or(0.0)
}

fn told(reading: Reading, path: &str) -> Result<String, Cannot> {
    match reading {
        Ok(text) => Ok(text),
        Err(Unread::Absent) => not_applicable(format!("this machine has no {path}")),
        Err(Unread::Denied) => unknown(format!("{path} may not be read by this user; run it as root")),
        Err(Unread::Failed(reason)) => unknown(format!("{path} cannot be read: {reason}")),
    }
}

fn parse<T: FromRead>(text: &str, path: &str) -> Result<T, Cannot> {
    T::from_read(text.as_bytes()).or_else(|_| misunderstood(path))
}

/// *unknown*: the kernel writes this file in another way than is known here.
pub fn misunderstood<T>(path: &str) -> Result<T, Cannot> {
    unknown(format!("{path} is not written as this program knows it"))
}
