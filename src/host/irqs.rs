//! The interrupts by which an interface's queues tell that packets came, and the processors they go to. Pure.
//!
//! A queue is told by the name its driver gave the interrupt, as `/proc/irq/N` lists it: the device's interrupts are those of
//! `msi_irqs` of it or of what carries it (virtio), or, where it has none, those called after the interface.

use super::facts::{Facts, misunderstood};
use super::finding::{Cannot, not_applicable};
use super::source::{Kind, Unread};
use super::text;

/// What names of queues that receive contain: `eth0-TxRx-0` (ixgbe, i40e, igb, bnxt), `ens5-Tx-Rx-0` (ena), `eth0-rxtx-0`
/// (vmxnet3), `mlx5_comp0@pci:…`, `mlx4-1@…`, `eth0-fp-0` (bnx2x), `gve-ntfy-blk0`, `virtio2-input.0`, `eno1-rx-0`.
const QUEUES: [&str; 9] =
    ["txrx", "tx-rx", "rxtx", "mlx5_comp", "mlx4-", "-fp-", "ntfy-blk", "-input", "-rx-"];
/// Most interrupts that are looked at.
const MOST: usize = 1024;

/// An interrupt of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its number.
    pub irq: u32,
    /// Processors it may go to, in the kernel's words: `0-3`.
    pub allowed: String,
    /// Where it goes.
    pub at: Vec<u32>,
    /// Whether anybody may move it: what its driver manages, root may not.
    pub movable: bool,
}

/// The queues of an interface by which it receives, by number.
pub fn queues(facts: &Facts<'_>, interface: &str) -> Result<Vec<Queue>, Cannot> {
    let device = format!("/sys/class/net/{interface}/device");
    let own = facts.names(&format!("{device}/msi_irqs"));
    let listed = match own {
        Err(Cannot::NotApplicable(_)) => facts.names(&format!("{device}/../msi_irqs")),
        told => told,
    };
    let (names, is_listed) = match listed {
        Ok(names) => (names, true),
        Err(Cannot::NotApplicable(_)) => (facts.names("/proc/irq")?, false),
        Err(unknown) => return Err(unknown),
    };
    let mut numbers: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    let (mut receive, mut all) = (Vec::new(), Vec::new());
    for irq in numbers.into_iter().take(MOST) {
        let Ok(told) = facts.names(&format!("/proc/irq/{irq}")) else { continue };
        let of_it = |name: &&String| is_listed || name.contains(interface);
        let is_queue = |name: &String| QUEUES.iter().any(|part| name.to_lowercase().contains(part));
        if told.iter().filter(of_it).any(is_queue) {
            receive.push(irq);
        }
        // What has one interrupt for everything calls it after the interface; with several that one is for the link.
        if told.iter().any(|name| name == interface) {
            all.push(irq);
        }
    }
    let irqs = if receive.is_empty() { all } else { receive };
    if irqs.is_empty() {
        return not_applicable(format!("{interface} has no interrupt that is a queue's by its name"));
    }
    irqs.into_iter().map(|irq| queue(facts, irq)).collect()
}

fn queue(facts: &Facts<'_>, irq: u32) -> Result<Queue, Cannot> {
    let path = |file: &str| format!("/proc/irq/{irq}/{file}");
    let told = facts.text(&path("smp_affinity_list"))?;
    let Some(allowed) = text::cpus(&told) else { return misunderstood(&path("smp_affinity_list")) };
    let now = facts.maybe(&path("effective_affinity_list")).and_then(|told| text::cpus(&told));
    // Where it really goes lags behind what was ordered until it comes the next time.
    let now = now.filter(|now| !now.is_empty() && now.iter().all(|cpu| allowed.contains(cpu)));
    let movable = match facts.read(Kind::Mode, &path("smp_affinity_list")) {
        Ok(mode) => u32::from_str_radix(mode.trim(), 8).map_or(true, |mode| mode & 0o222 != 0),
        Err(Unread::Absent | Unread::Denied | Unread::Failed(_)) => true,
    };
    Ok(Queue { irq, allowed: told.trim().to_owned(), at: now.unwrap_or(allowed), movable })
}

/// The processor all of them go to, if it is one.
pub fn crowded(queues: &[Queue]) -> Option<u32> {
    let [first] = queues.first()?.at[..] else { return None };
    (queues.len() > 1 && queues.iter().all(|queue| queue.at == [first])).then_some(first)
}

/// The processors that interrupts go to unless somebody says otherwise (`irqaffinity=`): a mask, `f` or `ff,ffffffff`.
pub fn usual(facts: &Facts<'_>) -> Result<Vec<u32>, Cannot> {
    let path = "/proc/irq/default_smp_affinity";
    mask(&facts.text(path)?).map_or_else(|| misunderstood(path), Ok)
}

fn mask(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for (at, word) in text.trim().rsplit(',').enumerate().take(MOST / 32) {
        let bits = u32::from_str_radix(word, 16).ok()?;
        cpus.extend((0..32).filter(|bit| bits >> bit & 1 == 1).map(|bit| at as u32 * 32 + bit));
    }
    Some(cpus)
}

/// The processors that are there.
pub fn online(facts: &Facts<'_>) -> Result<Vec<u32>, Cannot> {
    let path = "/sys/devices/system/cpu/online";
    text::cpus(&facts.text(path)?).map_or_else(|| misunderstood(path), Ok)
}

/// The processors of the memory node an interface hangs on, if the machine has several nodes: node and processors.
pub fn node(facts: &Facts<'_>, interface: &str) -> Option<(u32, Vec<u32>)> {
    let device = format!("/sys/class/net/{interface}/device");
    let told = |path: &str| facts.maybe(&format!("{device}/{path}"))?.trim().parse::<u32>().ok();
    // Of what has no node the kernel says -1.
    let node = told("numa_node").or_else(|| told("../numa_node"))?;
    let cpus = facts.maybe(&format!("/sys/devices/system/node/node{node}/cpulist"))?;
    Some((node, text::cpus(&cpus).filter(|cpus| !cpus.is_empty())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_read_from_their_end_and_queues_crowd_on_one_only() {
        assert_eq!(mask("3\n"), Some(vec![0, 1]));
        assert_eq!(mask("80000001,00000002"), Some(vec![1, 32, 63]));
        assert_eq!(mask("x"), None);
        let at = |cpus: &[u32]| Queue { irq: 1, allowed: String::new(), at: cpus.to_vec(), movable: true };
        assert_eq!(crowded(&[at(&[2]), at(&[2])]), Some(2));
        assert_eq!(crowded(&[at(&[2])]), None, "one queue is nowhere else");
        assert_eq!(crowded(&[at(&[2]), at(&[3])]), None);
        assert_eq!(crowded(&[at(&[2, 3]), at(&[2, 3])]), None);
    }
}
