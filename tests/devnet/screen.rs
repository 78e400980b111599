//! Owns the console as an engineer has it: in a terminal of tmux, typed at and read from, nothing else.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::clock::eventually;
use super::process::{self, Process};
use super::router::{ROUTER, Router};

/// Columns and rows of the terminal.
const SIZE: (&str, &str) = ("120", "36");
/// Within this tmux must answer.
const UP_BOUND: Duration = Duration::from_secs(20);

/// The console in a terminal; both end when dropped.
#[derive(Debug)]
pub struct Screen {
    socket: PathBuf,
    _server: Process,
}

/// Why there can be no terminal here, if so.
pub fn obstacle() -> Option<String> {
    let answer = Command::new("tmux").arg("-V").output();
    answer.err().map(|error| format!("tmux is needed for a terminal; install it ({error})"))
}

impl Screen {
    /// Opens the console of a router in a terminal of its own; returns when it shows the fleet.
    pub async fn open(router: &Router) -> Result<Self> {
        let socket = router.fleet.path().with_file_name("tmux");
        let mut server = process::command("tmux", None);
        // In the foreground, so that it dies with the test; without anybody's configuration.
        server.args(["-D", "-f", "/dev/null", "-S"]).arg(&socket);
        let server = Process::start("tmux", server, &router.fleet.path().with_file_name("tmux.log"))?;
        let screen = Self { socket, _server: server };
        let fleet = router.fleet.path();
        eventually("tmux answers", UP_BOUND, async || {
            let mut command = screen.tmux();
            command.args([
                "new-session",
                "-d",
                "-x",
                SIZE.0,
                "-y",
                SIZE.1,
                "env",
                "LC_ALL=C.UTF-8",
                ROUTER,
                "--fleet",
            ]);
            command.arg(&fleet).output().ok().filter(|output| output.status.success())
        })
        .await?;
        screen.shows("the fleet", UP_BOUND, |text| text.contains("ATTACHED")).await?;
        Ok(screen)
    }

    /// Types keys, by tmux's names for them.
    pub fn press(&self, keys: &[&str]) -> Result<()> {
        let said = self.tmux().arg("send-keys").args(keys).output()?;
        ensure!(said.status.success(), "tmux: {}", String::from_utf8_lossy(&said.stderr));
        Ok(())
    }

    /// What is on the screen.
    pub fn text(&self) -> Result<String> {
        let Output { status, stdout, stderr } = self.tmux().args(["capture-pane", "-p"]).output()?;
        ensure!(status.success(), "tmux: {}", String::from_utf8_lossy(&stderr));
        Ok(String::from_utf8_lossy(&stdout).trim_end().to_owned())
    }

    /// Waits until the screen shows something; the picture then.
    pub async fn shows(&self, what: &str, bound: Duration, is: impl Fn(&str) -> bool) -> Result<String> {
        let what = format!("the screen shows {what}");
        let shown = eventually(&what, bound, async || self.text().ok().filter(|text| is(text))).await;
        shown.with_context(|| format!("it shows\n{}", self.text().unwrap_or_default()))
    }

    fn tmux(&self) -> Command {
        let mut command = Command::new("tmux");
        // Without -N it would start a server of its own, in the background, where there is none yet.
        command.args(["-N", "-u", "-S"]).arg(&self.socket);
        command
    }
}

/// The row of a table that begins with `name`.
pub fn row<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find(|line| {
        line.split_whitespace().find(|word| word.chars().any(char::is_alphanumeric)) == Some(name)
    })
}

/// What is said on a screen without the breaks and frames of lines, so that a sentence is whole.
pub fn words(text: &str) -> String {
    let is_frame = |c: char| ('\u{2500}'..='\u{257f}').contains(&c) || c.is_whitespace();
    text.split(is_frame).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[test]
fn rows_and_sentences_are_found_in_frames() {
    let text = "│ BEACON  STATE │\n│> b2   ● UP     │\n│ b3 stays    │\n│ drained     │";
    assert_eq!(row(text, "b3"), Some("│ b3 stays    │"));
    assert!(words(text).contains("b3 stays drained"));
}
