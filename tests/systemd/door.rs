//! A client of the door that connects anew for each question.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use beacondeck::sim::{SimConfig, SimNetwork};

/// What the router answers itself once it knows a healthy beacon.
const QUESTION: &str = "GET /eth/v1/node/health HTTP/1.1\r\nhost: door\r\nconnection: close\r\n\r\n";

/// An address that no other test of this machine has: all of 127.0.0.0/8 is this machine.
pub fn address(place: u8) -> SocketAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    SocketAddr::from(([127, high.max(1), low, place], 5052))
}

/// A network of two beacons whose chain goes on by itself.
pub async fn network() -> SimNetwork {
    let config = SimConfig {
        beacons: 2,
        slot_ms: 1_000,
        past_epochs: 3,
        auto_blocks_ms: Some(20),
        ..SimConfig::default()
    };
    SimNetwork::start(config).await.unwrap()
}

/// A fleet file: what follows `listen:`, and the beacons of a network. What is found of this machine is no matter of theirs.
pub fn fleet(listen: &str, network: &SimNetwork) -> String {
    let urls = network.urls();
    let beacons = urls
        .iter()
        .enumerate()
        .map(|(place, url)| format!("  - {{name: b{place}, url: \"{url}\", local: false}}\n"));
    format!("fleet: test\nlisten: {listen}\nbeacons:\n{}", beacons.collect::<String>())
}

/// One connection, one question: the answer's status.
pub fn ask(door: SocketAddr) -> io::Result<u16> {
    let mut stream = TcpStream::connect(door)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(QUESTION.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, format!("the answer is `{answer}`")))
}

/// A client that asks without pause until it is told to end.
pub struct Crowd {
    ended: Arc<AtomicBool>,
    clients: Vec<JoinHandle<(u32, Vec<String>)>>,
}

impl Crowd {
    /// So many of them.
    pub fn start(door: SocketAddr, clients: usize) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let client = |_| {
            let ended = ended.clone();
            std::thread::spawn(move || {
                let (mut answered, mut failed) = (0, Vec::new());
                while !ended.load(Relaxed) {
                    match ask(door) {
                        Ok(200) => answered += 1,
                        Ok(status) => failed.push(format!("status {status}")),
                        Err(error) => failed.push(error.to_string()),
                    }
                }
                (answered, failed)
            })
        };
        let clients = (0..clients).map(client).collect();
        Self { ended, clients }
    }

    /// Ends them: how many answers they had, and what went wrong.
    pub fn end(self) -> (u32, Vec<String>) {
        self.ended.store(true, Relaxed);
        let (mut answered, mut failed) = (0, Vec::new());
        for client in self.clients {
            let (answers, failures) = client.join().unwrap();
            answered += answers;
            failed.extend(failures);
        }
        (answered, failed)
    }
}
