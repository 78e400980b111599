//! By this an order to hand over reaches whoever owns the process: it alone can end it when the next one serves.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

/// Who is to be told what came of it: the next process, or why there is none.
pub type Tell = oneshot::Sender<Result<u32, String>>;

/// Orders that wait while one is carried out; each is answered.
const QUEUE: usize = 4;

/// The bell. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Mutex<Option<mpsc::Sender<Tell>>>>);

impl Bell {
    /// Carries orders out from now on.
    pub fn listen(&self) -> mpsc::Receiver<Tell> {
        let (to, orders) = mpsc::channel(QUEUE);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(to);
        orders
    }

    /// Whether somebody carries orders out.
    pub fn is_heard(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|to| !to.is_closed())
    }

    /// Orders it; what comes of it comes later. None: nobody carries it out, or too many are ordered.
    pub fn ring(&self) -> Option<oneshot::Receiver<Result<u32, String>>> {
        let (tell, told) = oneshot::channel();
        let to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        to.as_ref()?.try_send(tell).is_ok().then_some(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_order_is_answered_by_whoever_listens_and_refused_where_nobody_does() {
        let bell = Bell::default();
        assert!(!bell.is_heard() && bell.ring().is_none());
        let mut orders = bell.clone().listen();
        assert!(bell.is_heard());
        let told = bell.ring().unwrap();
        orders.recv().await.unwrap().send(Err("no program".into())).unwrap();
        assert_eq!(told.await, Ok(Err("no program".into())));
        (0..QUEUE).for_each(|_| assert!(bell.ring().is_some()));
        assert!(bell.ring().is_none(), "too many");
        drop(orders);
        assert!(!bell.is_heard() && bell.ring().is_none());
    }
}
