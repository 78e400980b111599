//! The tasks that speak with serve: one watches, one gives orders and has requests explained.

use std::time::Duration;

use tokio::sync::mpsc::{self, Sender};

use crate::control::{Access, Answer, Client, ControlError, Lasting, Order, Reach, Request, Told, Wanted};
use crate::model::{BeaconName, Consequences, Explanation, Intent, Play, RemedyAsked, RemedyPlan, Slot};

use crate::console::event::Event;
use crate::console::state::{JOURNAL, LOG};

/// What the console calls itself.
const PROGRAM: &str = "console";
/// Orders and questions on their way.
const QUEUE: usize = 64;
/// Explanations that are asked for.
const EXPLAINED: u32 = 200;
/// A question that is not answered is asked once more on a fresh connection after so long.
const AGAIN: Duration = Duration::from_millis(50);

enum Ask {
    Order(u64, Order),
    Preflight(Intent, Vec<BeaconName>),
    Remedy(RemedyAsked),
    Explain(Option<Slot>),
    Play(Play),
    Rights,
}

/// The asking side.
pub struct Links {
    to: Sender<Ask>,
}

impl Links {
    /// Gives an order.
    pub fn order(&self, number: u64, order: Order) {
        // Sixty-four orders nobody took yet: the operator sees that they are pending.
        let _ = self.to.try_send(Ask::Order(number, order));
    }

    /// Asks what an order would mean.
    pub fn preflight(&self, intent: Intent, beacons: Vec<BeaconName>) {
        let _ = self.to.try_send(Ask::Preflight(intent, beacons));
    }

    /// Asks what an order about a remedy would do.
    pub fn remedy(&self, asked: RemedyAsked) {
        let _ = self.to.try_send(Ask::Remedy(asked));
    }

    /// Has requests explained.
    pub fn explain(&self, slot: Option<Slot>) {
        let _ = self.to.try_send(Ask::Explain(slot));
    }

    /// Moves in the recording that is looked at.
    pub fn play(&self, how: Play) {
        let _ = self.to.try_send(Ask::Play(how));
    }
}

/// Starts both tasks; they end when the console does.
pub fn start(reach: Reach, events: Sender<Event>, read_only: bool) -> Links {
    let (to, asks) = mpsc::channel(QUEUE);
    let rights = (!read_only).then(|| to.clone());
    tokio::spawn(watch(reach.clone(), events.clone(), rights));
    tokio::spawn(ask(reach, asks, events));
    Links { to }
}

/// Tells what serve says for as long as somebody listens.
async fn watch(reach: Reach, events: Sender<Event>, rights: Option<Sender<Ask>>) {
    let wanted = Wanted { journal: Some(JOURNAL as u32), log: Some(LOG as u32) };
    let mut lasting = Lasting::new(reach, PROGRAM, wanted);
    loop {
        let event = match lasting.next().await {
            Told::Connected(welcome) => {
                if let Some(rights) = &rights {
                    // A full queue means that orders are under way, and so rights are known.
                    let _ = rights.try_send(Ask::Rights);
                }
                Event::Connected(welcome)
            }
            Told::Event(said) => Event::Said(said),
            Told::Lost { error, pause } => {
                Event::Lost { why: sentence(&error), pause_ms: pause.as_millis() as u64 }
            }
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}

async fn ask(reach: Reach, mut asks: mpsc::Receiver<Ask>, events: Sender<Event>) {
    while let Some(ask) = asks.recv().await {
        let event = match ask {
            Ask::Order(number, order) => {
                // The same request, and so the same id, if it must be sent again: it is done once.
                let answer = call(&reach, Access::Control, Request::order(order)).await;
                Event::Answered(number, answer.map_err(|error| sentence(&error)))
            }
            Ask::Preflight(intent, beacons) => Event::Preflight(preflight(&reach, intent, beacons).await),
            Ask::Remedy(asked) => Event::Remedy(remedy(&reach, asked).await),
            Ask::Explain(slot) => Event::Explained(explain(&reach, slot).await),
            Ask::Play(how) => Event::Played(play(&reach, how).await),
            Ask::Rights => Event::Rights(rights(&reach).await),
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}

async fn call(reach: &Reach, access: Access, request: Request) -> Result<Answer, ControlError> {
    let first = async { reach.client(access, PROGRAM).await?.call(request.clone()).await }.await;
    match first {
        Err(ControlError::Broken { .. } | ControlError::Silent { .. } | ControlError::Cut) => {
            tokio::time::sleep(AGAIN).await;
            reach.client(access, PROGRAM).await?.call(request).await
        }
        other => other,
    }
}

async fn preflight(reach: &Reach, intent: Intent, beacons: Vec<BeaconName>) -> Result<Consequences, String> {
    match call(reach, Access::Observe, Request::Preflight { intent, beacons }).await {
        Ok(Answer::Consequences(told)) => Ok(told),
        Ok(Answer::Refused { message } | Answer::Failed { message }) => Err(message),
        Ok(_) => Err("serve answered something else than consequences".to_owned()),
        Err(error) => Err(sentence(&error)),
    }
}

async fn remedy(reach: &Reach, asked: RemedyAsked) -> Result<RemedyPlan, String> {
    match call(reach, Access::Observe, Request::Remedy(asked)).await {
        Ok(Answer::Remedy(plan)) => Ok(plan),
        Ok(Answer::Refused { message } | Answer::Failed { message }) => Err(message),
        Ok(_) => Err("serve answered something else than a plan".to_owned()),
        Err(error) => Err(sentence(&error)),
    }
}

async fn explain(reach: &Reach, slot: Option<Slot>) -> Result<Vec<Explanation>, String> {
    let request = Request::Explain { slot, client: None, limit: EXPLAINED };
    match call(reach, Access::Observe, request).await {
        Ok(Answer::Explained(list)) => Ok(list),
        Ok(Answer::Refused { message } | Answer::Failed { message }) => Err(message),
        Ok(_) => Err("serve answered something else than explanations".to_owned()),
        Err(error) => Err(sentence(&error)),
    }
}

async fn play(reach: &Reach, how: Play) -> Result<(), String> {
    match call(reach, Access::Observe, Request::Play { how }).await {
        Ok(Answer::Refused { message } | Answer::Failed { message }) => Err(message),
        Ok(_) => Ok(()),
        Err(error) => Err(sentence(&error)),
    }
}

/// Whether the control socket lets this user in.
async fn rights(reach: &Reach) -> Result<(), String> {
    let client: Result<Client, ControlError> = reach.client(Access::Control, PROGRAM).await;
    match client {
        Ok(_) => Ok(()),
        Err(error) => Err(sentence(&error)),
    }
}

/// An error with its causes, in one sentence.
fn sentence(error: &ControlError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
