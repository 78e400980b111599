//! The panel Explain: recent requests, who answered, who was tried, and why. Pure.

use super::Panel;
use crate::console::piece::{TextLine, labelled, piece};
use crate::console::table::{Cell, Column, Row, Table};
use crate::console::text::{count, time_of_day, wrap};
use crate::console::theme::Role;
use crate::console::view::View;
use crate::model::{Explanation, Outcome};

const COLUMNS: [Column; 10] = [
    Column::text("time", "UTC", 2, 8),
    Column::text("endpoint", "REQUEST", 0, 16).fill(),
    Column::text("by", "ANSWERED BY", 0, 11).fill(),
    Column::number("took", "TOOK", 1, 8),
    Column::number("status", "CODE", 1, 4),
    Column::text("tried", "TRIED", 1, 14).fill(),
    Column::number("due", "TO DUE", 3, 9),
    Column::number("slot", "SLOT", 4, 9),
    Column::text("client", "CLIENT", 3, 10),
    Column::number("id", "NO", 5, 8),
];

/// The panel.
pub struct Explain;

impl Panel for Explain {
    fn id(&self) -> &'static str {
        "explain"
    }

    fn title(&self) -> &'static str {
        "Explain"
    }

    fn table(&self, view: &View<'_>) -> Table {
        Table {
            columns: &COLUMNS,
            rows: view.explained.iter().map(row).collect(),
            empty: if view.replay {
                "a recording holds no single requests"
            } else {
                "no request matches: none lately, or none of this slot is kept"
            },
        }
    }

    fn detail(&self, view: &View<'_>, id: &str, width: u16) -> Option<Vec<TextLine>> {
        let found = view.explained.iter().find(|explanation| explanation.id.to_string() == id)?;
        Some(detail(found, usize::from(width).saturating_sub(12).max(20)))
    }

    fn explains(&self) -> bool {
        true
    }
}

/// The words for what came of an attempt.
pub fn outcome(outcome: Outcome) -> (&'static str, Role) {
    match outcome {
        Outcome::None => ("not asked", Role::Dim),
        Outcome::Ok => ("ok", Role::Ok),
        Outcome::Empty => ("has nothing", Role::Text),
        Outcome::AlreadyKnown => ("already known", Role::Ok),
        Outcome::Refused => ("refused", Role::Warn),
        Outcome::Failed => ("failed", Role::Crit),
        Outcome::Unreachable => ("unreachable", Role::Crit),
        Outcome::Broken => ("broke off", Role::Crit),
        Outcome::TimedOut => ("timed out", Role::Crit),
        Outcome::Overtaken => ("overtaken", Role::Dim),
    }
}

fn code_role(status: u16) -> Role {
    match status {
        500.. => Role::Crit,
        400..500 => Role::Warn,
        _ => Role::Text,
    }
}

fn row(of: &Explanation) -> Row {
    let each = of.attempts.iter().map(|tried| format!("{} {}", tried.beacon, outcome(tried.outcome).0));
    let tried = of.shared.map(|shared| shared.word().to_owned()).into_iter().chain(each);
    let tried = tried.collect::<Vec<String>>().join(", ");
    let bad = of.attempts.iter().any(|tried| outcome(tried.outcome).1 == Role::Crit);
    Row {
        id: of.id.to_string(),
        fault: bad || of.status >= 500,
        cells: vec![
            Cell::number(time_of_day(of.at.0), of.at.0 as f64).role(Role::Dim),
            Cell::text(of.endpoint.clone()),
            Cell::text(of.served_by.clone()).role(if of.served_by == "nobody" {
                Role::Crit
            } else {
                Role::Text
            }),
            Cell::number(format!("{:.1} ms", of.took_ms), of.took_ms),
            Cell::number(of.status.to_string(), f64::from(of.status)).role(code_role(of.status)),
            Cell::text(tried).role(if bad { Role::Warn } else { Role::Dim }),
            Cell::number(format!("{:+} ms", of.due_ms), f64::from(of.due_ms)),
            Cell::number(of.slot.to_string(), of.slot.0 as f64),
            Cell::text(of.client.clone()),
            Cell::number(of.id.to_string(), of.id as f64).role(Role::Dim),
        ],
    }
}

fn detail(of: &Explanation, width: usize) -> Vec<TextLine> {
    let method = of.method.as_deref().map_or(String::new(), |method| format!("{method} "));
    let after = if of.due_ms < 0 { "before" } else { "after" };
    let mut lines = vec![
        labelled("request", vec![piece(Role::Strong, format!("{method}{}", of.endpoint))]),
        labelled("from", vec![piece(Role::Text, of.client.clone())]),
        labelled(
            "at",
            vec![piece(
                Role::Text,
                format!(
                    "{} UTC, slot {}, {} ms {after} its due point",
                    time_of_day(of.at.0),
                    of.slot,
                    of.due_ms.abs()
                ),
            )],
        ),
        labelled(
            "answer",
            vec![
                piece(code_role(of.status), of.status.to_string()),
                piece(Role::Text, format!(" by {} after {:.1} ms", of.served_by, of.took_ms)),
                piece(
                    Role::Strong,
                    of.shared.map(|shared| format!(", {}", shared.word())).unwrap_or_default(),
                ),
            ],
        ),
    ];
    for (place, part) in wrap(&of.why, width).into_iter().enumerate() {
        lines.push(labelled(if place == 0 { "why" } else { "" }, vec![piece(Role::Text, part)]));
    }
    if let Some(publication) = &of.publication {
        let sample: Vec<String> = publication.sample.iter().map(ToString::to_string).collect();
        let text = format!(
            "{} of {}: {}",
            publication.kind,
            count(publication.validators as usize, "validator"),
            sample.join(", ")
        );
        lines.push(labelled("carried", vec![piece(Role::Text, text)]));
    }
    lines.push(Vec::new());
    for tried in &of.attempts {
        let (words, role) = outcome(tried.outcome);
        let code = if tried.status == 0 { String::new() } else { format!(" {}", tried.status) };
        let text = format!("  {} at {:.1} ms, took {:.1} ms", tried.beacon, tried.start_ms, tried.took_ms);
        lines.push(labelled("tried", vec![piece(role, format!("{words}{code}")), piece(Role::Text, text)]));
    }
    for skipped in &of.skipped {
        let text = format!("{}: {}", skipped.beacon, skipped.reason);
        lines.push(labelled("not asked", vec![piece(Role::Dim, text)]));
    }
    lines
}
