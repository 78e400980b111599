//! Runs operations: one task each, which owns its flow and does what it says.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::flow::{Action, Event, Flow};
use super::program::ProgramError;
use super::{Bounds, Program};
use crate::model::{BeaconName, Clock, FleetStatus, Operation, Verb};

/// Time passes in a flow at this pace.
const TICK: Duration = Duration::from_millis(500);
/// Ended operations that are remembered.
const REMEMBERED: usize = 32;

/// An order's end: nothing, or why it was not carried out.
pub type Ordering<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// What an operation reaches the rest of the house by.
pub trait Hands: Send + Sync {
    /// Drains or resumes a beacon on somebody's behalf.
    fn order<'a>(&'a self, beacon: &'a BeaconName, drain: bool, who: &'a str) -> Ordering<'a>;
    /// An operation has changed, or begun; all that run and the last that have ended, oldest first, beside it.
    fn changed(&self, operations: &[Operation], changed: &Operation);
}

/// One that runs: how to end it.
#[derive(Debug, Clone)]
struct Running {
    id: u64,
    abort: mpsc::Sender<String>,
}

#[derive(Default)]
struct Book {
    last: u64,
    operations: VecDeque<Operation>,
    running: Vec<Running>,
}

/// Starts operations and knows what has become of them.
#[derive(Clone)]
pub struct Runner {
    book: Arc<Mutex<Book>>,
    hands: Arc<dyn Hands>,
    status: watch::Receiver<Arc<FleetStatus>>,
    clock: Clock,
    tracker: TaskTracker,
    bounds: Bounds,
}

impl Runner {
    /// A runner that sees the fleet by `status`.
    pub fn new(
        hands: Arc<dyn Hands>,
        status: watch::Receiver<Arc<FleetStatus>>,
        clock: Clock,
        tracker: TaskTracker,
        bounds: Bounds,
    ) -> Self {
        Self { book: Arc::default(), hands, status, clock, tracker, bounds }
    }

    /// Begins an operation; the preflight has been passed. Its id, or who is at this beacon already.
    pub fn begin(&self, verb: Verb, beacon: &BeaconName, who: &str, program: Program) -> Result<u64, String> {
        let mut book = self.book();
        let busy = book.operations.iter().find(|other| other.is_running() && other.beacon == *beacon);
        if let Some(busy) = busy {
            return Err(format!("{} of {beacon} by {} is under way", busy.verb, busy.who));
        }
        book.last += 1;
        let (abort, aborts) = mpsc::channel(1);
        let now = (self.clock)().wall;
        let bounds = Bounds { wait_ms: program.fit_within_ms(), ..self.bounds };
        let (flow, first) = Flow::begin(book.last, verb, beacon.clone(), who.to_owned(), bounds, now);
        while book.operations.len() >= REMEMBERED {
            // Running ones are few: a beacon has one at most.
            let Some(place) = book.operations.iter().position(|old| !old.is_running()) else { break };
            book.operations.remove(place);
        }
        book.operations.push_back(flow.operation().clone());
        let id = book.last;
        book.running.push(Running { id, abort });
        let all: Vec<Operation> = book.operations.iter().cloned().collect();
        drop(book);
        self.hands.changed(&all, flow.operation());
        self.tracker.spawn(self.clone().run(flow, first, program, aborts));
        Ok(id)
    }

    /// Ends the operation that runs at a beacon; in words, what was done about it.
    pub fn abort(&self, beacon: &BeaconName, who: &str) -> Result<String, String> {
        let book = self.book();
        let found = book.operations.iter().find(|other| other.is_running() && other.beacon == *beacon);
        let running = found
            .and_then(|found| Some((found, book.running.iter().find(|running| running.id == found.id)?)));
        let Some((found, running)) = running else { return Err(format!("nothing is under way at {beacon}")) };
        // A full queue holds an abort already.
        let _ = running.abort.try_send(who.to_owned());
        Ok(format!("the {} of {beacon} is being ended", found.verb))
    }

    /// All that run, and the last that have ended, oldest first.
    pub fn operations(&self) -> Vec<Operation> {
        self.book().operations.iter().cloned().collect()
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(self, mut flow: Flow, first: Action, program: Program, mut aborts: mpsc::Receiver<String>) {
        let mut status = self.status.clone();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let kill = CancellationToken::new();
        let (ended, mut ends) = mpsc::channel(1);
        let mut next = Some(first);
        loop {
            if let Some(action) = next.take()
                && let Err(why) = self.act(action, &flow, &program, &kill, &ended).await
            {
                flow.handle(Event::Refused(why), (self.clock)().wall);
            }
            self.note(flow.operation());
            if flow.operation().end.is_some() {
                return;
            }
            let fleet: Arc<FleetStatus>;
            let event = tokio::select! {
                Some(who) = aborts.recv() => Event::Abort(who),
                Some(end) = ends.recv() => Event::Ran(end),
                changed = status.changed() => match changed {
                    Ok(()) => {
                        fleet = status.borrow_and_update().clone();
                        Event::Fleet(&fleet)
                    }
                    Err(_) => Event::Abort("the end of serve".to_owned()),
                },
                _ = ticks.tick() => {
                    fleet = status.borrow().clone();
                    Event::Fleet(&fleet)
                }
            };
            next = flow.handle(event, (self.clock)().wall);
        }
    }

    async fn act(
        &self,
        action: Action,
        flow: &Flow,
        program: &Program,
        kill: &CancellationToken,
        ended: &mpsc::Sender<Result<String, (String, String)>>,
    ) -> Result<(), String> {
        let operation = flow.operation();
        let who = format!("{} ({})", operation.who, operation.verb);
        match action {
            Action::Drain => self.hands.order(&operation.beacon, true, &who).await,
            Action::Resume => self.hands.order(&operation.beacon, false, &who).await,
            Action::Kill => {
                kill.cancel();
                Ok(())
            }
            Action::Run => {
                let (program, kill, ended) = (program.clone(), kill.clone(), ended.clone());
                self.tracker.spawn(async move {
                    let end = program.run(kill).await;
                    let end =
                        end.map_err(|(error, output): (ProgramError, String)| (error.to_string(), output));
                    // An operation that has ended hears no more.
                    let _ = ended.send(end).await;
                });
                Ok(())
            }
        }
    }

    /// Keeps what is new, and tells it.
    fn note(&self, operation: &Operation) {
        let mut book = self.book();
        let Some(kept) = book.operations.iter_mut().find(|kept| kept.id == operation.id) else { return };
        if *kept == *operation {
            return;
        }
        kept.clone_from(operation);
        if operation.end.is_some() {
            book.running.retain(|running| running.id != operation.id);
        }
        let all: Vec<Operation> = book.operations.iter().cloned().collect();
        drop(book);
        self.hands.changed(&all, operation);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use tokio::time::timeout;

    use super::*;
    use crate::model::{BeaconStatus, Ending, How, Lifecycle, Moment, Procedure, Reason, UnixMs};
    use crate::ops::flow::tests::{beacon, fleet};
    use crate::ops::{Far, FarRun};

    /// No agent is known.
    struct Nowhere;

    impl Far for Nowhere {
        fn run<'a>(&'a self, host: &'a str, _: &'a str, _: CancellationToken) -> FarRun<'a> {
            Box::pin(async move { Err((format!("nobody knows {host}"), String::new())) })
        }
    }

    /// A pool of one beacon that does what it is told, at once.
    struct Pool {
        status: watch::Sender<Arc<FleetStatus>>,
        told: Mutex<Vec<String>>,
        refuses: bool,
    }

    impl Hands for Pool {
        fn order<'a>(&'a self, beacon: &'a BeaconName, drain: bool, who: &'a str) -> Ordering<'a> {
            Box::pin(async move {
                if self.refuses {
                    return Err("the pool is gone".to_owned());
                }
                self.told.lock().unwrap().push(format!("{who}: {beacon} {drain}"));
                self.status.send_modify(|status| *status = one(drain));
                Ok(())
            })
        }

        fn changed(&self, _: &[Operation], _: &Operation) {}
    }

    fn one(drained: bool) -> Arc<FleetStatus> {
        let (lifecycle, reasons): (_, &[Reason]) =
            if drained { (Lifecycle::Drained, &[Reason::Drained]) } else { (Lifecycle::Active, &[]) };
        Arc::new(fleet(vec![BeaconStatus { lifecycle, ..beacon("b1", reasons) }]))
    }

    fn runner(refuses: bool) -> (Runner, Arc<Pool>) {
        let (status, seen) = watch::channel(one(false));
        let pool = Arc::new(Pool { status, told: Mutex::default(), refuses });
        let time = Arc::new(AtomicU64::new(1));
        let clock: Clock = Arc::new(move || Moment { wall: UnixMs(time.fetch_add(1, SeqCst)), mono_us: 0 });
        (Runner::new(pool.clone(), seen, clock, TaskTracker::new(), Bounds::default()), pool)
    }

    fn program(script: &str) -> Program {
        let how = How::Command(["/bin/sh", "-c", script].map(str::to_owned).into());
        let minute = Duration::from_secs(60);
        Program::new(Procedure { how, timeout: minute, fit_within: minute }, Arc::new(Nowhere))
    }

    async fn ended(runner: &Runner, id: u64) -> Operation {
        let found = async {
            loop {
                let operations = runner.operations();
                let one = operations.into_iter().find(|one| one.id == id).unwrap();
                if !one.is_running() {
                    return one;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(60), found).await.unwrap()
    }

    #[tokio::test]
    async fn a_restart_by_command_drains_runs_and_resumes() {
        let (runner, pool) = runner(false);
        let name = BeaconName::new("b1");
        let id = runner.begin(Verb::Restart, &name, "alice", program("echo restarted")).unwrap();
        let busy = runner.begin(Verb::Upgrade, &name, "bob", program("true")).unwrap_err();
        assert_eq!(busy, "restart of b1 by alice is under way");
        let one = ended(&runner, id).await;
        assert_eq!((one.end.as_ref().unwrap().0, one.output.as_str()), (Ending::Succeeded, "restarted"));
        assert_eq!(*pool.told.lock().unwrap(), ["alice (restart): b1 true", "alice (restart): b1 false"]);
        assert!(runner.abort(&name, "bob").is_err(), "nothing is under way");
    }

    #[tokio::test]
    async fn a_command_that_fails_leaves_the_beacon_drained() {
        let (runner, pool) = runner(false);
        let name = BeaconName::new("b1");
        let id = runner.begin(Verb::Upgrade, &name, "alice", program("echo no disk; exit 7")).unwrap();
        let one = ended(&runner, id).await;
        let (ending, _, words) = one.end.unwrap();
        assert_eq!((ending, one.output.as_str()), (Ending::Failed, "no disk"));
        assert!(words.contains("exit status: 7") && words.contains("stays drained"), "{words}");
        assert_eq!(pool.told.lock().unwrap().len(), 1, "drained and not resumed");
    }

    #[tokio::test]
    async fn a_command_that_hangs_can_be_ended() {
        let (runner, _) = runner(false);
        let name = BeaconName::new("b1");
        let id = runner.begin(Verb::Restart, &name, "alice", program("sleep 600")).unwrap();
        let at_work = async {
            while runner.operations()[0].steps[1].state != crate::model::StepState::Running {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(60), at_work).await.unwrap();
        runner.abort(&name, "bob").unwrap();
        let (ending, _, words) = ended(&runner, id).await.end.unwrap();
        assert_eq!(ending, Ending::Aborted);
        assert!(words.contains("ended by bob"), "{words}");
    }

    #[tokio::test]
    async fn an_order_that_is_refused_ends_it_in_words() {
        let (runner, _) = runner(true);
        let id = runner.begin(Verb::Restart, &BeaconName::new("b1"), "alice", program("true")).unwrap();
        let (ending, _, words) = ended(&runner, id).await.end.unwrap();
        assert_eq!(ending, Ending::Failed);
        assert!(words.contains("the pool is gone"), "{words}");
    }
}
