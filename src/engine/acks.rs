//! Acknowledgements: somebody has taken note of something that is wrong. They stand until it has ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::book::Carried;
use super::common::Common;
use crate::control::Answer;
use crate::model::{Ack, Clock, FleetStatus, UnixMs};
use crate::store::{StoreError, StoreHandle, Write};

/// Something has ended once it was not there for so long, milliseconds: what flaps is one thing, and after a start it
/// takes a moment until everything is seen again.
const ENDED_MS: i64 = 30_000;
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Takes acknowledgements, and lets them go.
pub struct Acks {
    shown: Arc<ArcSwap<Vec<Ack>>>,
    status: watch::Receiver<Arc<FleetStatus>>,
    store: StoreHandle,
    clock: Clock,
    /// One change after the other, so that what is shown is what is kept.
    turn: Arc<Mutex<()>>,
}

impl Acks {
    /// Those that stand, and the task that lets them go.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn start(
        common: &Common,
        status: watch::Receiver<Arc<FleetStatus>>,
    ) -> Result<Arc<Self>, StoreError> {
        common.acks.store(Arc::new(common.store.acks().await?));
        let acks = Arc::new(Self {
            shown: common.acks.clone(),
            status,
            store: common.store.clone(),
            clock: common.clock.clone(),
            turn: Arc::default(),
        });
        common.tasks.spawn(acks.clone().run(common.cancel.clone()));
        Ok(acks)
    }

    /// Takes one of something that is wrong now; the first that was given stands.
    pub async fn give(&self, key: &str, why: Option<&str>, who: &str) -> Carried {
        let turn = self.turn.clone().lock_owned().await;
        let pages = self.status.borrow().pages();
        if !pages.iter().any(|page| page == key) {
            let known = if pages.is_empty() { "nothing is".to_owned() } else { pages.join("; ") };
            let message = format!("`{key}` is not wrong now and cannot be acknowledged; what is: {known}");
            return Answer::Refused { message }.into();
        }
        let mut all = self.shown.load().to_vec();
        if let Some(ack) = all.iter().find(|ack| ack.key == key) {
            return Answer::Done { message: format!("{key}: acknowledged by {} before", ack.by) }.into();
        }
        let ack = Ack {
            key: key.to_owned(),
            by: who.to_owned(),
            at: (self.clock)().wall,
            why: why.map(str::to_owned),
        };
        all.push(ack.clone());
        self.shown.store(Arc::new(all));
        let message = match why {
            Some(why) => format!("{key}: acknowledged, {why}"),
            None => format!("{key}: acknowledged"),
        };
        Carried { answer: Answer::Done { message }, writes: vec![Write::Ack(ack)], turn: Some(turn) }
    }

    async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut missing = Missing::default();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = looks.tick() => {}
            }
            let _turn = self.turn.lock().await;
            let (all, pages) = (self.shown.load_full(), self.status.borrow().pages());
            let ended = missing.look(&all, &pages, (self.clock)().wall);
            if ended.is_empty() {
                continue;
            }
            self.shown.store(Arc::new(all.iter().filter(|ack| !ended.contains(&ack.key)).cloned().collect()));
            let writes = ended.into_iter().map(Write::Unack).collect();
            // What could not be written is kept and tried again; the status tells of it.
            let _ = self.store.write(writes).await;
        }
    }
}

/// Since when what was acknowledged has not been there.
#[derive(Debug, Default)]
struct Missing(BTreeMap<String, UnixMs>);

impl Missing {
    /// The keys of what has ended.
    fn look(&mut self, acks: &[Ack], pages: &[String], now: UnixMs) -> Vec<String> {
        let gone = |ack: &&Ack| !pages.contains(&ack.key);
        let gone: Vec<&Ack> = acks.iter().filter(gone).collect();
        self.0.retain(|key, _| gone.iter().any(|ack| ack.key == *key));
        let mut ended = Vec::new();
        for ack in gone {
            let since = *self.0.entry(ack.key.clone()).or_insert(now);
            if now.since(since) >= ENDED_MS {
                ended.push(ack.key.clone());
            }
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_let_go_and_what_flaps_is_not() {
        let ack = Ack { key: "hung b1".into(), by: "alice".into(), at: UnixMs(0), why: None };
        let (acks, page, mut missing) = ([ack], ["hung b1".to_owned()], Missing::default());
        let mut look = |pages: &[String], second: u64| missing.look(&acks, pages, UnixMs(second * 1_000));
        assert!(look(&page, 0).is_empty());
        assert!(look(&[], 10).is_empty() && look(&[], 39).is_empty());
        assert!(look(&page, 39).is_empty(), "it is back");
        assert!(look(&[], 45).is_empty() && look(&[], 74).is_empty());
        assert_eq!(look(&["hung b2".to_owned()], 75), ["hung b1"]);
    }
}
