//! Block production: several at once, and the best of what there is at a soft deadline.
//!
//! Nobody's work is thrown away before its time: who is late at the soft deadline is waited for as long as nobody else
//! has anything to give, beside one beacon more.

use std::cmp::Reverse;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use super::sequence::AGREEING_REFUSALS;
use super::{Finished, Lane, Plan, Tried, keep_better};
use crate::model::{Attempt, BeaconId, Outcome};
use crate::router::upstream::{Ask, Reply};

/// What came so far.
struct Offers<O> {
    made: Vec<(BeaconId, O, Reply)>,
    /// The best answer that is no offer.
    poor: Option<(u8, BeaconId, Reply)>,
    refusals: usize,
}

impl<O> Offers<O> {
    /// Keeps an answer; what became of its attempt.
    fn keep(
        &mut self,
        (mut attempt, reply): (Attempt, Option<Reply>),
        read: impl Fn(&Reply) -> Option<O>,
    ) -> Attempt {
        match reply {
            Some(reply) if attempt.outcome == Outcome::Ok => match read(&reply) {
                Some(offer) => self.made.push((attempt.beacon, offer, reply)),
                None => attempt.outcome = Outcome::Failed,
            },
            reply => {
                keep_better(&mut self.poor, attempt, reply);
                self.refusals += usize::from(matches!(attempt.outcome, Outcome::Empty | Outcome::Refused));
            }
        }
        attempt
    }
}

/// Asks the first `width` of `order` at once, and the next for each that has nothing to give. At `soft` the best is taken
/// that there is, and the first that comes if there is none.
///
/// `read` makes an offer of a success, or none if it must not be given; `rate` says whether an offer is fit to be given
/// while another may come, and how good it is.
pub async fn produce<O, R: Ord>(
    lane: &Lane,
    ask: &Arc<Ask>,
    (order, width): (&[BeaconId], usize),
    (plan, soft): (Plan, Instant),
    read: impl Fn(&Reply) -> Option<O>,
    rate: impl Fn(BeaconId, &O) -> (bool, R),
) -> Finished {
    let mut finished = Finished::default();
    let mut offers = Offers { made: Vec::new(), poor: None, refusals: 0 };
    let has_fit = |offers: &Offers<O>| offers.made.iter().any(|(id, offer, _)| rate(*id, offer).0);
    let mut running = FuturesUnordered::new();
    let begin = |id, running: &FuturesUnordered<_>, tried: &mut Tried| {
        tried.begin(id, lane.elapsed_us(ask));
        running.push(lane.attempt(id, ask, plan.total));
    };
    let mut next = order.iter().copied();
    next.by_ref().take(width.max(1)).for_each(|id| begin(id, &running, &mut finished.tried));
    let end = Instant::now() + plan.total;
    let mut wake = soft.min(end);
    loop {
        let done = tokio::select! {
            biased;
            done = running.next() => done,
            () = sleep_until(wake) => {
                if wake == end || has_fit(&offers) {
                    break;
                }
                wake = end;
                next.next().into_iter().for_each(|id| begin(id, &running, &mut finished.tried));
                continue;
            }
        };
        let Some(done) = done else { break };
        finished.tried.end(offers.keep(done, &read));
        if has_fit(&offers) {
            if Instant::now() >= soft {
                break;
            }
        } else if offers.refusals < AGREEING_REFUSALS {
            next.next().into_iter().for_each(|id| begin(id, &running, &mut finished.tried));
        }
    }
    let left = if offers.made.is_empty() { Outcome::TimedOut } else { Outcome::Overtaken };
    finished.tried.let_go(left, lane.elapsed_us(ask));
    let place = |id: BeaconId| Reverse(order.iter().position(|other| *other == id));
    let best = offers.made.into_iter().max_by_key(|(id, offer, _)| (rate(*id, offer), place(*id)));
    let poor = offers.poor.map(|(_, id, reply)| (id, reply));
    finished.reply = best.map(|(id, _, reply)| (id, reply)).or(poor);
    finished
}
