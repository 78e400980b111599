//! Room for request bodies: what has come of all of them together is bounded, whatever was announced.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const KIB: usize = 1_024;

/// The room one body takes; given back when it is dropped.
pub struct Room {
    all: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// None taken yet of `all`, whose permits stand for a KiB each.
    pub fn new(all: &Arc<Semaphore>) -> Self {
        Self { all: all.clone(), held: None }
    }

    /// Takes room for `bytes` in all. Whether there was enough.
    pub fn hold(&mut self, bytes: usize) -> bool {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let lacking = bytes.div_ceil(KIB).saturating_sub(held);
        if lacking == 0 {
            return true;
        }
        let Ok(lacking) = u32::try_from(lacking) else { return false };
        let Ok(more) = self.all.clone().try_acquire_many_owned(lacking) else { return false };
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_grows_with_what_came_and_is_given_back() {
        let all = Arc::new(Semaphore::new(4));
        let (mut a, mut b) = (Room::new(&all), Room::new(&all));
        assert!(a.hold(1) && a.hold(1_024) && a.hold(1_025));
        assert_eq!(all.available_permits(), 2);
        assert!(b.hold(2_048));
        assert!(!b.hold(2_049) && !a.hold(2_049));
        assert_eq!(all.available_permits(), 0);
        drop(a);
        assert!(b.hold(4_096));
        assert!(!b.hold(usize::MAX));
        drop(b);
        assert_eq!(all.available_permits(), 4);
    }
}
