//! A time server on loopback whose clock is this machine's, shifted.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use super::daemon::unix_us;

/// From 1900 to 1970, seconds.
const NTP_EPOCH: i64 = 2_208_988_800;

/// How its clock differs.
#[derive(Debug, Clone, Copy)]
pub enum Habit {
    /// Always ahead by so many microseconds.
    Shifted(i64),
    /// Ahead by so much in one answer and behind by as much in the next: right on average.
    Jittery(i64),
}

/// Answers until it is dropped.
pub struct TimeServer {
    pub address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TimeServer {
    pub fn start(habit: Habit) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let address = socket.local_addr().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            let mut answers = 0;
            let mut question = [0; 512];
            while !end.load(Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut question) else { continue };
                if length < 48 {
                    continue;
                }
                let shift = match habit {
                    Habit::Shifted(by) => by,
                    Habit::Jittery(by) if answers % 2 == 0 => by,
                    Habit::Jittery(by) => -by,
                };
                answers += 1;
                let _ = socket.send_to(&answer(&question, shift), from);
            }
        });
        Self { address, ended, thread: Some(thread) }
    }
}

impl Drop for TimeServer {
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(question: &[u8], shift_us: i64) -> [u8; 48] {
    let now = timestamp(unix_us() + shift_us);
    let mut bytes = [0; 48];
    bytes[0] = 0b00_100_100; // no leap, version 4, server
    bytes[1] = 1; // stratum
    bytes[2] = question[2]; // poll
    bytes[3] = 0xec; // precision: 2^-20 s
    bytes[12..16].copy_from_slice(b"TEST");
    bytes[16..24].copy_from_slice(&now); // last set
    bytes[24..32].copy_from_slice(&question[40..48]); // what the client sent
    bytes[32..40].copy_from_slice(&now);
    bytes[40..48].copy_from_slice(&now);
    bytes
}

fn timestamp(unix_us: i64) -> [u8; 8] {
    let seconds = (unix_us.div_euclid(1_000_000) + NTP_EPOCH) as u64;
    let fraction = ((unix_us.rem_euclid(1_000_000) as u64) << 32) / 1_000_000;
    (seconds << 32 | fraction).to_be_bytes()
}
