//! Duties, hosts and who served whom, as a recording's lines tell of them. Pure.

use std::collections::{BTreeMap, VecDeque};

use crate::host::check_of;
use crate::model::{
    BeaconName, DutiesSeen, DutyStatus, DutySums, FleetSeen, Flow, HostFinding, HostLevel, HostSeen,
    HostStatus, ServedSeen, ServedStep, Slot, Step, UnixMs, Use,
};

/// Slots of duties that are summed: two epochs of mainnet, as `serve` does.
const SUMMED: u64 = 64;
/// Slots after which the chain has told of a duty.
const TOLD: u64 = 2;
/// Slots over which is told who served whom: an epoch of mainnet.
const FLOWS: usize = 32;
/// Slots a finding stands that is not told again.
const FINDING: u64 = 16;

/// The duties of the last slots, by slot, client and beacon.
#[derive(Debug, Default)]
pub struct Duties(BTreeMap<(Slot, String, Option<String>), DutiesSeen>);

impl Duties {
    /// The chain told of some; a later line of the same path replaces the earlier.
    pub fn take(&mut self, seen: &DutiesSeen) {
        self.0.insert((seen.slot, seen.client.clone(), seen.beacon.clone()), seen.clone());
    }

    /// Their sums once a slot is over, in the order of the fleet; none while none is told.
    pub fn ended(&mut self, slot: Slot, fleet: &FleetSeen) -> Option<DutyStatus> {
        let to = Slot(slot.0.saturating_sub(TOLD));
        let from = Slot((to.0 + 1).saturating_sub(SUMMED));
        self.0.retain(|(of, _, _), _| *of >= from);
        let counted: Vec<&DutiesSeen> = self.0.values().filter(|seen| seen.slot <= to).collect();
        let first = counted.first()?.slot;
        let sum = |name: &str, is: &dyn Fn(&DutiesSeen) -> bool| {
            let mut sums = DutySums { name: name.to_owned(), ..DutySums::default() };
            for seen in counted.iter().filter(|seen| is(seen)) {
                sums.due += seen.due;
                sums.missed += seen.missed;
                sums.late += seen.late;
                sums.wrong_head += seen.wrong_head;
            }
            sums.included = sums.due.saturating_sub(sums.missed);
            (sums.due > 0).then_some(sums)
        };
        let client = |name: &str| sum(name, &|seen| seen.client == name);
        let beacon = |name: &str| sum(name, &|seen| seen.beacon.as_deref() == Some(name));
        let unknown = sum("", &|seen| seen.beacon.is_none());
        Some(DutyStatus {
            from: first,
            to,
            validators: 0,
            clients: fleet.clients.iter().filter_map(|of| client(&of.name)).collect(),
            beacons: fleet.beacons.iter().filter_map(|of| beacon(&of.name)).chain(unknown).collect(),
            payloads: Vec::new(),
        })
    }
}

/// Answers by client and step, and by beacon.
type Answers = BTreeMap<(String, ServedStep), BTreeMap<String, u32>>;

/// Who served whom in the last slots, the newest last.
#[derive(Debug, Default)]
pub struct Flows {
    slots: VecDeque<Answers>,
    now: Answers,
}

impl Flows {
    /// A beacon was asked.
    pub fn take(&mut self, seen: &ServedSeen) {
        let of = self.now.entry((seen.client.clone(), seen.step)).or_default();
        *of.entry(seen.beacon.clone()).or_default() += seen.n.saturating_sub(seen.failed);
    }

    /// Who served whom, once a slot is over. Answers are counted, not requests: of these no rate is known.
    pub fn ended(&mut self) -> Vec<Flow> {
        self.slots.push_back(std::mem::take(&mut self.now));
        if self.slots.len() > FLOWS {
            self.slots.pop_front();
        }
        let mut all = Answers::new();
        for (key, by) in self.slots.iter().flatten() {
            let of = all.entry(key.clone()).or_default();
            for (beacon, answers) in by {
                *of.entry(beacon.clone()).or_default() += answers;
            }
        }
        all.into_iter().map(|((client, step), by)| flow(client, step, &by)).collect()
    }
}

fn flow(client: String, step: ServedStep, by: &BTreeMap<String, u32>) -> Flow {
    let total: u32 = by.values().sum();
    let part = |answers: u32| answers as f32 / total.max(1) as f32;
    let mut served: Vec<(BeaconName, f32)> =
        by.iter().map(|(beacon, answers)| (BeaconName::new(beacon.as_str()), part(*answers))).collect();
    served.sort_by(|a, b| b.1.total_cmp(&a.1));
    Flow {
        client,
        needs: if step == ServedStep::Data { Use::Sign } else { Use::Publish },
        step: Some(Step::Attest),
        per_s: 0.0,
        failed_per_s: 0.0,
        hedged_per_s: 0.0,
        retried_per_s: 0.0,
        p50_ms: 0.0,
        p99_ms: 0.0,
        budget_ms: 0,
        served,
    }
}

/// What was found on hosts, by host and check, and when it was told last.
#[derive(Debug, Default)]
pub struct Hosts(BTreeMap<String, BTreeMap<String, (HostSeen, UnixMs)>>);

impl Hosts {
    /// A check told something.
    pub fn take(&mut self, seen: &HostSeen, at: UnixMs) {
        let of = self.0.entry(seen.host.clone()).or_default();
        of.insert(seen.check.clone(), (seen.clone(), at));
    }

    /// How they stand once a slot is over; `runs` says which beacons run where.
    pub fn ended(&mut self, slot: Slot, runs: &BTreeMap<String, Vec<BeaconName>>) -> Vec<HostStatus> {
        for checks in self.0.values_mut() {
            checks.retain(|_, (seen, _)| seen.slot.0 + FINDING >= slot.0);
        }
        let own: Vec<&String> = self.0.keys().filter(|name| !runs.contains_key(*name)).collect();
        runs.keys()
            .chain(own)
            .map(|name| self.host(name, runs.get(name).cloned().unwrap_or_default()))
            .collect()
    }

    fn host(&self, name: &str, beacons: Vec<BeaconName>) -> HostStatus {
        let told: Vec<&(HostSeen, UnixMs)> =
            self.0.get(name).into_iter().flat_map(BTreeMap::values).collect();
        let mut findings: Vec<HostFinding> = told
            .iter()
            .filter(|(seen, _)| seen.level > HostLevel::Ok)
            .map(|(seen, _)| finding(seen))
            .collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
        let mut classes: BTreeMap<String, HostLevel> = BTreeMap::new();
        for (seen, _) in &told {
            let class = check_of(&seen.check).map_or("system", |check| check.class.word());
            let worst = classes.entry(class.to_owned()).or_insert(seen.level);
            *worst = seen.level.max(*worst);
        }
        let at = told.iter().map(|(_, at)| *at).max();
        HostStatus {
            name: name.to_owned(),
            beacons,
            at,
            findings,
            classes: classes.into_iter().collect(),
            ..HostStatus::default()
        }
    }
}

/// What is told of it; what would help is not in a recording.
fn finding(seen: &HostSeen) -> HostFinding {
    HostFinding {
        check: seen.check.clone(),
        level: seen.level,
        actual: seen.value.clone(),
        ..HostFinding::default()
    }
}
