//! Would the others carry the load if one beacon went? From what was measured. Pure.
//!
//! Requests grow by the share of the one that goes; answer times and processor time are taken to grow with them in proportion,
//! which for processor time is more than they will: a beacon works without being asked, too. What the others have carried within the last
//! hour is proof; the rest is judged by the slowest answers and, where it is told, by the busiest processors.

use super::{BeaconName, BeaconStatus, FleetStatus, Lifecycle};

/// Answers to quick requests are late when they take longer than a twelfth of a slot.
const TWELFTH: u64 = 12;
/// Processors in use for longer than this share of the time, percent, let requests wait for each other.
const BUSY: u8 = 90;
/// Where the slot is not known, a second stands for its twelfth.
const LIMIT_MS: f64 = 1_000.0;

/// What would be if some beacons went.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// Beacons that go.
    pub gone: Vec<BeaconName>,
    /// Healthy beacons that stay.
    pub stay: usize,
    /// By how much of its present load each of them would carry more.
    pub growth: f32,
    /// The slowest 99-in-100 answer time of those that stay, grown with the load, milliseconds; none: nothing measured.
    pub p99_ms: Option<f64>,
    /// Processor time in use at the busiest of those that stay, grown with the load, percent; none: nobody tells.
    pub cpu: Option<u8>,
    /// What is judged.
    pub verdict: Verdict,
}

/// Whether they would carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As far as was measured.
    Carries,
    /// Answers would come near to what is late, or processors would have no time left.
    Tight,
    /// They would not: none is left, or answers would be late.
    Fails,
    /// Nothing was measured.
    Unknown,
}

/// Whether a beacon carries load now.
pub fn carries(beacon: &BeaconStatus) -> bool {
    beacon.healthy && beacon.lifecycle == Lifecycle::Active
}

/// If the busiest healthy beacon went; none if none is healthy.
pub fn without_one(status: &FleetStatus) -> Option<Left> {
    let busiest = status
        .beacons
        .iter()
        .filter(|beacon| carries(beacon))
        .max_by(|a, b| load(status, a).total_cmp(&load(status, b)))?;
    Some(without(status, std::slice::from_ref(&busiest.name)))
}

/// If these beacons went.
pub fn without(status: &FleetStatus, gone: &[BeaconName]) -> Left {
    let stay: Vec<&BeaconStatus> =
        status.beacons.iter().filter(|beacon| carries(beacon) && !gone.contains(&beacon.name)).collect();
    let leaving: f32 = status
        .beacons
        .iter()
        .filter(|beacon| gone.contains(&beacon.name))
        .map(|beacon| load(status, beacon))
        .sum();
    let staying: f32 = stay.iter().map(|beacon| load(status, beacon)).sum();
    let growth = if staying > 0.0 { leaving / staying } else { 0.0 };
    let slowest = stay.iter().filter_map(|beacon| beacon.p99_us).max();
    let p99_ms = slowest.map(|us| f64::from(us) / 1_000.0 * f64::from(1.0 + growth));
    let limit = status.traffic.timing.as_ref().map_or(LIMIT_MS, |timing| (timing.slot_ms / TWELFTH) as f64);
    let most: f32 = stay.iter().map(|beacon| most(status, beacon)).sum();
    let proven = staying > 0.0 && most >= leaving + staying;
    let busiest = stay.iter().filter_map(|beacon| beacon.cpu).max();
    let cpu = busiest.map(|cpu| (f32::from(cpu) * (1.0 + growth)).min(100.0) as u8);
    let busy = |cpu: Option<u8>| cpu.is_some_and(|cpu| cpu >= BUSY);
    let verdict = match p99_ms {
        _ if stay.is_empty() => Verdict::Fails,
        None => Verdict::Unknown,
        Some(p99) if p99 >= limit => Verdict::Fails,
        Some(p99) if (p99 >= limit / 2.0 || busy(cpu)) && !proven => Verdict::Tight,
        Some(_) if busy(busiest) => Verdict::Tight,
        Some(_) => Verdict::Carries,
    };
    Left { gone: gone.to_vec(), stay: stay.len(), growth, p99_ms, cpu, verdict }
}

fn load(status: &FleetStatus, beacon: &BeaconStatus) -> f32 {
    status.traffic.loads.iter().find(|load| load.beacon == beacon.name).map_or(0.0, |load| load.per_s)
}

fn most(status: &FleetStatus, beacon: &BeaconStatus) -> f32 {
    status.traffic.loads.iter().find(|load| load.beacon == beacon.name).map_or(0.0, |load| load.most_per_s)
}

impl Verdict {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Carries => "ok",
            Verdict::Tight => "tight",
            Verdict::Fails => "no",
            Verdict::Unknown => "?",
        }
    }
}

impl Left {
    /// In a sentence: what those that stay would carry.
    pub fn sentence(&self) -> String {
        match (self.stay, self.p99_ms) {
            (0, _) => "no healthy beacon is left: attestations and blocks stop".to_owned(),
            (_, None) => "the others have not been measured yet".to_owned(),
            (stay, Some(p99)) => {
                let others = if stay == 1 { "the other one".to_owned() } else { format!("the other {stay}") };
                let cpu = self.cpu.map_or_else(String::new, |cpu| format!(", processors up to {cpu} % busy"));
                format!(
                    "{others} would carry {:.0} % more, 99 in 100 answers within {p99:.0} ms{cpu}",
                    self.growth * 100.0
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Load, Reason};

    fn beacon(name: &str) -> BeaconStatus {
        let text = format!(
            r#"{{"name":"{name}","lifecycle":{{"state":"active"}},"healthy":true,"reasons":[],"detail":"","head":null,
            "lag":0,"peers":80,"version":null,"execution":null,"in-flight":0,"latency-us":4000,"answered":1,"failed":0,
            "observed":1,"since":0}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn loaded(p99_us: u32, loads: &[f32]) -> FleetStatus {
        let names: Vec<String> = (1..=loads.len()).map(|number| format!("b{number}")).collect();
        let beacons =
            names.iter().map(|name| BeaconStatus { p99_us: Some(p99_us), ..beacon(name) }).collect();
        let mut status = FleetStatus { beacons, ..FleetStatus::default() };
        status.traffic.loads = names
            .iter()
            .zip(loads)
            .map(|(name, per_s)| Load {
                per_s: *per_s,
                most_per_s: *per_s,
                ..Load::none(BeaconName::new(name.as_str()))
            })
            .collect();
        status
    }

    #[test]
    fn the_busiest_one_is_the_one_to_lose() {
        let left = without_one(&loaded(12_000, &[10.0, 30.0, 20.0])).unwrap();
        assert_eq!((left.gone[0].as_str(), left.stay, left.verdict), ("b2", 2, Verdict::Carries));
        assert!((left.growth - 1.0).abs() < 1e-6);
        assert_eq!(left.sentence(), "the other 2 would carry 100 % more, 99 in 100 answers within 24 ms");
    }

    #[test]
    fn answers_that_would_be_late_are_no_capacity() {
        assert_eq!(without_one(&loaded(300_000, &[10.0, 10.0])).unwrap().verdict, Verdict::Tight);
        assert_eq!(without_one(&loaded(600_000, &[10.0, 10.0])).unwrap().verdict, Verdict::Fails);
        let mut proven = loaded(300_000, &[10.0, 10.0]);
        proven.traffic.loads.iter_mut().for_each(|load| load.most_per_s = 25.0);
        assert_eq!(without_one(&proven).unwrap().verdict, Verdict::Carries);
    }

    #[test]
    fn processors_that_would_have_no_time_left_are_no_capacity() {
        let with = |cpu: u8, most: f32| {
            let mut status = loaded(12_000, &[10.0, 10.0]);
            status.beacons.iter_mut().for_each(|beacon| beacon.cpu = Some(cpu));
            status.traffic.loads.iter_mut().for_each(|load| load.most_per_s = most);
            without_one(&status).unwrap()
        };
        let left = with(30, 10.0);
        assert_eq!((left.verdict, left.cpu), (Verdict::Carries, Some(60)));
        assert_eq!(
            left.sentence(),
            "the other one would carry 100 % more, 99 in 100 answers within 24 ms, processors up to 60 % busy"
        );
        assert_eq!((with(45, 10.0).verdict, with(60, 10.0).cpu), (Verdict::Tight, Some(100)));
        assert_eq!(with(45, 25.0).verdict, Verdict::Carries, "they have carried as much");
        assert_eq!(with(95, 25.0).verdict, Verdict::Tight, "they are busy as it is");
    }

    #[test]
    fn the_last_one_cannot_go_and_the_sick_carry_nothing() {
        assert_eq!(without_one(&loaded(1_000, &[10.0])).unwrap().verdict, Verdict::Fails);
        let mut status = loaded(1_000, &[10.0, 10.0]);
        status.beacons[0].healthy = false;
        status.beacons[0].reasons = vec![Reason::Hung];
        let left = without_one(&status).unwrap();
        assert_eq!((left.gone[0].as_str(), left.stay, left.verdict), ("b2", 0, Verdict::Fails));
        status.beacons[1].lifecycle = Lifecycle::Drained;
        assert_eq!(without_one(&status), None);
        assert_eq!(without_one(&loaded(1_000, &[])), None);
    }
}
