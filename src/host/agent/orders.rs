//! Orders that routers gave: each is carried out once, however often it comes, and what became of it is remembered.
//!
//! What may be done, and how, is the agent's own file's ([`Hands`]); an order brings a name and nothing else.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::words::{Allows, Answer, Order, OrderState, WORD_LIMIT, shown};
use crate::model::{AgentKey, Verb};

/// Orders that are remembered.
const REMEMBERED: usize = 64;
/// Orders that are carried out at once.
const AT_ONCE: usize = 4;

/// What is run: the end of what it printed, or why it failed and that.
pub type Run = Pin<Box<dyn Future<Output = Result<String, (String, String)>> + Send>>;

/// What an agent can do.
pub trait Hands: Send + Sync {
    /// The names that may be ordered.
    fn allows(&self) -> Allows;
    /// Runs what has this name, until its end or `cancel`; none: its file names no such thing.
    fn run(&self, verb: Verb, name: &str, cancel: CancellationToken) -> Option<Run>;
}

struct Kept {
    order: Order,
    by: AgentKey,
    state: OrderState,
    cancel: CancellationToken,
}

/// All orders, oldest first. Cheap to clone.
#[derive(Clone)]
pub struct Orders {
    hands: Arc<dyn Hands>,
    book: Arc<Mutex<VecDeque<Kept>>>,
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Orders {
    /// None yet; `cancel` ends all.
    pub fn new(hands: Arc<dyn Hands>, tracker: TaskTracker, cancel: CancellationToken) -> Self {
        Self { hands, book: Arc::default(), tracker, cancel }
    }

    /// What may be ordered.
    pub fn allows(&self) -> Allows {
        self.hands.allows()
    }

    /// Takes an order of a router.
    pub fn order(&self, order: Order, by: AgentKey) -> Answer {
        let words = [&order.id, &order.name, &order.who];
        if order.id.is_empty() || words.iter().any(|word| word.len() > WORD_LIMIT) {
            return refused(format!("an order's words have 1 to {WORD_LIMIT} bytes"));
        }
        let mut book = self.book();
        if let Some(kept) = find(&mut book, &order.id, by) {
            if kept.order == order {
                return Answer::Order(kept.state.clone());
            }
            return refused("another order has this id".to_owned());
        }
        let (verb, name, who) = (order.verb, shown(&order.name), shown(&order.who));
        let running = |kept: &&Kept| kept.state == OrderState::Running;
        if let Some(busy) = book.iter().filter(running).find(|kept| kept.order.name == order.name) {
            let (verb, who) = (busy.order.verb, shown(&busy.order.who));
            return refused(format!("{verb} of {name} for {who} is under way"));
        }
        if book.iter().filter(running).count() >= AT_ONCE {
            return refused(format!("{AT_ONCE} orders are under way"));
        }
        let cancel = self.cancel.child_token();
        let Some(run) = self.hands.run(verb, &order.name, cancel.clone()) else {
            tracing::warn!(%verb, %name, %who, router = %by, "an order that this agent's file does not allow is refused");
            let allowed = self.hands.allows();
            return refused(match allowed.of(verb) {
                [] => format!("this agent's file allows no {verb}"),
                names => {
                    format!("this agent's file allows no {verb} of {name}; it does of {}", names.join(", "))
                }
            });
        };
        tracing::info!(%verb, %name, %who, router = %by, "an order is carried out");
        while book.len() >= REMEMBERED {
            // Running ones are few.
            let Some(place) = book.iter().position(|old| old.state != OrderState::Running) else { break };
            book.remove(place);
        }
        let id = order.id.clone();
        book.push_back(Kept { order, by, state: OrderState::Running, cancel });
        drop(book);
        let orders = self.clone();
        self.tracker.spawn(async move {
            let state = match run.await {
                Ok(output) => OrderState::Done { output },
                Err((why, output)) => OrderState::Failed { why, output },
            };
            tracing::info!(%verb, %name, outcome = ?state, "an order has ended");
            if let Some(kept) = find(&mut orders.book(), &id, by) {
                kept.state = state;
            }
        });
        Answer::Order(OrderState::Running)
    }

    /// How far an order of a router's own has come.
    pub fn outcome(&self, id: &str, by: AgentKey) -> Answer {
        let state = find(&mut self.book(), id, by).map(|kept| kept.state.clone());
        Answer::Order(state.unwrap_or(OrderState::Unknown))
    }

    /// Ends what an order of a router's own began; how far it has come.
    pub fn end(&self, id: &str, by: AgentKey) -> Answer {
        if let Some(kept) = find(&mut self.book(), id, by) {
            kept.cancel.cancel();
        }
        self.outcome(id, by)
    }

    fn book(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'a>(book: &'a mut VecDeque<Kept>, id: &str, by: AgentKey) -> Option<&'a mut Kept> {
    book.iter_mut().find(|kept| kept.order.id == id && kept.by == by)
}

fn refused(why: String) -> Answer {
    Answer::Refused { why }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    use super::*;

    /// Knows `node`; each run ends by its cancellation, and is counted.
    #[derive(Default)]
    pub struct Counting(pub AtomicUsize);

    impl Hands for Counting {
        fn allows(&self) -> Allows {
            Allows { restart: vec!["node".into()], upgrade: Vec::new() }
        }

        fn run(&self, verb: Verb, name: &str, cancel: CancellationToken) -> Option<Run> {
            if !self.allows().of(verb).iter().any(|allowed| allowed == name) {
                return None;
            }
            self.0.fetch_add(1, SeqCst);
            Some(Box::pin(async move {
                cancel.cancelled().await;
                Err(("it was ended".into(), "half".into()))
            }))
        }
    }

    pub fn order(id: &str, verb: Verb, name: &str) -> Order {
        Order { id: id.into(), verb, name: name.into(), who: "alice".into() }
    }

    #[tokio::test]
    async fn an_order_is_carried_out_once_for_whoever_gave_it() {
        let hands = Arc::new(Counting::default());
        let orders = Orders::new(hands.clone(), TaskTracker::new(), CancellationToken::new());
        let (one, other) = (AgentKey([1; 32]), AgentKey([2; 32]));
        let first = order("1", Verb::Restart, "node");
        for _ in 0..3 {
            assert_eq!(orders.order(first.clone(), one), Answer::Order(OrderState::Running));
        }
        assert_eq!(hands.0.load(SeqCst), 1);
        let busy = orders.order(order("2", Verb::Restart, "node"), other);
        assert_eq!(busy, refused("restart of node for alice is under way".into()));
        let changed = orders.order(Order { who: "bob".into(), ..first }, one);
        assert_eq!(changed, refused("another order has this id".into()));
        assert_eq!(orders.end("1", other), Answer::Order(OrderState::Unknown), "it is not theirs");
        orders.end("1", one);
        let ended = async {
            while orders.outcome("1", one) == Answer::Order(OrderState::Running) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap();
        let failed = OrderState::Failed { why: "it was ended".into(), output: "half".into() };
        assert_eq!(orders.outcome("1", one), Answer::Order(failed));
    }

    #[tokio::test]
    async fn what_the_file_does_not_name_is_not_done() {
        let hands = Arc::new(Counting::default());
        let orders = Orders::new(hands.clone(), TaskTracker::new(), CancellationToken::new());
        let by = AgentKey([1; 32]);
        let no = |told: Answer| match told {
            Answer::Refused { why } => why,
            other => panic!("{other:?}"),
        };
        let other = no(orders.order(order("1", Verb::Restart, "/bin/sh"), by));
        assert_eq!(other, "this agent's file allows no restart of /bin/sh; it does of node");
        let upgrade = no(orders.order(order("2", Verb::Upgrade, "node"), by));
        assert_eq!(upgrade, "this agent's file allows no upgrade");
        no(orders.order(order("", Verb::Restart, "node"), by));
        no(orders.order(order(&"x".repeat(WORD_LIMIT + 1), Verb::Restart, "node"), by));
        assert_eq!(hands.0.load(SeqCst), 0);
    }
}
