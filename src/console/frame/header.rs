//! The top: which fleet, how late it is, how it stands, and who is looking.

use ratatui::layout::Rect;

use super::pen::{Pen, width_of};
use crate::console::age::Fresh;
use crate::console::keys::panel_key;
use crate::console::panels::PANELS;
use crate::console::piece::{Piece, TextLine, piece};
use crate::console::state::{Link, Seat, State};
use crate::console::text::{count, span, time_of_day};
use crate::console::theme::Role;
use crate::console::trouble::troubles;
use crate::console::view::View;
use crate::model::capacity::{self, Verdict};
use crate::model::{FleetStatus, Tape};

/// A part of a line: those with the higher number go first where there is no room.
type Part = (u8, TextLine);

/// Draws the two lines.
pub fn draw(state: &State, pen: &mut Pen<'_>, first: Rect, second: Rect) {
    let view = state.view();
    pen.fill(first, Role::Header);
    let seat = seat(state);
    let room = first.width.saturating_sub(width_of(&seat) as u16 + 1);
    parts(pen, first, room, where_and_when(state, &view), Role::Header);
    let at = first.right().saturating_sub(width_of(&seat) as u16);
    pen.line(at.max(first.x), first.y, first.width, &seat);
    match &state.link {
        Link::Down { since, why, again } => {
            let wait = again.since(state.now).max(0) / 1_000;
            let text = format!(
                "serve does not answer for {}, tried again in {wait} s; what you see is {} old: {why}",
                span(state.now.since(*since)),
                span(state.now.since(state.history.newest().map_or(*since, |newest| newest.at)))
            );
            pen.text(second.x, second.y, second.width, Role::Danger, &text);
        }
        _ => parts(pen, second, second.width, how_it_stands(state, &view), Role::Text),
    }
}

/// The parts that have room, with a dot between two.
fn parts(pen: &mut Pen<'_>, row: Rect, width: u16, mut parts: Vec<Part>, between: Role) {
    parts.retain(|(_, line)| !line.is_empty());
    let need =
        |parts: &[Part]| parts.iter().map(|(_, line)| width_of(line) + 3).sum::<usize>().saturating_sub(3);
    while parts.len() > 1 && need(&parts) > usize::from(width) {
        let worst = parts.iter().enumerate().max_by_key(|(place, (priority, _))| (*priority, *place));
        let Some(place) = worst.map(|(place, _)| place) else { break };
        parts.remove(place);
    }
    let mut all: Vec<Piece> = Vec::new();
    for (place, (_, line)) in parts.into_iter().enumerate() {
        if place > 0 {
            all.push(piece(between, " · "));
        }
        all.extend(line);
    }
    pen.line(row.x, row.y, width, &all);
}

fn where_and_when(state: &State, view: &View<'_>) -> Vec<Part> {
    let text = |text: String| vec![piece(Role::Header, text)];
    let Some(status) = view.status else {
        return vec![(0, text(state.options.fleet.clone())), (0, text("no snapshot yet".to_owned()))];
    };
    let slot = status.slot.map_or_else(|| "no slot yet".to_owned(), |slot| format!("slot {slot}"));
    let epoch = status.epoch.map_or(Vec::new(), |epoch| text(format!("epoch {epoch}")));
    let network = status.network.clone().map_or(Vec::new(), text);
    let mut all = vec![
        (0, text(status.fleet.clone())),
        (2, network),
        (0, text(slot)),
        (3, epoch),
        (1, due(status, view)),
    ];
    if view.replay {
        // By these it is found in the logs.
        let (day, time) =
            (view.now.utc().chars().take(10).collect(), format!("{} UTC", time_of_day(view.now.0)));
        all.extend([(3, text(day)), (1, text(time))]);
    }
    all
}

/// The next due point and the time left, in whole seconds.
fn due(status: &FleetStatus, view: &View<'_>) -> TextLine {
    let next = status.traffic.timing.as_ref().and_then(|timing| timing.next_due(view.now));
    let Some((step, left)) = next else { return Vec::new() };
    let word = match step {
        crate::model::Step::Propose => "block",
        crate::model::Step::Attest | crate::model::Step::SyncMessage => "attest",
        crate::model::Step::Aggregate | crate::model::Step::Contribution => "aggregate",
        crate::model::Step::PayloadAttest => "payload",
    };
    vec![piece(Role::Header, format!("{word} due in {} s", left.div_ceil(1_000)))]
}

/// Where routing runs, and what is special about this picture.
fn seat(state: &State) -> TextLine {
    let mut line = Vec::new();
    if let Some(frozen) = state.frozen {
        let ago = span(state.present().since(frozen));
        line.push(piece(Role::Danger, format!(" FROZEN {} UTC, {ago} ago ", time_of_day(frozen.0))));
    }
    if state.low() {
        line.push(piece(Role::Header, " LOW BW"));
    }
    if state.nothing_live().is_none() && !state.may_order() {
        line.push(piece(Role::Header, " READ-ONLY"));
    }
    let seat = match state.options.seat {
        Seat::Attached => " ATTACHED",
        Seat::Embedded => " EMBEDDED: routing runs here",
        Seat::Saved => " SAVED PICTURE",
        Seat::Replay => " REPLAY",
    };
    line.push(piece(Role::Header, seat));
    line.extend(state.tape().map(|tape| piece(Role::Header, tape_words(tape))));
    line
}

/// Whether a recording plays, how fast, and where in it this is.
fn tape_words(tape: &Tape) -> String {
    let how = if tape.has_ended() {
        "■ END".to_owned()
    } else if tape.playing {
        format!("► {}x", tape.speed)
    } else {
        format!("‖ paused, {}x", tape.speed)
    };
    let so_far = if tape.whole { "" } else { "+" };
    format!(" {how} {}/{}{so_far}", tape.place, tape.slots)
}

fn how_it_stands(state: &State, view: &View<'_>) -> Vec<Part> {
    let Some(status) = view.status else {
        return vec![(0, vec![piece(Role::Unknown, "? connecting")])];
    };
    let fresh = view.fresh();
    let up = status.beacons.iter().filter(|beacon| capacity::carries(beacon)).count();
    let all = status.beacons.len();
    let (symbol, role) = match up {
        _ if fresh != Fresh::Now => ("?", Role::Stale),
        0 => ("▼", Role::Crit),
        up if up < all => ("◐", Role::Warn),
        _ => ("●", Role::Ok),
    };
    let pool = vec![piece(role, format!("{symbol} {up}/{all} up"))];
    vec![(0, pool), (1, n_minus_one(status, fresh)), (0, worst(view)), (2, age(view)), (3, others(state))]
}

fn n_minus_one(status: &FleetStatus, fresh: Fresh) -> TextLine {
    let Some(left) = capacity::without_one(status) else { return Vec::new() };
    let role = match left.verdict {
        Verdict::Carries => Role::Ok,
        Verdict::Tight => Role::Warn,
        Verdict::Fails => Role::Crit,
        Verdict::Unknown => Role::Unknown,
    };
    vec![piece(fresh.role(Role::Text), "N-1 "), piece(fresh.role(role), left.verdict.word())]
}

fn worst(view: &View<'_>) -> TextLine {
    let found = troubles(view);
    let Some(worst) = found.first() else {
        return vec![piece(view.fresh().role(Role::Ok), "nothing is wrong")];
    };
    let acked = if worst.ack.is_some() { ", acknowledged" } else { "" };
    let more = if found.len() > 1 { format!(" (+{})", found.len() - 1) } else { String::new() };
    vec![piece(worst.role, format!("{} {}{acked}{more}", worst.what, span(view.now.since(worst.since))))]
}

/// How old what is shown is: the snapshot, and the beacons that were not seen lately.
fn age(view: &View<'_>) -> TextLine {
    let Some(status) = view.status else { return Vec::new() };
    let unseen =
        status.beacons.iter().filter(|beacon| Fresh::of(beacon.observed, view.now) != Fresh::Now).count();
    let mut line = match view.fresh() {
        Fresh::Now => vec![piece(Role::Dim, "data fresh")],
        _ => vec![piece(Role::Warn, format!("data {} old", span(view.now.since(status.at))))],
    };
    if unseen > 0 && unseen < status.beacons.len() {
        line.push(piece(Role::Warn, format!(", {} not seen lately", count(unseen, "beacon"))));
    }
    line
}

fn others(state: &State) -> TextLine {
    let consoles = state.watchers.iter().filter(|watcher| watcher.program == "console");
    let list: Vec<String> =
        consoles.map(|watcher| format!("{} {}", watcher.who, span(state.now.since(watcher.since)))).collect();
    if list.len() < 2 { Vec::new() } else { vec![piece(Role::Info, format!("here: {}", list.join(", ")))] }
}

/// Fewer letters of a title say nothing.
const LETTERS: usize = 3;

/// The words of the tabs: as many letters of each title as there is room for, and the whole title of the one in front.
fn titles(state: &State, width: u16) -> impl Iterator<Item = String> {
    let room = usize::from(width).saturating_sub(crumb(state).map_or(0, |crumb| crumb.chars().count()));
    let length = move |place: usize, title: &str, most: usize| {
        if place == state.panel { title.len() } else { title.len().min(most) }
    };
    let needs = move |most: usize| -> usize {
        PANELS.iter().enumerate().map(|(place, panel)| length(place, panel.title(), most) + 3).sum()
    };
    let longest = PANELS.iter().map(|panel| panel.title().len()).max().unwrap_or(0);
    let most = (LETTERS..=longest).rev().find(|most| needs(*most) <= room).unwrap_or(0);
    PANELS.iter().enumerate().map(move |(place, panel)| {
        let title = &panel.title()[..length(place, panel.title(), most)];
        format!("{} {title}", panel_key(place)).trim_end().to_owned()
    })
}

/// The row whose details are shown, behind the tabs.
fn crumb(state: &State) -> Option<String> {
    state.details[state.panel].as_ref().map(|detail| format!(" › {}", detail.id))
}

/// The panel whose tab is in this column.
pub fn tab_at(state: &State, width: u16, x: u16) -> Option<usize> {
    let mut end = 0;
    titles(state, width).position(|title| {
        end += title.len() + 1;
        usize::from(x) < end
    })
}

/// Draws the tabs.
pub fn tabs(state: &State, pen: &mut Pen<'_>, row: Rect) {
    let mut line = Vec::new();
    for (place, title) in titles(state, row.width).enumerate() {
        let role = if place == state.panel { Role::TabActive } else { Role::Tab };
        line.push(piece(role, title));
        line.push(piece(Role::Text, " "));
    }
    line.extend(crumb(state).map(|crumb| piece(Role::Strong, crumb)));
    pen.line(row.x, row.y, row.width, &line);
}
