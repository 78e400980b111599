//! What only one process may hold: the control sockets, the metrics address and the state. It can be let go while all else goes on,
//! for the next process to take.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::EngineError;
use super::common::Common;
use super::persist;
use crate::control::{ControlServer, Desk};
use crate::metrics::MetricsServer;

/// A part that is held: what ends it, and its tasks.
struct Part {
    end: CancellationToken,
    tasks: TaskTracker,
}

impl Part {
    fn new(common: &Common) -> Self {
        let part = Self { end: common.cancel.child_token(), tasks: TaskTracker::new() };
        let tasks = part.tasks.clone();
        tasks.close();
        let end = part.end.clone();
        // A stop waits for its end, too: files are removed then.
        common.tasks.spawn(async move {
            end.cancelled().await;
            tasks.wait().await;
        });
        part
    }

    async fn end(self) {
        self.end.cancel();
        self.tasks.wait().await;
    }
}

/// All of it.
pub struct Exclusive {
    common: Common,
    dir: PathBuf,
    desk: Desk,
    control: Option<Part>,
    metrics: Option<(SocketAddr, Part)>,
}

/// A metrics address that was opened beside the present one.
pub struct Metrics(Option<(SocketAddr, Part)>);

impl Exclusive {
    /// Nothing is held yet. `dir` is `control:` of the fleet file.
    pub fn new(common: Common, dir: PathBuf, desk: Desk) -> Self {
        Self { common, dir, desk, control: None, metrics: None }
    }

    /// Takes all of it.
    ///
    /// # Errors
    /// The control socket or the metrics address cannot be opened; what could be is held.
    pub async fn open(&mut self, metrics: Option<SocketAddr>) -> Result<(), EngineError> {
        let metrics = self.beside(metrics).await?;
        self.change(metrics);
        let part = Part::new(&self.common);
        let started =
            ControlServer::start(&self.dir, &self.desk.until(part.end.clone(), part.tasks.clone())).await;
        if let Err(error) = started {
            part.end().await;
            return Err(error.into());
        }
        self.control = Some(part);
        Ok(())
    }

    /// Takes it back after another process did not come to serve.
    ///
    /// # Errors
    /// Those of [`Exclusive::open`].
    pub async fn again(&mut self, metrics: Option<SocketAddr>) -> Result<(), EngineError> {
        // Whether it was let go yet or not.
        self.close().await;
        persist::open(&self.common.store, &self.common.fleet.load().state).await?;
        self.open(metrics).await
    }

    /// Where metrics are served.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(address, _)| *address)
    }

    /// Opens another metrics address; nothing else changes.
    ///
    /// # Errors
    /// It cannot be opened.
    pub async fn beside(&self, address: Option<SocketAddr>) -> Result<Metrics, EngineError> {
        let Some(address) = address else { return Ok(Metrics(None)) };
        let part = Part::new(&self.common);
        let metrics = self.common.metrics.clone();
        match MetricsServer::start(address, metrics, part.end.clone(), &part.tasks).await {
            Ok(server) => Ok(Metrics(Some((server.address(), part)))),
            Err(error) => {
                part.end().await;
                Err(error.into())
            }
        }
    }

    /// Serves metrics there from now on.
    pub fn change(&mut self, metrics: Metrics) {
        if let Some((_, old)) = std::mem::replace(&mut self.metrics, metrics.0) {
            old.end.cancel();
        }
    }

    /// Lets all of it go; it is free when this returns.
    pub async fn close(&mut self) {
        if let Some(control) = self.control.take() {
            control.end().await;
        }
        if let Some((_, metrics)) = self.metrics.take() {
            metrics.end().await;
        }
        self.common.store.release().await;
    }
}
