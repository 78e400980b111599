//! One merged event stream per client, fed by one stream per beacon: it survives any of them.
//!
//! It outlives the pool's beacons and knows them by name. Nothing here is on the way of a request but [`Hub::told`], one
//! atomic load.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::sync::{mpsc, watch};

use super::answer;
use super::body::Answer;
use super::held::Held;
use super::merger::{Conflict, Event, Merger};
use super::topics::{ALWAYS, Mode, Said, TOPICS, mode, read};
use crate::model::{BeaconName, Moment, Slot};
use crate::pool::AgreedHead;

/// Events a client may lag behind before it is dropped; it reconnects.
const QUEUE: usize = 256;
/// Streams open at once.
const STREAMS: usize = 4_096;
/// Topics beyond the known ones that clients may ask for.
const EXTRA_TOPICS: usize = 32;
/// Keep-alives after which a topic that nobody reads is no longer asked for: ten minutes, so that a client that
/// reconnects changes nothing.
const UNREAD: u32 = 60;

struct Listener {
    topics: BTreeSet<String>,
    queue: mpsc::Sender<Bytes>,
}

#[derive(Default)]
struct State {
    merger: Merger,
    held: Held,
    listeners: Vec<Listener>,
    /// Keep-alives since a topic was last read by anyone.
    unread: BTreeMap<String, u32>,
}

/// How a beacon's word is taken at present.
#[derive(Debug, Clone, Copy)]
pub struct Voice {
    /// It is on a branch of its own.
    pub aside: bool,
    /// The newest slot a head may be of.
    pub latest: Slot,
}

/// The head that clients were told of last.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// The head.
    pub head: AgreedHead,
    /// When.
    pub at: Moment,
}

/// The hub.
pub struct Hub {
    state: Mutex<State>,
    wanted: watch::Sender<BTreeSet<String>>,
    told: ArcSwapOption<Told>,
    leader: ArcSwapOption<BeaconName>,
}

impl Default for Hub {
    fn default() -> Self {
        let wanted = watch::Sender::new(ALWAYS.map(str::to_owned).into());
        Self { state: Mutex::default(), wanted, told: ArcSwapOption::empty(), leader: ArcSwapOption::empty() }
    }
}

impl Hub {
    /// Topics beacons should be subscribed to: those that are always needed, and what clients read.
    pub fn wanted(&self) -> watch::Receiver<BTreeSet<String>> {
        self.wanted.subscribe()
    }

    /// Whose word counts where beacons' views differ.
    pub fn lead(&self, leader: Option<&BeaconName>, now: Moment) {
        self.leader.store(leader.cloned().map(Arc::new));
        let mut state = self.lock();
        for event in state.merger.lead(leader, now) {
            state.held.push(event, now);
        }
    }

    /// Whether an event of this beacon can pass at all; asked before it is queued, for topics of great volume.
    pub fn hears(&self, from: &BeaconName, topic: &str) -> bool {
        mode(topic) != Mode::Volume || self.leader.load().as_deref() == Some(from)
    }

    /// An event from a beacon. It goes out by [`Hub::release`].
    pub fn event(&self, from: &BeaconName, topic: &str, data: Bytes, voice: Voice, now: Moment) {
        let Some(said) = read(topic, &data) else { return };
        if let Said::Head(head) = said
            && head.block.slot > voice.latest
        {
            return;
        }
        let event = Event { topic: topic.to_owned(), data, said };
        let mut state = self.lock();
        if let Some(event) = state.merger.take(from, event, voice.aside, now) {
            state.held.push(event, now);
        }
    }

    /// A beacon's event stream ended.
    pub fn gone(&self, beacon: &BeaconName) {
        self.lock().merger.gone(beacon);
    }

    /// Forgets all beacons but these.
    pub fn keep(&self, beacons: &[BeaconName]) {
        self.lock().merger.keep(beacons);
    }

    /// Beacons whose finality differs from what was heard before.
    pub fn conflicts(&self) -> Vec<Conflict> {
        self.lock().merger.conflicts().cloned().collect()
    }

    /// Sends what waited for the agreed head, or long enough.
    pub fn release(&self, agreed: Option<AgreedHead>, now: Moment) {
        let mut state = self.lock();
        while let Some(event) = state.held.next(agreed, now) {
            if let Said::Head(said) = event.said {
                self.told.store(Some(Arc::new(Told { head: said.block, at: now })));
            }
            let frame = frame(&event.topic, &event.data);
            state.listeners.retain(|listener| {
                !listener.topics.contains(&event.topic) || listener.queue.try_send(frame.clone()).is_ok()
            });
        }
    }

    /// The head clients were told of last.
    pub fn told(&self) -> Option<Told> {
        self.told.load().as_deref().copied()
    }

    /// A comment to every client, so that nobody takes silence for death.
    pub fn keep_alive(&self) {
        let comment = Bytes::from_static(b":\n\n");
        let mut state = self.lock();
        state.listeners.retain(|listener| {
            !matches!(listener.queue.try_send(comment.clone()), Err(mpsc::error::TrySendError::Closed(_)))
        });
        let State { listeners, unread, .. } = &mut *state;
        self.wanted.send_if_modified(|wanted| {
            let before = wanted.len();
            wanted.retain(|topic| {
                let read = ALWAYS.contains(&topic.as_str())
                    || listeners.iter().any(|listener| listener.topics.contains(topic));
                let times = unread.entry(topic.clone()).or_default();
                *times = if read { 0 } else { *times + 1 };
                *times <= UNREAD
            });
            unread.retain(|topic, _| wanted.contains(topic));
            wanted.len() != before
        });
    }

    /// Streams open now.
    pub fn streams(&self) -> usize {
        self.lock().listeners.iter().filter(|listener| !listener.queue.is_closed()).count()
    }

    /// Ends every stream.
    pub fn close(&self) {
        self.lock().listeners.clear();
    }

    /// Opens a stream for the topics a request line names. Whether beacons are up, or know a topic, is no matter: a
    /// client that is refused may close for good (Lodestar, on 400 and 500).
    pub fn open(&self, target: &str) -> Response<Answer> {
        let topics = topics_of(target);
        if topics.is_empty() {
            return answer::error(StatusCode::BAD_REQUEST, "name at least one topic: ?topics=head,block");
        }
        let (queue, events) = mpsc::channel(QUEUE);
        // The head goes out at once: some clients wait for the first byte before they believe in the stream.
        let _ = queue.try_send(Bytes::from_static(b":\n\n"));
        {
            let mut state = self.lock();
            state.listeners.retain(|listener| !listener.queue.is_closed());
            if state.listeners.len() >= STREAMS {
                return answer::error(StatusCode::SERVICE_UNAVAILABLE, "too many event streams are open");
            }
            state.listeners.push(Listener { topics: topics.clone(), queue });
        }
        self.wanted.send_if_modified(|wanted| {
            let before = wanted.len();
            let room = (TOPICS.len() + EXTRA_TOPICS).saturating_sub(before);
            let new: Vec<String> = topics.into_iter().filter(|topic| !wanted.contains(topic)).collect();
            wanted.extend(new.into_iter().take(room));
            wanted.len() != before
        });
        let mut response = Response::new(Answer::Events(events));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // nginx batches events otherwise (nimbus-eth2 #8830).
        headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        headers.insert(super::head::BEACON, HeaderValue::from_static("router"));
        response
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The exact form all clients read: Prysm's matches `event: ` and `data: ` with their space.
fn frame(topic: &str, data: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(topic.len() + data.len() + 18);
    frame.extend_from_slice(b"event: ");
    frame.extend_from_slice(topic.as_bytes());
    for line in data.split(|byte| *byte == b'\n') {
        frame.extend_from_slice(b"\ndata: ");
        frame.extend_from_slice(line);
    }
    frame.extend_from_slice(b"\n\n");
    frame.into()
}

/// `topics=` may be repeated (Vero) and holds a comma-separated list (everyone else).
fn topics_of(target: &str) -> BTreeSet<String> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("topics="))
        .flat_map(|list| {
            list.split(',').flat_map(|part| part.split("%2C")).flat_map(|part| part.split("%2c"))
        })
        .filter(|topic| !topic.is_empty() && topic.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;
