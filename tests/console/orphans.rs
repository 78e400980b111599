//! A console that routes, has lost its operator and cannot hand over: not a request is lost, it says where it is, and it hands
//! over or ends when it is told to.

use std::path::Path;
use std::process::Command;

use rstest::rstest;
use rustix::process::Signal;

use crate::leaving::Way;
use crate::load::Load;
use crate::processes;
use crate::room::{Room, SIZE};
use crate::terminal::Terminal;
use crate::wire::until;

/// The status says that nothing was handed over, and why.
async fn is_told(room: &Room, why: &str) {
    until("the alert", async || {
        let alerts = room.program.status().await["alerts"].to_string();
        alerts.contains("serve was not handed over: ") && alerts.contains(why)
    })
    .await;
}

#[rstest]
#[case(Way::Signal)]
#[case(Way::Closed)]
#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_cannot_hand_over_goes_on_until_it_can(#[case] way: Way) {
    let mut room = Room::new().await;
    let mut terminal = room.console("EMBEDDED").await;
    let load = Load::start(room.program.door());
    load.goes_on(40).await;
    let console = terminal.id();
    room.program.write("fleet: [broken\n");
    way.take(&mut terminal);
    is_told(&room, "the next process ended").await;
    if matches!(way, Way::Signal) {
        terminal.is_given_back().await;
        terminal
            .sees(&["routing could not be handed over", &format!("here, in process {console}: `beacondeck")])
            .await;
        // The line's own key for it: who routes is not stopped by it.
        terminal.press("\x1a");
    }
    load.goes_on(60).await;
    assert_ne!(processes::state(console), Some('T'));
    room.is_alone_and_calm(console).await;

    room.mend();
    let next = room.open(&["console"]);
    next.sees(&["ATTACHED", "3/3 up", "serve was not handed over"]).await;
    drop(next);
    room.program.order(&["hand-over"]).await;
    let successor = room.successor(console).await;
    load.goes_on(60).await;
    assert!(terminal.ended().await.success());
    load.goes_on(40).await;
    let done = load.stop().await;
    assert_eq!(done.failures, Vec::<String>::new());
    assert!(done.kept > 50 && done.fresh > 20, "{done:?}");
    room.is_alone_and_calm(successor).await;
}

/// The program under a name of its own in this directory.
fn installed(dir: &Path) -> std::path::PathBuf {
    let (built, program) = (env!("CARGO_BIN_EXE_beacondeck"), dir.join("beacondeck"));
    if std::fs::hard_link(built, &program).is_err() {
        std::fs::copy(built, &program).unwrap();
    }
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_whose_program_is_gone_goes_on_until_it_is_ended() {
    let room = Room::new().await;
    let dir = tempfile::tempdir().unwrap();
    let program = installed(dir.path());
    let mut command = Command::new(&program);
    command.args(["console", "--fleet"]).arg(room.program.file());
    let mut terminal = Terminal::start(command, SIZE);
    terminal.sees(&["EMBEDDED", "3/3 up"]).await;
    let load = Load::start(room.program.door());
    load.goes_on(40).await;
    std::fs::remove_file(program).unwrap();
    terminal.press("q");
    terminal.sees(&["Leave?"]).await;
    terminal.press("l");
    is_told(&room, "there is no program at").await;
    terminal.is_given_back().await;
    load.goes_on(60).await;
    assert_eq!(load.stop().await.failures, Vec::<String>::new());
    terminal.signal(Signal::TERM);
    assert!(terminal.ended().await.success());
    assert!(tokio::net::TcpStream::connect(room.program.door()).await.is_err(), "nobody routes any more");
    assert_eq!(processes::with_file(room.program.file()), [0; 0]);
}
