//! The panel Overview: what is wrong, since when, what it costs, what was done, what now; then the pool, worst first. Pure.

use super::{Panel, beacons, cells, detail, incidents};
use crate::console::course;
use crate::console::piece::{Piece, TextLine, labelled, piece};
use crate::console::table::Table;
use crate::console::text::{cut, latency, span, time_of_day, wrap};
use crate::console::theme::Role;
use crate::console::trouble::{cost, done, troubles};
use crate::console::view::View;
use crate::model::Step;

/// Troubles beside the worst that are told in a line of their own.
const MORE: usize = 2;
/// Columns of a label.
const LABEL: usize = 11;
/// Journal entries at the bottom.
const LATELY: usize = 4;

/// The panel.
pub struct Overview;

impl Panel for Overview {
    fn id(&self) -> &'static str {
        "overview"
    }

    fn title(&self) -> &'static str {
        "Overview"
    }

    fn above(&self, view: &View<'_>, width: u16) -> Vec<TextLine> {
        let found = troubles(view);
        let (cost_role, cost_words) = cost(view);
        let Some(worst) = found.first() else {
            let (role, words) = match view.status {
                None => (Role::Unknown, "? waiting for the first snapshot"),
                Some(status) if status.beacons.is_empty() => (Role::Unknown, "? the fleet has no beacon"),
                Some(_) => (Role::Ok, "● nothing is wrong"),
            };
            return vec![vec![piece(role, words)], labelled("load", vec![piece(cost_role, cost_words)])];
        };
        let since = span(view.now.since(worst.since));
        let sign = if worst.role == Role::Drain { "○" } else { "▼" };
        let mut lines = vec![vec![
            piece(worst.role, format!("{sign} {}", worst.what)),
            piece(Role::Strong, format!(" for {since}")),
            piece(Role::Dim, format!(", since {} UTC", time_of_day(worst.since.0))),
        ]];
        if worst.ack.is_some() {
            lines[0].insert(1, piece(Role::Info, " (acknowledged)"));
        }
        let first: usize = lines[0].iter().map(|piece| piece.text.chars().count()).sum();
        if first + 2 + worst.why.chars().count() > usize::from(width) {
            lines.extend(folded("why", Role::Text, &worst.why, width));
        } else if !worst.why.is_empty() {
            lines[0].push(piece(Role::Text, format!(": {}", worst.why)));
        }
        lines.extend(folded("costs", cost_role, &cost_words, width));
        lines.extend(folded("done", Role::Text, &done(view, worst), width));
        // What was to be done then is no key now.
        let (label, role) = if view.replay { ("advised", Role::Text) } else { ("now", Role::Key) };
        lines.extend(folded(label, role, &worst.next, width));
        for other in found.iter().skip(1).take(MORE) {
            let since = span(view.now.since(other.since));
            lines.push(labelled(
                "also",
                vec![
                    piece(other.role, other.what.clone()),
                    piece(Role::Dim, format!(" for {since}")),
                    piece(
                        Role::Info,
                        other.ack.as_ref().map_or_else(String::new, |ack| format!(", {}", ack.words())),
                    ),
                ],
            ));
        }
        if let Some(more) = found.len().checked_sub(MORE + 2) {
            lines.push(labelled(
                "",
                vec![piece(Role::Warn, format!("and {} more (2 beacons, ! only faults)", more + 1))],
            ));
        }
        lines.iter().map(|line| shorten(line, usize::from(width))).collect()
    }

    fn table(&self, view: &View<'_>) -> Table {
        let mut rows = beacons::rows(view);
        let worse = |id: &str| view.beacon(id).map_or(u8::MAX, beacons::badness);
        rows.sort_by_key(|row| worse(&row.id));
        Table { columns: &beacons::COLUMNS, rows, empty: "no beacons yet" }
    }

    fn below(&self, view: &View<'_>, width: u16) -> Vec<TextLine> {
        let mut lines = due(view);
        let mut lately: Vec<TextLine> = view
            .journal
            .iter()
            .rev()
            .filter(|entry| entry.at <= view.now)
            .take(LATELY)
            .map(|entry| {
                let target = entry.target.as_ref().map_or_else(String::new, |target| format!(" {target}"));
                let text = format!(
                    "{} {} {}{target}: {}",
                    time_of_day(entry.at.0),
                    entry.who,
                    entry.what,
                    entry.outcome
                );
                labelled("lately", vec![piece(Role::Dim, cut(&text, usize::from(width).saturating_sub(11)))])
            })
            .collect();
        lines.append(&mut lately);
        lines
    }

    fn detail(&self, view: &View<'_>, id: &str, width: u16) -> Option<Vec<TextLine>> {
        let beacon = view.beacon(id)?;
        let own = detail::beacon(view, id, width)?;
        // The steps of a restart come first while there are any.
        let incident = match course::at(view, beacon) {
            None => incidents::of_beacon(view, beacon, width),
            Some(_) => None,
        };
        Some(match incident {
            Some(lines) => [lines, vec![Vec::new()], own].concat(),
            None => own,
        })
    }

    fn of_beacons(&self) -> bool {
        true
    }
}

/// How far answers lie from what the two costliest steps allow.
fn due(view: &View<'_>) -> Vec<TextLine> {
    let Some(status) = view.status else { return Vec::new() };
    let mut steps: Vec<Piece> = Vec::new();
    for step in [Step::Propose, Step::Attest, Step::SyncMessage, Step::Aggregate] {
        let of: Vec<_> = status.traffic.steps.iter().filter(|answers| answers.step == step).collect();
        let Some(slowest) = of.iter().map(|answers| answers.p99_ms).reduce(f32::max) else { continue };
        let fresh = view.fresh();
        let text = format!("{} {}  ", cells::step_words(step), latency((slowest * 1_000.0) as u32));
        steps.push(piece(fresh.role(Role::Text), text));
    }
    if steps.is_empty() { Vec::new() } else { vec![labelled("p99", steps)] }
}

/// A sentence under its label, in as many lines as it needs.
fn folded(label: &str, role: Role, text: &str, width: u16) -> Vec<TextLine> {
    let room = usize::from(width).saturating_sub(LABEL).max(20);
    let parts = wrap(text, room).into_iter().enumerate();
    parts
        .map(|(place, part)| labelled(if place == 0 { label } else { "" }, vec![piece(role, part)]))
        .collect()
}

/// The line within a width: what stands behind goes first.
fn shorten(line: &TextLine, width: usize) -> TextLine {
    let mut left = width;
    let mut out = Vec::new();
    for piece in line {
        let text = cut(&piece.text, left);
        left = left.saturating_sub(text.chars().count());
        out.push(Piece { text, role: piece.role });
    }
    out
}
