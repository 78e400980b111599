//! A room with an operator in it: beacons, a fleet file, perhaps a serve, and consoles.

use std::process::Command;
use std::time::Duration;

use crate::processes;
use crate::serve::{Program, fleet};
use crate::stub::{Stub, good};
use crate::terminal::Terminal;
use crate::wire::until;

/// The size of most tests.
pub const SIZE: (u16, u16) = (120, 36);
/// A process that uses more of a core than this while nothing happens spins; the debug build of one that routes for three
/// idle beacons uses a few hundredths.
const SPINS: f64 = 0.5;

/// The room.
pub struct Room {
    pub program: Program,
    pub beacons: Vec<Stub>,
}

impl Drop for Room {
    fn drop(&mut self) {
        for id in processes::with_file(self.program.file()) {
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
        }
    }
}

impl Room {
    /// Three beacons `a`, `b`, `c` that are well.
    pub async fn new() -> Self {
        let beacons = vec![Stub::start(good()).await, Stub::start(good()).await, Stub::start(good()).await];
        let room = Self { program: Program::new(), beacons };
        room.mend();
        room
    }

    /// Writes the fleet file as it should be.
    pub fn mend(&self) {
        let named: Vec<(&str, &Stub)> = ["a", "b", "c"].into_iter().zip(&self.beacons).collect();
        self.program.write(&fleet(&[self.program.port], &named, ""));
    }

    /// The same with a serve in front of them that restarts `b` by a script; `{at}` in it is a directory of the test's own.
    pub async fn restartable(script: &str, times: &str) -> Self {
        let mut room = Self::new().await;
        let script = script.replace("{at}", &room.program.sockets().parent().unwrap().display().to_string());
        let [a, b, c] = &room.beacons[..] else { panic!("three beacons") };
        let text = fleet(&[room.program.port], &[("a", a), ("b", b), ("c", c)], "");
        let restart =
            format!("restart: {{command: [/bin/sh, -c, '{script}'], {times}}}, labels: {{host: h-b}}");
        let text = text.replace("labels: {host: h-b}", &restart);
        assert!(text.contains("restart:"));
        room.program.write(&text);
        room.program.start().await;
        room
    }

    /// Lets a script go on that waits for it.
    pub fn go(&self) {
        std::fs::write(self.program.sockets().parent().unwrap().join("go"), "").unwrap();
    }

    /// The same with a serve in front of them.
    pub async fn served() -> Self {
        let mut room = Self::new().await;
        room.program.start().await;
        room
    }

    /// A console that was just opened.
    pub fn open(&self, args: &[&str]) -> Terminal {
        Terminal::start(self.command(args), SIZE)
    }

    /// A command about this fleet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_beacondeck"));
        command.args(args).arg("--fleet").arg(self.program.file());
        command
    }

    /// A console that shows all beacons well, its word for where routing runs in the header.
    pub async fn console(&self, seat: &str) -> Terminal {
        let terminal = self.open(&["console"]);
        terminal.sees(&[seat, &format!("{0}/{0} up", self.beacons.len())]).await;
        assert!(terminal.is_taken());
        terminal
    }

    /// The same with the panel Beacons in front.
    pub async fn at_beacons(&self, seat: &str) -> Terminal {
        let terminal = self.console(seat).await;
        terminal.press("2");
        terminal.sees(&["› a"]).await;
        terminal
    }

    /// The `serve` that took over from a console; it becomes the program's.
    pub async fn successor(&mut self, console: u32) -> u32 {
        let mut found = None;
        let file = self.program.file().to_owned();
        until("another process routes", async || {
            // The one that starts it is in the console's session, as long as it runs.
            let heads = |id: &u32| processes::session(*id) == Some(*id);
            found = processes::with_file(&file).into_iter().find(|id| *id != console && heads(id));
            found.is_some()
        })
        .await;
        let id = found.unwrap();
        self.program.succeeded_by(id);
        id
    }

    /// There is only this process, and it does not spin.
    pub async fn is_alone_and_calm(&self, id: u32) {
        assert_eq!(processes::with_file(self.program.file()), [id]);
        let share = processes::share(id, Duration::from_secs(2)).await;
        assert!(share < SPINS, "process {id} uses {share:.2} of a core");
    }
}
