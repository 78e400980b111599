//! Steady load: kept connections and fresh ones.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::wire::{PUBLISH, READ, Wire, get, post};

/// What became of it.
#[derive(Debug, Default)]
pub struct Done {
    /// Answers on kept connections.
    pub kept: usize,
    /// Answers on connections of their own.
    pub fresh: usize,
    /// What went wrong.
    pub failures: Vec<String>,
}

/// Clients at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Done>>,
}

impl Load {
    /// Four clients that keep their connections and two that do not.
    pub fn start(door: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let keeping = (0..4).map(|number| tokio::spawn(keep(door, number, stop.clone(), answered.clone())));
        let fresh = (0..2).map(|_| tokio::spawn(anew(door, stop.clone(), answered.clone())));
        Self { clients: keeping.chain(fresh).collect(), stop, answered }
    }

    /// Waits until so many more requests were answered: what happens now happens under load.
    pub async fn goes_on(&self, requests: usize) {
        let before = self.answered.load(SeqCst);
        crate::wire::until("the load goes on", async || self.answered.load(SeqCst) >= before + requests)
            .await;
    }

    /// Ends it.
    pub async fn stop(self) -> Done {
        self.stop.store(true, SeqCst);
        let mut all = Done::default();
        for client in self.clients {
            let done = client.await.unwrap();
            all.kept += done.kept;
            all.fresh += done.fresh;
            all.failures.extend(done.failures);
        }
        all
    }
}

async fn keep(door: SocketAddr, number: usize, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>) -> Done {
    let mut done = Done::default();
    let mut wire = Wire::to(door).await;
    while !stop.load(SeqCst) {
        let body = format!("[{number}{}]", done.kept);
        let request = if done.kept % 3 == 0 { post(PUBLISH, body.as_bytes()) } else { get(READ) };
        match wire.ask(&request).await {
            Some(reply) if reply.status == 200 && reply.whole => {
                done.kept += 1;
                answered.fetch_add(1, SeqCst);
                if reply.header("connection") == "close" {
                    match TcpStream::connect(door).await {
                        Ok(_) => wire = Wire::to(door).await,
                        Err(error) => return refused(done, &error),
                    }
                }
            }
            reply => {
                done.failures.push(format!("kept connection, after {}: {reply:?}", done.kept));
                return done;
            }
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    done
}

async fn anew(door: SocketAddr, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>) -> Done {
    let mut done = Done::default();
    while !stop.load(SeqCst) {
        if let Err(error) = TcpStream::connect(door).await {
            return refused(done, &error);
        }
        match Wire::to(door).await.ask(&get(READ)).await {
            Some(reply) if reply.status == 200 && reply.whole => {
                done.fresh += 1;
                answered.fetch_add(1, SeqCst);
            }
            reply => done.failures.push(format!("fresh connection, after {}: {reply:?}", done.fresh)),
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    done
}

fn refused(mut done: Done, error: &std::io::Error) -> Done {
    done.failures.push(format!("a connection was refused: {error}"));
    done
}
