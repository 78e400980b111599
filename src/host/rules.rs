//! Rules that several checks share. Pure.

use super::facts::{Facts, Moved};
use super::finding::{Cannot, Judged, Verdict, not_applicable};
use super::limit::Limit;
use super::source::{Kind, Unread};
use super::text::{self, number};

/// The verdict of a number that should stay low.
pub fn rising(value: f64, warn: f64, bad: f64) -> Verdict {
    match value {
        _ if value > bad => Verdict::Bad,
        _ if value > warn => Verdict::Warn,
        _ => Verdict::Ok,
    }
}

/// A measured number that should stay low.
pub fn measured(facts: &Facts<'_>, value: f64, warn: &Limit, bad: &Limit) -> Judged {
    let (least, most, unit) = (facts.limit(warn), facts.limit(bad), warn.unit);
    Judged::new(rising(value, least, most), format!("at most {least} {unit}"), format!("{value:.1} {unit}"))
}

/// A counter that should not move.
pub fn counter(facts: &Facts<'_>, moved: Moved, warn: &Limit, bad: &Limit) -> Judged {
    let (least, most) = (facts.limit(warn), facts.limit(bad));
    let verdict = rising(moved.per_minute(), least, most);
    Judged::new(verdict, format!("at most {least} {}", warn.unit), moved.words())
}

/// A counter that should not move and is a symptom of nothing worse than *warn*.
pub fn mild(facts: &Facts<'_>, moved: Moved, warn: &Limit) -> Judged {
    let least = facts.limit(warn);
    let verdict = rising(moved.per_minute(), least, f64::INFINITY);
    Judged::new(verdict, format!("at most {least} {}", warn.unit), moved.words())
}

/// A setting that should be large.
pub fn at_least(
    facts: &Facts<'_>,
    text: &str,
    path: &str,
    advice: &Limit,
    warn: &Limit,
) -> Result<Judged, Cannot> {
    let Some(value) = text.split_whitespace().last().and_then(number) else {
        return super::facts::misunderstood(path);
    };
    let (good, poor) = (facts.limit(advice), facts.limit(warn));
    let verdict = match value {
        _ if value >= good => Verdict::Ok,
        _ if value >= poor => Verdict::Advice,
        _ => Verdict::Warn,
    };
    // Of several values the kernel puts tabs between, which a terminal is not shown.
    let words: Vec<&str> = text.split_whitespace().collect();
    Ok(Judged::new(verdict, format!("at least {good} {}", advice.unit), words.join(" ")).to(good))
}

/// A setting that should be one of some words.
pub fn one_of(text: &str, good: &[&str], otherwise: Verdict) -> Judged {
    let value = text.trim();
    let verdict = if good.contains(&value) { Verdict::Ok } else { otherwise };
    Judged::new(verdict, good.join(" or "), value)
}

/// The share of the last minute in which somebody (`some`) or everybody (`full`) waited for a resource, in percent.
pub fn pressure(facts: &Facts<'_>, resource: &str, who: &str) -> Result<f64, Cannot> {
    let path = format!("/proc/pressure/{resource}");
    if let Err(Unread::Failed(reason)) = facts.read(Kind::File, &path)
        && reason.contains("not supported")
    {
        return not_applicable("the kernel does not measure pressure: its command line needs psi=1");
    }
    match text::pressure(&facts.text(&path)?, who) {
        Some(share) => Ok(share),
        None => super::facts::misunderstood(&path),
    }
}

/// Whether memory may be put on disk.
pub fn has_swap(facts: &Facts<'_>) -> Result<bool, Cannot> {
    Ok(text::field(&facts.text("/proc/meminfo")?, "SwapTotal:").unwrap_or(0) > 0)
}

/// Goes on where memory has several nodes.
pub fn several_nodes(facts: &Facts<'_>) -> Result<(), Cannot> {
    let names = facts.names("/sys/devices/system/node")?;
    let nodes =
        names.iter().filter(|name| name.strip_prefix("node").is_some_and(|rest| rest.parse::<u32>().is_ok()));
    if nodes.count() > 1 { Ok(()) } else { not_applicable("this machine's memory is one node") }
}
