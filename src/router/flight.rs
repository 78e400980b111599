//! One read for all who ask the same: who asks while it is under way joins it.
//!
//! A flight runs in a task of its own: whoever waits for it may hang up. What it brings is kept by whoever began it, and
//! before it ends; here are only those under way.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::memory::lock;
use crate::model::Shared;

type Running<K, V> = HashMap<K, watch::Receiver<Option<V>>>;

/// Flights under way, by what they are asked. Clones are the same flights.
pub struct Flights<K, V>(Arc<Mutex<Running<K, V>>>);

impl<K, V> Clone for Flights<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// How a question is answered.
pub enum Joined<A, V> {
    /// By what stands.
    Stands(A),
    /// By a flight, begun just now or before.
    Waits(Flight<V>),
}

/// A flight as one of those who wait for it sees it.
pub struct Flight<V> {
    brought: watch::Receiver<Option<V>>,
    /// Whether it was begun for this one who waits.
    pub begun: bool,
}

impl<V: Clone> Flight<V> {
    /// Why what it brings was not fetched for this one who waits; none if it was.
    pub fn shared(&self) -> Option<Shared> {
        (!self.begun).then_some(Shared::InFlight)
    }

    /// What it brings; none if it broke off.
    pub async fn landed(mut self) -> Option<V> {
        self.brought.wait_for(Option::is_some).await.ok().and_then(|brought| brought.clone())
    }
}

impl<K, V> Flights<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Send + Sync + 'static,
{
    /// What stands, else the flight under way, else a new one. `standing` is looked at while no flight can end: what a
    /// flight made stand before it ended is found, or the flight is.
    pub fn join<A, F>(
        &self,
        key: K,
        standing: impl FnOnce() -> Option<A>,
        flight: impl FnOnce() -> F,
    ) -> Joined<A, V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut running = self.running();
        if let Some(answer) = standing() {
            return Joined::Stands(answer);
        }
        if let Some(brought) = running.get(&key) {
            return Joined::Waits(Flight { brought: brought.clone(), begun: false });
        }
        let (ended, brought) = watch::channel(None);
        running.insert(key.clone(), brought.clone());
        drop(running);
        let (place, flight) = (Place { flights: self.clone(), key }, flight());
        tokio::spawn(async move {
            let value = flight.await;
            drop(place);
            ended.send_replace(Some(value));
        });
        Joined::Waits(Flight { brought, begun: true })
    }
}

impl<K, V> Flights<K, V> {
    fn running(&self) -> MutexGuard<'_, Running<K, V>> {
        lock(&self.0)
    }
}

/// A flight's place among those under way; left when it ends, however that is.
struct Place<K: Hash + Eq, V> {
    flights: Flights<K, V>,
    key: K,
}

impl<K: Hash + Eq, V> Drop for Place<K, V> {
    fn drop(&mut self) {
        self.flights.running().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use tokio::sync::Semaphore;

    use super::*;

    fn waits(joined: Joined<u8, u8>) -> Flight<u8> {
        match joined {
            Joined::Waits(flight) => flight,
            Joined::Stands(answer) => panic!("{answer} stands"),
        }
    }

    fn nothing() -> Option<u8> {
        None
    }

    #[tokio::test]
    async fn who_asks_meanwhile_joins_and_who_asks_later_begins_anew() {
        let flights: Flights<&str, u8> = Flights::default();
        let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let join = |key| {
            let (gate, begun) = (gate.clone(), begun.clone());
            let flight = move || async move {
                let number = begun.fetch_add(1, SeqCst) as u8;
                gate.acquire().await.unwrap().forget();
                number
            };
            waits(flights.join(key, nothing, flight))
        };
        let (one, two, other) = (join("a"), join("a"), join("b"));
        assert_eq!([one.begun, two.begun, other.begun], [true, false, true]);
        gate.add_permits(2);
        let got = tokio::join!(one.landed(), two.landed(), other.landed());
        assert_eq!(got.0, got.1);
        assert_ne!(got.0, got.2);
        let again = join("a");
        assert!(again.begun && flights.running().len() == 1);
        gate.add_permits(1);
        assert_eq!(again.landed().await, Some(2));
    }

    #[tokio::test]
    async fn what_a_flight_made_stand_is_found_or_the_flight_is() {
        let flights: Flights<u8, u8> = Flights::default();
        let stands = Arc::new(Mutex::new(None));
        for _ in 0..1_000 {
            *stands.lock().unwrap() = None;
            let begun = Arc::new(AtomicUsize::new(0));
            let ask = || {
                let (flights, stands, begun) = (flights.clone(), stands.clone(), begun.clone());
                tokio::spawn(async move {
                    let kept = stands.clone();
                    let flight = move || async move {
                        begun.fetch_add(1, SeqCst);
                        *kept.lock().unwrap() = Some(7);
                        7
                    };
                    match flights.join(0, || *stands.lock().unwrap(), flight) {
                        Joined::Stands(answer) => Some(answer),
                        Joined::Waits(flight) => flight.landed().await,
                    }
                })
            };
            let all = [ask(), ask(), ask(), ask()];
            for one in all {
                assert_eq!(one.await.unwrap(), Some(7));
            }
            assert_eq!(begun.load(SeqCst), 1);
        }
    }

    #[tokio::test]
    async fn a_flight_goes_on_without_those_who_wait_and_one_that_breaks_off_leaves_its_place() {
        let flights: Flights<u8, u8> = Flights::default();
        let (done, mut seen) = watch::channel(false);
        let flight = || async move {
            done.send_replace(true);
            1
        };
        drop(flights.join(1, nothing, flight));
        seen.wait_for(|done| *done).await.unwrap();
        let broken = waits(flights.join(2, nothing, || async { panic!("a flight breaks off") }));
        assert_eq!(broken.landed().await, None);
        assert!(!flights.running().contains_key(&2));
        assert_eq!(waits(flights.join(2, nothing, || async { 3 })).landed().await, Some(3));
    }
}
