//! What the service manager is told (`sd_notify(3)`): ready, one line of status, reloading, stopping, sockets to keep; and,
//! for its watchdog, that the core moves.
//!
//! The watchdog hears of real progress only: of every part in [`Pulses`] since its last word. A part that stands still is
//! logged and the word withheld, so that the service manager ends the process. Without a service manager nothing happens.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::common::Common;
use super::pulse::{Progress, Pulses};
use crate::model::FleetStatus;
use crate::router::Router;

/// Set by a service manager that listens.
const SOCKET: &str = "NOTIFY_SOCKET";
/// Characters of a status line.
const LINE: usize = 240;
/// How often progress is looked for within the time of the watchdog.
const LOOKS: u32 = 4;
/// How often progress is looked for without a watchdog: for the log alone.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The doors are open: says so, and goes on telling how the fleet is.
pub fn start(common: &Common, status: &watch::Receiver<Arc<FleetStatus>>, router: &Arc<ArcSwap<Router>>) {
    common.manager.ready();
    let (pulses, asked) = (common.pulses.clone(), router.clone());
    let answers = move || asked.load().answers();
    common.tasks.spawn(run(common.manager, status.clone(), pulses, answers, common.cancel.clone()));
}

/// The service manager; absent unless it listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manager {
    listens: bool,
    watchdog: Option<Duration>,
}

impl Manager {
    /// The one that started this process, if any.
    pub fn of_process() -> Self {
        let listens = std::env::var_os(SOCKET).is_some();
        Self { listens, watchdog: sd_notify::watchdog_enabled().filter(|_| listens) }
    }

    /// Whether it keeps sockets for the next process.
    pub fn keeps(self) -> bool {
        self.listens
    }

    /// Asks it to keep a listening socket for the next process, by the name of its address. It knows a socket it has.
    pub fn keep(self, address: SocketAddr, socket: &impl AsFd) {
        let name = socket_name(address);
        if self.listens {
            let states = [NotifyState::FdStore, NotifyState::FdName(&name)];
            said(sd_notify::notify_with_fds(&states, &[socket.as_fd()]));
        }
    }

    /// Asks it to keep the socket of this address no longer.
    pub fn forget(self, address: SocketAddr) {
        self.tell(&[NotifyState::FdStoreRemove, NotifyState::FdName(&socket_name(address))]);
    }

    /// A reload begins; [`Manager::ready`] ends it, whatever came of it.
    pub fn reloading(self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!(%error, "the service manager is not told of the reload"),
        }
    }

    /// The doors are open, under the fleet file that is in force.
    pub fn ready(self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// Another process serves from now on, and is to be watched instead of this one: from this moment on, for it is heard only now.
    pub fn main_process(self, id: u32) {
        self.tell(&[NotifyState::Watchdog, NotifyState::MainPid(id)]);
    }

    /// What follows may take so long; it is not to be cut short by the unit's own time.
    pub fn extend(self, time: Duration) {
        self.tell(&[NotifyState::ExtendTimeoutUsec(u32::try_from(time.as_micros()).unwrap_or(u32::MAX))]);
    }

    /// The last word of this process.
    pub fn stopping(self) {
        self.tell(&[NotifyState::Status("stopped"), NotifyState::Stopping]);
    }

    fn tell(self, states: &[NotifyState<'_>]) {
        if self.listens {
            said(sd_notify::notify(states));
        }
    }
}

fn said(result: std::io::Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "the service manager cannot be told; see {SOCKET} and NotifyAccess= of the unit");
    }
}

/// `door-` and the address, without the colons that names may not have.
fn socket_name(address: SocketAddr) -> String {
    format!("door-{address}").replace(':', "_")
}

/// Looks for progress.
struct Watch {
    pulses: Pulses,
    progress: Progress,
    stands: Vec<&'static str>,
}

impl Watch {
    fn new(pulses: Pulses) -> Self {
        Self { progress: Progress::new(pulses.clone()), pulses, stands: Vec::new() }
    }

    /// Whether the watchdog may be fed. What stands still is logged, once until it moves.
    fn look(&mut self, answered: bool) -> bool {
        if answered {
            self.pulses.router.beat();
        }
        let still = self.progress.check().err().unwrap_or_default();
        let is_news = !still.is_empty() && still != self.stands;
        if is_news {
            tracing::error!(parts = still.join(", "), "parts of the core stand still");
        }
        self.stands = still;
        self.stands.is_empty()
    }
}

/// Tells status and progress until `cancel`. `answers` is asked before each look for progress: whether the router answers
/// a question of our own.
async fn run(
    manager: Manager,
    mut status: watch::Receiver<Arc<FleetStatus>>,
    pulses: Pulses,
    answers: impl Fn() -> bool,
    cancel: CancellationToken,
) {
    let mut watch = Watch::new(pulses);
    let mut looks = interval(manager.watchdog.map_or(LOOK_EVERY, |time| time / LOOKS));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first comes at once, before anything can have moved.
    looks.tick().await;
    let mut line = String::new();
    loop {
        let news = line_of(&status.borrow_and_update());
        if news != line {
            send(manager, NotifyState::Status(&news).to_string()).await;
            line = news;
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            changed = status.changed() => if changed.is_err() { return },
            _ = looks.tick() => if watch.look(answers()) {
                send(manager, NotifyState::Watchdog.to_string()).await;
            }
        }
    }
}

/// Says it on a thread that may wait: a service manager that is busy must not keep requests waiting.
async fn send(manager: Manager, text: String) {
    let telling = spawn_blocking(move || manager.tell(&[NotifyState::Custom(&text)]));
    // It has no way to panic, and a runtime that ends needs no word.
    let _ = telling.await;
}

/// The fleet in one line: `4 beacons up of 4, slot 123, 0 alerts`, and the first alert.
fn line_of(status: &FleetStatus) -> String {
    let (up, all) = (status.beacons.iter().filter(|beacon| beacon.healthy).count(), status.beacons.len());
    let slot = status.slot.map_or_else(|| "slot unknown".to_owned(), |slot| format!("slot {slot}"));
    let mut line = format!("{up} {} up of {all}, {slot}", if up == 1 { "beacon" } else { "beacons" });
    // Writing to a string cannot fail.
    let _ = match status.alerts.as_slice() {
        [] => write!(line, ", 0 alerts"),
        [one] => write!(line, ", 1 alert: {one}"),
        [first, ..] => write!(line, ", {} alerts: {first}", status.alerts.len()),
    };
    // Words of beacons are among them; a line break would begin another assignment.
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::time::Instant;

    use arc_swap::ArcSwap;

    use super::super::common::Common;
    use super::super::generation::Draft;
    use super::super::{gauges, start_pool};
    use super::*;
    use crate::config;
    use crate::model::Slot;
    use crate::store::StoreHandle;

    /// A clock that keeps whoever asks it waiting while it is stopped; it goes on at the latest with this.
    struct Stoppable(Arc<AtomicBool>);

    impl Drop for Stoppable {
        fn drop(&mut self) {
            self.0.store(false, Relaxed);
        }
    }

    /// The core of an engine as it runs, but for its clock.
    fn core() -> (Common, Stoppable) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "fleet: f\nlisten: 127.0.0.1:0\nbeacons: [{name: a, url: \"http://127.0.0.1:1\"}]\n";
        std::fs::write(file.path(), text).unwrap();
        let fleet = config::load(file.path()).unwrap().fleet;
        let (fleet, store) = (Arc::new(fleet), StoreHandle::waiting().unwrap());
        let (mut common, journal, messages, _seen) = Common::new(fleet.clone(), store, Manager::default());
        let clock = common.clock.clone();
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stoppable = Stoppable(is_stopped.clone());
        common.clock = Arc::new(move || {
            while is_stopped.load(Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            clock()
        });
        let draft = Draft::new(fleet, &common, None).unwrap();
        let (generation, course) = draft.build(&common, None);
        let (status, _) = start_pool(course, BTreeMap::new(), messages, &common);
        let router = Arc::new(ArcSwap::new(generation.router));
        common.tasks.spawn(journal.run(common.pulses.journal.clone(), common.cancel.clone()));
        common.tasks.spawn(gauges::run(router, common.clone(), status));
        (common, stoppable)
    }

    /// Looks from a thread that no task runs on: a task that hangs may keep the runtime's timers from running, too.
    fn until(watch: &mut Watch, what: &str, holds: impl Fn(&mut Watch) -> bool) {
        let began = Instant::now();
        while !holds(watch) {
            assert!(began.elapsed() < Duration::from_secs(20), "{what}: {:?}", watch.stands);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn the_watchdog_is_not_fed_while_the_pool_task_hangs() {
        let (common, clock) = core();
        let mut watch = Watch::new(common.pulses.clone());
        for _ in 0..2 {
            until(&mut watch, "all moves", |watch| watch.look(true));
        }
        clock.0.store(true, Relaxed);
        // The last beat before it hangs may still count.
        until(&mut watch, "the pool stands still", |watch| {
            !watch.look(true) && watch.stands.contains(&"pool")
        });
        let began = Instant::now();
        until(&mut watch, "time passes", |watch| {
            assert!(!watch.look(true), "fed although the pool's task hangs");
            began.elapsed() > Duration::from_millis(1_500)
        });
        clock.0.store(false, Relaxed);
        until(&mut watch, "all moves again", |watch| watch.look(true));
        until(&mut watch, "only the router does not answer", |watch| {
            !watch.look(false) && watch.stands == ["router"]
        });
        common.cancel.cancel();
    }

    #[test]
    fn a_status_line_is_one_line_of_bounded_length_and_begins_no_assignment() {
        let mut status = FleetStatus { slot: Some(Slot(123)), ..FleetStatus::default() };
        assert_eq!(line_of(&status), "0 beacons up of 0, slot 123, 0 alerts");
        status.alerts = vec!["b1 says x\nSTOPPING=1".to_owned()];
        assert_eq!(line_of(&status), "0 beacons up of 0, slot 123, 1 alert: b1 says x STOPPING=1");
        status.alerts = vec!["é".repeat(1_000); 2];
        let line = line_of(&status);
        assert!(line.starts_with("0 beacons up of 0, slot 123, 2 alerts: é"), "{line}");
        assert_eq!(line.chars().count(), LINE);
    }

    #[test]
    fn names_of_sockets_have_no_colons_and_tell_addresses_apart() {
        assert_eq!(socket_name("127.0.0.1:5052".parse().unwrap()), "door-127.0.0.1_5052");
        assert_eq!(socket_name("[::1]:5052".parse().unwrap()), "door-[__1]_5052");
    }
}
