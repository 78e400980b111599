//! When a probe stops: it may never become what it looks for. Pure.

/// Most writes of a probe.
const WRITES: usize = 64;
/// Longest time that all of them may take together, and each, in microseconds.
const BUSY_US: u64 = 2_000_000;
const ONE_US: u32 = 1_000_000;
/// Least room on the file system, in bytes.
const ROOM: u64 = 1 << 30;
/// Share of the last ten seconds in which everybody waited for disks, in percent.
const WAITING: f64 = 20.0;

/// What was used up.
#[derive(Debug, Default)]
pub struct Bounds {
    made: usize,
    busy_us: u64,
}

impl Bounds {
    /// How many writes are left.
    pub fn left(&self) -> usize {
        WRITES.saturating_sub(self.made)
    }

    /// A write took so long; why there may be no other, if so.
    pub fn took(&mut self, us: u32) -> Option<String> {
        self.made += 1;
        self.busy_us += u64::from(us);
        match () {
            () if us > ONE_US => Some(format!("one write took {} ms", us / 1_000)),
            () if self.busy_us > BUSY_US => {
                Some(format!("{} writes took {} ms", self.made, self.busy_us / 1_000))
            }
            () => None,
        }
    }
}

/// Why this is no moment to write, if so: by the bytes that are free, and by `/proc/pressure/io`, where there is one.
pub fn unwelcome(free: u64, pressure: Option<&str>) -> Option<String> {
    if free < ROOM {
        return Some("less than 1 GiB is free".to_owned());
    }
    let line = pressure?.lines().find(|line| line.starts_with("full "))?;
    let share: f64 = line.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?.parse().ok()?;
    (share > WAITING).then(|| format!("everybody waited for disks {share:.0} % of the last ten seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_after_64_writes_a_slow_one_or_two_seconds() {
        let mut quick = Bounds::default();
        assert!((0..64).all(|_| quick.took(100).is_none()) && quick.left() == 0);
        assert_eq!(Bounds::default().took(1_000_000), None);
        assert_eq!(Bounds::default().took(1_000_001).as_deref(), Some("one write took 1000 ms"));
        let mut slow = Bounds::default();
        let said: Vec<Option<String>> = (0..5).map(|_| slow.took(450_000)).collect();
        assert_eq!(said.iter().position(Option::is_some), Some(4), "{said:?}");
        assert_eq!(said[4].as_deref(), Some("5 writes took 2250 ms"));
    }

    #[test]
    fn a_full_or_busy_disk_is_left_alone() {
        let pressure =
            |avg10: &str| format!("some avg10=99.00 avg60=1\nfull avg10={avg10} avg60=90.00 total=1\n");
        assert_eq!(unwelcome(1 << 30, None), None);
        assert!(unwelcome((1 << 30) - 1, None).unwrap().contains("1 GiB"));
        assert_eq!(unwelcome(u64::MAX, Some(&pressure("20.00"))), None);
        assert!(unwelcome(u64::MAX, Some(&pressure("20.01"))).unwrap().contains("20 %"));
        assert_eq!(unwelcome(u64::MAX, Some("what is this")), None);
    }
}
