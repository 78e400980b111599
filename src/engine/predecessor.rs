//! The process before this one, while it hands over: what it knows is taken in, then its place is taken.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::common::Common;
use super::generation::Generation;
use super::heritage::{Estate, Line, Word};
use super::persist;
use super::said::Message;
use crate::model::{BeaconId, BeaconName};
use crate::router::{Memo, Produced, Router};
use crate::store::StoreError;

/// Within this the process before must let go of what only one may hold.
const YOURS_WITHIN: Duration = Duration::from_secs(15);

/// The line to it.
pub struct Predecessor(Line);

impl Predecessor {
    /// Over the socket it gave.
    ///
    /// # Errors
    /// It is no socket this process can use.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self(Line::new(tokio::net::UnixStream::from_std(stream)?)))
    }

    /// Says that this process could serve, waits until it may take what only one may hold, and takes in what is known. If
    /// the process before is gone by then, nothing is held by it and nothing is known.
    pub async fn take_over(
        predecessor: Option<Self>,
        generation: &Generation,
        common: &Common,
    ) -> Result<Option<Self>, StoreError> {
        let Some(mut predecessor) = predecessor else { return Ok(None) };
        let mut estate = predecessor.estate().await;
        let drains = persist::open(&common.store, &common.fleet.load().state).await?;
        // What stands on disk says by whom and since when; what is not there could not be written.
        estate.drained.extend(drains);
        inherit(estate, generation, common).await;
        Ok(Some(predecessor))
    }

    async fn estate(&mut self) -> Estate {
        // A broken line is found when nothing is heard.
        let _ = self.0.say(&Word::Able).await;
        if let Ok(Ok(Word::Yours(estate))) = timeout(YOURS_WITHIN, self.0.hear()).await {
            *estate
        } else {
            tracing::warn!("the process before this one is gone without a word: what it knew is lost");
            Estate::default()
        }
    }

    /// Says that this process serves; what the one before still learns is taken in until it ends. What is given back is told
    /// once the service manager hears this process instead of the one before.
    pub async fn serves(
        predecessor: Option<Self>,
        router: Arc<ArcSwap<Router>>,
        common: &Common,
    ) -> Arc<Notify> {
        let followed = Arc::new(Notify::new());
        let Some(Self(mut line)) = predecessor else { return followed };
        // It has ended if it does not hear it.
        let _ = line.say(&Word::Ready).await;
        let (cancel, follow) = (common.cancel.clone(), followed.clone());
        common.tasks.spawn(async move {
            let late = async {
                loop {
                    match line.hear().await {
                        Ok(Word::Produced(what, name)) => learn(&router.load(), what, &name),
                        Ok(Word::Followed) => follow.notify_one(),
                        _ => return,
                    }
                }
            };
            tokio::select! {
                () = cancel.cancelled() => {}
                () = late => {}
            }
        });
        followed
    }
}

fn learn(router: &Router, what: Produced, name: &BeaconName) {
    let names: Vec<BeaconName> = router.lane.upstreams.iter().map(|up| up.name.clone()).collect();
    if let Some(id) = find(&names, name) {
        router.memory.learn(Memo::Produced(id, what));
    }
}

/// Takes in what the process before knew.
async fn inherit(estate: Estate, generation: &Generation, common: &Common) {
    for (beacon, drain) in estate.drained {
        let (answer, answered) = oneshot::channel();
        let sent = common.pool.send(Message::Order(beacon, Some(drain), answer)).await;
        // One that is not in the fleet file any more need not be drained.
        if sent.is_ok() {
            let _ = answered.await;
        }
    }
    let names = generation.names();
    let place = |name: &BeaconName| find(&names, name);
    let places: Vec<Option<BeaconId>> = estate.beacons.iter().map(place).collect();
    let memory = &generation.router.memory;
    memory.inherit(estate.held.at(&places));
    memory.blocks().hear(estate.given);
    for (what, name) in estate.produced {
        if let Some(id) = place(&name) {
            memory.learn(Memo::Produced(id, what));
        }
    }
}

fn find(names: &[BeaconName], name: &BeaconName) -> Option<BeaconId> {
    names.iter().position(|known| known == name).map(|place| BeaconId(place as u16))
}
