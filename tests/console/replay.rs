//! A recording on the screen: from its first slot to the one where a beacon is named, and out again.

use std::path::Path;
use std::process::Command;

use crate::terminal::Terminal;

fn recorded(file: &Path) {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_beacondeck"));
    assert!(demo.args(["demo", "beacon-hang", "--recording"]).arg(file).output().unwrap().status.success());
}

fn replay(file: &Path, size: (u16, u16)) -> Terminal {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beacondeck"));
    command.arg("replay").arg(file);
    Terminal::start(command, size)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_stepped_to_its_incident() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("beacon-hang.jsonl");
    recorded(&file);
    let mut terminal = replay(&file, (80, 24));
    terminal.sees(&["beacon-hang.jsonl", "slot 320000", "REPLAY", "paused", "play/pause"]).await;
    assert!(terminal.is_taken());
    terminal.press(".");
    terminal.sees(&["slot 320001"]).await;
    terminal.press(",");
    terminal.sees(&["slot 320000"]).await;
    terminal.press("n");
    terminal.sees(&["beacon beacon-3"]).await;
    terminal.press("3\r");
    terminal.sees(&["beacon beacon-3", "advised"]).await;
    terminal.press(":goto slot 320010\r");
    terminal.sees(&["slot 320010"]).await;
    terminal.misses(&["beacon-3"]).await;
    terminal.press(":speed 1000\r ");
    terminal.sees(&["END", "the recording ends here"]).await;
    terminal.press("q");
    assert!(terminal.ended().await.success());
    terminal.is_given_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_recording_is_refused_before_there_is_a_screen() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("notes");
    std::fs::write(&file, "\nnonsense\n").unwrap();
    let mut terminal = replay(&file, (120, 36));
    assert_eq!(terminal.ended().await.code(), Some(65));
    terminal.sees(&["line 2 is not a line of a recording"]).await;
}
