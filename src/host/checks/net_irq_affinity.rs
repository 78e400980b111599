//! `net.irq_affinity`: which processors are interrupted when packets come.

use super::net_softirq_skew::{busy, share};
use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict, not_applicable};
use crate::host::irqs::{self, Queue};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.irq_affinity",
    class: Class::Network,
    needs: "/proc/irq/N/{smp_affinity_list,effective_affinity_list}, msi_irqs of the interface, /proc/PID/status, /proc/softirqs, /proc/stat",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Warn,
    why: "the threads of the processor that is interrupted wait, and packets cross to another memory node",
    cost: Cost { from_ms: 1, to_ms: 10 },
    remedy: Remedy::Each(
        "/proc/irq/*/smp_affinity_list",
        "irqbalance (if it runs) told to leave them: `--banirq=N` for each, or a policy script, in its defaults file; else a oneshot unit with the same lines after network-online.target: numbers may change with a reboot",
    ),
    apply: Apply::Transient,
    source: "firedancer irq-affinity.c, seastar perftune.py; kernel, core-api/irq/irq-affinity",
    judge,
};

const EXPECTED: &str = "spread over processors of the interface's own node, none the beacon's alone";

/// What is wrong with where the queues' interrupts go; none: nothing.
struct Wrong {
    words: String,
    /// The processors that suffer.
    at: Vec<u32>,
}

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let interface = facts.interface()?;
    let queues = irqs::queues(facts, &interface)?;
    let online = irqs::online(facts)?;
    let near = irqs::node(facts, &interface);
    let (own, isolated) = (of_the_beacon(facts, &online), isolated(facts));
    let (receives, share) = share(facts)?;
    let busy = busy(facts, receives, facts.between(Some(0), 0).since_boot)?;
    if online.len() < 2 {
        return not_applicable("there is one processor only");
    }
    let movable: Vec<&Queue> = queues.iter().filter(|queue| queue.movable).collect();
    if movable.is_empty() {
        return not_applicable(format!(
            "the interrupts of {interface} are managed by its driver: nobody may move them"
        ));
    }
    let good = good(&online, near.as_ref().map(|(_, cpus)| &cpus[..]), &isolated, &own);
    let Some(Wrong { words, at }) = wrong(&queues, near.as_ref(), &own, &good) else {
        return Ok(Judged::new(Verdict::Ok, EXPECTED, told(&queues, "")));
    };
    // What costs below 10 ms is worse than advice only where it is felt.
    let felt = at.contains(&(receives as u32))
        && share > facts.limit(&limits::SOFTIRQ_SHARE)
        && busy > facts.limit(&limits::SOFTIRQ_WARN);
    let verdict = if felt { Verdict::Warn } else { Verdict::Advice };
    let busy = if felt { format!("{words}, busy with it {busy:.0} % of its time") } else { words };
    let each = movable.iter().zip(good.iter().cycle()).map(|(queue, cpu)| format!("{}={cpu}", queue.irq));
    let to = each.collect::<Vec<_>>().join(" ");
    Ok(Judged::new(verdict, EXPECTED, told(&queues, &busy)).on(interface).to(to))
}

/// The interrupts and where they go, the first of them.
fn told(queues: &[Queue], words: &str) -> String {
    const NAMED: usize = 4;
    let named = queues.iter().take(NAMED).map(|queue| format!("{} on {}", queue.irq, queue.allowed));
    let named = named.collect::<Vec<_>>().join(", ");
    let more =
        if queues.len() > NAMED { format!(" and {} more", queues.len() - NAMED) } else { String::new() };
    let words = if words.is_empty() { String::new() } else { format!("{words}; ") };
    format!("{words}interrupts {named}{more}")
}

/// The processors the beacon is held to, if those are not all.
fn of_the_beacon(facts: &Facts<'_>, online: &[u32]) -> Vec<u32> {
    let status =
        facts.pid().ok().and_then(|pid| facts.maybe(&format!("/proc/{pid}/status"))).unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let allowed = list.and_then(text::cpus).unwrap_or_default();
    if online.iter().all(|cpu| allowed.contains(cpu)) { Vec::new() } else { allowed }
}

fn isolated(facts: &Facts<'_>) -> Vec<u32> {
    facts.maybe("/sys/devices/system/cpu/isolated").and_then(|told| text::cpus(&told)).unwrap_or_default()
}

/// Where interrupts do well: near, and in nobody's way; as far as there is such a processor.
fn good(online: &[u32], near: Option<&[u32]>, isolated: &[u32], own: &[u32]) -> Vec<u32> {
    let mut good = online.to_vec();
    let mut keep = |wanted: &dyn Fn(&u32) -> bool| {
        let fewer: Vec<u32> = good.iter().copied().filter(|cpu| wanted(cpu)).collect();
        if !fewer.is_empty() {
            good = fewer;
        }
    };
    keep(&|cpu| !own.contains(cpu));
    keep(&|cpu| !isolated.contains(cpu));
    keep(&|cpu| near.is_none_or(|near| near.contains(cpu)));
    good
}

fn wrong(queues: &[Queue], near: Option<&(u32, Vec<u32>)>, own: &[u32], good: &[u32]) -> Option<Wrong> {
    if let Some(cpu) = irqs::crowded(queues).filter(|_| good.len() > 1) {
        let words = format!("all {} queues interrupt processor {cpu}", queues.len());
        return Some(Wrong { words, at: vec![cpu] });
    }
    let at_any = |of: &dyn Fn(&u32) -> bool| {
        let all = queues.iter().flat_map(|queue| &queue.at);
        all.copied().filter(|cpu| of(cpu)).collect::<Vec<u32>>()
    };
    // Where no better place is, none is wrong.
    if let Some((node, near)) = near.filter(|(_, near)| good.iter().all(|cpu| near.contains(cpu))) {
        let far = at_any(&|cpu| !near.contains(cpu));
        if let Some(first) = far.first() {
            let words = format!("processor {first} is not of node {node}, the interface is");
            return Some(Wrong { words, at: far });
        }
    }
    let hit = at_any(&|cpu| own.contains(cpu));
    let words = format!("processor {} is one the beacon is held to", hit.first()?);
    Some(Wrong { words, at: hit })
}
