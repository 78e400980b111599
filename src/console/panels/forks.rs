//! The panel Forks: forks that are coming, and by beacon whether it is ready and what it lacks. Pure.

use super::Panel;
use crate::console::piece::{TextLine, labelled, piece};
use crate::console::table::{Cell, Column, Row, Table};
use crate::console::text::{or_dash, span, wrap};
use crate::console::theme::Role;
use crate::console::view::View;
use crate::model::{ComingFork, Readiness};

const COLUMNS: [Column; 6] = [
    Column::text("beacon", "BEACON", 0, 12).fill(),
    Column::text("state", "READY", 0, 9),
    Column::text("fork", "FORK", 1, 9),
    Column::number("epoch", "EPOCH", 3, 8),
    Column::text("version", "VERSION", 2, 20).fill(),
    Column::text("missing", "WHAT IS MISSING", 1, 30).fill(),
];

/// The panel.
pub struct Forks;

impl Panel for Forks {
    fn id(&self) -> &'static str {
        "forks"
    }

    fn title(&self) -> &'static str {
        "Forks"
    }

    fn above(&self, view: &View<'_>, _width: u16) -> Vec<TextLine> {
        forks(view).iter().map(|fork| headline(view, fork)).collect()
    }

    fn table(&self, view: &View<'_>) -> Table {
        let rows = forks(view).iter().flat_map(|fork| fork.beacons.iter().map(move |of| row(view, fork, of)));
        Table {
            columns: &COLUMNS,
            rows: rows.collect(),
            empty: if view.replay {
                "a recording holds no specs"
            } else {
                "no beacon's spec has an epoch for a coming fork"
            },
        }
    }

    fn detail(&self, view: &View<'_>, id: &str, width: u16) -> Option<Vec<TextLine>> {
        let all = forks(view).iter().flat_map(|fork| fork.beacons.iter().map(move |of| (fork, of)));
        let (fork, of) = all.into_iter().find(|(fork, of)| key(fork, of) == id)?;
        let (word, role) = state(of);
        let mut lines = vec![
            labelled("beacon", vec![piece(Role::Strong, of.beacon.to_string())]),
            labelled("version", vec![piece(Role::Text, or_dash(version(view, of)))]),
            headline(view, fork),
            labelled("ready", vec![piece(role, word)]),
        ];
        for missing in &of.missing {
            let width = usize::from(width).saturating_sub(12).max(20);
            for (place, part) in wrap(missing, width).into_iter().enumerate() {
                let label = if place == 0 { "missing" } else { "" };
                lines.push(labelled(label, vec![piece(Role::Text, part)]));
            }
        }
        Some(lines)
    }
}

fn forks<'a>(view: &View<'a>) -> &'a [ComingFork] {
    view.status.map_or(&[], |status| &status.forks)
}

fn headline(view: &View<'_>, fork: &ComingFork) -> TextLine {
    let ComingFork { name, epoch, at, .. } = fork;
    let when = if fork.has_begun(view.now) {
        format!("began {} ago", span(view.now.since(*at)))
    } else {
        format!("begins in {}", span(at.since(view.now)))
    };
    let role = if fork.unready().next().is_some() { Role::Warn } else { Role::Ok };
    let text = format!("{name} {when}, with epoch {epoch}: ");
    labelled("fork", vec![piece(Role::Text, text), piece(role, fork.count())])
}

fn version<'a>(view: &View<'a>, of: &Readiness) -> Option<&'a String> {
    let beacon = view.status?.beacons.iter().find(|beacon| beacon.name == of.beacon)?;
    beacon.version.as_ref()
}

fn state(of: &Readiness) -> (&'static str, Role) {
    match (of.is_ready(), of.lost) {
        (true, _) => ("● ready", Role::Ok),
        (false, false) => ("◐ not yet", Role::Warn),
        (false, true) => ("▼ no", Role::Crit),
    }
}

fn key(fork: &ComingFork, of: &Readiness) -> String {
    format!("{} {}", of.beacon, fork.name)
}

fn row(view: &View<'_>, fork: &ComingFork, of: &Readiness) -> Row {
    let (word, role) = state(of);
    Row {
        id: key(fork, of),
        fault: !of.is_ready(),
        cells: vec![
            Cell::text(of.beacon.to_string()),
            Cell::text(word).role(role),
            Cell::text(fork.name.clone()),
            Cell::number(fork.epoch.to_string(), fork.epoch.0 as f64),
            Cell::text(or_dash(version(view, of))).role(Role::Dim),
            Cell::text(of.missing.join(", ")).role(if of.lost { Role::Crit } else { Role::Warn }),
        ],
    }
}
