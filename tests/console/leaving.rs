//! Every way out: the terminal is as it was, and routing goes on or ends as it should.

use std::time::{Duration, Instant};

use rstest::rstest;
use rustix::process::Signal;

use crate::load::Load;
use crate::processes;
use crate::room::Room;
use crate::terminal::Terminal;
use crate::wire::{READ, read, until};

/// An attached console whose terminal goes ends within this.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How a terminal goes.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// Somebody says so.
    Signal,
    /// It is closed.
    Closed,
}

impl Way {
    /// Takes it away.
    pub fn take(self, terminal: &mut Terminal) {
        match self {
            Way::Signal => terminal.signal(Signal::HUP),
            Way::Closed => terminal.close(),
        }
    }
}

#[rstest]
#[case(Signal::TERM)]
#[case(Signal::INT)]
#[case(Signal::QUIT)]
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_it_and_gives_the_terminal_back(#[case] signal: Signal) {
    let room = Room::served().await;
    let mut attached = room.console("ATTACHED").await;
    attached.signal(signal);
    assert!(attached.ended().await.success());
    attached.is_given_back().await;
    assert_eq!(read(room.program.door(), READ).await.status, 200, "serve goes on");
    let alone = Room::new().await;
    let mut embedded = alone.console("EMBEDDED").await;
    embedded.signal(signal);
    assert!(embedded.ended().await.success());
    embedded.is_given_back().await;
    embedded.sees(&["stopping: requests in flight finish"]).await;
    assert_eq!(processes::with_file(alone.program.file()), [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_picture_stays_in_the_scrollback_if_that_is_wanted() {
    let room = Room::served().await;
    let mut terminal = room.console("ATTACHED").await;
    terminal.press("Q");
    assert!(terminal.ended().await.success());
    terminal.is_given_back().await;
    terminal.sees(&["3/3 up", "lately"]).await;
    let mut other = room.console("ATTACHED").await;
    other.press("q");
    assert!(other.ended().await.success());
    other.is_given_back().await;
    other.misses(&["3/3 up"]).await;
}

#[rstest]
#[case(Way::Signal)]
#[case(Way::Closed)]
#[tokio::test(flavor = "multi_thread")]
async fn an_attached_console_without_its_terminal_ends_at_once(#[case] way: Way) {
    let room = Room::served().await;
    let mut terminal = room.console("ATTACHED").await;
    let began = Instant::now();
    way.take(&mut terminal);
    assert!(terminal.ended().await.success());
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    if matches!(way, Way::Signal) {
        terminal.is_given_back().await;
    }
    room.is_alone_and_calm(room.program.id()).await;
}

#[rstest]
#[case(Way::Signal)]
#[case(Way::Closed)]
#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_console_without_its_terminal_hands_over_under_load(#[case] way: Way) {
    let mut room = Room::new().await;
    let mut terminal = room.console("EMBEDDED").await;
    room.program.order(&["drain", "c", "--wait"]).await;
    let load = Load::start(room.program.door());
    load.goes_on(60).await;
    let console = terminal.id();
    way.take(&mut terminal);
    let successor = room.successor(console).await;
    load.goes_on(60).await;
    assert!(terminal.ended().await.success());
    if matches!(way, Way::Signal) {
        terminal.is_given_back().await;
    }
    load.goes_on(60).await;
    let done = load.stop().await;
    assert_eq!(done.failures, Vec::<String>::new());
    assert!(done.kept > 50 && done.fresh > 20, "{done:?}");
    assert_eq!(processes::session(successor), Some(successor), "a session of its own");
    until("what was ordered stays so", async || {
        room.program.status().await["beacons"][2]["lifecycle"]["state"] == "drained"
    })
    .await;
    room.is_alone_and_calm(successor).await;
    assert!(
        room.program.logged("routing"),
        "what it has to say is read somewhere, though its terminal is gone"
    );

    let next = room.open(&["console"]);
    next.sees(&["ATTACHED", "2/3 up", "DRAINED"]).await;
    drop(next);
    room.is_alone_and_calm(successor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routing_that_is_left_running_is_attached_to_by_the_next_console() {
    let mut room = Room::new().await;
    let mut terminal = room.console("EMBEDDED").await;
    let load = Load::start(room.program.door());
    load.goes_on(40).await;
    let console = terminal.id();
    terminal.press("q");
    terminal.sees(&["Leave?"]).await;
    terminal.press("l");
    let successor = room.successor(console).await;
    assert!(terminal.ended().await.success());
    terminal.is_given_back().await;
    terminal.sees(&[&format!("routing goes on in process {successor}")]).await;
    load.goes_on(40).await;
    assert_eq!(load.stop().await.failures, Vec::<String>::new());
    assert!(!terminal.text().contains("INFO"), "its log is not for this terminal: {}", terminal.text());
    let next = room.console("ATTACHED").await;
    drop(next);
    room.is_alone_and_calm(successor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_z_stops_an_attached_console_and_its_picture_comes_back() {
    let room = Room::served().await;
    let terminal = room.console("ATTACHED").await;
    terminal.press("\x1a");
    let id = terminal.id();
    until("it is stopped", async || processes::state(id) == Some('T')).await;
    terminal.is_given_back().await;
    room.program.order(&["drain", "b", "--wait"]).await;
    terminal.signal(Signal::CONT);
    terminal.sees(&["ATTACHED", "2/3 up", "DRAINED"]).await;
    assert!(terminal.is_taken());
    terminal.press("2");
    terminal.sees(&["› a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_z_does_not_stop_a_console_that_routes() {
    let room = Room::new().await;
    let terminal = room.console("EMBEDDED").await;
    terminal.press("\x1a");
    terminal.sees(&["routing runs in this process and would stop"]).await;
    assert!(terminal.is_taken());
    assert_ne!(processes::state(terminal.id()), Some('T'));
    assert_eq!(read(room.program.door(), READ).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serve_that_goes_and_comes_back_is_told_and_found_again() {
    let mut room = Room::served().await;
    let terminal = room.console("ATTACHED").await;
    assert_eq!(room.program.terminate().await, Some(0));
    terminal.sees(&["serve does not answer for"]).await;
    terminal.press("2");
    terminal.sees(&["› a"]).await;
    room.program.start().await;
    terminal.sees(&["ATTACHED", "3/3 up", "data fresh"]).await;
    terminal.misses(&["serve does not answer"]).await;
}
