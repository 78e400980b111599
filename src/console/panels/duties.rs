//! The panel Duties: what became of the attestations of the last epochs, by client and by beacon. Pure.

use super::Panel;
use crate::console::piece::{TextLine, labelled, piece};
use crate::console::table::{Cell, Column, Row, Table};
use crate::console::text::{count, share};
use crate::console::theme::Role;
use crate::console::view::View;
use crate::model::DutySums;

const COLUMNS: [Column; 13] = [
    Column::text("who", "CLIENT OR BEACON", 0, 16).fill(),
    Column::number("due", "DUE", 0, 6),
    Column::number("missed", "MISSED", 0, 6),
    Column::number("late", "LATE", 1, 5),
    Column::number("head", "✗HEAD", 1, 5),
    Column::number("p99", "SENT P99", 1, 8),
    Column::number("included", "INCLUDED", 2, 8),
    Column::number("target", "✗TARGET", 2, 7),
    Column::number("p50", "SENT P50", 3, 8),
    Column::number("distance", "DIST", 3, 5),
    Column::number("served", "SERVED", 4, 6),
    Column::number("published", "SENT", 4, 6),
    Column::number("part", "RIGHT", 5, 6),
];

/// The panel.
pub struct Duties;

impl Panel for Duties {
    fn id(&self) -> &'static str {
        "duties"
    }

    fn title(&self) -> &'static str {
        "Duties"
    }

    fn above(&self, view: &View<'_>, _width: u16) -> Vec<TextLine> {
        let Some(duties) = view.status.and_then(|status| status.duties.as_ref()) else { return Vec::new() };
        let seen = match duties.validators {
            0 => String::new(),
            validators => format!("{} seen; ", count(validators as usize, "validator")),
        };
        let slots = format!("{seen}attestations of slots {} to {}", duties.from, duties.to);
        if view.replay {
            return vec![labelled("counted", vec![piece(Role::Text, slots)])];
        }
        vec![
            labelled("counted", vec![piece(Role::Text, format!("{slots}, each against its due point"))]),
            labelled(
                "one",
                vec![piece(Role::Dim, "beacondeck duties --validator N has each duty and its path")],
            ),
        ]
    }

    fn table(&self, view: &View<'_>) -> Table {
        let duties = view.status.and_then(|status| status.duties.as_ref());
        let rows = duties.map_or_else(Vec::new, |duties| {
            let clients = duties.clients.iter().map(|sums| row("client", sums));
            clients.chain(duties.beacons.iter().map(|sums| row("beacon", sums))).collect()
        });
        Table {
            columns: &COLUMNS,
            rows,
            empty: "no duty is counted yet: the chain tells of one two slots later",
        }
    }
}

fn row(kind: &str, sums: &DutySums) -> Row {
    let name = if sums.name.is_empty() { "not known".to_owned() } else { sums.name.clone() };
    let wrong = |count: u32, role: Role| {
        let role = if count > 0 { role } else { Role::Dim };
        Cell::number(count.to_string(), f64::from(count)).role(role)
    };
    let number = |count: u32| Cell::number(count.to_string(), f64::from(count));
    let unknown = || Cell::text("-").role(Role::Dim);
    let sent = |ms: Option<i32>| match ms {
        Some(ms) => Cell::number(format!("{ms:+} ms"), f64::from(ms)),
        None => unknown(),
    };
    let right = sums.included.saturating_sub(sums.wrong_head.max(sums.wrong_target.unwrap_or(0))) as f32;
    let part = right / sums.due.max(1) as f32;
    Row {
        id: format!("{kind} {name}"),
        fault: sums.missed > 0,
        cells: vec![
            Cell::text(format!("{kind} {name}")),
            number(sums.due),
            wrong(sums.missed, Role::Crit),
            wrong(sums.late, Role::Warn),
            wrong(sums.wrong_head, Role::Warn),
            sent(sums.p99_ms),
            number(sums.included),
            sums.wrong_target.map_or_else(unknown, |count| wrong(count, Role::Crit)),
            sent(sums.p50_ms),
            sums.distance.map_or_else(unknown, |slots| Cell::number(format!("{slots:.2}"), f64::from(slots))),
            sums.served.map_or_else(unknown, number),
            sums.published.map_or_else(unknown, number),
            // Without the targets nobody knows how many were right.
            sums.wrong_target.map_or_else(unknown, |_| Cell::number(share(part), f64::from(part) * 100.0)),
        ],
    }
}
