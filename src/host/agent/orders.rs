//! Orders that routers gave: each is carried out once, however often it comes, and what became of it is remembered.
//!
//! What may be done, and how, is the agent's own file's ([`Hands`]); an order brings a name and nothing else.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::words::{Allows, Answer, Order, OrderState, RemedyOrder, What, shown};
use crate::model::{AgentKey, RemedyDraft, RemedyVerb, Verb};

/// Orders that are remembered.
const REMEMBERED: usize = 64;
/// Orders that are carried out at once.
const AT_ONCE: usize = 4;

/// What is run: what became of it.
pub type Run = Pin<Box<dyn Future<Output = OrderState> + Send>>;

/// What would be done about a check, once that is known.
pub type Drafting<'a> = Pin<Box<dyn Future<Output = RemedyDraft> + Send + 'a>>;

/// What an agent can do.
pub trait Hands: Send + Sync {
    /// The names that may be ordered.
    fn allows(&self) -> Allows;
    /// Runs what has this name, until its end or `cancel`; none: its file names no such thing.
    fn run(&self, verb: Verb, name: &str, cancel: CancellationToken) -> Option<Run>;
    /// What would be done about a check.
    fn draft<'a>(&'a self, verb: RemedyVerb, check: &'a str) -> Drafting<'a>;
    /// Does it, until its end or `cancel`.
    fn remedy(&self, order: RemedyOrder, cancel: CancellationToken) -> Run;
}

struct Kept {
    order: What,
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

    /// What would be done about a check.
    pub async fn draft(&self, verb: RemedyVerb, check: &str) -> Answer {
        if !self.hands.allows().remedy(check) {
            return refused(self.no_remedy(check));
        }
        Answer::Draft(Box::new(self.hands.draft(verb, check).await))
    }

    /// Takes an order of a router.
    pub fn order(&self, order: impl Into<What>, by: AgentKey) -> Answer {
        let order = order.into();
        if let Some(why) = order.misshapen() {
            return refused(why);
        }
        let mut book = self.book();
        if let Some(kept) = find(&mut book, order.id(), by) {
            if kept.order == order {
                return Answer::Order(kept.state.clone());
            }
            return refused("another order has this id".to_owned());
        }
        let (what, who) = (order.words(), shown(order.who()));
        let cancel = self.cancel.child_token();
        let run = match &order {
            What::Procedure(order) => self.procedure(&book, order, &cancel),
            // Those are one at a time, and one that is kept comes while it is under way.
            What::Remedy(order) if self.hands.allows().remedy(&order.check) => {
                Ok(self.hands.remedy(order.clone(), cancel.clone()))
            }
            What::Remedy(order) => Err((true, self.no_remedy(&order.check))),
        };
        let run = match run {
            Ok(run) => run,
            Err((forbidden, why)) => {
                if forbidden {
                    tracing::warn!(%what, %who, router = %by, "an order that this agent's file does not allow is refused");
                }
                return refused(why);
            }
        };
        tracing::info!(%what, %who, router = %by, "an order is carried out");
        while book.len() >= REMEMBERED {
            // Running ones are few.
            let Some(place) = book.iter().position(|old| old.state != OrderState::Running) else { break };
            book.remove(place);
        }
        let id = order.id().to_owned();
        book.push_back(Kept { order, by, state: OrderState::Running, cancel });
        drop(book);
        let orders = self.clone();
        self.tracker.spawn(async move {
            let state = run.await;
            tracing::info!(%what, %who, outcome = ?state, "an order has ended");
            if let Some(kept) = find(&mut orders.book(), &id, by) {
                kept.state = state;
            }
        });
        Answer::Order(OrderState::Running)
    }

    /// What is run for an order; else why not, and whether that is because the file does not allow it.
    fn procedure(
        &self,
        book: &VecDeque<Kept>,
        order: &Order,
        cancel: &CancellationToken,
    ) -> Result<Run, (bool, String)> {
        let (verb, name) = (order.verb, shown(&order.name));
        let running = || {
            book.iter().filter(|kept| kept.state == OrderState::Running).filter_map(|kept| {
                match &kept.order {
                    What::Procedure(order) => Some(order),
                    What::Remedy(_) => None,
                }
            })
        };
        if let Some(busy) = running().find(|busy| busy.name == order.name) {
            return Err((false, format!("{} of {name} for {} is under way", busy.verb, shown(&busy.who))));
        }
        if running().count() >= AT_ONCE {
            return Err((false, format!("{AT_ONCE} orders are under way")));
        }
        self.hands.run(verb, &order.name, cancel.clone()).ok_or_else(|| {
            let allowed = self.hands.allows();
            let why = match allowed.of(verb) {
                [] => format!("this agent's file allows no {verb}"),
                names => {
                    format!("this agent's file allows no {verb} of {name}; it does of {}", names.join(", "))
                }
            };
            (true, why)
        })
    }

    fn no_remedy(&self, check: &str) -> String {
        match self.hands.allows().remedies.as_slice() {
            [] => "this agent's file allows no remedies".to_owned(),
            names => format!(
                "this agent's file allows no remedy of {}; it does of {}",
                shown(check),
                names.join(", ")
            ),
        }
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
    book.iter_mut().find(|kept| kept.order.id() == id && kept.by == by)
}

fn refused(why: String) -> Answer {
    Answer::Refused { why }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    use super::super::session::Schedule;
    use super::super::words::{SEAL_LIMIT, Slots, WORD_LIMIT};
    use super::*;

    /// Knows `node`; each run ends by its cancellation, and is counted.
    #[derive(Default)]
    pub struct Counting(pub AtomicUsize);

    impl Hands for Counting {
        fn allows(&self) -> Allows {
            let (restart, remedies) = (vec!["node".into()], vec!["net.somaxconn".into()]);
            Allows { restart, remedies, ..Allows::default() }
        }

        fn draft<'a>(&'a self, _: RemedyVerb, check: &'a str) -> Drafting<'a> {
            Box::pin(
                async move { RemedyDraft { seal: format!("seal of {check}"), ..RemedyDraft::default() } },
            )
        }

        fn remedy(&self, order: RemedyOrder, cancel: CancellationToken) -> Run {
            self.0.fetch_add(1, SeqCst);
            Box::pin(async move {
                if order.verb == RemedyVerb::Keep {
                    return OrderState::Done { output: format!("{} stays", order.check) };
                }
                cancel.cancelled().await;
                OrderState::Failed { why: "it was ended".into(), output: String::new() }
            })
        }

        fn run(&self, verb: Verb, name: &str, cancel: CancellationToken) -> Option<Run> {
            if !self.allows().of(verb).iter().any(|allowed| allowed == name) {
                return None;
            }
            self.0.fetch_add(1, SeqCst);
            Some(Box::pin(async move {
                cancel.cancelled().await;
                OrderState::Failed { why: "it was ended".into(), output: "half".into() }
            }))
        }
    }

    impl Schedule for Counting {
        fn wanted(&self) -> bool {
            false
        }

        fn take(&self, _: &Slots) -> Result<(), String> {
            Err("it is of no use".to_owned())
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
        let of = |check: &str| What::Remedy(remedy("3", RemedyVerb::Fix, check));
        let other = no(orders.order(of("vm.swappiness"), by));
        assert_eq!(other, "this agent's file allows no remedy of vm.swappiness; it does of net.somaxconn");
        assert_eq!(no(orders.draft(RemedyVerb::Revert, "vm.swappiness").await), other);
        let long =
            RemedyOrder { seal: "x".repeat(SEAL_LIMIT + 1), ..remedy("4", RemedyVerb::Fix, "net.somaxconn") };
        no(orders.order(What::Remedy(long), by));
        assert_eq!(hands.0.load(SeqCst), 0);
    }

    pub fn remedy(id: &str, verb: RemedyVerb, check: &str) -> RemedyOrder {
        RemedyOrder { id: id.into(), verb, check: check.into(), seal: "5".into(), who: "alice".into() }
    }

    #[tokio::test]
    async fn a_remedy_is_kept_while_it_is_under_way_and_done_once() {
        let hands = Arc::new(Counting::default());
        let orders = Orders::new(hands.clone(), TaskTracker::new(), CancellationToken::new());
        let by = AgentKey([1; 32]);
        let fix = What::Remedy(remedy("1", RemedyVerb::Fix, "net.somaxconn"));
        for _ in 0..3 {
            assert_eq!(orders.order(fix.clone(), by), Answer::Order(OrderState::Running));
        }
        let other =
            What::Remedy(RemedyOrder { seal: "6".into(), ..remedy("1", RemedyVerb::Fix, "net.somaxconn") });
        assert_eq!(orders.order(other, by), refused("another order has this id".into()));
        orders.order(What::Remedy(remedy("2", RemedyVerb::Keep, "net.somaxconn")), by);
        let kept = async {
            while orders.outcome("2", by) == Answer::Order(OrderState::Running) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), kept).await.unwrap();
        let stays = OrderState::Done { output: "net.somaxconn stays".into() };
        assert_eq!(orders.outcome("2", by), Answer::Order(stays));
        assert_eq!((hands.0.load(SeqCst), orders.outcome("1", by)), (2, Answer::Order(OrderState::Running)));
        orders.end("1", by);
    }
}
