//! What was given to be signed and what was signed, across processes: over a restart or a hand-over sources do not go back
//! either, the same question for a block gets the same bytes, and no second block of a slot goes out.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::{MissedTickBehavior, interval};

use super::common::Common;
use crate::chain::SlotClock;
use crate::guard::{Link, Marks, Published};
use crate::model::{Epoch, Fleet, Slot, UnixMs};
use crate::router::Router;
use crate::store::{StoreError, Write};

/// How often is looked whether the chain is known, or the marks have risen. A mark that is not on disk yet when the power
/// fails is at most this old: what was signed within it is the signer's own to remember.
const LOOK: Duration = Duration::from_millis(100);

/// Takes back what another process gave, once the chain is known, then keeps what this one gives; until `cancel`.
pub async fn keep(common: Common, router: Arc<ArcSwap<Router>>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut restored, mut kept) = (None, None);
    let mut over = false;
    while !over {
        // What was in flight has ended when all is cancelled: it is looked at once more.
        over = tokio::select! {
            _ = looks.tick() => false,
            () = common.cancel.cancelled() => true,
        };
        let router = router.load_full();
        let Some(genesis) = router.table.load().clock.as_ref().map(SlotClock::genesis) else { continue };
        if restored != Some(genesis) {
            match read(&common, genesis).await {
                Ok((marks, blocks)) => router.raise(genesis, &marks, &blocks),
                Err(error) => tracing::error!(%error, "what was signed before is not known"),
            }
            (restored, kept) = (Some(genesis), None);
        }
        let marks = router.marks(genesis);
        if kept.as_ref() == Some(&marks) {
            continue;
        }
        let writes = writes(genesis, &marks);
        if writes.is_empty() || common.store.write(writes).await.is_ok() {
            kept = Some(marks);
        }
    }
}

/// Blocks that were given are given again by whoever starts after a crash, once the state is ours.
pub async fn give_again(fleet: &Fleet, router: &ArcSwap<Router>) {
    let (router, state) = (router.load_full(), fleet.state.clone());
    match tokio::task::spawn_blocking(move || router.memory.blocks().keep_in(&state)).await {
        Ok(Ok(blocks)) if blocks > 0 => tracing::info!(blocks, "blocks given before are given again"),
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(%error, "blocks that are given are not kept over a crash"),
        Err(error) => tracing::error!(%error, "blocks that were given before are not known"),
    }
}

/// A mark's name. Of the last few targets or slots each has a place, which the next one that falls there takes.
fn name(what: &str, genesis: UnixMs, number: u64) -> String {
    format!("decided {what} {} {number}", genesis.0)
}

/// An epoch in the lower half of a mark.
fn low(epoch: Epoch) -> u64 {
    epoch.0.min(u64::from(u32::MAX))
}

/// A link as two marks that only rise: target and newest source, target and how old the oldest signed source is.
fn marks_of(link: &Link) -> [u64; 2] {
    let age = link.signed.map_or(0, |signed| u64::from(u32::MAX) - low(signed));
    [link.target.0 << 32 | low(link.newest), link.target.0 << 32 | age]
}

fn link_of([newest, oldest]: [u64; 2]) -> Option<Link> {
    let half = u64::from(u32::MAX);
    let age = (oldest >> 32 == newest >> 32).then_some(oldest & half).filter(|age| *age > 0);
    let link = Link {
        target: Epoch(newest >> 32),
        newest: Epoch(newest & half),
        signed: age.map(|age| Epoch(half - age)),
    };
    (newest > 0).then_some(link)
}

async fn read(common: &Common, genesis: UnixMs) -> Result<(Marks, Vec<Published>), StoreError> {
    let (mut links, mut blocks) = (Vec::new(), Vec::new());
    let mark = async |what, number| common.store.mark(name(what, genesis, number)).await;
    for number in 0..Marks::LINKS as u64 {
        links.extend(link_of([mark("link", number).await?, mark("oldest", number).await?]));
    }
    for number in 0..Published::SLOTS {
        blocks.extend(Some(mark("block", number).await?).filter(|one| *one > 0).map(Published));
    }
    links.sort_unstable_by_key(|link| link.target);
    blocks.sort_unstable();
    let signed = mark("signed", 0).await?;
    Ok((Marks { links, signed: (signed > 0).then_some(Slot(signed)) }, blocks))
}

fn writes(genesis: UnixMs, (marks, blocks): &(Option<Marks>, Vec<Published>)) -> Vec<Write> {
    let raise = |what: &str, number, to| Write::Raise { mark: name(what, genesis, number), to };
    let mut writes = Vec::new();
    for link in marks.iter().flat_map(|marks| &marks.links) {
        let (number, [newest, oldest]) = (link.target.0 % Marks::LINKS as u64, marks_of(link));
        writes.extend([raise("link", number, newest), raise("oldest", number, oldest)]);
    }
    let signed = marks.iter().filter_map(|marks| marks.signed);
    writes.extend(signed.map(|slot| raise("signed", 0, slot.0)));
    writes.extend(blocks.iter().map(|one| raise("block", one.slot().0 % Published::SLOTS, one.0)));
    writes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_the_same_after_its_marks_and_they_rise() {
        let link = |target, newest, signed: Option<u64>| Link {
            target: Epoch(target),
            newest: Epoch(newest),
            signed: signed.map(Epoch),
        };
        let all =
            [link(9, 7, None), link(9, 8, None), link(9, 8, Some(8)), link(9, 8, Some(7)), link(13, 8, None)];
        for each in all {
            assert_eq!(link_of(marks_of(&each)), Some(each));
        }
        for pair in all.windows(2) {
            let ([newest, oldest], [newer, older]) = (marks_of(&pair[0]), marks_of(&pair[1]));
            assert!(newest <= newer && oldest <= older, "{pair:?}");
        }
        assert_eq!(link_of([0, 0]), None);
    }
}
