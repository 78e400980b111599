//! One connection of a paired router: its questions in their order, answered one at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::frame::{self, ANSWER_LIMIT, FrameError, QUESTION_LIMIT};
use super::orders::Orders;
use super::paired::Paired;
use super::rate::Bucket;
use super::words::{Answer, Answered, Asked, Greeting, Question, Report, Slots, What};
use crate::model::AgentKey;

/// A router that asks nothing for so long is gone.
pub const IDLE: Duration = Duration::from_secs(120);
/// Questions at once, and a second after that.
const QUESTIONS: (u32, u32) = (40, 20);

/// The wall clock in microseconds since the Unix epoch.
pub type Micros = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What was found, and when.
#[derive(Debug, Clone)]
pub struct Looked {
    /// All but its age.
    pub report: Report,
    /// When, by the monotonic clock.
    pub at: Instant,
}

/// Who wants to know where slots lie.
pub trait Schedule: Send + Sync {
    /// Whether it is of use.
    fn wanted(&self) -> bool;
    /// Takes what a router tells.
    ///
    /// # Errors
    /// No chain has such slots: one sentence.
    fn take(&self, slots: &Slots) -> Result<(), String>;
}

/// What every connection is answered from.
#[derive(Clone)]
pub struct House {
    /// Who is let in.
    pub paired: Arc<Paired>,
    /// What routers ordered.
    pub orders: Orders,
    /// What was found; none: nothing yet.
    pub looked: watch::Receiver<Option<Looked>>,
    /// What routers tell of slots.
    pub slots: Arc<dyn Schedule>,
    /// The clock that is compared.
    pub micros: Micros,
    /// Chosen anew by each process: see [`nonce`].
    pub life: String,
}

/// Why a connection was ended by this side.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// It was not what was agreed on.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame of another connection.
    #[error("a frame of another session: it was recorded and played again")]
    Session,
    /// A frame out of its order.
    #[error("frame {told} where {next} was due: it was recorded and played again")]
    Number {
        /// Its number.
        told: u64,
        /// The one that was due.
        next: u64,
    },
    /// More than one router needs.
    #[error("more than {} questions a second", QUESTIONS.1)]
    Flood,
    /// It was let in before and is no more.
    #[error("it is not paired any more")]
    Unpaired,
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
}

/// Answers a router until one of both ends it. `Ok`: the router did.
pub async fn answer<S>(stream: &mut S, router: AgentKey, house: &House) -> Result<(), Ended>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let session = nonce().map_err(|_| Ended::Random)?;
    let greeting = Greeting {
        session: session.clone(),
        life: house.life.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        allows: house.orders.allows(),
        wants_slots: house.slots.wanted(),
    };
    frame::write(stream, ANSWER_LIMIT, &greeting).await?;
    let mut bucket = Bucket::new(QUESTIONS.0, QUESTIONS.1, Instant::now());
    for next in 1.. {
        let Asked { session: told, number, question } = match frame::read(stream, QUESTION_LIMIT, IDLE).await
        {
            Ok(asked) => asked,
            Err(FrameError::Ended) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let (came_us, came) = ((house.micros)(), Instant::now());
        if told != session {
            return Err(Ended::Session);
        }
        if number != next {
            return Err(Ended::Number { told: number, next });
        }
        if !bucket.take(came) {
            return Err(Ended::Flood);
        }
        if !house.paired.has(router) {
            return Err(Ended::Unpaired);
        }
        let answer = match question {
            // Its own monotonic clock tells how long it stayed here: a step of the other does not matter.
            Question::Clock => {
                Answer::Clock { came_us, left_us: came_us + came.elapsed().as_micros() as i64 }
            }
            Question::Slots(slots) => match house.slots.take(&slots) {
                Ok(()) => Answer::Noted,
                Err(why) => Answer::Refused { why },
            },
            Question::Report { known } => Answer::Report(report(house, known)),
            Question::Order(order) => house.orders.order(order, router),
            Question::Draft { verb, check } => house.orders.draft(verb, &check).await,
            Question::Remedy(order) => house.orders.order(What::Remedy(order), router),
            Question::Outcome { id } => house.orders.outcome(&id, router),
            Question::End { id } => house.orders.end(&id, router),
        };
        frame::write(stream, ANSWER_LIMIT, &Answered { number, answer }).await?;
    }
    Ok(())
}

fn report(house: &House, known: Option<u64>) -> Option<Box<Report>> {
    let looked = house.looked.borrow();
    let looked = looked.as_ref().filter(|looked| known != Some(looked.report.look))?;
    let age_ms = looked.at.elapsed().as_millis() as u64;
    Some(Box::new(Report { age_ms, ..looked.report.clone() }))
}

/// A word that nobody can guess and that never comes again.
///
/// # Errors
/// The system gives no random bytes.
pub fn nonce() -> Result<String, getrandom::Error> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bits)))
}
