//! A reader of event streams: every event it was told, in order.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::task::JoinHandle;

use crate::wire::{Wire, get};

/// A head event for stubs.
pub fn head(slot: u64) -> String {
    let root = format!("0x{slot:064x}");
    format!(r#"{{"slot":"{slot}","block":"{root}","state":"{root}","execution_optimistic":false}}"#)
}

/// The frame a client reads.
pub fn frame(topic: &str, data: &str) -> String {
    format!("event: {topic}\ndata: {data}\n\n")
}

/// A client that reads until it is dropped.
pub struct Reader {
    frames: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reader {
    /// Opens a stream; returns when its head and first comment are there.
    pub async fn open(door: SocketAddr, topics: &str) -> Self {
        let mut wire = Wire::to(door).await;
        wire.send(&get(&format!("/eth/v1/events?topics={topics}"))).await;
        assert_eq!(wire.head().await.unwrap().status, 200);
        let frames = Arc::new(Mutex::new(Vec::new()));
        let kept = frames.clone();
        let task = tokio::spawn(async move {
            while let Some(chunk) = wire.quiet_chunk().await {
                let text = String::from_utf8(chunk).unwrap();
                kept.lock().unwrap().push(text);
            }
        });
        Self { frames, task }
    }

    /// The chunks so far that are no comments.
    pub fn frames(&self) -> Vec<String> {
        self.frames.lock().unwrap().iter().filter(|frame| !frame.starts_with(':')).cloned().collect()
    }

    /// Comments so far.
    pub fn comments(&self) -> usize {
        self.frames.lock().unwrap().iter().filter(|frame| frame.starts_with(':')).count()
    }

    /// Data of the events of a topic.
    pub fn data(&self, topic: &str) -> Vec<serde_json::Value> {
        let head = format!("event: {topic}\ndata: ");
        let frames = self.frames();
        frames.iter().filter_map(|frame| serde_json::from_str(frame.strip_prefix(&head)?).ok()).collect()
    }

    /// Slots and blocks of the heads so far.
    pub fn heads(&self) -> Vec<(u64, String)> {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        self.data("head")
            .iter()
            .map(|data| (text(&data["slot"]).parse().unwrap(), text(&data["block"])))
            .collect()
    }
}
