//! What the kernel says of processes.

#![allow(dead_code, reason = "each program uses its own part")]

use std::path::Path;
use std::time::{Duration, Instant};

/// Ticks a second in which processor time is counted (`CLK_TCK` of `proc_pid_stat(5)`, the same on every Linux).
const TICKS: u64 = 100;

/// Processes with this file on their command line.
pub fn with_file(file: &Path) -> Vec<u32> {
    let wanted = file.to_str().unwrap().as_bytes();
    let of = |entry: std::fs::DirEntry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        line.split(|byte| *byte == 0).any(|word| word == wanted).then_some(id)
    };
    std::fs::read_dir("/proc").unwrap().filter_map(|entry| of(entry.ok()?)).collect()
}

/// Fields of `/proc/ID/stat` from the third, the state; none if there is no such process.
fn stat(id: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before may have blanks.
    Some(text.rsplit_once(") ")?.1.split_whitespace().map(str::to_owned).collect())
}

/// The state's letter.
pub fn state(id: u32) -> Option<char> {
    stat(id)?.first()?.chars().next()
}

/// The session's leader.
pub fn session(id: u32) -> Option<u32> {
    stat(id)?.get(3)?.parse().ok()
}

/// Processor time used so far.
pub fn used(id: u32) -> Option<Duration> {
    let fields = stat(id)?;
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS))
}

/// Share of a core that a process uses for a while.
pub async fn share(id: u32, of: Duration) -> f64 {
    let (began, before) = (Instant::now(), used(id).unwrap());
    tokio::time::sleep(of).await;
    used(id).unwrap().saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64()
}
