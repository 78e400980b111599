//! The user's own keys and themes, in a console that runs.

use std::path::Path;

use crate::room::{Room, SIZE};
use crate::terminal::Terminal;

/// A console with the files of a user's directory.
fn open(room: &Room, config: &Path) -> Terminal {
    let mut command = room.command(&["console"]);
    command.env("XDG_CONFIG_HOME", config);
    Terminal::start(command, SIZE)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_users_own_is_the_one_that_acts_and_the_one_that_is_shown() {
    let room = Room::served().await;
    let config = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(config.path().join("beacondeck/themes")).unwrap();
    let keys = config.path().join("beacondeck/keys.yaml");
    std::fs::write(&keys, "drain: ctrl-d\nfreeze: [z, f]\n").unwrap();
    std::fs::write(config.path().join("beacondeck/themes/mine.yaml"), "background: dark\ninherits: mono\n")
        .unwrap();
    let terminal = open(&room, config.path());
    terminal.sees(&["ATTACHED", "3/3 up", "ctrl-d drain/resume"]).await;
    terminal.press("2dj");
    terminal.sees(&["› b"]).await;
    terminal.press("k\x04");
    terminal.sees(&["Drain a?"]).await;
    terminal.press("\r");
    terminal.misses(&["Drain a?"]).await;
    terminal.press("z");
    terminal.sees(&["FROZEN"]).await;
    terminal.press("f");
    terminal.misses(&["FROZEN"]).await;
    terminal.press(":theme mine\r");
    terminal.until("the theme without colours", Terminal::is_plain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_given_twice_are_told_and_all_are_as_shipped() {
    let room = Room::served().await;
    let config = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(config.path().join("beacondeck")).unwrap();
    let keys = config.path().join("beacondeck/keys.yaml");
    std::fs::write(&keys, "drain: j\n").unwrap();
    let terminal = open(&room, config.path());
    terminal.sees(&["ATTACHED", "key `j` is given to both `down` and `drain`", "d drain/resume"]).await;
    terminal.press("2j");
    terminal.sees(&["› b"]).await;
    terminal.press("d");
    terminal.sees(&["Drain b?"]).await;
    let mut check = room.command(&["check"]);
    let checked = check.env("XDG_CONFIG_HOME", config.path()).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert_eq!(checked.status.code(), Some(78), "{said}");
    assert!(said.contains("keys.yaml: key `j` is given to both `down` and `drain`"), "{said}");
}
