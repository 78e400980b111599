//! How busy the machine of a beacon is: by the beacon's own word where it tells, by the kernel's where the beacon runs here.

use std::fs;

use crate::beacon::CpuTime;

/// Processor time of all processors of this machine (`proc_stat(5)`).
const STAT: &str = "/proc/stat";

/// Looks again and again.
#[derive(Debug, Default)]
pub struct Processors(Option<CpuTime>);

impl Processors {
    /// The share of processor time in use since the last look, in percent; none at the first look, where nothing passed, and where
    /// what is told goes back.
    pub fn look(&mut self, now: CpuTime) -> Option<u8> {
        let before = self.0.replace(now)?;
        let total = now.total.checked_sub(before.total).filter(|total| *total > 0)?;
        let idle = now.idle.checked_sub(before.idle)?.min(total);
        Some(((total - idle) * 100 / total) as u8)
    }
}

/// This machine's; none where it cannot be read.
pub fn here() -> Option<CpuTime> {
    read(&fs::read_to_string(STAT).ok()?)
}

/// The first line: user, nice, system, idle, iowait, irq, softirq, steal; what guests use is in user already.
fn read(stat: &str) -> Option<CpuTime> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Option<Vec<u64>> = line.split_whitespace().take(8).map(|ticks| ticks.parse().ok()).collect();
    let ticks = ticks.filter(|ticks| ticks.len() >= 5)?;
    Some(CpuTime { total: ticks.iter().sum(), idle: ticks[3] + ticks[4] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_is_what_was_not_idle_since_the_last_look() {
        let mut processors = Processors::default();
        let mut look = |total, idle| processors.look(CpuTime { total, idle });
        assert_eq!(look(1_000, 800), None, "of one look nothing is known");
        assert_eq!(look(1_200, 850), Some(75));
        assert_eq!(look(1_200, 850), None, "no time has passed");
        assert_eq!(look(1_300, 950), Some(0));
        assert_eq!(look(50, 10), None, "another machine, or it was started again");
        assert_eq!(look(150, 10), Some(100));
        assert_eq!(look(250, 210), Some(0), "told at two moments");
    }

    #[test]
    fn the_kernel_is_read_and_what_is_no_such_file_is_not() {
        let text = "cpu  100 5 50 700 45 1 2 3 99 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(read(text), Some(CpuTime { total: 906, idle: 745 }));
        for text in ["", "cpu  1 2 3", "cpu  a b c d e", "intr 5"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(here().is_some_and(|time| time.total > time.idle), "of this machine");
    }
}
