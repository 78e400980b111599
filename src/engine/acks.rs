//! Acknowledgements: somebody has taken note of something that is wrong. They stand until it has ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::book::Carried;
use super::common::Common;
use super::standing::Standing;
use crate::control::Answer;
use crate::model::{Ack, FleetStatus, UnixMs};
use crate::store::StoreError;

/// Something has ended once it was not there for so long, milliseconds: what flaps is one thing, and after a start it
/// takes a moment until everything is seen again.
const ENDED_MS: i64 = 30_000;

/// Takes acknowledgements, and lets them go.
pub struct Acks {
    standing: Arc<Standing<Ack>>,
    status: watch::Receiver<Arc<FleetStatus>>,
}

impl Acks {
    /// Those that stand, and the task that lets them go.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn start(
        common: &Common,
        status: watch::Receiver<Arc<FleetStatus>>,
    ) -> Result<Self, StoreError> {
        let standing = Standing::new(common, &common.acks, common.store.acks().await?);
        let (looked_at, mut missing) = (status.clone(), Missing::default());
        let ended = move |acks: &[Ack], now| missing.look(acks, &looked_at.borrow().pages(), now);
        common.tasks.spawn(standing.clone().let_go(common.cancel.clone(), ended));
        Ok(Self { standing, status })
    }

    /// Takes one of something that is wrong now; the first that was given stands.
    pub async fn give(&self, key: &str, why: Option<&str>, who: &str) -> Carried {
        let turn = self.standing.turn().await;
        let pages = self.status.borrow().pages();
        if !pages.iter().any(|page| page == key) {
            let known = if pages.is_empty() { "nothing is".to_owned() } else { pages.join("; ") };
            let message = format!("`{key}` is not wrong now and cannot be acknowledged; what is: {known}");
            return Answer::Refused { message }.into();
        }
        if let Some(ack) = self.standing.all().iter().find(|ack| ack.key == key) {
            return Answer::Done { message: format!("{key}: acknowledged by {} before", ack.by) }.into();
        }
        let at = self.standing.now();
        let ack = Ack { key: key.to_owned(), by: who.to_owned(), at, why: why.map(str::to_owned) };
        let writes = vec![self.standing.put(ack)];
        let message = match why {
            Some(why) => format!("{key}: acknowledged, {why}"),
            None => format!("{key}: acknowledged"),
        };
        Carried { answer: Answer::Done { message }, writes, turn: Some(turn) }
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
