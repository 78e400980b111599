//! Whether the core moves: counters that grow while its parts do their work. Pure.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A counter of one part, which beats it from within its work.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// A piece of work is done.
    pub fn beat(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// One counter for each part that must never stand still.
#[derive(Debug, Clone, Default)]
pub struct Pulses {
    /// The pool's task: time was taken as an event.
    pub pool: Pulse,
    /// The journal's task went round.
    pub journal: Pulse,
    /// The gauges were copied.
    pub gauges: Pulse,
    /// The router answered a question of our own.
    pub router: Pulse,
}

impl Pulses {
    fn all(&self) -> [(&'static str, u64); 4] {
        let Self { pool, journal, gauges, router } = self;
        [("pool", pool), ("journal", journal), ("gauges", gauges), ("router", router)]
            .map(|(name, pulse)| (name, pulse.0.load(Relaxed)))
    }
}

/// Compares the counters with what they were when progress was last seen in all of them.
#[derive(Debug)]
pub struct Progress {
    pulses: Pulses,
    seen: [(&'static str, u64); 4],
}

impl Progress {
    /// Nothing counts but what moves from now on.
    pub fn new(pulses: Pulses) -> Self {
        let seen = pulses.all();
        Self { pulses, seen }
    }

    /// Whether every part has moved since this was last answered with yes.
    ///
    /// # Errors
    /// The names of the parts that have not.
    pub fn check(&mut self) -> Result<(), Vec<&'static str>> {
        let now = self.pulses.all();
        let still: Vec<&str> =
            now.iter().zip(&self.seen).filter(|(now, seen)| now == seen).map(|(now, _)| now.0).collect();
        if !still.is_empty() {
            return Err(still);
        }
        self.seen = now;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_of_all_parts_since_it_was_last_seen_in_all() {
        let pulses = Pulses::default();
        let mut progress = Progress::new(pulses.clone());
        assert_eq!(progress.check(), Err(vec!["pool", "journal", "gauges", "router"]));
        let Pulses { pool, journal, gauges, router } = pulses;
        for pulse in [&journal, &gauges, &router] {
            pulse.beat();
        }
        assert_eq!(progress.check(), Err(vec!["pool"]));
        pool.beat();
        assert_eq!(progress.check(), Ok(()), "what moved before the last to move counts");
        assert!(progress.check().is_err(), "and counts once");
    }
}
