//! Whose copy goes next: at the due point thousands of messages come in one instant, and everyone's first copy goes
//! before anyone's second.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// The longest that second copies give way to first ones: what is left to gain by then is less than what a second path
/// through the network is worth.
const GIVE_WAY: Duration = Duration::from_millis(25);

/// The order among all publications of a process.
#[derive(Debug)]
pub struct Turns {
    /// Publications whose further copies may be under way at once.
    few: Semaphore,
    /// Publications no beacon has taken yet.
    firsts: AtomicUsize,
    none: Notify,
}

/// A publication that waits for its first success.
#[derive(Debug)]
pub struct First<'a>(&'a Turns);

impl Drop for First<'_> {
    fn drop(&mut self) {
        if self.0.firsts.fetch_sub(1, SeqCst) == 1 {
            self.0.none.notify_waiters();
        }
    }
}

impl Turns {
    /// Further copies of so many publications at once.
    pub fn new(at_once: usize) -> Self {
        Self { few: Semaphore::new(at_once), firsts: AtomicUsize::new(0), none: Notify::new() }
    }

    /// A publication begins; it is first until what is returned is dropped.
    pub fn first(&self) -> First<'_> {
        self.firsts.fetch_add(1, SeqCst);
        First(self)
    }

    /// Waits until further copies may go.
    pub async fn further(&self) -> Option<SemaphorePermit<'_>> {
        let none = async {
            loop {
                let mut none = std::pin::pin!(self.none.notified());
                // Whoever ends from here on is noticed.
                none.as_mut().enable();
                if self.firsts.load(SeqCst) == 0 {
                    return;
                }
                none.await;
            }
        };
        let _ = timeout(GIVE_WAY, none).await;
        // The semaphore is never closed; were it, the copies would still be due.
        self.few.acquire().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn further_copies_wait_for_first_ones_but_not_for_long() {
        let turns = Turns::new(1);
        let began = Instant::now();
        let turn = turns.further().await;
        assert_eq!(began.elapsed(), Duration::ZERO, "nobody is first");
        assert!(turns.few.try_acquire().is_err());
        drop(turn);
        let (one, other) = (turns.first(), turns.first());
        let soon = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            drop(one);
            tokio::time::sleep(Duration::from_millis(5)).await;
            drop(other);
        };
        let ((), turn) = tokio::join!(soon, turns.further());
        assert!(turn.is_some());
        assert_eq!(began.elapsed(), Duration::from_millis(10), "both had to be answered");
        drop(turn);
        let _first = turns.first();
        let began = Instant::now();
        drop(turns.further().await);
        assert_eq!(began.elapsed().as_millis(), GIVE_WAY.as_millis());
    }
}
