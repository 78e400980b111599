//! Copies what no trace carries into the metrics.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::time::interval;

use super::common::Common;
use super::pulse::Pulses;
use crate::model::FleetStatus;
use crate::router::Router;

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// Copies until `cancel`.
pub async fn run(router: Arc<ArcSwap<Router>>, common: Common, status: watch::Receiver<Arc<FleetStatus>>) {
    let Common { metrics, cancel, pulses: Pulses { gauges: pulse, .. }, .. } = common;
    let mut ticks = interval(EVERY);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let router = router.load_full();
        let held = Router::permits(&router.limits) - router.bodies.available_permits();
        metrics.observe(&status.borrow());
        metrics.connections_open.set(router.gauge.connections.load(Relaxed) as i64);
        metrics.bodies_held.set((held * 1_024) as i64);
        for (gauge, counter) in [
            (&router.gauge.refused, &metrics.connections_refused),
            (&router.gauge.strangers, &metrics.strangers),
            (&router.gauge.hurried, &metrics.hurried),
        ] {
            counter.inc_by(gauge.load(Relaxed) - counter.get());
        }
        pulse.beat();
    }
}
