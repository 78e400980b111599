//! `net.irqbalance`: whether exactly one decides where interrupts go: an operator, or irqbalance.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::clocks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict, not_applicable};
use crate::host::irqs;
use crate::host::remedy::Remedy;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.irqbalance",
    class: Class::Network,
    needs: "/proc/PID/comm, /proc/irq/default_smp_affinity, /proc/irq/N/smp_affinity_list",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Warn,
    why: "irqbalance moves interrupts onto the processors that were kept free of them; without it nothing spreads queues that crowd",
    cost: Cost { from_ms: 1, to_ms: 10 },
    remedy: Remedy::Commands("{to}", "systemctl {on} --now irqbalance"),
    apply: Apply::Restart,
    source: "firedancer irq-affinity.c, seastar perftune.py, redpanda rpk; irqbalance(1)",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    const EXPECTED: &str = "irqbalance, or interrupts pinned by hand, not both";
    let interface = facts.interface()?;
    let queues = irqs::queues(facts, &interface)?;
    let (online, usual) = (irqs::online(facts)?, irqs::usual(facts)?);
    let runs = clocks::running(facts)?.iter().any(|name| name == "irqbalance");
    if online.len() < 2 {
        return not_applicable("there is one processor only");
    }
    let kept_free: Vec<u32> = online.iter().copied().filter(|cpu| !usual.contains(cpu)).collect();
    let strayed = queues.iter().find_map(|queue| {
        let allowed = text::cpus(&queue.allowed)?;
        allowed.into_iter().find(|cpu| kept_free.contains(cpu)).map(|cpu| (queue.irq, cpu))
    });
    let judged = |verdict, actual: String, on: &str, to: &str| {
        Ok(Judged::new(verdict, EXPECTED, actual).on(on).to(to))
    };
    match (runs, strayed, irqs::crowded(&queues)) {
        (true, Some((irq, cpu)), _) => judged(
            Verdict::Warn,
            format!(
                "irqbalance runs, and interrupt {irq} may go to processor {cpu}, kept free of interrupts by default_smp_affinity"
            ),
            "disable",
            "systemctl stop irqbalance, or give it IRQBALANCE_BANNED_CPULIST; then pin the interrupts again",
        ),
        (false, _, Some(cpu)) => judged(
            Verdict::Advice,
            format!("irqbalance does not run, and all {} queues interrupt processor {cpu}", queues.len()),
            "enable",
            "systemctl start irqbalance, or pin them: beacondeck audit --fix net.irq_affinity",
        ),
        (true, ..) => judged(Verdict::Ok, "irqbalance runs".to_owned(), "", ""),
        (false, ..) => {
            judged(Verdict::Ok, "irqbalance does not run, the queues are spread".to_owned(), "", "")
        }
    }
}
