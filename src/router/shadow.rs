//! Shadow reads: a share of small reads is repeated at an excluded beacon and the answer discarded, so that its latency
//! and its life are known before it returns.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use hyper::Method;

use super::Router;
use super::upstream::Ask;
use crate::endpoint::{Body, Strategy};
use crate::model::{Lifecycle, Reason};
use crate::pool::Table;

/// Repeats this read at an excluded beacon, if it is this read's turn.
pub fn repeat(router: &Arc<Router>, ask: &Arc<Ask>, table: &Table, limit: Duration) {
    let row = ask.row;
    if row.strategy != Strategy::Any || row.body != Body::Buffer || ask.method != Method::GET {
        return;
    }
    let excluded = || {
        table.entries.iter().filter(|entry| {
            !entry.good(row.needs)
                && entry.lifecycle == Lifecycle::Active
                && !entry.reasons.contains(&Reason::WrongChain)
                && !entry.reasons.contains(&Reason::Unreachable)
        })
    };
    let count = excluded().count();
    let turn = router.traces.load(Relaxed);
    let share = u64::from(router.policy.shadow.0);
    if count == 0 || share == 0 || turn.wrapping_mul(share) % 10_000 >= share {
        return;
    }
    let Some(entry) = excluded().nth(turn as usize % count) else { return };
    let upstream = router.lane.upstreams[entry.id.index()].clone();
    let (ask, clock) = (ask.clone(), router.clock().clone());
    tokio::spawn(async move { upstream.attempt(&ask, limit, &clock).await });
}
