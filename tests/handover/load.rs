//! Steady load: kept connections, fresh ones, and connections of HTTP/2 with several requests at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
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
    /// Answers on connections of HTTP/2.
    pub multiplexed: usize,
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
    /// Four clients that keep their connections, two that do not, two that speak HTTP/2.
    pub fn start(door: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let keeping = (0..4).map(|number| tokio::spawn(keep(door, number, stop.clone(), answered.clone())));
        let fresh = (0..2).map(|_| tokio::spawn(anew(door, stop.clone(), answered.clone())));
        let multiplexed = (0..2).map(|_| tokio::spawn(multiplex(door, stop.clone(), answered.clone())));
        Self { clients: keeping.chain(fresh).chain(multiplexed).collect(), stop, answered }
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
            all.multiplexed += done.multiplexed;
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

type Sender = SendRequest<Empty<Bytes>>;

async fn http2(door: SocketAddr) -> std::io::Result<Sender> {
    let stream = TcpStream::connect(door).await?;
    let (sender, connection) =
        handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}

/// A stream above the last one that a GOAWAY without error names was not processed (RFC 9113, 6.8): it crossed the GOAWAY on its
/// way, and every HTTP/2 client sends it again on the next connection.
fn was_not_processed<T>(error: &hyper::client::conn::TrySendError<T>) -> bool {
    format!("{:?}", error.error()).contains("GoAway(b\"\", NO_ERROR, Remote)")
}

/// One read on a connection that others use, too. False: the connection takes no more, and this one was not sent.
async fn one_of_many(door: SocketAddr, mut sender: Sender) -> Result<bool, String> {
    if sender.ready().await.is_err() {
        return Ok(false);
    }
    let request = Request::get(format!("http://{door}{READ}")).body(Empty::new()).unwrap();
    match sender.try_send_request(request).await {
        Ok(reply) if reply.status() == 200 => {
            reply.into_body().collect().await.map(|_| true).map_err(|error| format!("broken: {error}"))
        }
        Ok(reply) => Err(format!("status {}", reply.status())),
        Err(mut error) => match error.take_message() {
            Some(_) => Ok(false),
            None if was_not_processed(&error) => Ok(false),
            None => Err(format!("sent and lost: {:?}", error.into_error())),
        },
    }
}

async fn multiplex(door: SocketAddr, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>) -> Done {
    let mut done = Done::default();
    let mut sender = match http2(door).await {
        Ok(sender) => sender,
        Err(error) => return refused(done, &error),
    };
    while !stop.load(SeqCst) {
        let asked = || one_of_many(door, sender.clone());
        let (a, b, c) = tokio::join!(asked(), asked(), asked());
        let mut closed = false;
        for answer in [a, b, c] {
            match answer {
                Ok(true) => {
                    done.multiplexed += 1;
                    answered.fetch_add(1, SeqCst);
                }
                Ok(false) => closed = true,
                Err(error) => done.failures.push(format!("HTTP/2, after {}: {error}", done.multiplexed)),
            }
        }
        if closed {
            sender = match http2(door).await {
                Ok(sender) => sender,
                Err(error) => return refused(done, &error),
            };
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    done
}

fn refused(mut done: Done, error: &std::io::Error) -> Done {
    done.failures.push(format!("a connection was refused: {error}"));
    done
}
