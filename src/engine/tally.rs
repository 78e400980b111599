//! What passed lately, counted from traces: rates by client and beacon, answer times against due points. Pure.
//!
//! Bounded by the fleet file: a flow for each client and kind of request, a spread for each beacon and step.

use std::collections::{HashMap, VecDeque};

use crate::chain::SlotClock;
use crate::endpoint::{RowId, Strategy, row};
use crate::model::{
    Attempt, BeaconId, BeaconName, Bps, ClientId, Flow, Load, LoadError, Outcome, SPREAD, Served, Slot, Step,
    StepAnswers, Timing, Trace, Traffic, UnixMs, Use,
};
use crate::pool::Histogram;

/// Rates forget with this time constant, in seconds.
const SMOOTH_S: f32 = 10.0;
/// What was counted for quantiles and spreads weighs half after so many seconds.
const FADE_EVERY_S: u64 = 60;
/// The most a beacon carried is remembered for one to two of these, in seconds.
const MOST_FOR_S: u64 = 1_800;
/// A flow slower than this, requests a second, is not shown any more: one in several minutes.
const LEAST: f32 = 0.003;

/// Attempts that failed which are shown of each beacon.
const ERRORS: usize = 5;
/// An answer is late when it is there more than a slot divided by this after its step was due.
const LATE_AFTER: i64 = 12;

/// A smoothed rate.
#[derive(Debug, Default, Clone, Copy)]
struct Rate {
    now: u32,
    smooth: f32,
}

impl Rate {
    fn second(&mut self) {
        self.smooth += (self.now as f32 - self.smooth) / SMOOTH_S;
        self.now = 0;
    }

    fn per_s(self) -> f32 {
        round(self.smooth)
    }
}

/// Two decimals are what people read, and make short frames.
fn round(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

#[derive(Debug)]
struct Flowing {
    all: Rate,
    failed: Rate,
    hedged: Rate,
    retried: Rate,
    took: Histogram,
    budget: Bps,
    served: Vec<(BeaconId, Rate)>,
}

impl Flowing {
    fn new(budget: Bps) -> Self {
        let rates = [Rate::default(); 4];
        let [all, failed, hedged, retried] = rates;
        Self { all, failed, hedged, retried, took: Histogram::default(), budget, served: Vec::new() }
    }
}

#[derive(Debug, Default, Clone)]
struct Loading {
    all: Rate,
    failed: Rate,
    /// The most of the present and of the last stretch of [`MOST_FOR_S`].
    most: [f32; 2],
    /// Attempts that failed: when the request came, what was asked, what came of it; the last ones.
    errors: VecDeque<(UnixMs, RowId, Attempt)>,
}

impl Loading {
    fn tried(&mut self, trace: &Trace, attempt: &Attempt) {
        self.all.now += 1;
        if failed(attempt.outcome) {
            self.failed.now += 1;
            if self.errors.len() == ERRORS {
                self.errors.pop_front();
            }
            self.errors.push_back((trace.at, RowId(trace.row), *attempt));
        }
    }

    fn load(&self, beacon: &BeaconName) -> Load {
        let error = |(at, asked, attempt): &(UnixMs, RowId, Attempt)| LoadError {
            at: *at,
            endpoint: row(*asked).name.to_owned(),
            outcome: attempt.outcome,
            status: attempt.status,
            took_ms: attempt.took_us / 1_000,
        };
        Load {
            beacon: beacon.clone(),
            per_s: self.all.per_s(),
            failed_per_s: self.failed.per_s(),
            most_per_s: round(self.most[0].max(self.most[1])),
            errors: self.errors.iter().map(error).collect(),
        }
    }
}

#[derive(Debug, Default)]
struct Answers {
    took: Histogram,
    late: u32,
    spread: [u32; SPREAD],
}

/// A client, a use (its discriminant) and a step.
type Kind = (ClientId, u8, Option<Step>);

/// The counts.
#[derive(Debug, Default)]
pub struct Tally {
    flows: HashMap<Kind, Flowing>,
    loads: Vec<Loading>,
    steps: HashMap<(Step, BeaconId), Answers>,
    seconds: u64,
    /// The slot of the last request.
    slot: Slot,
}

/// Whether an attempt says that its beacon failed.
fn failed(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Failed | Outcome::Unreachable | Outcome::Broken | Outcome::TimedOut)
}

impl Tally {
    /// Counts one request.
    pub fn record(&mut self, trace: &Trace, clock: Option<&SlotClock>) {
        self.slot = trace.slot;
        let row = row(RowId(trace.row));
        let tried = &trace.tried[..usize::from(trace.attempts).min(trace.tried.len())];
        for attempt in tried {
            let place = attempt.beacon.index();
            if self.loads.len() <= place {
                self.loads.resize(place + 1, Loading::default());
            }
            self.loads[place].tried(trace, attempt);
        }
        let kind = (trace.client, row.needs as u8, row.step);
        let flow = self.flows.entry(kind).or_insert_with(|| Flowing::new(row.budget.total));
        flow.all.now += 1;
        flow.failed.now += u32::from(trace.status >= 500);
        let again = trace.attempts > 1 && tried.iter().any(|attempt| failed(attempt.outcome));
        let overtaken = tried.iter().any(|attempt| attempt.outcome == Outcome::Overtaken);
        flow.retried.now += u32::from(again);
        flow.hedged.now += u32::from(row.strategy == Strategy::Any && overtaken);
        flow.took.count(u64::from(trace.took_us));
        let Served::Beacon(beacon) = trace.served else { return };
        match flow.served.iter_mut().find(|(id, _)| *id == beacon) {
            Some((_, rate)) => rate.now += 1,
            None => flow.served.push((beacon, Rate { now: 1, smooth: 0.0 })),
        }
        if let (Some(step), Some(clock)) = (row.step, clock) {
            self.answered(step, beacon, trace, clock);
        }
    }

    fn answered(&mut self, step: Step, beacon: BeaconId, trace: &Trace, clock: &SlotClock) {
        let slot_ms = clock.slot_ms(trace.slot).max(1) as i64;
        let due = clock.due(trace.slot, step).since(clock.start_of(trace.slot));
        let after_due = i64::from(trace.due_ms) + i64::from(trace.took_us / 1_000);
        let answers = self.steps.entry((step, beacon)).or_default();
        answers.took.count(u64::from(trace.took_us));
        answers.late += u32::from(after_due > slot_ms / LATE_AFTER);
        let part = (due + after_due).max(0) * SPREAD as i64 / slot_ms;
        answers.spread[(part as usize).min(SPREAD - 1)] += 1;
    }

    /// A second is over.
    pub fn second(&mut self) {
        self.seconds += 1;
        for flow in self.flows.values_mut() {
            for rate in [&mut flow.all, &mut flow.failed, &mut flow.hedged, &mut flow.retried] {
                rate.second();
            }
            flow.served.iter_mut().for_each(|(_, rate)| rate.second());
            flow.served.retain(|(_, rate)| rate.smooth >= LEAST);
        }
        self.flows.retain(|_, flow| flow.all.smooth >= LEAST);
        for load in &mut self.loads {
            load.all.second();
            load.failed.second();
            load.most[0] = load.most[0].max(load.all.smooth);
            if self.seconds.is_multiple_of(MOST_FOR_S) {
                load.most = [load.all.smooth, load.most[0]];
            }
        }
        if self.seconds.is_multiple_of(FADE_EVERY_S) {
            self.fade();
        }
    }

    fn fade(&mut self) {
        self.flows.values().for_each(|flow| flow.took.halve());
        for answers in self.steps.values_mut() {
            answers.took.halve();
            answers.late /= 2;
            answers.spread.iter_mut().for_each(|count| *count /= 2);
        }
        self.steps.retain(|_, answers| answers.spread.iter().any(|count| *count > 0));
    }

    /// What is shown of it, but for the clock.
    pub fn traffic(&self, beacons: &[BeaconName], clients: &[String], clock: Option<&SlotClock>) -> Traffic {
        let slot_ms = clock.map_or(0, |clock| clock.slot_ms(self.slot));
        let mut flows: Vec<(Kind, Flow)> = self
            .flows
            .iter()
            .map(|(key, flowing)| (*key, flow(*key, flowing, beacons, clients, slot_ms)))
            .collect();
        flows.sort_by_key(|((client, needs, step), _)| (*client, step.map(|step| step as u8), *needs));
        let loads = beacons.iter().enumerate().map(|(place, beacon)| {
            self.loads.get(place).map_or_else(|| Load::none(beacon.clone()), |load| load.load(beacon))
        });
        let mut steps: Vec<((u8, BeaconId), StepAnswers)> = self
            .steps
            .iter()
            .filter_map(|((step, id), answers)| {
                Some(((*step as u8, *id), step_answers(*step, beacons.get(id.index())?, answers)))
            })
            .collect();
        steps.sort_by_key(|(key, _)| *key);
        Traffic {
            timing: None,
            flows: flows.into_iter().map(|(_, flow)| flow).collect(),
            loads: loads.collect(),
            steps: steps.into_iter().map(|(_, answers)| answers).collect(),
        }
    }
}

/// Where a slot and its due points lie.
pub fn timing(clock: &SlotClock, slot: Slot) -> Timing {
    let start = clock.start_of(slot);
    let mut due: Vec<(Step, u64)> =
        Step::ALL.iter().map(|step| (*step, clock.due(slot, *step).since(start).max(0) as u64)).collect();
    due.sort_by_key(|(_, at)| *at);
    Timing { slot_start: start, slot_ms: clock.slot_ms(slot), slots_per_epoch: clock.slots_per_epoch(), due }
}

fn flow(
    (client, needs, step): Kind,
    flowing: &Flowing,
    beacons: &[BeaconName],
    clients: &[String],
    slot_ms: u64,
) -> Flow {
    let total: f32 = flowing.served.iter().map(|(_, rate)| rate.smooth).sum();
    let mut served: Vec<(BeaconName, f32)> = flowing
        .served
        .iter()
        .filter_map(|(id, rate)| {
            Some((beacons.get(id.index())?.clone(), round(rate.smooth / total.max(LEAST))))
        })
        .collect();
    served.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Flow {
        client: clients.get(usize::from(client.0)).cloned().unwrap_or_default(),
        needs: Use::ALL.get(usize::from(needs)).copied().unwrap_or(Use::Read),
        step,
        per_s: flowing.all.per_s(),
        failed_per_s: flowing.failed.per_s(),
        hedged_per_s: flowing.hedged.per_s(),
        retried_per_s: flowing.retried.per_s(),
        p50_ms: ms(&flowing.took, 5_000),
        p99_ms: ms(&flowing.took, 9_900),
        budget_ms: flowing.budget.of(slot_ms) as u32,
        served,
    }
}

fn step_answers(step: Step, beacon: &BeaconName, answers: &Answers) -> StepAnswers {
    StepAnswers {
        step,
        beacon: beacon.clone(),
        answers: answers.spread.iter().sum(),
        late: answers.late,
        p50_ms: ms(&answers.took, 5_000),
        p99_ms: ms(&answers.took, 9_900),
        spread: answers.spread.to_vec(),
    }
}

fn ms(took: &Histogram, share: u16) -> f32 {
    round(took.quantile(Bps(share), 1).unwrap_or(0) as f32 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Verb, table};
    use crate::model::{Attempt, TRACE_ATTEMPTS, UnixMs};

    fn names() -> (Vec<BeaconName>, Vec<String>) {
        (vec![BeaconName::new("b1"), BeaconName::new("b2")], vec!["unnamed".into(), "vc".into()])
    }

    /// Attestation data for `vc`: asked of b1, which timed out, then of b2.
    fn trace(number: u64) -> Trace {
        let place =
            table().iter().position(|row| row.step == Some(Step::Attest) && row.verb == Verb::Get).unwrap();
        let mut tried = [Attempt::default(); TRACE_ATTEMPTS];
        tried[0] = Attempt { beacon: BeaconId(0), outcome: Outcome::TimedOut, ..Attempt::default() };
        tried[1] = Attempt { beacon: BeaconId(1), outcome: Outcome::Ok, status: 200, ..Attempt::default() };
        Trace {
            id: number,
            at: UnixMs(0),
            client: ClientId(1),
            row: place as u16,
            slot: Slot(3),
            due_ms: 5,
            table: 1,
            status: 200,
            served: Served::Beacon(BeaconId(1)),
            shared: None,
            took_us: 40_000,
            bytes_in: 0,
            bytes_out: 0,
            attempts: 2,
            tried,
        }
    }

    #[test]
    fn rates_follow_what_passes_and_forget() {
        let (beacons, clients) = names();
        let mut tally = Tally::default();
        for second in 0..60 {
            (0..20).for_each(|number| tally.record(&trace(second * 20 + number), None));
            tally.second();
        }
        let traffic = tally.traffic(&beacons, &clients, None);
        let [flow] = traffic.flows.as_slice() else { panic!("{:?}", traffic.flows) };
        assert_eq!((flow.client.as_str(), flow.needs, flow.step), ("vc", Use::Sign, Some(Step::Attest)));
        assert!((flow.per_s - 20.0).abs() < 0.2 && (flow.retried_per_s - 20.0).abs() < 0.2, "{flow:?}");
        assert_eq!((flow.failed_per_s, flow.hedged_per_s), (0.0, 0.0));
        assert_eq!(flow.served, [(BeaconName::new("b2"), 1.0)]);
        assert!(flow.p50_ms >= 40.0 && flow.p99_ms <= 50.0, "{flow:?}");
        let [first, second] = traffic.loads.as_slice() else { panic!() };
        assert!((first.failed_per_s - 20.0).abs() < 0.2 && second.failed_per_s.abs() < 1e-6);
        assert!((second.most_per_s - 20.0).abs() < 0.2);
        assert_eq!((first.errors.len(), second.errors.len()), (ERRORS, 0));
        let last = first.errors.last().unwrap();
        assert_eq!((last.endpoint.as_str(), last.outcome), ("produceAttestationData", Outcome::TimedOut));
        (0..120).for_each(|_| tally.second());
        let later = tally.traffic(&beacons, &clients, None);
        assert!(later.flows.is_empty(), "{:?}", later.flows);
        assert!((later.loads[1].most_per_s - 20.0).abs() < 0.2, "the most is remembered");
        (0..2 * MOST_FOR_S).for_each(|_| tally.second());
        assert!(tally.traffic(&beacons, &clients, None).loads[1].most_per_s < 0.1);
    }

    #[test]
    fn an_answer_is_late_a_twelfth_of_a_slot_after_its_due_point() {
        let (beacons, clients) = names();
        let clock = SlotClock::plain(0, 12);
        let mut tally = Tally::default();
        for due_ms in [-3_000, 5, 940, 980, 4_000] {
            tally.record(&Trace { due_ms, ..trace(1) }, Some(&clock));
        }
        let steps = tally.traffic(&beacons, &clients, None).steps;
        let [answers] = steps.as_slice() else { panic!("{steps:?}") };
        assert_eq!((answers.answers, answers.late), (5, 2), "40 ms each: two were there after 1,000 ms");
    }
}
