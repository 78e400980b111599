//! Beacons as a recording's probes and requests tell of them. Pure.

use std::collections::VecDeque;

use crate::model::{
    BeaconName, BeaconStatus, Labelled, Lifecycle, Load, ProbeSeen, Reason, ServedSeen, UnixMs,
};

/// Probes by which answer times are told.
const TIMES: usize = 96;
/// Slots of an hour on mainnet.
const HOUR: usize = 300;
/// From so many slots on a head is behind: one block may be on its way.
const BEHIND: u64 = 2;

/// One beacon.
#[derive(Debug, Default)]
pub struct Watched {
    labels: Labelled,
    reasons: Vec<Reason>,
    detail: String,
    since: Option<UnixMs>,
    observed: Option<UnixMs>,
    lag: u64,
    peers: Option<u32>,
    /// Answer times of the last probes, in milliseconds.
    times: VecDeque<f64>,
    /// Probes of the present slot: how many, how many of them answered, the last one.
    probes: (u32, u32, Option<ProbeSeen>),
    /// Requests of the present slot, and how many of them failed.
    requests: (u32, u32),
    /// Requests a second of the last hour's slots.
    rates: VecDeque<f32>,
    answered: u64,
    failed: u64,
}

impl Watched {
    /// Of this name and these labels.
    pub fn new(labels: Labelled) -> Self {
        Self { labels, reasons: vec![Reason::NeverObserved], ..Self::default() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.labels.name
    }

    /// Where it runs: its label `host`, else a host of its own.
    pub fn host(&self) -> &str {
        self.labels.labels.get("host").map_or(self.name(), String::as_str)
    }

    /// The fleet has other labels for it.
    pub fn relabel(&mut self, labels: Labelled) {
        self.labels = labels;
    }

    /// It was probed.
    pub fn probe(&mut self, seen: &ProbeSeen) {
        self.probes.0 += 1;
        self.probes.1 += u32::from(seen.reachable);
        if let Some(ms) = seen.latency_ms {
            self.times.push_back(ms);
            if self.times.len() > TIMES {
                self.times.pop_front();
            }
        }
        if seen.reachable {
            self.lag = seen.head_lag.unwrap_or(0);
            self.peers = seen.peers.map(|peers| u32::try_from(peers).unwrap_or(u32::MAX));
        }
        self.probes.2 = Some(seen.clone());
    }

    /// Requests were sent to it.
    pub fn served(&mut self, seen: &ServedSeen) {
        self.requests.0 += seen.n;
        self.requests.1 += seen.failed;
        self.answered += u64::from(seen.n.saturating_sub(seen.failed));
        self.failed += u64::from(seen.failed);
    }

    /// A slot of so many seconds is over at this moment: what it carried in it, and how it stands.
    pub fn ended(&mut self, at: UnixMs, seconds: f64) -> (BeaconStatus, Load) {
        let (all, answered, last) = std::mem::take(&mut self.probes);
        let began = UnixMs(at.0.saturating_sub((seconds * 1_000.0) as u64));
        let since = *self.since.get_or_insert(began);
        if let Some(last) = last {
            let reasons = reasons(&last);
            if answered > 0 {
                self.observed = Some(at);
            }
            self.since = Some(if reasons == self.reasons { since } else { at });
            self.detail = detail(&reasons, self.lag, (all, answered));
            self.reasons = reasons;
        } else {
            "not probed in this slot: out by order, or not looked at".clone_into(&mut self.detail);
        }
        let load = self.load(seconds);
        (self.status(), load)
    }

    fn load(&mut self, seconds: f64) -> Load {
        let (all, failed) = std::mem::take(&mut self.requests);
        let per_s = |count: u32| (f64::from(count) / seconds) as f32;
        self.rates.push_back(per_s(all));
        if self.rates.len() > HOUR {
            self.rates.pop_front();
        }
        Load {
            beacon: BeaconName::new(self.name()),
            per_s: per_s(all),
            failed_per_s: per_s(failed),
            most_per_s: self.rates.iter().copied().fold(0.0, f32::max),
            errors: Vec::new(),
        }
    }

    fn status(&self) -> BeaconStatus {
        let label = |key: &str| self.labels.labels.get(key).cloned();
        BeaconStatus {
            name: BeaconName::new(self.name()),
            lifecycle: Lifecycle::Active,
            healthy: self.reasons.is_empty(),
            reasons: self.reasons.clone(),
            detail: self.detail.clone(),
            head: None,
            lag: self.lag,
            peers: self.peers,
            version: label("cl"),
            execution: label("el"),
            in_flight: 0,
            latency_us: self.times.back().map_or(0, |ms| micros(*ms)),
            p50_us: self.quantile(0.5),
            p99_us: self.quantile(0.99),
            answered: self.answered,
            failed: self.failed,
            observed: self.observed,
            since: self.since.unwrap_or_default(),
            told: Vec::new(),
            custody: None,
            drained: None,
            cpu: None,
        }
    }

    /// Of the answer times of its last probes, the nearest rank.
    fn quantile(&self, part: f64) -> Option<u32> {
        let mut times: Vec<f64> = self.times.iter().copied().collect();
        times.sort_by(f64::total_cmp);
        let rank = (part * times.len() as f64).ceil() as usize;
        times.get(rank.saturating_sub(1)).map(|ms| micros(*ms))
    }
}

fn micros(ms: f64) -> u32 {
    (ms * 1_000.0) as u32
}

/// What the last probe of a slot says against it, worst first.
fn reasons(last: &ProbeSeen) -> Vec<Reason> {
    if !last.reachable {
        return vec![Reason::Unreachable];
    }
    let behind = last.head_lag.is_some_and(|lag| lag >= BEHIND);
    let all = [
        (last.optimistic, Reason::Optimistic),
        (behind, Reason::StaleHead),
        (last.el_offline, Reason::ElOffline),
    ];
    all.into_iter().filter(|(is, _)| *is).map(|(_, reason)| reason).collect()
}

fn detail(reasons: &[Reason], lag: u64, (all, answered): (u32, u32)) -> String {
    match reasons.first() {
        Some(Reason::Unreachable) => {
            let failed = all - answered;
            format!("{failed} of {all} probes of the slot were refused or not answered")
        }
        Some(Reason::StaleHead) => format!("{lag} slots behind the agreed head"),
        Some(reason) => reason.words().to_owned(),
        None => String::new(),
    }
}
