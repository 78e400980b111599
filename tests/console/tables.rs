//! A table by keys, and a terminal without colours.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::keys::ESC;
use crate::room::{Room, SIZE};
use crate::terminal::Terminal;
use crate::wire::until;

/// What was copied last: the text of the last OSC 52.
fn copied(terminal: &Terminal) -> Option<String> {
    let bytes = terminal.bytes();
    let text = String::from_utf8_lossy(&bytes);
    let (_, rest) = text.rsplit_once("\x1b]52;c;")?;
    Some(String::from_utf8(STANDARD.decode(rest.split_once('\x07')?.0).unwrap()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_sorted_filtered_marked_copied_and_opened_by_keys() {
    let room = Room::served().await;
    let terminal = room.at_beacons("ATTACHED").await;
    terminal.press("s");
    terminal.sees(&["sorted by BEACON ↑", "› a"]).await;
    terminal.press("S");
    terminal.sees(&["sorted by BEACON ↓", "› a"]).await;
    // The selected row stays selected: it is the last one now.
    terminal.press("g");
    terminal.sees(&["› c"]).await;
    terminal.press("/name:b\r");
    terminal.sees(&["1 of 3 rows: filter name:b", "› b"]).await;
    terminal.press("y");
    terminal.sees(&["copied b ("]).await;
    until("the row is copied", async || copied(&terminal).is_some_and(|row| row.starts_with("b\t● UP\t")))
        .await;
    // One level after the other: what was said, then the filter.
    terminal.press(ESC);
    terminal.misses(&["copied b ("]).await;
    terminal.press(ESC);
    terminal.misses(&["filter name:b"]).await;

    // An order goes to what is marked, whatever is selected and however it is sorted.
    terminal.press("g  ");
    terminal.sees(&["2 marked"]).await;
    terminal.press("d");
    terminal.sees(&["Drain b, c (2 beacons)?"]).await;
    terminal.press("\r");
    terminal.misses(&["(2 beacons)?"]).await;
    terminal.press("u");
    terminal.misses(&["marked"]).await;

    terminal.press("1g\r");
    terminal.sees(&["› a", "since start", "without it"]).await;
    terminal.press("y");
    terminal.sees(&["copied a ("]).await;
    until("the details are copied", async || {
        copied(&terminal).is_some_and(|text| text.contains("without it"))
    })
    .await;
    terminal.press(ESC);
    terminal.misses(&["copied a ("]).await;
    terminal.press(ESC);
    terminal.misses(&["since start"]).await;
    terminal.press("2/lag>x\r");
    terminal.sees(&["`lag>` needs a number"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_colours_the_chosen_row_is_still_seen() {
    let room = Room::served().await;
    let mut command = room.command(&["console"]);
    command.env("NO_COLOR", "1");
    let terminal = Terminal::start(command, SIZE);
    terminal.sees(&["ATTACHED", "3/3 up"]).await;
    terminal.press("2");
    terminal.sees(&["› a"]).await;
    terminal
        .until("no colour, and the chosen row in reverse", |screen| {
            let row = Terminal::cells(screen).find(|(_, cell)| cell.contents() == "›").map(|(y, _)| y);
            let reverse = |row| Terminal::cells(screen).any(|(y, cell)| y == row && cell.inverse());
            Terminal::is_plain(screen) && row.is_some_and(reverse)
        })
        .await;
}
