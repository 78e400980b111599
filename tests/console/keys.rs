//! What an operator does by keys alone.

use crate::room::Room;
use crate::serve::Program;
use crate::terminal::Terminal;
use crate::wire::{READ, read, until};

/// Esc.
pub const ESC: &str = "\x1b";

async fn lifecycle(program: &Program, beacon: usize, wanted: &str) {
    until(wanted, async || program.status().await["beacons"][beacon]["lifecycle"]["state"] == wanted).await;
}

/// Drains and resumes `b` by keys.
async fn drains_and_resumes(terminal: &Terminal, program: &Program) {
    terminal.press("2");
    terminal.sees(&["› a"]).await;
    terminal.press("j");
    terminal.sees(&["› b"]).await;
    terminal.press("d");
    terminal.sees(&["Drain b?", "2 healthy beacons stay, of 3 now", "in flight", "[ Cancel ]"]).await;
    terminal.press("\r");
    terminal.misses(&["Drain b?"]).await;
    lifecycle(program, 1, "active").await;
    terminal.press("d");
    terminal.sees(&["Drain b?", "2 healthy beacons stay, of 3 now"]).await;
    terminal.press("y");
    terminal.sees(&["b is drain", "2/3 up"]).await;
    lifecycle(program, 1, "drained").await;
    terminal.sees(&["DRAINED"]).await;
    terminal.press("d");
    terminal.sees(&["Resume b?"]).await;
    terminal.press("y");
    terminal.sees(&["b is active", "3/3 up"]).await;
    lifecycle(program, 1, "active").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attached_console_drains_and_resumes_by_keys() {
    let mut room = Room::served().await;
    let mut terminal = room.console("ATTACHED").await;
    drains_and_resumes(&terminal, &room.program).await;
    terminal.press("q");
    assert!(terminal.ended().await.success());
    terminal.is_given_back().await;
    assert!(!terminal.took_the_mouse(), "nobody asked for it");
    assert_eq!(room.program.terminate().await, Some(0), "serve goes on until it is ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mouse_once_asked_for_chooses_rows_and_tabs_and_is_given_back() {
    let room = Room::served().await;
    let mut terminal = room.at_beacons("ATTACHED").await;
    terminal.press(":set mouse on\r");
    terminal.sees(&["click a tab or a row"]).await;
    terminal
        .until("the mouse is taken", |screen| screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None)
        .await;
    terminal.click("  c ");
    terminal.sees(&["› c"]).await;
    terminal.press("\x1b[<64;5;10M");
    terminal.sees(&["› a"]).await;
    terminal.click("9 Log");
    terminal.misses(&["› a"]).await;
    terminal.press(":set mouse off\r");
    terminal
        .until("the mouse is free", |screen| screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None)
        .await;
    terminal.press(":set mouse on\r");
    terminal
        .until("the mouse is taken", |screen| screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None)
        .await;
    terminal.press("q");
    assert!(terminal.ended().await.success());
    terminal.is_given_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_console_routes_drains_and_asks_before_it_leaves() {
    let room = Room::new().await;
    let mut terminal = room.console("EMBEDDED: routing runs here").await;
    assert_eq!(read(room.program.door(), READ).await.status, 200);
    drains_and_resumes(&terminal, &room.program).await;
    terminal.press(":hand-over\r");
    terminal.sees(&["routing runs in a console: leave that by q and l"]).await;
    terminal.press("q");
    terminal.sees(&["Leave?", "leave it running", "stop routing", "[ Cancel ]"]).await;
    terminal.press("\r");
    terminal.misses(&["Leave?"]).await;
    terminal.press("q");
    terminal.sees(&["Leave?"]).await;
    terminal.press("s");
    assert!(terminal.ended().await.success());
    terminal.is_given_back().await;
    assert!(tokio::net::TcpStream::connect(room.program.door()).await.is_err(), "nobody routes any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_may_only_look_has_no_keys_that_act() {
    let room = Room::served().await;
    let terminal = room.open(&["console", "--read-only"]);
    terminal.sees(&["READ-ONLY", "3/3 up"]).await;
    terminal.misses(&["drain/resume"]).await;
    terminal.press("2d");
    terminal.sees(&["`d` does nothing here"]).await;
    lifecycle(&room.program, 0, "active").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_filter_is_typed_keys_that_act_are_letters() {
    let room = Room::served().await;
    let terminal = room.at_beacons("ATTACHED").await;
    terminal.press("/");
    terminal.press("d R U a q Q y\t2");
    terminal.sees(&["d R U a q Q y"]).await;
    terminal.sees(&["no row passes"]).await;
    terminal.misses(&["Drain a", "Restart a", "Upgrade a", "Leave?"]).await;
    terminal.press(ESC);
    terminal.sees(&["› a"]).await;
    // The same by a paste, with line ends in it that must not become the key that opens or agrees.
    terminal.press("/");
    terminal.press("\x1b[200~dRU\rd\ry\r\x1b[201~");
    terminal.sees(&["dRU"]).await;
    terminal.misses(&["Drain a", "Restart a", "Upgrade a"]).await;
    terminal.press(ESC);
    terminal.sees(&["› a"]).await;
    let status = room.program.status().await;
    assert!(
        status["beacons"].as_array().unwrap().iter().all(|beacon| beacon["lifecycle"]["state"] == "active")
    );
    assert_eq!(status["operations"].as_array().map_or(0, Vec::len), 0, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_follows_the_size_down_to_nothing_and_back() {
    let room = Room::served().await;
    let terminal = room.at_beacons("ATTACHED").await;
    for (size, words) in [
        ((80, 24), ["› a", "? help"]),
        ((30, 5), ["terminal too small", "30x5"]),
        ((1, 1), ["", ""]),
        ((200, 60), ["› a", "CLIENT"]),
        ((3, 60), ["", ""]),
        ((120, 36), ["› a", "q quit"]),
    ] {
        terminal.resize(size.0, size.1);
        terminal.sees(&words).await;
    }
    // Keys and changes of size at once: no key is lost, and the last size is the one that is drawn.
    for step in 0..20 {
        terminal.resize(100 + step, 30 + step % 3);
        terminal.press(if step % 2 == 0 { "j" } else { "k" });
    }
    terminal.press("2");
    terminal.sees(&["› "]).await;
    terminal.press("1");
    terminal.sees(&["ATTACHED", "3/3 up", "lately"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consoles_see_each_other_and_what_the_other_did() {
    let room = Room::served().await;
    let first = room.console("ATTACHED").await;
    let second = room.console("ATTACHED").await;
    first.sees(&["here: ", ", "]).await;
    second.sees(&["here: "]).await;
    first.press("2");
    first.sees(&["› a"]).await;
    first.press("d");
    first.sees(&["Drain a?"]).await;
    first.press("y");
    second.sees(&["drain", "a is drain", "2/3 up"]).await;
    second.press("2d");
    second.sees(&["Resume a?", "lately", "did drain"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_that_hangs_is_seen_since_then_and_told_in_the_log_once() {
    let room = Room::served().await;
    let terminal = room.console("ATTACHED").await;
    room.beacons[1].notes.hangs();
    terminal.sees(&["DOWN hung", "2/3 up"]).await;
    let since = async || room.program.status().await["beacons"][1]["since"].as_u64().unwrap();
    let first = since().await;
    terminal.sees(&["DOWN hung", "for 4 s"]).await;
    let then = since().await;
    // The wall's time of one moment of a steady clock may differ by what the clocks differ.
    assert!(then.abs_diff(first) < 100, "what it may have lost does not begin it anew: {first} {then}");
    let told = room.program.count("beacon is not healthy beacon=b");
    assert!((1..=3).contains(&told), "told {told} times");
}
