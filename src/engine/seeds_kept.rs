//! The seeds book across processes: what stands in the store at the start, and what changed since.
//!
//! Nobody waits for it: seeds reach beacons whether or not the disk takes them, and the store itself says when it does not.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::model::{SeedKind, Slot};
use crate::router::Desk;
use crate::seeds::{Client, When};
use crate::store::{Expiry, StoreHandle, StoredSeed, Write};

/// The book's place in the store.
pub struct Kept {
    store: StoreHandle,
    desk: Arc<Desk>,
    /// What was found at the start, until the chain says what of it is still valid.
    found: Option<Vec<StoredSeed>>,
    writing: Option<JoinHandle<()>>,
}

impl Kept {
    /// Reads what stands in the store.
    pub async fn read(store: StoreHandle, desk: Arc<Desk>) -> Self {
        let found = store.seeds().await.unwrap_or_else(|error| {
            tracing::error!(%error, "the seeds of before cannot be read; clients will tell them again");
            Vec::new()
        });
        Self { store, desk, found: Some(found), writing: None }
    }

    /// Puts back what is still valid, the first time it is called.
    pub fn restore(&mut self, when: When) {
        let mut count = 0;
        for seed in self.found.take().unwrap_or_default() {
            let Some(kind) = SeedKind::of_word(&seed.kind) else { continue };
            let client = Client::named(&seed.client);
            count += self.desk.with(|book| book.restore(&client, kind, &seed.body, when));
        }
        if count > 0 {
            tracing::info!(entries = count, "seeds of before are told again");
        }
    }

    /// Writes what changed, unless the last write is still under way.
    pub fn write(&mut self) {
        // Until they are put back, what is found in the store is all there is.
        if self.found.is_some() || self.writing.as_ref().is_some_and(|writing| !writing.is_finished()) {
            return;
        }
        let changed = self.desk.with(crate::seeds::Book::take_changed);
        if changed.is_empty() {
            return;
        }
        let (desk, store) = (self.desk.clone(), self.store.clone());
        self.writing = Some(tokio::spawn(async move {
            // Long lists take their time.
            let writes = tokio::task::spawn_blocking(move || {
                changed.into_iter().map(|(client, kind)| change(&desk, &client, kind)).collect()
            });
            let Ok(writes) = writes.await else { return };
            if let Err(error) = store.write(writes).await {
                tracing::debug!(%error, "seeds are not on disk yet");
            }
        }));
    }

    /// Writes what is left and waits for it.
    pub async fn finish(mut self) {
        for _ in 0..2 {
            if let Some(writing) = self.writing.take() {
                // It has no way to fail but a panic, which is reported by itself.
                let _ = writing.await;
            }
            self.write();
        }
        if let Some(writing) = self.writing {
            let _ = writing.await;
        }
    }
}

fn change(desk: &Desk, client: &Client, kind: SeedKind) -> Write {
    let (client_word, kind_word) = (client.as_str().to_owned(), kind.word().to_owned());
    match desk.with(|book| book.save(client, kind)) {
        Some(body) => Write::Seed(StoredSeed {
            client: client_word,
            kind: kind_word,
            body: body.into(),
            // Each entry ends by itself, and the whole is dropped when none is left.
            expiry: Expiry::Slot(Slot(u64::MAX)),
        }),
        None => Write::Forget { client: client_word, kind: kind_word },
    }
}
