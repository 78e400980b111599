//! The panel Duties: what became of the attestations of the last epochs, by client and by beacon, and of payload attestations by
//! client. Pure.

use super::Panel;
use crate::console::piece::{TextLine, labelled, piece};
use crate::console::table::{Cell, Column, Row, Table};
use crate::console::text::{count, share};
use crate::console::theme::Role;
use crate::console::view::View;
use crate::model::{DutySums, PayloadSums};

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
        let counted = piece(Role::Text, format!("{slots}, each against its due point"));
        let one = piece(Role::Dim, "beacondeck duties --validator N has each duty and its path");
        let mut lines = vec![labelled("counted", vec![counted])];
        lines.extend(payloads(&duties.payloads));
        lines.push(labelled("one", vec![one]));
        lines
    }

    fn table(&self, view: &View<'_>) -> Table {
        let duties = view.status.and_then(|status| status.duties.as_ref());
        let rows = duties.map_or_else(Vec::new, |duties| {
            let clients = duties.clients.iter().map(|sums| row("client", sums));
            let payloads = duties.payloads.iter().map(payload_row);
            clients.chain(payloads).chain(duties.beacons.iter().map(|sums| row("beacon", sums))).collect()
        });
        Table {
            columns: &COLUMNS,
            rows,
            empty: "no duty is counted yet: the chain tells of one two slots later",
        }
    }
}

/// What became of all payload attestations; none: there are none.
fn payloads(all: &[PayloadSums]) -> Option<TextLine> {
    let sum = |of: fn(&PayloadSums) -> u32| all.iter().map(of).sum::<u32>();
    let (missed, disagree) = (sum(|of| of.missed), sum(|of| of.disagree));
    let told = |count: u32, words: &str, role| {
        piece(if count > 0 { role } else { Role::Dim }, format!(", {count} {words}"))
    };
    (!all.is_empty()).then(|| {
        let due = piece(Role::Text, format!("{} of payload committees due", sum(|of| of.due)));
        let others = told(disagree, "say what most do not", Role::Warn);
        labelled("payloads", vec![due, told(missed, "missed", Role::Crit), others])
    })
}

fn wrong(count: u32, role: Role) -> Cell {
    number(count).role(if count > 0 { role } else { Role::Dim })
}

fn number(count: u32) -> Cell {
    Cell::number(count.to_string(), f64::from(count))
}

fn unknown() -> Cell {
    Cell::text("-").role(Role::Dim)
}

fn right_of(right: u32, due: u32) -> Cell {
    let part = right as f32 / due.max(1) as f32;
    Cell::number(share(part), f64::from(part) * 100.0)
}

/// The chain takes a payload attestation in the next block or not at all, and it has neither head nor target.
fn payload_row(sums: &PayloadSums) -> Row {
    let cells = COLUMNS.iter().map(|column| match column.id {
        "who" => Cell::text(format!("payloads {}", sums.name)),
        "due" => number(sums.due),
        "missed" => wrong(sums.missed, Role::Crit),
        "included" => number(sums.included),
        "part" => right_of(sums.included.saturating_sub(sums.disagree), sums.due),
        _ => unknown(),
    });
    Row { id: format!("payloads {}", sums.name), fault: sums.missed > 0, cells: cells.collect() }
}

fn row(kind: &str, sums: &DutySums) -> Row {
    let name = if sums.name.is_empty() { "not known".to_owned() } else { sums.name.clone() };
    let sent = |ms: Option<i32>| match ms {
        Some(ms) => Cell::number(format!("{ms:+} ms"), f64::from(ms)),
        None => unknown(),
    };
    let right = sums.included.saturating_sub(sums.wrong_head.max(sums.wrong_target.unwrap_or(0)));
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
            sums.wrong_target.map_or_else(unknown, |_| right_of(right, sums.due)),
        ],
    }
}
