//! Whether this process itself was late while it waited for another: what it measured then is not the other's.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How often it is looked.
const TICK: Duration = Duration::from_millis(10);

/// Runs it, and says by how much this task was woken late meanwhile, all in all.
pub(super) async fn beside<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let mut future = pin!(future);
    let mut late = Duration::ZERO;
    loop {
        let due = Instant::now() + TICK;
        tokio::select! {
            biased;
            done = &mut future => return (done, late + due.elapsed()),
            () = sleep_until(due) => late += due.elapsed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const LONG: Duration = Duration::from_millis(80);

    #[tokio::test(start_paused = true)]
    async fn waiting_for_another_is_not_being_late() {
        let ((), late) = beside(sleep(LONG)).await;
        assert!(late <= LONG / 8, "{late:?}");
    }

    #[tokio::test]
    async fn standing_still_is() {
        let ((), late) = beside(async { std::thread::sleep(LONG) }).await;
        assert!(late + TICK >= LONG, "{late:?}");
    }
}
