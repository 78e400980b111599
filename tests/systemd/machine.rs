//! A systemd of our own: PID 1 of a namespace, with beacondeck installed in it, the machine's own untouched.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The longest anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Set to `skip` where there is no root or no systemd.
const VARIABLE: &str = "BEACONDECK_SYSTEMD";
/// Programs that it takes, and the packages that have them.
const NEEDED: [(&str, &str); 8] = [
    ("/lib/systemd/systemd", "systemd"),
    ("/usr/bin/systemctl", "systemd"),
    ("/usr/bin/systemd-sysusers", "systemd"),
    ("/usr/bin/dbus-daemon", "dbus"),
    ("/usr/lib/polkit-1/polkitd", "polkitd"),
    ("/usr/bin/unshare", "util-linux"),
    ("/usr/bin/nsenter", "util-linux"),
    ("/usr/bin/setpriv", "util-linux"),
];

/// Why it cannot run here.
fn hindrance() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("it needs root".to_owned());
    }
    let missing = NEEDED.iter().find(|(program, _)| !Path::new(program).exists());
    missing.map(|(program, package)| format!("{program} is missing: install {package}"))
}

/// Whether tests that need namespaces are left out here.
pub fn is_skipped() -> bool {
    let Some(why) = hindrance() else { return false };
    assert!(
        std::env::var_os(VARIABLE).is_some_and(|value| value == "skip"),
        "a real systemd cannot be started here: {why}; {VARIABLE}=skip leaves these tests out"
    );
    true
}

/// A running machine; it ends with this.
pub struct Machine {
    shell: Child,
    /// Its PID 1, as seen from here.
    init: String,
    dir: tempfile::TempDir,
}

impl Machine {
    /// Starts one with this fleet file and these lines in the unit's section `[Service]`. None where tests are skipped.
    pub fn start(fleet: &str, service: &str) -> Option<Self> {
        if is_skipped() {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let [file, drop_in, log] = ["fleet.yaml", "drop-in", "log"].map(|name| dir.path().join(name));
        fs::write(&file, fleet).unwrap();
        // Its log is read from outside; what a unit waits for at a real boot is not there.
        let unit = "[Unit]\nDefaultDependencies=no\n[Service]\nStandardError=append:/run/beacondeck.log\n\
            ExecStopPost=+/bin/sh -c 'echo $SERVICE_RESULT >>/run/results'\n";
        fs::write(&drop_in, format!("{unit}{service}\n")).unwrap();
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/systemd/machine.sh");
        let log = File::create(log).unwrap();
        // Whoever kills this test kills the machine: `unshare` dies with us, and PID 1 with `unshare`.
        let shell = Command::new("setpriv")
            .args([
                "--pdeathsig",
                "KILL",
                "unshare",
                "--pid",
                "--mount",
                "--cgroup",
                "--uts",
                "--ipc",
                "--fork",
                "--kill-child",
            ])
            .args(["--propagation", "private", "bash"])
            .args([&script, Path::new(env!("CARGO_BIN_EXE_beacondeck")), &file, &drop_in])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut machine = Self { shell, init: String::new(), dir };
        let children = format!("/proc/{0}/task/{0}/children", machine.shell.id());
        machine.until("there is a PID 1", |_| {
            fs::read_to_string(&children).is_ok_and(|text| !text.trim().is_empty())
        });
        fs::read_to_string(&children).unwrap().trim().clone_into(&mut machine.init);
        machine.until("systemd is up", |machine| {
            machine.run("systemctl", &["is-active", "machine.target"]).status.success()
        });
        Some(machine)
    }

    /// What it is of: `unshare`, and its PID 1, as seen from here.
    pub fn processes(&self) -> [u32; 2] {
        [self.shell.id(), self.init.parse().unwrap()]
    }

    /// Runs a program in it.
    pub fn run(&self, program: &str, args: &[&str]) -> Output {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.init, "-m", "-p", "-u", "-i", program]).args(args);
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// What a program in it prints. It must succeed.
    pub fn ask(&self, program: &str, args: &[&str]) -> String {
        let output = self.run(program, args);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{program} {args:?}: {}{}\n{}",
            text(&output.stdout),
            text(&output.stderr),
            self.logs()
        );
        text(&output.stdout)
    }

    /// A property of the unit.
    pub fn show(&self, property: &str) -> String {
        let args = ["show", "beacondeck.service", "--value", "-p", property];
        self.ask("systemctl", &args).trim().to_owned()
    }

    /// Starts the unit and waits for it as `systemctl` does.
    pub fn start_unit(&self) {
        self.ask("systemctl", &["start", "beacondeck.service"]);
        assert_eq!(self.show("ActiveState"), "active", "{}", self.logs());
    }

    /// Puts text into a file.
    pub fn write(&self, path: &str, text: &str) {
        // The file of the machine, seen through its root.
        fs::write(format!("/proc/{}/root{path}", self.init), text).unwrap();
    }

    /// What a file says.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(format!("/proc/{}/root{path}", self.init)).unwrap_or_default()
    }

    /// Waits until it holds.
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What systemd and serve have logged.
    pub fn logs(&self) -> String {
        let systemd = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        format!("systemd:\n{systemd}\nserve:\n{}", self.read("/run/beacondeck.log"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // PID 1 dies with `unshare`, all others in the namespace with PID 1, and its mounts with the last of them.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
