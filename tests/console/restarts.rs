//! Restarts by keys alone: what is told of one that fails, hangs, is ended or brings back a beacon that is not fit; the beacon
//! is left drained. And what another console sees of it.

use rstest::rstest;
use serde_json::Value;

use crate::room::Room;
use crate::terminal::Terminal;
use crate::wire::until;

/// A script that waits for [`Room::go`], and no longer than a minute should its test have failed.
const WAITS: &str = "i=0; while [ ! -e {at}/go ] && [ $i -lt 3000 ]; do /bin/sleep 0.02; i=$((i+1)); done";
/// One that does not end by itself.
const HANGS: &str = "/bin/sleep 600";

/// Restarts `b` by keys.
async fn restart(room: &Room) -> Terminal {
    let terminal = room.at_beacons("ATTACHED").await;
    terminal.press("j");
    terminal.sees(&["› b"]).await;
    terminal.press("R");
    terminal.sees(&["Restart b?", "2 healthy beacons stay", "[ Cancel ]"]).await;
    terminal.press("y");
    terminal
}

async fn beacon(room: &Room) -> Value {
    room.program.status().await["beacons"][1].clone()
}

async fn is_left_drained(room: &Room) {
    until("it is left drained", async || beacon(room).await["lifecycle"]["state"] == "drained").await;
}

/// The sentence, with its lines put together: a message is folded where it is wide.
async fn is_told(terminal: &Terminal, words: &[&str]) {
    terminal
        .until(&format!("it is told: {words:?}"), |screen| {
            let text = screen.contents();
            let bare: String = text
                .split(|c: char| c.is_whitespace() || "│┃|".contains(c))
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ");
            words.iter().all(|word| bare.contains(word))
        })
        .await;
}

#[rstest]
#[case::fails("echo no disk; exit 3", "timeout: 1m", &["restart of b failed: /bin/sh ended with exit status: 3", "it stays drained"])]
#[case::hangs(HANGS, "timeout: 1s", &["restart of b failed: it was still at work after 1 s and was ended", "it stays drained"])]
#[case::is_not_there("exec /nonexistent/restart", "timeout: 1m", &["restart of b failed: /bin/sh ended with exit status: 12", "it stays drained"])]
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_fails_is_told_in_a_sentence(
    #[case] script: &str,
    #[case] times: &str,
    #[case] words: &[&str],
) {
    let room = Room::restartable(script, times).await;
    let terminal = restart(&room).await;
    is_told(&terminal, words).await;
    is_left_drained(&room).await;
    // Where the beacon is looked at, the step that failed and what was printed are seen.
    terminal.sees(&["› b"]).await;
    terminal.press("\r");
    is_told(&terminal, &["restart of b failed", words[1]]).await;
    if script.starts_with("echo") {
        terminal.sees(&["no disk"]).await;
    }
    // It is mended by hand and comes back by a key.
    terminal.press("d");
    terminal.sees(&["Resume b?"]).await;
    terminal.press("y");
    until("it is resumed", async || beacon(&room).await["lifecycle"]["state"] == "active").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_brings_back_a_beacon_that_does_not_sync_is_told_in_a_sentence() {
    let room = Room::restartable(WAITS, "fit-within: 2s").await;
    let terminal = restart(&room).await;
    terminal.sees(&["RESTART run"]).await;
    room.beacons[1].notes.syncs(true);
    room.go();
    is_told(&terminal, &["b is not fit after its restart: after 2 s it is", "syncing", "it stays drained"])
        .await;
    is_left_drained(&room).await;
    let status = room.program.status().await;
    assert_eq!(status["operations"][0]["end"][0], "failed", "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_does_well_brings_the_beacon_back() {
    let room = Room::restartable(WAITS, "timeout: 1m").await;
    let terminal = restart(&room).await;
    terminal.sees(&["RESTART run", "2/3 up"]).await;
    room.go();
    is_told(&terminal, &["restart of b done in"]).await;
    terminal.sees(&["3/3 up"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_runs_is_ended_by_a_key() {
    let room = Room::restartable(HANGS, "timeout: 10m").await;
    let terminal = restart(&room).await;
    terminal.sees(&["RESTART run", "X abort"]).await;
    terminal.press("X");
    terminal.sees(&["Abort", "[ Cancel ]"]).await;
    terminal.press("\r");
    terminal.misses(&["[ Cancel ]"]).await;
    terminal.sees(&["RESTART run"]).await;
    terminal.press("X");
    terminal.sees(&["Abort", "[ Cancel ]"]).await;
    terminal.press("y");
    is_told(&terminal, &["ended by", "its program was ended and may have done half its work"]).await;
    is_left_drained(&room).await;
    terminal.misses(&["X abort"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consoles_see_each_others_restart_and_acknowledgement() {
    let room = Room::restartable(WAITS, "timeout: 1m").await;
    let other = room.console("ATTACHED").await;
    let terminal = restart(&room).await;
    other.sees(&["RESTART run"]).await;
    room.go();
    is_told(&other, &["restart of b done in"]).await;
    other.sees(&["3/3 up"]).await;
    room.beacons[2].notes.syncs(true);
    other.sees(&["2/3 up", "syncing"]).await;
    terminal.sees(&["2/3 up"]).await;
    terminal.press("1a");
    other.sees(&["syncing (acknowledged)"]).await;
    other.press("a");
    is_told(&other, &["it is acknowledged by", "already"]).await;
}
