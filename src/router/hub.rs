//! One merged event stream per client, fed by one stream per beacon: it survives any of them.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::sync::{mpsc, watch};

use super::answer;
use super::body::Answer;
use super::topics::{Merger, TOPICS};
use crate::model::BeaconId;

/// Events a client may lag behind before it is dropped; it reconnects.
const QUEUE: usize = 256;
/// Streams open at once.
const STREAMS: usize = 4_096;
/// Topics beyond the known ones that clients may ask for.
const EXTRA_TOPICS: usize = 32;

struct Listener {
    topics: BTreeSet<String>,
    queue: mpsc::Sender<Bytes>,
}

#[derive(Default)]
struct State {
    merger: Merger,
    listeners: Vec<Listener>,
}

/// The hub.
pub struct Hub {
    state: Mutex<State>,
    wanted: watch::Sender<BTreeSet<String>>,
}

impl Default for Hub {
    fn default() -> Self {
        let always =
            TOPICS.iter().filter(|(.., always)| *always).map(|(name, ..)| (*name).to_owned()).collect();
        Self { state: Mutex::default(), wanted: watch::Sender::new(always) }
    }
}

impl Hub {
    /// Topics beacons should be subscribed to: `head`, and what clients have asked for since start.
    pub fn wanted(&self) -> watch::Receiver<BTreeSet<String>> {
        self.wanted.subscribe()
    }

    /// Whose word counts where beacons' views differ.
    pub fn lead(&self, leader: Option<BeaconId>) {
        self.lock().merger.lead(leader);
    }

    /// An event from a beacon.
    pub fn event(&self, from: BeaconId, topic: &str, data: &[u8]) {
        let mut state = self.lock();
        if !state.merger.passes(from, topic, data) {
            return;
        }
        let frame = frame(topic, data);
        state.listeners.retain(|listener| {
            !listener.topics.contains(topic) || listener.queue.try_send(frame.clone()).is_ok()
        });
    }

    /// A comment to every client, so that nobody takes silence for death.
    pub fn keep_alive(&self) {
        let comment = Bytes::from_static(b":\n\n");
        self.lock().listeners.retain(|listener| {
            !matches!(listener.queue.try_send(comment.clone()), Err(mpsc::error::TrySendError::Closed(_)))
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

    /// Opens a stream for the topics a request line names.
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
            if state.listeners.len() >= STREAMS {
                return answer::error(StatusCode::SERVICE_UNAVAILABLE, "too many event streams are open");
            }
            state.listeners.push(Listener { topics: topics.clone(), queue });
        }
        self.wanted.send_if_modified(|wanted| {
            let before = wanted.len();
            wanted.extend(topics.into_iter().take((TOPICS.len() + EXTRA_TOPICS).saturating_sub(before)));
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
    frame.extend_from_slice(b"\ndata: ");
    frame.extend_from_slice(data);
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
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[test]
    fn topics_are_read_however_they_are_written() {
        let expected: BTreeSet<String> = ["block", "head"].map(str::to_owned).into();
        for query in
            ["topics=head,block", "topics=head&topics=block", "a=b&topics=head%2Cblock", "topics=head,,block"]
        {
            assert_eq!(topics_of(&format!("/eth/v1/events?{query}")), expected, "{query}");
        }
        assert!(topics_of("/eth/v1/events?topics=").is_empty());
    }

    #[tokio::test]
    async fn a_client_gets_its_topics_in_the_exact_form() {
        let hub = Hub::default();
        let mut stream = hub.open("/eth/v1/events?topics=head").into_body();
        hub.event(BeaconId(0), "block", b"{}");
        hub.event(BeaconId(0), "head", br#"{"slot":"1","block":"a"}"#);
        hub.close();
        let mut text = Vec::new();
        while let Some(frame) = stream.frame().await {
            text.extend_from_slice(frame.unwrap().data_ref().unwrap());
        }
        assert_eq!(
            String::from_utf8(text).unwrap(),
            ":\n\nevent: head\ndata: {\"slot\":\"1\",\"block\":\"a\"}\n\n"
        );
    }

    #[tokio::test]
    async fn a_slow_reader_is_dropped_and_a_gone_one_forgotten() {
        let hub = Hub::default();
        let slow = hub.open("/eth/v1/events?topics=head");
        drop(hub.open("/eth/v1/events?topics=block"));
        for slot in 1..=(QUEUE as u64 + 1) {
            hub.event(BeaconId(0), "head", format!(r#"{{"slot":"{slot}","block":"a"}}"#).as_bytes());
        }
        hub.keep_alive();
        assert_eq!(hub.streams(), 0);
        drop(slow);
    }
}
