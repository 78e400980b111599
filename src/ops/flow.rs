//! The course of one operation: which step is at work, when it has ended, what is to be done next. Pure.

use super::ready;
use crate::model::{
    BeaconName, BeaconStatus, Ending, FleetStatus, Lifecycle, Operation, OperationStep as Step, Reason,
    StepState, StepStatus, UnixMs, Verb,
};

/// How long a step may take before it has failed, in milliseconds. The run's limit is the fleet file's, as is `wait_ms`.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Until nothing is in flight.
    pub drain_ms: u64,
    /// Until the beacon is fit again.
    pub wait_ms: u64,
    /// Until the resumed beacon is active.
    pub resume_ms: u64,
    /// Until it has been told what it lost.
    pub told_ms: u64,
}

impl Default for Bounds {
    /// A drain ends with its longest request; a beacon that was down for an upgrade may have to catch up for a while.
    fn default() -> Self {
        Self { drain_ms: 120_000, wait_ms: 1_800_000, resume_ms: 10_000, told_ms: 60_000 }
    }
}

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// The fleet as it is now, also told when nothing changed, so that time passes.
    Fleet(&'a FleetStatus),
    /// The program ended: the end of what it printed, or why it failed and what it printed.
    Ran(Result<String, (String, String)>),
    /// Somebody ends it.
    Abort(String),
    /// An order of the operation's own could not be given.
    Refused(String),
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Drain the beacon.
    Drain,
    /// Run the program.
    Run,
    /// End the program.
    Kill,
    /// Resume the beacon.
    Resume,
}

/// One operation and what it waits for.
#[derive(Debug, Clone)]
pub struct Flow {
    operation: Operation,
    bounds: Bounds,
}

impl Flow {
    /// Begins with the drain.
    pub fn begin(
        id: u64,
        verb: Verb,
        beacon: BeaconName,
        who: String,
        bounds: Bounds,
        now: UnixMs,
    ) -> (Self, Action) {
        let step = |step| StepStatus {
            step,
            state: StepState::Pending,
            detail: String::new(),
            began: None,
            ended: None,
        };
        let steps = Step::ALL.map(step).into();
        let operation =
            Operation { id, verb, beacon, who, began: now, steps, end: None, output: String::new() };
        let mut flow = Self { operation, bounds };
        flow.enter(Step::Drain, "new work goes elsewhere", now);
        (flow, Action::Drain)
    }

    /// How far it has come.
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Takes what happened; says what is to be done.
    pub fn handle(&mut self, event: Event<'_>, now: UnixMs) -> Option<Action> {
        if self.operation.end.is_some() {
            return None;
        }
        match event {
            Event::Fleet(fleet) => self.look(fleet, now),
            Event::Ran(Ok(output)) => {
                self.operation.output = output;
                self.leave("it ended well", now);
                self.enter(Step::Wait, "it has not answered since", now);
                None
            }
            Event::Ran(Err((why, output))) => {
                self.operation.output = output;
                self.fail(&why, now)
            }
            Event::Abort(who) => self.abort(&who, now),
            Event::Refused(why) => self.fail(&why, now),
        }
    }

    fn look(&mut self, fleet: &FleetStatus, now: UnixMs) -> Option<Action> {
        let Some(beacon) = fleet.beacons.iter().find(|beacon| beacon.name == self.operation.beacon) else {
            return self.fail("it is no longer in the fleet file", now);
        };
        match self.step() {
            Step::Drain => self.drained(beacon, now),
            Step::Run => None,
            Step::Wait => self.fit(beacon, now),
            Step::Resume => self.active(beacon, now),
        }
    }

    fn drained(&mut self, beacon: &BeaconStatus, now: UnixMs) -> Option<Action> {
        match beacon.lifecycle {
            Lifecycle::Drained => {
                self.leave("nothing is in flight", now);
                self.enter(Step::Run, "at work", now);
                Some(Action::Run)
            }
            Lifecycle::Draining(n) => {
                let what = format!("{n} in flight");
                self.still(&what, self.bounds.drain_ms, now)
            }
            Lifecycle::Active if self.elapsed(now) > self.bounds.resume_ms => {
                self.fail("somebody resumed it", now)
            }
            Lifecycle::Active => None,
        }
    }

    fn fit(&mut self, beacon: &BeaconStatus, now: UnixMs) -> Option<Action> {
        if beacon.lifecycle == Lifecycle::Active {
            return self.fail("somebody resumed it", now);
        }
        let ran = self.status(Step::Run).ended.unwrap_or(now);
        if let Some(missing) = ready::missing(beacon, ran) {
            return self.still(&missing, self.bounds.wait_ms, now);
        }
        self.leave("reachable, synced and at the agreed head", now);
        self.enter(Step::Resume, "work comes back", now);
        Some(Action::Resume)
    }

    fn active(&mut self, beacon: &BeaconStatus, now: UnixMs) -> Option<Action> {
        if beacon.lifecycle == Lifecycle::Active && beacon.reasons.contains(&Reason::Unseeded) {
            return self.still("it is being told what it must know", self.bounds.told_ms, now);
        }
        if beacon.lifecycle == Lifecycle::Active {
            self.leave("in use", now);
            let took = now.since(self.operation.began).max(0) / 1_000;
            let words = format!("{} of {} done in {took} s", self.operation.verb, self.operation.beacon);
            self.operation.end = Some((Ending::Succeeded, now, words));
            return None;
        }
        self.still("not yet in use", self.bounds.resume_ms, now)
    }

    fn abort(&mut self, who: &str, now: UnixMs) -> Option<Action> {
        let (step, beacon) = (self.step(), self.operation.beacon.clone());
        let (action, left) = match step {
            Step::Drain => (Some(Action::Resume), format!("nothing was run; {beacon} is resumed")),
            Step::Run => (
                Some(Action::Kill),
                format!(
                    "its program was ended and may have done half its work; look at {beacon}, then resume it"
                ),
            ),
            Step::Wait => (None, format!("{beacon} stays drained; resume it when it is fit")),
            Step::Resume => (None, format!("{beacon} is resumed already")),
        };
        self.leave_as(StepState::Failed, &format!("ended by {who}"), now);
        self.operation.end = Some((Ending::Aborted, now, format!("ended by {who}: {left}")));
        action
    }

    fn fail(&mut self, why: &str, now: UnixMs) -> Option<Action> {
        let (verb, beacon) = (self.operation.verb, &self.operation.beacon);
        let words = match self.step() {
            Step::Drain => {
                format!("{beacon} could not be drained: {why}; {verb} was not begun, resume it or try again")
            }
            Step::Run => format!(
                "{verb} of {beacon} failed: {why}; it stays drained: mend it, then {verb} again or resume"
            ),
            Step::Wait => format!(
                "{beacon} is not fit after its {verb}: {why}; it stays drained: look at its log, then resume it"
            ),
            Step::Resume => format!("{beacon} could not be resumed: {why}; resume it by hand"),
        };
        self.leave_as(StepState::Failed, why, now);
        self.operation.end = Some((Ending::Failed, now, words));
        None
    }

    /// The step goes on, unless its time is over.
    fn still(&mut self, what: &str, bound_ms: u64, now: UnixMs) -> Option<Action> {
        if self.elapsed(now) > bound_ms {
            return self.fail(&format!("after {} s {what}", bound_ms / 1_000), now);
        }
        what.clone_into(&mut self.at_work().detail);
        None
    }

    fn step(&self) -> Step {
        let running = self.operation.steps.iter().find(|step| step.state == StepState::Running);
        running.map_or(Step::Drain, |step| step.step)
    }

    fn status(&self, step: Step) -> &StepStatus {
        &self.operation.steps[step as usize]
    }

    fn at_work(&mut self) -> &mut StepStatus {
        let step = self.step();
        &mut self.operation.steps[step as usize]
    }

    fn elapsed(&self, now: UnixMs) -> u64 {
        now.since(self.status(self.step()).began.unwrap_or(now)).max(0) as u64
    }

    fn enter(&mut self, step: Step, detail: &str, now: UnixMs) {
        let status = &mut self.operation.steps[step as usize];
        status.state = StepState::Running;
        status.began = Some(now);
        detail.clone_into(&mut status.detail);
    }

    fn leave(&mut self, detail: &str, now: UnixMs) {
        self.leave_as(StepState::Done, detail, now);
    }

    fn leave_as(&mut self, state: StepState, detail: &str, now: UnixMs) {
        let status = self.at_work();
        status.state = state;
        status.ended = Some(now);
        detail.clone_into(&mut status.detail);
    }
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// A beacon that is out for these reasons, last observed far in the future.
    pub fn beacon(name: &str, reasons: &[Reason]) -> BeaconStatus {
        let text = format!(
            r#"{{"name":"{name}","lifecycle":{{"state":"active"}},"healthy":{},"reasons":[],"detail":"","head":null,
            "lag":0,"peers":80,"version":null,"execution":null,"in-flight":0,"latency-us":4000,"answered":1,"failed":0,
            "observed":9000000000000,"since":0}}"#,
            reasons.is_empty()
        );
        let mut beacon: BeaconStatus = serde_json::from_str(&text).unwrap();
        beacon.reasons = reasons.to_vec();
        beacon
    }

    /// A fleet of these beacons.
    pub fn fleet(beacons: Vec<BeaconStatus>) -> FleetStatus {
        let text = r#"{"fleet":"f","version":"0","network":null,"genesis-validators-root":null,"slot":1,"epoch":0,
            "agreed":null,"at":0,"beacons":[],"alerts":[]}"#;
        FleetStatus { beacons, ..serde_json::from_str(text).unwrap() }
    }

    fn with(lifecycle: Lifecycle, reasons: &[Reason]) -> FleetStatus {
        fleet(vec![BeaconStatus { lifecycle, ..beacon("b1", reasons) }])
    }

    fn begun() -> Flow {
        let name = BeaconName::new("b1");
        let (flow, action) =
            Flow::begin(1, Verb::Restart, name, "alice".into(), Bounds::default(), UnixMs(0));
        assert_eq!(action, Action::Drain);
        flow
    }

    const DRAINED: &[Reason] = &[Reason::Drained];

    /// A flow whose program has ended well.
    fn waiting() -> Flow {
        let mut flow = begun();
        assert_eq!(flow.handle(Event::Fleet(&with(Lifecycle::Draining(2), DRAINED)), UnixMs(1_000)), None);
        assert_eq!(flow.operation().current().unwrap().detail, "2 in flight");
        let ran = flow.handle(Event::Fleet(&with(Lifecycle::Drained, DRAINED)), UnixMs(2_000));
        assert_eq!(ran, Some(Action::Run));
        assert_eq!(flow.handle(Event::Fleet(&with(Lifecycle::Drained, DRAINED)), UnixMs(2_500)), None);
        assert_eq!(flow.handle(Event::Ran(Ok("ok".into())), UnixMs(3_000)), None);
        flow
    }

    #[test]
    fn a_restart_drains_runs_waits_and_resumes() {
        let mut flow = waiting();
        let syncing = with(Lifecycle::Drained, &[Reason::Drained, Reason::Syncing]);
        assert_eq!(flow.handle(Event::Fleet(&syncing), UnixMs(4_000)), None);
        assert!(flow.operation().current().unwrap().detail.contains("syncing"));
        let fit = with(Lifecycle::Drained, &[Reason::Drained, Reason::Unseeded]);
        let resumed = flow.handle(Event::Fleet(&fit), UnixMs(9_000));
        assert_eq!(resumed, Some(Action::Resume));
        assert_eq!(
            flow.handle(Event::Fleet(&with(Lifecycle::Active, &[Reason::Unseeded])), UnixMs(9_500)),
            None
        );
        assert!(flow.operation().current().unwrap().detail.contains("told what it must know"));
        assert_eq!(flow.handle(Event::Fleet(&with(Lifecycle::Active, &[])), UnixMs(10_000)), None);
        let end = flow.operation().end.clone().unwrap();
        assert_eq!(end, (Ending::Succeeded, UnixMs(10_000), "restart of b1 done in 10 s".into()));
        assert!(flow.operation().steps.iter().all(|step| step.state == StepState::Done));
    }

    #[test]
    fn a_program_that_fails_leaves_the_beacon_drained_and_says_what_to_do() {
        let mut flow = begun();
        flow.handle(Event::Fleet(&with(Lifecycle::Drained, DRAINED)), UnixMs(1));
        assert_eq!(flow.handle(Event::Ran(Err(("exit 3".into(), "no disk".into()))), UnixMs(2)), None);
        let (ending, _, words) = flow.operation().end.clone().unwrap();
        assert_eq!(ending, Ending::Failed);
        assert!(words.contains("exit 3") && words.contains("stays drained"), "{words}");
        assert_eq!(flow.operation().output, "no disk");
        assert_eq!(flow.handle(Event::Fleet(&with(Lifecycle::Drained, DRAINED)), UnixMs(3)), None);
    }

    #[rstest]
    #[case::drain(begun(), with(Lifecycle::Draining(1), DRAINED), 120_001, "1 in flight")]
    #[case::wait(waiting(), with(Lifecycle::Drained, &[Reason::Drained, Reason::Syncing]), 1_803_001, "syncing")]
    #[case::resumed_by_another(waiting(), with(Lifecycle::Active, &[]), 4_000, "somebody resumed it")]
    #[case::gone(waiting(), fleet(vec![]), 4_000, "no longer in the fleet file")]
    fn a_step_that_does_not_end_fails(
        #[case] mut flow: Flow,
        #[case] now: FleetStatus,
        #[case] at: u64,
        #[case] says: &str,
    ) {
        assert_eq!(flow.handle(Event::Fleet(&now), UnixMs(at)), None);
        let (ending, _, words) = flow.operation().end.clone().unwrap();
        assert_eq!(ending, Ending::Failed);
        assert!(words.contains(says), "{words}");
    }

    #[test]
    fn who_aborts_is_named_and_what_is_left_depends_on_the_step() {
        let mut flow = begun();
        assert_eq!(flow.handle(Event::Abort("bob".into()), UnixMs(1)), Some(Action::Resume));
        let mut flow = begun();
        flow.handle(Event::Fleet(&with(Lifecycle::Drained, DRAINED)), UnixMs(1));
        assert_eq!(flow.handle(Event::Abort("bob".into()), UnixMs(2)), Some(Action::Kill));
        assert!(flow.operation().end.as_ref().unwrap().2.contains("bob"));
        let mut flow = waiting();
        assert_eq!(flow.handle(Event::Abort("bob".into()), UnixMs(4_000)), None);
        assert_eq!(flow.operation().end.as_ref().unwrap().0, Ending::Aborted);
    }

    proptest! {
        /// Whatever happens: steps end in order, nothing is resumed that was run and is not fit, an end is an end.
        #[test]
        fn never_resumed_unfit(events in proptest::collection::vec(0_u8..8, 1..40)) {
            let mut flow = begun();
            let (mut now, mut ran) = (0, false);
            for event in events {
                now += 500;
                let at = UnixMs(now);
                let ended = flow.operation().end.is_some();
                let unfit = with(Lifecycle::Drained, &[Reason::Drained, Reason::Unreachable]);
                let action = match event {
                    0 => flow.handle(Event::Fleet(&with(Lifecycle::Draining(1), DRAINED)), at),
                    1 | 2 => flow.handle(Event::Fleet(&with(Lifecycle::Drained, DRAINED)), at),
                    3 => flow.handle(Event::Fleet(&unfit), at),
                    4 if ran => { ran = false; flow.handle(Event::Ran(Ok(String::new())), at) }
                    5 if ran => { ran = false; flow.handle(Event::Ran(Err(Default::default())), at) }
                    6 => flow.handle(Event::Abort("x".into()), at),
                    _ => flow.handle(Event::Fleet(&with(Lifecycle::Active, &[])), at),
                };
                prop_assert!(!(ended && action.is_some()), "an end is an end");
                if action == Some(Action::Run) { ran = true; }
                if action == Some(Action::Resume) {
                    prop_assert!(event != 3, "resumed while unreachable");
                }
                let states: Vec<_> = flow.operation().steps.iter().map(|s| s.state).collect();
                let done = states.iter().take_while(|state| **state == StepState::Done).count();
                prop_assert!(states[done..].iter().all(|state| *state != StepState::Done), "{:?}", states);
            }
        }
    }
}
