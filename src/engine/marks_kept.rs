//! What was given to be signed at most, across processes: sources never go back over a restart or a hand-over either.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::{MissedTickBehavior, interval};

use super::common::Common;
use crate::chain::SlotClock;
use crate::guard::Marks;
use crate::model::{Epoch, Slot, UnixMs};
use crate::router::Router;
use crate::store::{StoreError, Write};

/// How often is looked whether the chain is known, or the marks have risen. A mark that is not on disk yet when the power
/// fails is at most this old: what was signed within it is the signer's own to remember.
const LOOK: Duration = Duration::from_millis(100);

/// Takes back what another process gave, once the chain is known, then keeps what this one gives; until `cancel`.
pub async fn keep(common: Common, router: Arc<ArcSwap<Router>>) {
    tokio::select! {
        () = common.cancel.cancelled() => {}
        () = keeping(&common, &router) => {}
    }
}

async fn keeping(common: &Common, router: &ArcSwap<Router>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut restored, mut kept) = (None, None);
    loop {
        looks.tick().await;
        let router = router.load_full();
        let Some(genesis) = router.table.load().clock.as_ref().map(SlotClock::genesis) else { continue };
        if restored != Some(genesis) {
            match read(common, genesis).await {
                Ok(marks) => router.raise(genesis, marks),
                Err(error) => tracing::error!(%error, "what was signed before is not known"),
            }
            (restored, kept) = (Some(genesis), None);
        }
        let marks = router.marks(genesis);
        if marks == kept {
            continue;
        }
        if let Some(marks) = marks
            && common.store.write(writes(genesis, marks)).await.is_ok()
        {
            kept = Some(marks);
        }
    }
}

fn names(genesis: UnixMs) -> [String; 3] {
    ["source", "target", "signed"].map(|what| format!("decided {what} {}", genesis.0))
}

async fn read(common: &Common, genesis: UnixMs) -> Result<Marks, StoreError> {
    let [source, target, signed] = names(genesis);
    let (source, target) = (common.store.mark(source).await?, common.store.mark(target).await?);
    let signed = common.store.mark(signed).await?;
    Ok(Marks { source: Epoch(source), target: Epoch(target), signed: (signed > 0).then_some(Slot(signed)) })
}

fn writes(genesis: UnixMs, marks: Marks) -> Vec<Write> {
    let [source, target, signed] = names(genesis);
    let raise = |mark, to| Write::Raise { mark, to };
    vec![
        raise(source, marks.source.0),
        raise(target, marks.target.0),
        raise(signed, marks.signed.map_or(0, |slot| slot.0)),
    ]
}
