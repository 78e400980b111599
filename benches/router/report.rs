//! What is printed.

use std::io::{self, Write as _};

use crate::proxy::Kind;
use crate::slot::Taken;
use crate::stats::{Figures, Sample};

/// One target under one load.
#[derive(Debug)]
pub struct Row {
    load: String,
    kind: Kind,
    figures: Figures,
    failed: u64,
    why: Option<String>,
}

impl Row {
    /// Sums a sample up.
    pub fn new(load: &str, kind: Kind, mut sample: Sample) -> Self {
        let (failed, why) = (sample.failed, sample.why.take());
        Self { load: load.to_owned(), kind, figures: sample.figures(), failed, why }
    }
}

/// Prints a line to standard output.
pub fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Prints a line to standard error; if that fails there is nobody left to tell.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "router bench: {text}");
}

/// Prints throughput and latency. Gives the number of failed requests.
pub fn steady(rows: &[Row]) -> anyhow::Result<u64> {
    say(
        "\nSteady load: latency from request to whole answer; cpu is the proxy's processor time per request.",
    )?;
    table(rows, "req/s")
}

/// Prints the burst. Gives the number of failed requests.
pub fn burst(rows: &[Row]) -> anyhow::Result<u64> {
    say("\nDue point: latency from the common release to each answer, queueing included.")?;
    table(rows, "req/s")
}

fn table(rows: &[Row], rate: &str) -> anyhow::Result<u64> {
    say(&format!(
        "{:<27} {:<10} {rate:>9} {:>9} {:>9} {:>9} {:>8}   times haproxy: {rate}, p99, cpu",
        "load", "target", "p50 us", "p99 us", "max us", "cpu us",
    ))?;
    let mut failed = 0;
    for row in rows {
        let haproxy = rows.iter().find(|other| other.kind == Kind::Haproxy && other.load == row.load);
        let ratio = match haproxy {
            Some(haproxy) if row.kind == Kind::Beacondeck => ratios(&row.figures, &haproxy.figures),
            _ => String::new(),
        };
        let Figures { per_second, p50_us, p99_us, max_us, cpu_us } = row.figures;
        let cpu = cpu_us.map_or("-".to_owned(), |us| format!("{us:.1}"));
        let line = format!(
            "{:<27} {:<10} {per_second:>9.0} {p50_us:>9.0} {p99_us:>9.0} {max_us:>9.0} {cpu:>8}   {ratio}",
            row.load,
            row.kind.name(),
        );
        say(line.trim_end())?;
        if let Some(why) = &row.why {
            say(&format!("{:<27} {:<10} {} requests failed, the first with: {why}", "", "", row.failed))?;
        }
        failed += row.failed;
    }
    Ok(failed)
}

fn ratios(ours: &Figures, haproxy: &Figures) -> String {
    let cpu = match (ours.cpu_us, haproxy.cpu_us) {
        (Some(ours), Some(haproxy)) => format!("{:.2}", ours / haproxy),
        _ => "-".to_owned(),
    };
    format!("{:.2}, {:.2}, {cpu}", ours.per_second / haproxy.per_second, ours.p99_us / haproxy.p99_us)
}

/// Prints resident memory, in kibibytes, before and after so many requests.
pub fn memory(rows: &[(Kind, u64, u64)], requests: u64) -> anyhow::Result<()> {
    say(&format!("\nResident memory over {requests} requests, after a tenth as many to warm up."))?;
    say(&format!("{:<10} {:>11} {:>11} {:>11}", "target", "before KiB", "after KiB", "grown KiB"))?;
    for (kind, before, after) in rows {
        let grown = i128::from(*after) - i128::from(*before);
        say(&format!("{:<10} {before:>11} {after:>11} {grown:>11}", kind.name()))?;
    }
    Ok(())
}

/// Prints what a slot cost. Gives the number of failed requests.
pub fn slot(all: Vec<Taken>, requests: u64, work_us: u64) -> anyhow::Result<u64> {
    say(&format!(
        "\nOne slot: {requests} questions for attestation data by 200 clients at once, {work_us} us of work each at a beacon."
    ))?;
    say(&format!(
        "{:<10} {:>10} {:>9} {:>9} {:>9} {:>10} {:>8}   haproxy's times: p99, cpu of all",
        "target", "reads/slot", "p50 ms", "p99 ms", "proxy ms", "beacons ms", "all ms"
    ))?;
    let mut failed = 0;
    let mut haproxy = None;
    for Taken { kind, slots, reads, mut sample, cpu_ns: (proxy, beacons) } in all {
        failed += sample.failed;
        let why = sample.why.take();
        let figures = sample.figures();
        let a_slot = |ns: u64| ns as f64 / 1e6 / f64::from(slots.max(1));
        let together = a_slot(proxy + beacons);
        let ratios = match haproxy {
            Some((p99, cpu)) => format!("{:.2}, {:.2}", figures.p99_us / p99, together / cpu),
            None => String::new(),
        };
        if kind == Kind::Haproxy {
            haproxy = Some((figures.p99_us, together));
        }
        let line = format!(
            "{:<10} {:>10.1} {:>9.2} {:>9.2} {:>9.2} {:>10.2} {together:>8.2}   {ratios}",
            kind.name(),
            reads as f64 / f64::from(slots.max(1)),
            figures.p50_us / 1e3,
            figures.p99_us / 1e3,
            a_slot(proxy),
            a_slot(beacons),
        );
        say(line.trim_end())?;
        if let Some(why) = why {
            say(&format!("           a request failed with: {why}"))?;
        }
    }
    Ok(failed)
}
