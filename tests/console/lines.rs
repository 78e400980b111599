//! Lines as operators have them: slow ones, and what a picture costs on any.

use std::time::{Duration, Instant};

use crate::room::Room;

/// A bad line, in bytes a second: a picture drawn anew takes longer than a fifth of a second.
const SLOW: usize = 8_000;

#[tokio::test(flavor = "multi_thread")]
async fn on_a_slow_line_less_is_drawn_and_all_of_it_once_it_is_fast() {
    let room = Room::served().await;
    let terminal = room.console("ATTACHED").await;
    terminal.misses(&["LOW BW"]).await;
    terminal.slow(SLOW);
    let began = Instant::now();
    while !terminal.text().contains("LOW BW") {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "it takes a slow line for a fast one:\n{}",
            terminal.text()
        );
        // Drawn whole, and whole again: more than the kernel holds for the line.
        terminal.press("\x0c2\x0c1");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    terminal.sees(&["LOW BW", "3/3 up"]).await;
    // What an operator asks for is drawn at once, on a slow line too.
    terminal.press("2");
    terminal.sees(&["› a"]).await;
    terminal.slow(0);
    let began = Instant::now();
    while terminal.text().contains("LOW BW") {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "it takes a fast line for a slow one:\n{}",
            terminal.text()
        );
        terminal.press("jk");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    terminal.press(":set bw low\r");
    terminal.sees(&["LOW BW"]).await;
    terminal.press(":set bw auto\r");
    terminal.misses(&["LOW BW"]).await;
}

/// What a second of a calm fleet of three may cost on the line, in bytes: four pictures of the smallest budget.
const CALM: usize = 4 * 1_024;

#[tokio::test(flavor = "multi_thread")]
async fn a_calm_fleet_costs_little() {
    let room = Room::served().await;
    let terminal = room.console("ATTACHED").await;
    terminal.sees(&["data fresh"]).await;
    let (began, before) = (Instant::now(), terminal.bytes().len());
    tokio::time::sleep(Duration::from_secs(4)).await;
    let cost = (terminal.bytes().len() - before) as f64 / began.elapsed().as_secs_f64();
    assert!(cost < CALM as f64, "{cost:.0} bytes a second");
}
