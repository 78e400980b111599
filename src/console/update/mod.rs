//! What becomes of an event: the state after it, and what is to be done. Pure.
//!
//! Keys are in `keys` and, where text is typed or a box is open, in `typing`; what serve says is in `told`; orders and
//! commands are in `orders`.

mod keys;
mod orders;
mod remedies;
#[cfg(test)]
pub mod tests;
mod told;
mod typing;

use crate::control::{Answer, Order, Welcome};
use crate::model::{Explanation, UnixMs};

use super::event::{Effect, Event};
use super::panels::PANELS;
use super::state::{Link, Mode, Seat, State};
use super::theme::Role;

pub use typing::candidates;

/// A picture that takes longer than this to write is slow, in milliseconds.
const SLOW_MS: u64 = 200;
/// What a slow picture counts; a fast one counts one against it. The system buffers what is written: once a slow line has
/// drained it, the next pictures are written at once.
const SLOW_COUNTS: i32 = 8;
/// From here on little is drawn: two slow pictures with at most five fast ones between them.
const SLOW_FROM: i32 = 2 * SLOW_COUNTS - 5;
/// Fast pictures in a row until all is drawn again.
const FAST_ROW: i32 = -40;
/// Explanations are asked for anew so often, in milliseconds.
const EXPLAIN_EVERY_MS: i64 = 2_000;

fn connected(state: &mut State, welcome: Welcome, now: UnixMs) {
    if matches!(state.link, Link::Down { .. }) {
        state.toasts.push(Role::Ok, format!("serve answers again (pid {})", welcome.pid), now);
    }
    state.link = Link::Up;
    state.welcome = Some(welcome);
}

fn lost(state: &mut State, why: String, again: UnixMs) {
    let since = match &state.link {
        Link::Down { since, .. } => *since,
        _ => state.now,
    };
    state.link = Link::Down { since, why, again };
    state.watchers.clear();
}

fn explained(state: &mut State, list: Result<Vec<Explanation>, String>) {
    state.explained.waiting = false;
    match list {
        Ok(list) => state.explained.list = list,
        Err(why) => state.toasts.push(Role::Warn, why, state.now),
    }
}

fn panicked(state: &mut State, what: &str) -> Vec<Effect> {
    let text = format!("a background task panicked: {what}; what it did is not done any more");
    state.toasts.push(Role::Crit, text, state.now);
    Vec::new()
}

fn told_copied(state: &mut State, copied: Result<String, String>) -> Vec<Effect> {
    let (role, text) = match copied {
        Ok(what) => (Role::Info, what),
        Err(why) => (Role::Warn, why),
    };
    state.toasts.push(role, text, state.now);
    Vec::new()
}

/// Takes an event.
pub fn update(state: &mut State, now: UnixMs, event: Event) -> Vec<Effect> {
    state.now = now;
    state.toasts.expire(now);
    let mut effects = match event {
        Event::Key(key) => keys::key(state, key),
        Event::Paste(text) => typing::paste(state, &text),
        Event::Click(x, y) => keys::click(state, (x, y)),
        Event::Wheel(rows) => keys::wheel(state, rows),
        Event::Resize(width, height) => {
            state.size = (width, height);
            vec![Effect::Redraw]
        }
        // Without a terminal there is nothing to change; the shell ends.
        Event::Tick | Event::Gone => Vec::new(),
        Event::Connected(welcome) => {
            connected(state, welcome, now);
            Vec::new()
        }
        Event::Said(said) => told::said(state, said),
        Event::Lost { why, pause_ms } => {
            lost(state, why, UnixMs(now.0 + pause_ms));
            Vec::new()
        }
        Event::Rights(rights) => {
            if !state.options.read_only {
                state.no_orders = rights.err();
            }
            Vec::new()
        }
        Event::Answered(number, answer) => answered(state, number, answer),
        Event::Preflight(told) => {
            orders::told(state, told);
            Vec::new()
        }
        Event::Remedy(told) => {
            remedies::told(state, told);
            Vec::new()
        }
        Event::Explained(list) => {
            explained(state, list);
            Vec::new()
        }
        Event::Played(played) => {
            if let Err(why) = played {
                state.toasts.push(Role::Warn, why, now);
            }
            Vec::new()
        }
        Event::Copied(copied) => told_copied(state, copied),
        Event::Panicked(what) => panicked(state, &what),
        Event::Wrote(ms) => {
            wrote(state, ms);
            Vec::new()
        }
    };
    settle(state);
    effects.extend(explain(state));
    effects
}

fn answered(state: &mut State, number: u64, answer: Result<Answer, String>) -> Vec<Effect> {
    let Some(place) = state.pending.iter().position(|pending| pending.number == number) else {
        return Vec::new();
    };
    let order: Order = state.pending.remove(place).order;
    let (role, text) = match answer {
        Ok(Answer::Done { message }) => (Role::Ok, message),
        Ok(Answer::Failed { message } | Answer::Refused { message }) => (Role::Crit, message),
        Ok(_) => (Role::Crit, format!("{order}: serve answered something else; look at the log")),
        Err(why) => (Role::Crit, format!("{order}: not known whether it was done: {why}")),
    };
    state.toasts.push(role, text, state.now);
    Vec::new()
}

/// A slow line is noticed at once and trusted again only after a while.
fn wrote(state: &mut State, ms: u64) {
    state.slowness = match state.slowness {
        before if ms > SLOW_MS => before.max(0) + SLOW_COUNTS,
        pending @ 1.. if !state.slow => pending - 1,
        before => before.min(0) - 1,
    };
    let slow = match state.slowness {
        SLOW_FROM.. => true,
        ..=FAST_ROW => false,
        _ => state.slow,
    };
    if slow != state.slow {
        state.slow = slow;
        state.dress();
        if state.low() == slow {
            let words = if slow {
                "the line is slow: one picture a second, no charts"
            } else {
                "the line is fast again"
            };
            state.toasts.push(Role::Info, words, state.now);
        }
    }
}

/// Selection and marks follow what is there now.
fn settle(state: &mut State) {
    let place = state.panel;
    let table = PANELS[place].table(&state.view());
    let gone = state.tables[place].settle(&table);
    if !gone.is_empty() && state.frozen.is_none() {
        state.toasts.push(Role::Warn, format!("marked and gone: {}", gone.join(", ")), state.now);
    }
    // A row that is looked at in full may go, too.
    let lost = state.details[place]
        .as_ref()
        .is_some_and(|detail| PANELS[place].detail(&state.view(), &detail.id, state.size.0).is_none());
    if lost {
        state.details[place] = None;
    }
}

/// Asks for explanations while their panel is in front.
fn explain(state: &mut State) -> Option<Effect> {
    // A slot that was gone to is asked for once; what is frozen else stays as it is.
    let gone_to = state.explained.slot.is_some() && state.explained.asked.is_none();
    let moves = state.frozen.is_none() || gone_to;
    // A recording holds no single requests.
    let live = state.options.seat != Seat::Replay;
    let wanted = PANELS[state.panel].explains() && moves && live && state.link == Link::Up;
    let due = state.explained.asked.is_none_or(|asked| state.now.since(asked) >= EXPLAIN_EVERY_MS);
    // Under a row that is looked at nothing is pulled away.
    let reading = state.details[state.panel].is_some();
    if !wanted || !due || state.explained.waiting || reading || state.mode != Mode::Normal {
        return None;
    }
    state.explained.asked = Some(state.now);
    state.explained.waiting = true;
    Some(Effect::Explain { slot: state.explained.slot })
}
