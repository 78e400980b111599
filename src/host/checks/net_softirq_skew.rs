//! `net.softirq_skew`: whether one processor receives for all.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::{Facts, misunderstood};
use crate::host::finding::{Cannot, Judged, Verdict, not_applicable};
use crate::host::limits;
use crate::host::remedy::{Lasting, Remedy};
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.softirq_skew",
    class: Class::Network,
    needs: "/proc/softirqs, /proc/stat",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Bad,
    why: "the beacon's threads on that processor wait while it receives",
    cost: Cost { from_ms: 10, to_ms: 100 },
    remedy: Remedy::Write(
        "/sys/class/net/{on}/queues/rx-*/rps_cpus",
        "{to}",
        Lasting::ByHand("a oneshot unit with the same line, after network-online.target"),
    ),
    apply: Apply::Transient,
    source: "judgement; RPS: kernel, networking/scaling",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let cores = facts.cores();
    if cores < 2.0 {
        return not_applicable("there is one processor only");
    }
    let interface = facts.interface()?;
    let (at, share) = share(facts)?;
    let busy = busy(facts, at, facts.between(Some(0), 0).since_boot)?;
    let skewed = share > facts.limit(&limits::SOFTIRQ_SHARE);
    let verdict = match busy {
        _ if skewed && busy > facts.limit(&limits::SOFTIRQ_BAD) => Verdict::Bad,
        _ if skewed && busy > facts.limit(&limits::SOFTIRQ_WARN) => Verdict::Warn,
        _ => Verdict::Ok,
    };
    let actual = format!("processor {at} receives {share:.0} %, and is busy with it {busy:.0} % of its time");
    let mask = (1_u64.checked_shl(cores.min(64.0) as u32).unwrap_or(0)).wrapping_sub(1);
    Ok(Judged::new(verdict, "receiving spread over processors", actual).on(interface).to(format!("{mask:x}")))
}

/// The processor that receives most, and its share of all, in percent.
pub fn share(facts: &Facts<'_>) -> Result<(usize, f64), Cannot> {
    let path = "/proc/softirqs";
    let after = text::softirqs(&facts.text(path)?, "NET_RX:").map_or_else(|| misunderstood(path), Ok)?;
    let before = text::softirqs(&facts.text_before(path)?, "NET_RX:").unwrap_or_default();
    let since_boot = facts.between(Some(0), 0).since_boot;
    let moved: Vec<u64> = after
        .iter()
        .enumerate()
        .map(|(at, now)| {
            now.saturating_sub(if since_boot { 0 } else { before.get(at).copied().unwrap_or(0) })
        })
        .collect();
    let sum: u64 = moved.iter().fold(0, |sum, count| sum.saturating_add(*count));
    let Some((at, most)) = moved.iter().enumerate().max_by_key(|(_, count)| **count) else {
        return misunderstood(path);
    };
    Ok((at, *most as f64 * 100.0 / sum.max(1) as f64))
}

/// The share of a processor's time that went to soft interrupts, in percent.
pub fn busy(facts: &Facts<'_>, at: usize, since_boot: bool) -> Result<f64, Cannot> {
    let name = format!("cpu{at}");
    let now = text::cpu_line(&facts.text("/proc/stat")?, &name);
    let Some(now) = now.filter(|now| now.len() >= 7) else { return misunderstood("/proc/stat") };
    let before = text::cpu_line(&facts.text_before("/proc/stat")?, &name).unwrap_or_default();
    let spent = |at: usize| {
        let was = if since_boot { 0 } else { before.get(at).copied().unwrap_or(0) };
        now.get(at).copied().unwrap_or(0).saturating_sub(was)
    };
    let all: u64 = (0..now.len().min(8)).fold(0, |sum, at| sum.saturating_add(spent(at)));
    Ok(spent(6) as f64 * 100.0 / all.max(1) as f64)
}
