//! A chronyd of the test's own, in a folder of its own, that never touches the clock.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use beacondeck::host::clock::chrony::Door;
use tempfile::TempDir;

/// Wall clock, microseconds since the Unix epoch.
pub fn unix_us() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

pub struct Daemon {
    pub udp: Door,
    pub unix: Door,
    pub folder: TempDir,
    process: Child,
}

impl Daemon {
    /// Follows `server`, asked four times a second so that it has lost it two seconds after it is gone.
    pub fn start(server: SocketAddr) -> Self {
        // chronyd opens no command socket in a folder that others may look into.
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().unwrap();
        let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let socket = folder.path().join("chronyd.sock");
        let mut config = String::new();
        writeln!(config, "server {} port {} iburst minpoll -2 maxpoll -2", server.ip(), server.port())
            .unwrap();
        writeln!(config, "cmdport {}\nport 0\nbindcmdaddress 127.0.0.1", free.port()).unwrap();
        writeln!(config, "bindcmdaddress {}", socket.display()).unwrap();
        writeln!(config, "pidfile {}", folder.path().join("chronyd.pid").display()).unwrap();
        let file = folder.path().join("chrony.conf");
        std::fs::write(&file, config).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new(program())
            .args(["-x", "-U", "-d", "-u", &user(), "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { udp: Door::Udp(free), unix: Door::Unix(socket), folder, process }
    }

    /// Its log.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> &'static str {
    let places = ["/usr/sbin/chronyd", "/sbin/chronyd", "/usr/local/sbin/chronyd", "/usr/bin/chronyd"];
    places
        .into_iter()
        .find(|place| Path::new(place).exists())
        .expect("this test needs chronyd: `apt-get install chrony`, or `bash tests/run.sh`, which does so")
}

/// It stays who we are: its folder is ours.
fn user() -> String {
    let id = rustix::process::getuid().as_raw();
    let names = std::fs::read_to_string("/etc/passwd").unwrap();
    let mine = names.lines().find(|line| line.split(':').nth(2) == Some(&id.to_string()));
    mine.and_then(|line| line.split(':').next()).unwrap_or("root").to_owned()
}
