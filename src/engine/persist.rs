//! The state's part in the engine: it is opened before anything else, what stands is restored from it, what is done is
//! recorded in it, and on-call hears of a disk that does not take it.
//!
//! Routing never waits for it: while changes cannot be written they stand in memory, and the store tries again.

use std::collections::BTreeMap;
use std::path::Path;

use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use super::clock;
use super::common::Common;
use super::said::Message;
use super::tenures_kept;
use crate::control::Peer;
use crate::model::{BeaconName, Drain, JournalEntry};
use crate::store::{SqliteStore, StoreError, StoreHandle, Write};

/// The part of the program this task's notices speak of.
const PART: &str = "state";
/// Who did what nobody ordered.
pub const OURSELVES: &str = "serve";

/// Opens the state in a directory, and what stands in it.
///
/// # Errors
/// It is in use, cannot be written, is damaged, newer or not ours.
pub async fn open(store: &StoreHandle, dir: &Path) -> Result<BTreeMap<BeaconName, Drain>, StoreError> {
    let (dir, holder) = (dir.to_owned(), holder());
    store.open(move || SqliteStore::open(&dir, &holder)).await?;
    store.drains().await
}

/// What a second process is told of this one.
fn holder() -> String {
    let user = UnixStream::pair().and_then(|(stream, _)| Peer::of(&stream));
    let user = user.map_or_else(|_| "unknown user".to_owned(), |peer| peer.to_string());
    format!("beacondeck (pid {}, {user}, since {})", std::process::id(), clock::system()().wall.utc())
}

/// Records what the program did by itself.
pub async fn note(common: &Common, what: &str, outcome: String) -> Result<(), StoreError> {
    let entry = JournalEntry {
        id: 0,
        at: (common.clock)().wall,
        who: OURSELVES.to_owned(),
        what: what.to_owned(),
        target: None,
        order: None,
        outcome,
    };
    common.store.write(vec![Write::Journal(entry)]).await.map(drop)
}

/// The tasks that keep since when beacons are up, and that tell the status what the disk does not take. The latter ends with
/// the state, which is not to end before it.
pub fn watch(common: &Common) -> JoinHandle<()> {
    common.tasks.spawn(tenures_kept::keep(common.clone()));
    let (store, pool, cancel) = (common.store.clone(), common.pool.clone(), common.cancel.clone());
    common.tasks.spawn(async move {
        let mut trouble = store.trouble();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = store.ended() => return,
                Ok(()) = trouble.changed() => {}
            }
            let words = trouble.borrow_and_update().clone();
            let notice = words.map(|words| format!("state is not persisted: {words}"));
            // The pool's task ends by the same token.
            let _ = pool.send(Message::Notice(PART, notice)).await;
        }
    })
}
