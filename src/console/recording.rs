//! What was told, saved: one event a line, as a watch tells them, or bare snapshots. Looked at in the same console. Pure.

use std::sync::Arc;

use crate::control::Event as Said;
use crate::model::{FleetStatus, UnixMs};

use super::event::Event;
use super::state::{Options, State};
use super::update;

/// Why a recording cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A line is neither an event nor a snapshot.
    #[error("line {line} is no event of a watch and no snapshot")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// Why it is no snapshot.
        #[source]
        why: serde_json::Error,
    },
    /// There is none.
    #[error("there is no snapshot in it")]
    Empty,
}

/// The state after everything that was recorded, as of its last snapshot.
///
/// # Errors
/// A line is not understood, or there is no snapshot.
pub fn replay(options: Options, text: &str) -> Result<State, RecordingError> {
    let mut events = Vec::new();
    for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        events.push(read(line).map_err(|why| RecordingError::Line { line: place + 1, why })?);
    }
    let moments = events.iter().filter_map(|event| match event {
        Said::Snapshot(status) => Some(status.at),
        _ => None,
    });
    let last = moments.max().ok_or(RecordingError::Empty)?;
    let mut now = UnixMs(0);
    let mut state = State::new(options, now);
    for event in events {
        if let Said::Snapshot(status) = &event {
            now = status.at;
        }
        // Order, not time, is what a recording has: what was told later is shown later.
        update(&mut state, now.min(last), Event::Said(event));
    }
    state.toasts.clear();
    Ok(state)
}

fn read(line: &str) -> Result<Said, serde_json::Error> {
    serde_json::from_str::<Said>(line)
        .or_else(|_| serde_json::from_str::<FleetStatus>(line).map(|status| Said::Snapshot(Arc::new(status))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::{NOW, beacon, fleet};
    use crate::console::update::tests::options;

    #[test]
    fn events_and_bare_snapshots_are_read() {
        let bare = serde_json::to_string(&fleet(vec![beacon("b1")])).unwrap();
        let later = FleetStatus { at: UnixMs(NOW.0 + 1_000), ..fleet(Vec::new()) };
        let event = serde_json::to_string(&Said::Snapshot(Arc::new(later))).unwrap();
        let state = replay(options(), &format!("{bare}\n\n{event}\n")).unwrap();
        assert_eq!((state.history.len(), state.now), (2, UnixMs(NOW.0 + 1_000)));
        assert!(matches!(replay(options(), "{}\n"), Err(RecordingError::Line { line: 1, .. })));
        assert!(matches!(replay(options(), "\n"), Err(RecordingError::Empty)));
    }
}
