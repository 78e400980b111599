//! The latest lines of the log, kept for operators who ask, and told to those who watch.
//!
//! A layer beside the one that writes: it sees what the filter lets pass, down to INFO. Both the ring and what a watcher may
//! fall behind are bounded.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::broadcast;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::model::{LogLevel, LogLine, UnixMs};

/// Lines kept.
const KEPT: usize = 1_000;
/// Lines a watcher may fall behind.
const BEHIND: usize = 1_024;
/// Bytes of one line's text.
const TEXT: usize = 2_048;

/// The latest lines; cheap to clone, all clones are one.
#[derive(Debug, Clone)]
pub struct Lines {
    ring: Arc<Mutex<Ring>>,
}

#[derive(Debug)]
struct Ring {
    kept: VecDeque<LogLine>,
    written: u64,
    told: broadcast::Sender<LogLine>,
}

impl Default for Lines {
    fn default() -> Self {
        let ring = Ring { kept: VecDeque::new(), written: 0, told: broadcast::Sender::new(BEHIND) };
        Self { ring: Arc::new(Mutex::new(ring)) }
    }
}

impl Lines {
    /// The latest `most` lines, oldest first, and each line after them.
    pub fn tail(&self, most: usize) -> (Vec<LogLine>, broadcast::Receiver<LogLine>) {
        let ring = self.ring();
        let from = ring.kept.len().saturating_sub(most);
        (ring.kept.range(from..).cloned().collect(), ring.told.subscribe())
    }

    fn push(&self, at: UnixMs, level: LogLevel, from: &str, text: String) {
        let mut ring = self.ring();
        ring.written += 1;
        let line = LogLine { id: ring.written, at, level, from: from.to_owned(), text };
        if ring.kept.len() == KEPT {
            ring.kept.pop_front();
        }
        ring.kept.push_back(line.clone());
        // Nobody may be watching.
        let _ = ring.told.send(line);
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // A panic elsewhere leaves whole lines behind: they are what is wanted now.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let meta = event.metadata();
        let level = match *meta.level() {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            _ => return,
        };
        let mut text = Text::default();
        event.record(&mut text);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.push(UnixMs(since.as_millis() as u64), level, meta.target(), text.line());
    }
}

/// The sentence first, then `name=value`.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    /// One line without anything a terminal would obey.
    fn line(mut self) -> String {
        self.message.push_str(&self.fields);
        let mut line: String = self.message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if line.len() > TEXT {
            let end = (0..=TEXT).rev().find(|at| line.is_char_boundary(*at)).unwrap_or_default();
            line.truncate(end);
            line.push('…');
        }
        line
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn within(lines: &Lines, work: impl FnOnce()) {
        let subscriber = tracing_subscriber::registry().with(lines.clone());
        tracing::subscriber::with_default(subscriber, work);
    }

    #[test]
    fn a_line_is_its_sentence_and_its_fields() {
        let lines = Lines::default();
        within(&lines, || {
            tracing::warn!(beacon = "b1", lag = 3, why = %"a\nb\u{1b}[2J", "beacon is not healthy");
            tracing::debug!("unseen");
        });
        let (recent, _) = lines.tail(10);
        let [line] = &recent[..] else { panic!("{recent:?}") };
        assert_eq!((line.id, line.level), (1, LogLevel::Warn));
        assert_eq!(line.text, "beacon is not healthy beacon=b1 lag=3 why=a b [2J");
        assert!(line.from.starts_with("beacondeck::telemetry"), "{}", line.from);
        assert!(line.at > UnixMs(1_700_000_000_000));
    }

    #[test]
    fn the_ring_keeps_the_latest_and_a_tail_has_no_gap_and_no_double() {
        let lines = Lines::default();
        let mut tails = Vec::new();
        within(&lines, || {
            for number in 0..KEPT + 100 {
                if number == KEPT + 50 {
                    tails.push(lines.tail(10));
                }
                tracing::info!(number, "line");
            }
        });
        let (mut seen, mut next) = tails.remove(0);
        while let Ok(line) = next.try_recv() {
            seen.push(line);
        }
        let ids: Vec<u64> = seen.iter().map(|line| line.id).collect();
        let last = (KEPT + 100) as u64;
        assert_eq!(ids, (last - 59..=last).collect::<Vec<_>>());
        assert_eq!(lines.tail(usize::MAX).0.len(), KEPT);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let lines = Lines::default();
        within(&lines, || tracing::info!("{}", "ä€".repeat(TEXT)));
        let text = lines.tail(1).0.remove(0).text;
        assert!(text.len() <= TEXT + '…'.len_utf8() && text.ends_with('…'), "{}", text.len());
    }
}
