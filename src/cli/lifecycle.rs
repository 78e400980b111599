//! What `drain` and `resume` share: give the order, then watch until it is carried out.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Failure, ask};
use crate::control::Order;
use crate::model::{BeaconName, BeaconStatus};

/// Time between two looks while waiting.
const LOOK: Duration = Duration::from_millis(250);

/// How far an order has come, in one sentence.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is carried out.
    Done(String),
    /// It stands, and this is missing.
    NotYet(String),
}

/// How sentences are printed.
#[derive(Debug, Clone, Copy)]
pub struct Say {
    /// As JSON, an object a line.
    pub json: bool,
}

/// A sentence about an order, for programs.
#[derive(serde::Serialize)]
struct Said<'a> {
    beacon: &'a BeaconName,
    message: &'a str,
    done: bool,
}

impl Say {
    /// Prints one.
    pub fn sentence(self, beacon: &BeaconName, message: &str, done: bool) -> anyhow::Result<()> {
        if self.json {
            return ask::print_json(&Said { beacon, message, done });
        }
        ask::print(&format!("{message}\n"))
    }
}

/// Gives an order to an existing beacon; with `wait`, watches for so many seconds. Each new sentence is printed once.
pub async fn carry_out(
    dir: &Path,
    beacon: &BeaconName,
    order: Order,
    say: Say,
    wait: Option<u64>,
    progress: fn(&BeaconStatus) -> Progress,
) -> anyhow::Result<()> {
    let status = ask::status(dir).await?;
    ask::find(&status, beacon)?;
    let message = ask::order(dir, order).await?;
    say.sentence(beacon, &message, wait.is_none())?;
    match wait {
        Some(seconds) => watch(dir, beacon, say, seconds, progress).await,
        None => Ok(()),
    }
}

async fn watch(
    dir: &Path,
    beacon: &BeaconName,
    say: Say,
    seconds: u64,
    progress: fn(&BeaconStatus) -> Progress,
) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut said = String::new();
    loop {
        let status = ask::status(dir).await?;
        match progress(ask::find(&status, beacon)?) {
            Progress::Done(sentence) => return say.sentence(beacon, &sentence, true),
            Progress::NotYet(sentence) if sentence != said => {
                say.sentence(beacon, &sentence, false)?;
                said = sentence;
            }
            Progress::NotYet(_) => {}
        }
        if Instant::now() >= end {
            let sentence = format!("gave up after {seconds} s: {said}; the order stands");
            return Err(Failure::Unavailable(sentence).into());
        }
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::cli::drain;
    use crate::console::fixture::{beacon, fleet};
    use crate::control::{Answer, Answering, ControlServer, Desk, Feeding, Handler, Peer, Request, Wanted};
    use crate::model::Lifecycle;

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
                Request::Order { what: Order::Drain { .. }, .. } => {
                    self.orders.fetch_add(1, SeqCst);
                    Answer::Done { message: "b1 is draining".into() }
                }
                other => Answer::Refused { message: format!("{other:?}") },
            };
            Box::pin(std::future::ready(answer))
        }

        fn feed(&self, _wanted: Wanted) -> Feeding<'_> {
            unreachable!("nobody watches")
        }
    }

    fn failure<T: std::fmt::Debug>(end: anyhow::Result<T>) -> Failure {
        end.unwrap_err().downcast().unwrap()
    }

    async fn drain_of(name: &str, in_flight: u32, wait: Option<u64>) -> (anyhow::Result<()>, u32, u32) {
        let dir = tempfile::TempDir::new().unwrap();
        let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
        let serve = Arc::new(Serve { in_flight: in_flight.into(), orders: 0.into() });
        let clock = Arc::new(crate::model::Moment::default);
        let desk = Desk::new(serve.clone(), clock, cancel.clone(), tracker.clone());
        ControlServer::start(dir.path(), &desk).await.unwrap();
        let name = BeaconName::new(name);
        let order = Order::Drain { beacon: name.clone() };
        let end = carry_out(dir.path(), &name, order, Say { json: false }, wait, drain::progress).await;
        cancel.cancel();
        tracker.close();
        tracker.wait().await;
        (end, serve.orders.load(SeqCst), serve.in_flight.load(SeqCst))
    }

    #[tokio::test]
    async fn a_drain_that_waits_ends_when_the_beacon_is_idle() {
        let (end, orders, in_flight) = drain_of("b1", 3, Some(60)).await;
        assert!(end.is_ok(), "{end:?}");
        assert_eq!((orders, in_flight), (1, 0));
    }

    #[tokio::test]
    async fn a_drain_that_does_not_wait_only_orders() {
        let (end, orders, in_flight) = drain_of("b1", 3, None).await;
        assert!(end.is_ok(), "{end:?}");
        assert_eq!((orders, in_flight), (1, 3));
    }

    #[tokio::test]
    async fn a_drain_gives_up_in_words() {
        let (end, orders, _) = drain_of("b1", 1_000_000, Some(1)).await;
        let Failure::Unavailable(sentence) = failure(end) else { panic!() };
        assert!(sentence.starts_with("gave up after 1 s: b1 is draining,"), "{sentence}");
        assert_eq!(orders, 1);
    }

    #[tokio::test]
    async fn an_unknown_name_says_which_exist_and_orders_nothing() {
        let (end, orders, _) = drain_of("b3", 0, Some(1)).await;
        let Failure::Usage(sentence) = failure(end) else { panic!() };
        assert!(sentence.contains("no beacon b3") && sentence.ends_with("it has b1"), "{sentence}");
        assert_eq!(orders, 0);
    }

    #[tokio::test]
    async fn without_a_serve_the_command_says_so() {
        let dir = tempfile::TempDir::new().unwrap();
        let Failure::Unavailable(sentence) = failure(ask::status(dir.path()).await) else { panic!() };
        let path = dir.path().join("observe.sock");
        let expected = format!("no serve is running for this fleet file ({})", path.display());
        assert!(sentence.starts_with(&expected), "{sentence}");
    }
}
