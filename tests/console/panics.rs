//! Panics: of the thread that draws, and of any other.
//!
//! The program has none to show, so its console runs in this test's own program, which is started once more in a terminal,
//! with a clock or a task that panics on demand.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use beacondeck::console::command::Bandwidth;
use beacondeck::console::shell::{self, Ended, Setup, ShellError, UserFiles};
use beacondeck::console::state::{Options, Seat};
use beacondeck::console::theme::{DEFAULT, Depth};
use beacondeck::control::Reach;
use beacondeck::engine::system_clock;
use beacondeck::model::Clock;

use crate::room::{Room, SIZE};
use crate::terminal::Terminal;

/// Set for the program in the terminal: a directory of sockets; in it, a file that says when.
const INSIDE: &str = "BEACONDECK_TEST_INSIDE";
/// The file.
const NOW: &str = "panic-now";

/// What the program in the terminal is to do; none in the one that tests.
fn inside() -> Option<PathBuf> {
    std::env::var_os(INSIDE).map(PathBuf::from)
}

/// Starts this test once more, in a terminal.
async fn again(test: &str, sockets: &Path) -> Terminal {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(INSIDE, sockets);
    let terminal = Terminal::start(command, SIZE);
    terminal.sees(&["ATTACHED", "3/3 up"]).await;
    assert!(terminal.is_taken());
    terminal
}

async fn console(sockets: PathBuf, clock: Clock) -> Result<Ended, ShellError> {
    let files = UserFiles::read(None);
    let options = Options {
        fleet: "test".to_owned(),
        seat: Seat::Attached,
        read_only: false,
        can_hand_over: false,
        ascii: false,
        depth: Depth::Ansi256,
        theme: DEFAULT.to_owned(),
        themes: files.themes,
        keymap: files.keymap,
        bandwidth: Bandwidth::Auto,
        problems: Vec::new(),
    };
    shell::run(Setup { options, reach: Reach::Sockets(sockets), clock, terminal: shell::Terminal::Plain })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_the_thread_that_draws_gives_the_terminal_back() {
    if let Some(sockets) = inside() {
        let (file, real) = (sockets.join(NOW), system_clock());
        let clock: Clock = Arc::new(move || {
            assert!(!file.exists(), "the clock stands still");
            real()
        });
        let ended = console(sockets, clock).await;
        assert!(matches!(ended, Err(ShellError::Panicked)), "{ended:?}");
        assert_eq!(shell::routing(&ended), beacondeck::console::event::Routing::HandOver);
        return;
    }
    let room = Room::served().await;
    let name = "panics::a_panic_of_the_thread_that_draws_gives_the_terminal_back";
    let mut terminal = again(name, &room.program.sockets()).await;
    std::fs::write(room.program.sockets().join(NOW), "").unwrap();
    assert!(terminal.ended().await.success());
    terminal.is_given_back().await;
    terminal.sees(&["panicked at", "the clock stands still"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_elsewhere_leaves_the_screen_whole_and_is_told() {
    if let Some(sockets) = inside() {
        let file = sockets.join(NOW);
        tokio::spawn(async move {
            while !file.exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            panic!("a task fell over");
        });
        let ended = console(sockets, system_clock()).await;
        assert!(matches!(ended, Ok(Ended::Left(_))), "{ended:?}");
        return;
    }
    let room = Room::served().await;
    let mut terminal =
        again("panics::a_panic_elsewhere_leaves_the_screen_whole_and_is_told", &room.program.sockets()).await;
    terminal.press("2");
    terminal.sees(&["› a"]).await;
    std::fs::write(room.program.sockets().join(NOW), "").unwrap();
    terminal.sees(&["a background task panicked: a task fell over", "ATTACHED", "› a", "q quit"]).await;
    assert!(terminal.is_taken());
    assert!(!terminal.text().contains("RUST_BACKTRACE"), "nothing else writes to the screen");
    terminal.press("j");
    terminal.sees(&["› b"]).await;
    terminal.press("q");
    assert!(terminal.ended().await.success());
    terminal.is_given_back().await;
}
