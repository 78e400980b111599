//! `beacondeck drain` and `beacondeck resume`: take a beacon out of service and put it back.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::ask::{self, Stop};
use crate::control::{Answer, Request};
use crate::model::{BeaconName, BeaconStatus, Lifecycle};

/// Time between two looks while waiting.
const LOOK: Duration = Duration::from_millis(250);

/// Give a beacon no new work, so that it can be stopped without harm
#[derive(Debug, clap::Args)]
pub struct DrainArgs {
    /// Name of the beacon in the fleet file
    name: String,
    /// Wait until it is idle, at most so many seconds; exit 69 if it is not by then
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "120",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: Option<u64>,
}

/// Give a drained beacon work again
#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    /// Name of the beacon in the fleet file
    name: String,
    /// Wait until it is healthy and used, at most so many seconds; exit 69 if it is not by then
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "600",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: Option<u64>,
}

/// Runs `drain`.
pub fn drain(args: DrainArgs, global: &super::Global) -> anyhow::Result<ExitCode> {
    let beacon = BeaconName::new(args.name);
    let order = Request::Drain { beacon: beacon.clone() };
    order_and_wait(global, &beacon, order, args.wait, after_drain)
}

/// Runs `resume`.
pub fn resume(args: ResumeArgs, global: &super::Global) -> anyhow::Result<ExitCode> {
    let beacon = BeaconName::new(args.name);
    let order = Request::Resume { beacon: beacon.clone() };
    order_and_wait(global, &beacon, order, args.wait, after_resume)
}

/// How far an order has come, in one sentence.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Done(String),
    NotYet(String),
}

fn after_drain(beacon: &BeaconStatus) -> Progress {
    let name = &beacon.name;
    match beacon.lifecycle {
        Lifecycle::Drained => Progress::Done(format!("{name} is drained")),
        Lifecycle::Draining(1) => Progress::NotYet(format!("{name} is draining, 1 request in flight")),
        Lifecycle::Draining(n) => Progress::NotYet(format!("{name} is draining, {n} requests in flight")),
        Lifecycle::Active => Progress::NotYet(format!("{name} is still in use")),
    }
}

fn after_resume(beacon: &BeaconStatus) -> Progress {
    let name = &beacon.name;
    match (beacon.lifecycle, beacon.healthy) {
        (Lifecycle::Active, true) => Progress::Done(format!("{name} is up and used")),
        (Lifecycle::Active, false) => {
            let reason = beacon.reasons.first().map_or("not healthy", |reason| reason.words());
            Progress::NotYet(format!("{name} is not up yet: {reason}"))
        }
        _ => Progress::NotYet(format!("{name} is still out of use")),
    }
}

fn order_and_wait(
    global: &super::Global,
    beacon: &BeaconName,
    order: Request,
    wait: Option<u64>,
    progress: fn(&BeaconStatus) -> Progress,
) -> anyhow::Result<ExitCode> {
    let dir = match ask::control_dir(global) {
        Ok(dir) => dir,
        Err(stop) => return ask::finish(Err(stop)),
    };
    ask::run(carry_out(&dir, beacon, order, wait, progress))
}

async fn carry_out(
    dir: &Path,
    beacon: &BeaconName,
    order: Request,
    wait: Option<u64>,
    progress: fn(&BeaconStatus) -> Progress,
) -> Result<(), Stop> {
    let status = ask::status(dir).await?;
    ask::find(&status, beacon)?;
    match ask::ask(dir, order).await? {
        Answer::Done { message } => ask::print(&(message + "\n"))?,
        _ => return Err(ask::off_topic()),
    }
    match wait {
        Some(seconds) => watch(dir, beacon, seconds, progress).await,
        None => Ok(()),
    }
}

/// Looks until the order is done; each new sentence is printed once.
async fn watch(
    dir: &Path,
    beacon: &BeaconName,
    seconds: u64,
    progress: fn(&BeaconStatus) -> Progress,
) -> Result<(), Stop> {
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut said = String::new();
    loop {
        let status = ask::status(dir).await?;
        match progress(ask::find(&status, beacon)?) {
            Progress::Done(sentence) => return ask::print(&(sentence + "\n")),
            Progress::NotYet(sentence) if sentence != said => {
                ask::print(&format!("{sentence}\n"))?;
                said = sentence;
            }
            Progress::NotYet(_) => {}
        }
        if Instant::now() >= end {
            return Err(Stop::unavailable(format!("gave up after {seconds} s: {said}; the order stands")));
        }
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use rstest::rstest;
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::cli::fixture::{beacon, fleet};
    use crate::control::{Answering, ControlServer, Handler, Peer};
    use crate::model::Reason;

    fn not_yet(text: &str) -> Progress {
        Progress::NotYet(text.into())
    }

    fn done(text: &str) -> Progress {
        Progress::Done(text.into())
    }

    #[rstest]
    #[case(Lifecycle::Active, not_yet("b1 is still in use"))]
    #[case(Lifecycle::Draining(1), not_yet("b1 is draining, 1 request in flight"))]
    #[case(Lifecycle::Draining(0), not_yet("b1 is draining, 0 requests in flight"))]
    #[case(Lifecycle::Drained, done("b1 is drained"))]
    fn a_drain_ends_when_nothing_is_in_flight(#[case] lifecycle: Lifecycle, #[case] expected: Progress) {
        assert_eq!(after_drain(&BeaconStatus { lifecycle, ..beacon("b1") }), expected);
    }

    #[rstest]
    #[case(Lifecycle::Drained, true, not_yet("b1 is still out of use"))]
    #[case(Lifecycle::Active, false, not_yet("b1 is not up yet: warming up"))]
    #[case(Lifecycle::Active, true, done("b1 is up and used"))]
    fn a_resume_ends_when_the_beacon_is_used(
        #[case] lifecycle: Lifecycle,
        #[case] healthy: bool,
        #[case] expected: Progress,
    ) {
        let reasons = vec![Reason::WarmingUp];
        assert_eq!(after_resume(&BeaconStatus { lifecycle, healthy, reasons, ..beacon("b1") }), expected);
    }

    /// A serve whose beacon b1 has one request less in flight at each look; `orders` counts the drains.
    struct Serve {
        in_flight: AtomicU32,
        orders: AtomicU32,
    }

    impl Handler for Serve {
        fn handle(&self, request: Request, _peer: Peer) -> Answering<'_> {
            let answer = match request {
                Request::Status if self.orders.load(SeqCst) == 0 => {
                    Answer::Status(fleet(vec![beacon("b1")]).into())
                }
                Request::Status => {
                    let left = self.in_flight.load(SeqCst);
                    self.in_flight.store(left.saturating_sub(1), SeqCst);
                    let lifecycle = if left == 0 { Lifecycle::Drained } else { Lifecycle::Draining(left) };
                    Answer::Status(fleet(vec![BeaconStatus { lifecycle, ..beacon("b1") }]).into())
                }
                Request::Drain { .. } => {
                    self.orders.fetch_add(1, SeqCst);
                    Answer::Done { message: "b1 is draining".into() }
                }
                other => Answer::Refused { message: format!("{other:?}") },
            };
            Box::pin(std::future::ready(answer))
        }
    }

    async fn drain_of(name: &str, in_flight: u32, wait: Option<u64>) -> (Result<(), Stop>, u32, u32) {
        let dir = tempfile::TempDir::new().unwrap();
        let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
        let serve = Arc::new(Serve { in_flight: in_flight.into(), orders: 0.into() });
        ControlServer::start(dir.path(), serve.clone(), cancel.clone(), &tracker).await.unwrap();
        let name = BeaconName::new(name);
        let order = Request::Drain { beacon: name.clone() };
        let end = carry_out(dir.path(), &name, order, wait, after_drain).await;
        cancel.cancel();
        tracker.close();
        tracker.wait().await;
        (end, serve.orders.load(SeqCst), serve.in_flight.load(SeqCst))
    }

    #[tokio::test]
    async fn a_drain_that_waits_ends_when_the_beacon_is_idle() {
        assert_eq!(drain_of("b1", 3, Some(60)).await, (Ok(()), 1, 0));
    }

    #[tokio::test]
    async fn a_drain_that_does_not_wait_only_orders() {
        assert_eq!(drain_of("b1", 3, None).await, (Ok(()), 1, 3));
    }

    #[tokio::test]
    async fn a_drain_gives_up_in_words() {
        let (end, orders, _) = drain_of("b1", 1_000_000, Some(1)).await;
        let Err(Stop::Exit(69, sentence)) = end else { panic!("{end:?}") };
        assert!(sentence.starts_with("gave up after 1 s: b1 is draining,"), "{sentence}");
        assert_eq!(orders, 1);
    }

    #[tokio::test]
    async fn an_unknown_name_says_which_exist_and_orders_nothing() {
        let (end, orders, _) = drain_of("b3", 0, Some(1)).await;
        let Err(Stop::Exit(64, sentence)) = end else { panic!("{end:?}") };
        assert!(sentence.contains("no beacon b3") && sentence.ends_with("it has b1"), "{sentence}");
        assert_eq!(orders, 0);
    }

    #[tokio::test]
    async fn without_a_serve_the_command_says_so() {
        let dir = tempfile::TempDir::new().unwrap();
        let Err(Stop::Exit(69, sentence)) = ask::status(dir.path()).await else { panic!() };
        let path = dir.path().join("control.sock");
        let expected = format!("no serve is running for this fleet file ({})", path.display());
        assert!(sentence.starts_with(&expected), "{sentence}");
    }
}
