//! Owns the devnet's time: when a slot or an epoch begins, and waiting for it.
//!
//! A slot's beginning is the one condition here that nothing but time can bring, so this is the one
//! place that waits for time; everything else waits for a condition, with a bound ([`eventually`]).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};

/// Slots of one epoch in the minimal preset.
pub const SLOTS_PER_EPOCH: u64 = 8;

/// How often a condition is looked at again.
const POLL: Duration = Duration::from_millis(100);

/// The slot clock of one devnet.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Unix time of slot 0, in seconds.
    pub genesis: u64,
    /// Length of a slot, in seconds.
    pub seconds_per_slot: u64,
}

impl Clock {
    /// A clock whose slot 0 begins `ahead` from now, at the next whole second.
    pub fn starting_in(ahead: Duration, seconds_per_slot: u64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self { genesis: (now + ahead).as_secs() + 1, seconds_per_slot }
    }

    /// When slot `slot` begins.
    pub fn start_of(self, slot: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.genesis + slot * self.seconds_per_slot)
    }

    /// How long it is until slot `slot` begins; zero if it has begun.
    pub fn until(self, slot: u64) -> Duration {
        self.start_of(slot).duration_since(SystemTime::now()).unwrap_or_default()
    }

    /// Waits until slot `slot` begins.
    pub async fn reach_slot(self, slot: u64) {
        tokio::time::sleep(self.until(slot)).await;
    }

    /// Waits until the attestations of slot `slot` are due, a third into it.
    pub async fn reach_due(self, slot: u64) {
        let third = Duration::from_millis(self.seconds_per_slot * 1_000 / 3);
        let due = self.start_of(slot) + third;
        tokio::time::sleep(due.duration_since(SystemTime::now()).unwrap_or_default()).await;
    }

    /// Waits until epoch `epoch` begins.
    pub async fn reach_epoch(self, epoch: u64) {
        self.reach_slot(first_slot(epoch)).await;
    }
}

/// First slot of an epoch.
pub const fn first_slot(epoch: u64) -> u64 {
    epoch * SLOTS_PER_EPOCH
}

/// Asks `look` again and again until it gives an answer; after `bound` it fails and says what was awaited.
pub async fn eventually<T>(
    what: &str,
    bound: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Result<T> {
    let end = tokio::time::Instant::now() + bound;
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        if tokio::time::Instant::now() >= end {
            bail!("{what}: still not so after {} s", bound.as_secs());
        }
        tokio::time::sleep(POLL).await;
    }
}
