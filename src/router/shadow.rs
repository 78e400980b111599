//! Shadow reads: a share of small reads is repeated at an excluded beacon and the answer given to nobody, so that its latency
//! and its life are known before it returns. What came of it is told to the [`Sink`](super::Sink).

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use hyper::Method;
use hyper::header::CONTENT_TYPE;

use super::upstream::Ask;
use super::{Router, head};
use crate::endpoint::{Body, Strategy};
use crate::guard::AttestationData;
use crate::model::{BeaconId, Lifecycle, Outcome, Reason, Root, Slot, Step};
use crate::pool::Table;

/// What an excluded beacon said to a read that another one answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shadow {
    /// Who was asked.
    pub beacon: BeaconId,
    /// When.
    pub slot: Slot,
    /// What came of it.
    pub outcome: Outcome,
    /// Microseconds it took.
    pub took_us: u32,
    /// The slot that was asked about and the head to vote for in it, by an answer with attestation data.
    pub head: Option<(Slot, Root)>,
}

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
    let now = table.clock.as_ref().and_then(|clock| clock.slot_at((router.clock())().wall));
    let (router, ask, beacon) = (router.clone(), ask.clone(), entry.id);
    tokio::spawn(async move {
        let (attempt, reply) =
            router.lane.upstreams[beacon.index()].attempt(&ask, limit, router.clock()).await;
        let Some(slot) = now.filter(|_| attempt.outcome != Outcome::None) else { return };
        let data = reply.as_ref().filter(|_| ask.row.step == Some(Step::Attest)).and_then(|reply| {
            AttestationData::of(reply.bytes()?, head::is_ssz(&reply.headers, &CONTENT_TYPE))
        });
        router.sink.shadow(Shadow {
            beacon,
            slot,
            outcome: attempt.outcome,
            took_us: attempt.took_us,
            head: data.map(|data| (data.slot, data.head)),
        });
    });
}
