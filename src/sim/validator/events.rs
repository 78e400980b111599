//! A client's head event stream; opened again whenever it ends.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::Value;

use super::{Facts, Job, Worker};
use crate::model::Slot;
use crate::sim::wire::number;

/// Longest line that is kept.
const LINE_LIMIT: usize = 64 << 10;

impl Worker {
    /// Follows `head` for ever.
    pub(super) async fn follow_events(self: Arc<Self>, facts: Facts) {
        loop {
            let opened = self.http.open("/eth/v1/events?topics=head", "text/event-stream").await;
            self.count(Job::Events, opened.as_ref().map(|_| ()).map_err(|error| *error));
            if let Ok(response) = opened {
                self.read_events(response.into_body()).await;
            }
            tokio::time::sleep(Duration::from_millis(facts.slot_ms / 4)).await;
        }
    }

    async fn read_events(&self, mut body: hyper::body::Incoming) {
        let (mut pending, mut topic) = (Vec::new(), String::new());
        while let Some(Ok(frame)) = body.frame().await {
            pending.extend_from_slice(frame.data_ref().map_or(&[][..], |bytes| bytes));
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = pending.drain(..=end).collect();
                self.read_line(String::from_utf8_lossy(&line).trim_end(), &mut topic);
            }
            if pending.len() > LINE_LIMIT {
                return;
            }
        }
    }

    fn read_line(&self, line: &str, topic: &mut String) {
        if let Some(name) = line.strip_prefix("event:") {
            name.trim().clone_into(topic);
        } else if let Some(data) = line.strip_prefix("data:").filter(|_| topic == "head") {
            let slot = serde_json::from_str::<Value>(data).ok().and_then(|data| number(&data, "slot"));
            if let Some(slot) = slot {
                self.tally(|tally| tally.head_events += 1);
                self.head.send_if_modified(|head| {
                    let newer = Slot(slot) > *head;
                    *head = Slot(slot).max(*head);
                    newer
                });
            }
        }
    }
}
