//! Numbers of runs and samples.

use std::io;
use std::time::{Duration, Instant};

/// What one measurement saw.
#[derive(Debug, Default)]
pub struct Run {
    /// Latencies of good answers, nanoseconds.
    pub latencies: Vec<u64>,
    /// Answers other than 200, and broken connections.
    pub failed: u64,
    /// Time from its begin to the last answer.
    pub wall: Duration,
    /// Processor time the proxy used meanwhile, nanoseconds.
    pub cpu_ns: Option<u64>,
    /// The first failure, in words.
    pub why: Option<String>,
}

impl Run {
    /// Counts an answer; false if the connection can serve no more.
    pub fn add(&mut self, from: Instant, to: Instant, status: io::Result<u16>) -> bool {
        match status {
            Ok(200) => self.latencies.push((to - from).as_nanos() as u64),
            Ok(status) => self.fail(format!("status {status}")),
            Err(error) => {
                self.fail(error.to_string());
                return false;
            }
        }
        true
    }

    fn fail(&mut self, why: String) {
        self.failed += 1;
        self.why.get_or_insert(why);
    }

    /// Adds what another connection saw at the same time.
    pub fn merge(&mut self, other: Run) {
        self.latencies.extend(other.latencies);
        self.failed += other.failed;
        self.why = self.why.take().or(other.why);
    }
}

/// All rounds of one target under one load.
#[derive(Debug, Default)]
pub struct Sample {
    latencies: Vec<u64>,
    wall: Duration,
    cpu_ns: Option<u64>,
    /// Requests that failed.
    pub failed: u64,
    /// The first failure.
    pub why: Option<String>,
}

impl Sample {
    /// Adds a round.
    pub fn add(&mut self, run: Run) {
        if let Some(ns) = run.cpu_ns {
            *self.cpu_ns.get_or_insert(0) += ns;
        }
        self.latencies.extend(run.latencies);
        self.wall += run.wall;
        self.failed += run.failed;
        self.why = self.why.take().or(run.why);
    }

    /// What the report shows of it.
    pub fn figures(mut self) -> Figures {
        self.latencies.sort_unstable();
        let requests = self.latencies.len() as f64;
        let part = |share: f64| {
            let last = self.latencies.len().saturating_sub(1);
            self.latencies.get((last as f64 * share).round() as usize).map_or(0.0, |ns| *ns as f64 / 1e3)
        };
        Figures {
            per_second: requests / self.wall.as_secs_f64(),
            p50_us: part(0.50),
            p99_us: part(0.99),
            max_us: part(1.0),
            cpu_us: self.cpu_ns.map(|ns| ns as f64 / 1e3 / requests),
        }
    }
}

/// What is told of a sample.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
    /// Processor time of the proxy by request; none for none.
    pub cpu_us: Option<f64>,
}
