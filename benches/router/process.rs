//! What a process used, by `/proc` (`proc(5)`).

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

/// Nanoseconds all its threads have run: the first number of each thread's `schedstat`. None where the kernel does not say.
pub fn cpu_ns(pid: u32) -> Option<u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let mut total = 0;
    for task in tasks.flatten() {
        total += thread_ns(task.path().join("schedstat")).unwrap_or(0);
    }
    (total > 0).then_some(total)
}

fn thread_ns(path: PathBuf) -> Option<u64> {
    fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
}

/// Resident kibibytes (`VmRSS`).
pub fn resident(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok())
        .with_context(|| format!("{path} has no VmRSS"))
}
