//! The panel Log: the operator journal and the daemon's own words, newest first. Pure.

use super::Panel;
use crate::console::piece::{TextLine, labelled, piece};
use crate::console::table::{Cell, Column, Row, Table};
use crate::console::text::{time_of_day, wrap};
use crate::console::theme::Role;
use crate::console::view::View;
use crate::model::{JournalEntry, LogLevel, LogLine};

const COLUMNS: [Column; 4] = [
    Column::text("time", "UTC", 1, 8),
    Column::text("level", "LEVEL", 1, 5),
    Column::text("who", "WHO", 2, 16),
    Column::text("text", "WHAT", 0, 20).fill(),
];

/// The panel.
pub struct Log;

impl Panel for Log {
    fn id(&self) -> &'static str {
        "log"
    }

    fn title(&self) -> &'static str {
        "Log"
    }

    fn table(&self, view: &View<'_>) -> Table {
        let journal = view.journal.iter().map(|entry| (entry.at, of_journal(entry)));
        let log = view.log.iter().map(|line| (line.at, of_log(line)));
        let mut rows: Vec<_> = journal.chain(log).filter(|(at, _)| *at <= view.now).collect();
        rows.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Table {
            columns: &COLUMNS,
            rows: rows.into_iter().map(|(_, row)| row).collect(),
            empty: if view.replay {
                "a recording holds neither orders nor the daemon's log: beacondeck journal, journalctl"
            } else {
                "nothing was said or ordered yet"
            },
        }
    }

    fn detail(&self, view: &View<'_>, id: &str, width: u16) -> Option<Vec<TextLine>> {
        let row = self.table(view).rows.into_iter().find(|row| row.id == id)?;
        let room = usize::from(width).saturating_sub(12).max(20);
        let mut lines = Vec::new();
        for (cell, label) in row.cells.iter().zip(["at", "level", "who", "what"]) {
            for (place, part) in wrap(&cell.text, room).into_iter().enumerate() {
                lines.push(labelled(if place == 0 { label } else { "" }, vec![piece(cell.role, part)]));
            }
        }
        Some(lines)
    }
}

fn of_journal(entry: &JournalEntry) -> Row {
    let target = entry.target.as_deref().map_or(String::new(), |target| format!(" {target}"));
    Row {
        id: format!("j{}", entry.id),
        fault: entry.outcome.starts_with("failed"),
        cells: vec![
            Cell::number(time_of_day(entry.at.0), entry.at.0 as f64).role(Role::Dim),
            Cell::text("ORDER").role(Role::Drain),
            Cell::text(entry.who.clone()),
            Cell::text(format!("{}{target}: {}", entry.what, entry.outcome)).role(Role::Strong),
        ],
    }
}

fn of_log(line: &LogLine) -> Row {
    let role = match line.level {
        LogLevel::Error => Role::Crit,
        LogLevel::Warn => Role::Warn,
        LogLevel::Info => Role::Dim,
    };
    Row {
        id: format!("l{}", line.id),
        fault: line.level != LogLevel::Info,
        cells: vec![
            Cell::number(time_of_day(line.at.0), line.at.0 as f64).role(Role::Dim),
            Cell::text(line.level.to_string()).role(role),
            Cell::text(line.from.trim_start_matches("beacondeck::").to_owned()).role(Role::Dim),
            Cell::text(line.text.clone()),
        ],
    }
}
