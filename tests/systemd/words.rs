//! What serve says to a service manager, heard by one of our own: a socket and the variables that name it.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::door;
use crate::machine::{PATIENCE, is_skipped};

struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    /// Listens until something is heard that holds; all that was heard with it.
    fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        let mut bytes = [0; 4_096];
        loop {
            assert!(began.elapsed() < PATIENCE, "not heard: {what}; heard {:#?}", self.heard);
            match self.socket.recv(&mut bytes) {
                Ok(len) => {
                    let word = String::from_utf8(bytes[..len].to_vec()).unwrap();
                    self.heard.push(word.clone());
                    if holds(&word) {
                        return word;
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

struct Serve(Child);

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_manager_hears_sockets_then_ready_then_the_fleet_and_at_last_stopping() {
    let network = door::network().await;
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().display();
    let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut manager = Manager { socket, heard: Vec::new() };
    let listen = door::address(1);
    let file = dir.path().join("fleet.yaml");
    let rest = format!("control: {at}/run\nstate: {at}/state\nlimits: {{stop: 3s}}\n");
    std::fs::write(&file, format!("{}{rest}", door::fleet(&listen.to_string(), &network))).unwrap();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_beacondeck"));
    serve.args(["serve", "--fleet"]).arg(&file).stderr(Stdio::null());
    serve.env("NOTIFY_SOCKET", dir.path().join("notify")).env("WATCHDOG_USEC", "2000000");
    let mut serve = Serve(serve.spawn().unwrap());

    manager.until("ready", |word| word.contains("READY=1"));
    assert!(door::ask(listen).is_ok(), "who says ready has open doors");
    let name = format!("FDNAME=door-{}", listen.to_string().replace(':', "_"));
    assert!(
        manager.heard[0].contains("FDSTORE=1") && manager.heard[0].contains(&name),
        "{:?}",
        manager.heard
    );
    manager.until("both beacons are up", |word| {
        word.starts_with("STATUS=2 beacons up of 2, slot ") && word.trim_end().ends_with(", 0 alerts")
    });
    for _ in 0..3 {
        manager.until("the watchdog is fed", |word| word.starts_with("WATCHDOG=1"));
    }
    network.beacon(1).set(beacondeck::sim::Fault::Refuse);
    manager.until("one beacon is down", |word| word.starts_with("STATUS=1 beacon up of 2, slot "));
    let pid = serve.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let time = manager.until("the time a stop may take", |word| word.starts_with("EXTEND_TIMEOUT_USEC="));
    let time: u64 = time.trim().split_once('=').unwrap().1.parse().unwrap();
    assert!(time > 3_000_000, "more than what is in flight gets: {time}");
    manager.until("stopping", |word| word.contains("STOPPING=1"));
    assert!(serve.0.wait().unwrap().success());
    assert!(manager.heard.last().unwrap().contains("STOPPING=1"));
    let lines = manager.heard.iter().filter(|word| word.starts_with("STATUS=")).collect::<Vec<_>>();
    assert!(lines.windows(2).all(|pair| pair[0] != pair[1]), "told when it changes only: {lines:#?}");
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn process_1_of_a_container_is_not_handed_over_for_all_would_end_with_it() {
    if is_skipped() {
        return;
    }
    let network = door::network().await;
    let dir = tempfile::tempdir().unwrap();
    let (at, listen) = (dir.path().display(), door::address(10));
    let file = dir.path().join("fleet.yaml");
    let rest = format!("control: {at}/run\nstate: {at}/state\n");
    std::fs::write(&file, format!("{}{rest}", door::fleet(&listen.to_string(), &network))).unwrap();
    let program = env!("CARGO_BIN_EXE_beacondeck");
    let mut container = Command::new("unshare");
    container
        .args(["--pid", "--mount-proc", "--fork", "--kill-child", program, "serve", "--fleet"])
        .arg(&file);
    let _container = Serve(container.stderr(Stdio::null()).spawn().unwrap());
    let began = Instant::now();
    while door::ask(listen).is_err() {
        assert!(began.elapsed() < PATIENCE, "it does not serve");
        std::thread::sleep(Duration::from_millis(20));
    }
    let order = Command::new(program).args(["hand-over", "--wait", "--fleet"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&order.stderr).into_owned();
    assert_eq!(order.status.code(), Some(69), "{said}");
    assert!(said.contains("process 1 of its container") && said.contains("restart the container"), "{said}");
    assert!(door::ask(listen).is_ok(), "it goes on");
    network.stop().await;
}
