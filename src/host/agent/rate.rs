//! How often something may happen, and how often that it may not is said. Pure.

use std::time::{Duration, Instant};

/// So many at once, and so many a second after that.
#[derive(Debug)]
pub struct Bucket {
    most: f64,
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Bucket {
    /// Full.
    pub fn new(most: u32, per_second: u32, now: Instant) -> Self {
        Self { most: most.into(), per_second: per_second.into(), left: most.into(), at: now }
    }

    /// Whether one more may happen now.
    pub fn take(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since * self.per_second).min(self.most);
        self.at = now;
        let may = self.left >= 1.0;
        self.left -= f64::from(u8::from(may));
        may
    }
}

/// So many lines of a log in so much time; what is left out is counted.
#[derive(Debug)]
pub struct Hush {
    lines: u32,
    span: Duration,
    began: Instant,
    said: u32,
    unsaid: u64,
}

impl Hush {
    /// Nothing was said yet.
    pub fn new(lines: u32, span: Duration, now: Instant) -> Self {
        Self { lines, span, began: now, said: 0, unsaid: 0 }
    }

    /// Whether to say it, and if so, how many were left out before.
    pub fn say(&mut self, now: Instant) -> Option<u64> {
        if now.saturating_duration_since(self.began) >= self.span {
            (self.began, self.said) = (now, 0);
        }
        if self.said >= self.lines {
            self.unsaid += 1;
            return None;
        }
        self.said += 1;
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_then_so_many_a_second() {
        let began = Instant::now();
        let mut bucket = Bucket::new(3, 2, began);
        let taken = |bucket: &mut Bucket, ms: u64| {
            (0..10).filter(|_| bucket.take(began + Duration::from_millis(ms))).count()
        };
        assert_eq!((taken(&mut bucket, 0), taken(&mut bucket, 400), taken(&mut bucket, 500)), (3, 0, 1));
        assert_eq!(taken(&mut bucket, 1_000_000), 3);
    }

    #[test]
    fn what_is_not_said_is_counted_and_told_later() {
        let began = Instant::now();
        let mut hush = Hush::new(2, Duration::from_secs(10), began);
        let told: Vec<Option<u64>> = (0..5).map(|_| hush.say(began)).collect();
        assert_eq!(told, [Some(0), Some(0), None, None, None]);
        assert_eq!(hush.say(began + Duration::from_secs(10)), Some(3));
    }
}
