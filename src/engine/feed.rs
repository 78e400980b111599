//! The event stream of one beacon: one connection, whatever number of clients read, for the topics they want and it knows.
//!
//! A topic that it refuses is left out, alone; the rest goes on. When other topics are wanted the new stream is open
//! before the old one ends, and what both tell is told once, so that nobody's new wish costs anybody an event.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::said::{Key, Message, Said};
use super::watcher::Doubt;
use crate::beacon::{BeaconClient, EventStream, HEAD, HEAD_V2, HeadEvent, ReadError, ReorgEvent, SseEvent};
use crate::model::BeaconName;
use crate::pool::AgreedHead;
use crate::router::Hub;
use crate::seeds::Sign;

/// A stream is opened again after this, longer each time it fails at once.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// A stream that says nothing for so long is opened again; missed slots alone do not last as long.
const SILENCE: Duration = Duration::from_secs(90);
/// A topic is refused at once or not at all: some beacons send no head of an answer before their first event.
const REFUSAL: Duration = Duration::from_secs(2);
/// How long an old stream is read beside its successor, and how long after that the successor may repeat it.
const OVERLAP: Duration = Duration::from_secs(1);

/// Reads one beacon's events.
#[derive(Clone)]
pub struct Feed {
    /// Which.
    pub key: Key,
    /// Its name.
    pub name: BeaconName,
    /// How it is asked.
    pub client: BeaconClient,
    /// Where messages go.
    pub to: mpsc::Sender<Message>,
    /// Who says what is wanted.
    pub hub: Arc<Hub>,
    /// Whether it feeds the hub (role `events`); else only its heads are of interest.
    pub feeds: Arc<AtomicBool>,
    /// Set when it is to be looked at anew: it may have restarted.
    pub look: Arc<AtomicBool>,
    /// Whether it may be another process.
    pub doubt: Arc<Mutex<Option<Doubt>>>,
}

/// An open stream.
struct Open {
    stream: EventStream,
    topics: BTreeSet<String>,
    since: Instant,
}

type Opening<'a> = Pin<Box<dyn Future<Output = Result<Open, ReadError>> + Send + 'a>>;

impl Feed {
    /// Runs for ever.
    pub async fn run(self) {
        let mut wanted = self.hub.wanted();
        let mut backoff = BACKOFF.0;
        loop {
            // A beacon that comes back may be another version: what it refused is asked again.
            let mut refused = BTreeSet::new();
            let topics = self.topics(&wanted.borrow_and_update(), &refused);
            let error = match self.open(topics, &mut refused).await {
                Ok(open) => {
                    backoff = BACKOFF.0;
                    self.say(Said::Stream(true)).await;
                    let error = self.follow(open, &mut wanted, &mut refused).await;
                    self.say(Said::Stream(false)).await;
                    self.say(Said::Sign(Sign::Stream)).await;
                    self.look.store(true, Relaxed);
                    error
                }
                Err(error) => error,
            };
            tracing::debug!(%error, "event stream ended");
            sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF.1);
        }
    }

    /// What to ask this beacon for.
    fn topics(&self, wanted: &BTreeSet<String>, refused: &BTreeSet<String>) -> BTreeSet<String> {
        let head = BTreeSet::from([HEAD.to_owned()]);
        let wanted = if self.feeds.load(Relaxed) { wanted } else { &head };
        let mut topics: BTreeSet<String> = wanted.difference(refused).cloned().collect();
        // Its heads must be known, by whichever topic.
        if refused.contains(HEAD) && !refused.contains(HEAD_V2) {
            topics.insert(HEAD_V2.to_owned());
        }
        topics
    }

    /// Opens a stream; topics that the beacon refuses are left out and added to `refused`.
    async fn open(
        &self,
        mut topics: BTreeSet<String>,
        refused: &mut BTreeSet<String>,
    ) -> Result<Open, ReadError> {
        loop {
            let error = match self.ask(&topics).await {
                Ok(stream) => return Ok(Open { stream, topics, since: Instant::now() }),
                Err(error) => error,
            };
            if !error.refuses_topics() {
                return Err(error);
            }
            let mut found = 0;
            for topic in &topics {
                let alone = timeout(REFUSAL, self.ask(&BTreeSet::from([topic.clone()]))).await;
                match alone {
                    Ok(Err(error)) if error.refuses_topics() => {
                        tracing::info!(beacon = %self.name, topic, "beacon does not know this event topic");
                        refused.insert(topic.clone());
                        found += 1;
                    }
                    Ok(Err(error)) => return Err(error),
                    Ok(Ok(_)) | Err(_) => {}
                }
            }
            topics = self.topics(&topics, refused);
            if found == 0 || topics.is_empty() {
                return Err(error);
            }
        }
    }

    async fn ask(&self, topics: &BTreeSet<String>) -> Result<EventStream, ReadError> {
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        let mut stream = self.client.events(&names, SILENCE);
        stream.open().await?;
        Ok(stream)
    }

    /// Reads a stream to its end, through changes of what is wanted.
    async fn follow(
        &self,
        open: Open,
        wanted: &mut watch::Receiver<BTreeSet<String>>,
        refused: &mut BTreeSet<String>,
    ) -> ReadError {
        let mut streams = Streams::of(open);
        loop {
            let feeds = self.feeds.load(Relaxed);
            let topics = self.topics(&wanted.borrow_and_update(), refused);
            // One change at a time; the next begins when this overlap is over.
            let changed = !streams.twins.active && topics != streams.open.topics;
            let mut newly = refused.clone();
            let mut opening: Opening<'_> = if changed {
                Box::pin(self.open(topics, &mut newly))
            } else {
                Box::pin(std::future::pending())
            };
            let opened = loop {
                tokio::select! {
                    heard = streams.next() => match heard {
                        Ok(Some(event)) => {
                            if Doubt::is_ended_by_stream(&self.doubt, streams.open.since) {
                                self.say(Said::Same).await;
                            }
                            self.event(&event).await;
                            // Its role may be another since a reload.
                            if !changed && self.feeds.load(Relaxed) != feeds {
                                break None;
                            }
                        }
                        Ok(None) => break None,
                        Err(error) => return error,
                    },
                    opened = &mut opening => break Some(opened),
                    more = wanted.changed(), if !changed => {
                        if more.is_ok() {
                            break None;
                        }
                        // Nobody wants anything any more: the hub is gone, and soon this is.
                        std::future::pending::<()>().await;
                    }
                }
            };
            drop(opening);
            match opened {
                Some(Ok(next)) => {
                    *refused = newly;
                    streams.replace(next);
                }
                Some(Err(error)) => return error,
                None => {}
            }
        }
    }

    async fn event(&self, event: &SseEvent) {
        if let Some(Ok(event)) = HeadEvent::read(event) {
            let head = AgreedHead { slot: event.slot, root: event.block };
            // Before the head: what is agreed on by it finds them.
            if let (Some(previous), Some(current)) = (event.previous_dependent, event.current_dependent) {
                self.say(Said::Deciders(head, previous, current)).await;
            }
            self.say(if event.optimistic { Said::Optimistic } else { Said::Head(head, true) }).await;
        }
        if let Some(Ok(reorg)) = ReorgEvent::read(event) {
            self.say(Said::Reorg(reorg.parted())).await;
        }
        if self.feeds.load(Relaxed) && self.hub.hears(&self.name, &event.topic) {
            self.say(Said::Event(event.topic.clone(), event.data.clone())).await;
        }
    }

    async fn say(&self, said: Said) {
        // The pool's task outlives its watchers but for the last moments of a stop.
        let _ = self.to.send(Message::Said(self.key, said)).await;
    }
}

/// The stream that is read, and for a while the one before it.
struct Streams {
    open: Open,
    old: Option<EventStream>,
    until: Instant,
    twins: Twins,
}

impl Streams {
    fn of(open: Open) -> Self {
        Self { open, old: None, until: Instant::now(), twins: Twins::default() }
    }

    /// The next event that none of them has told before; none when an overlap is over.
    async fn next(&mut self) -> Result<Option<SseEvent>, ReadError> {
        loop {
            tokio::select! {
                event = self.open.stream.next() => {
                    let event = event?;
                    if self.twins.first(true, &event) {
                        return Ok(Some(event));
                    }
                }
                event = next_of(&mut self.old) => match event {
                    Ok(event) if self.twins.first(false, &event) => return Ok(Some(event)),
                    Ok(_) => {}
                    Err(_) => self.old = None,
                },
                () = sleep_until(self.until), if self.twins.active => {
                    if self.old.take().is_some() {
                        self.until = Instant::now() + OVERLAP;
                    } else {
                        self.twins = Twins::default();
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Reads another stream from now on, beside this one for a while if it has other topics.
    fn replace(&mut self, next: Open) {
        if next.topics != self.open.topics {
            self.old = Some(std::mem::replace(&mut self.open, next).stream);
            self.until = Instant::now() + OVERLAP;
            self.twins = Twins { active: true, ..Twins::default() };
        }
    }
}

async fn next_of(stream: &mut Option<EventStream>) -> Result<SseEvent, ReadError> {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

/// Tells what two streams of one beacon say alike, however far one is ahead of the other.
#[derive(Default)]
struct Twins {
    active: bool,
    /// By event: how often the old stream told it more than the new one.
    ahead: HashMap<u64, i32>,
}

impl Twins {
    /// Whether this one is the first of its twins.
    fn first(&mut self, new: bool, event: &SseEvent) -> bool {
        if !self.active {
            return true;
        }
        let mut hasher = DefaultHasher::new();
        (&event.topic, &event.data).hash(&mut hasher);
        let ahead = self.ahead.entry(hasher.finish()).or_default();
        *ahead += if new { -1 } else { 1 };
        if new { *ahead < 0 } else { *ahead > 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(data: &str) -> SseEvent {
        SseEvent { topic: "head".to_owned(), data: data.to_owned().into() }
    }

    #[test]
    fn what_two_streams_tell_is_told_once_whoever_is_ahead() {
        let mut twins = Twins { active: true, ..Twins::default() };
        let told: Vec<bool> = [
            (false, "a"), // the old stream is ahead
            (false, "b"),
            (true, "a"),
            (true, "b"),
            (true, "c"), // now the new one
            (false, "c"),
            (false, "a"), // a reorg back, by both
            (true, "a"),
        ]
        .map(|(new, data)| twins.first(new, &event(data)))
        .to_vec();
        assert_eq!(told, [true, true, false, false, true, false, true, false]);
        assert!(Twins::default().first(true, &event("a")) && Twins::default().first(true, &event("a")));
    }
}
