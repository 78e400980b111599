//! The panel Help: the key table as it is now, the filter's language, the commands. Pure.

use super::Panel;
use crate::console::command;
use crate::console::keys::Scope;
use crate::console::piece::{TextLine, labelled, piece};
use crate::console::table::{Cell, Column, Row, Table};
use crate::console::theme::Role;
use crate::console::view::View;

const COLUMNS: [Column; 4] = [
    Column::text("key", "KEY", 0, 16),
    Column::text("does", "DOES", 0, 30).fill(),
    Column::text("where", "WHERE", 1, 14),
    Column::text("name", "NAME", 2, 12),
];

/// The panel.
pub struct Help;

impl Panel for Help {
    fn id(&self) -> &'static str {
        "help"
    }

    fn title(&self) -> &'static str {
        "Help"
    }

    fn above(&self, _view: &View<'_>, _width: u16) -> Vec<TextLine> {
        vec![
            labelled(
                "filter",
                vec![piece(Role::Text, "text  state:up  lag>2  p99>=100ms  !text; all words must hold")],
            ),
            labelled(
                "states",
                vec![
                    piece(Role::Ok, "● UP  "),
                    piece(Role::Warn, "▲ WARM  "),
                    piece(Role::Drain, "◐ DRAIN n  ○ DRAINED  "),
                    piece(Role::Crit, "▼ DOWN  "),
                    piece(Role::Stale, "faint: old, "),
                    piece(Role::Unknown, "? unknown"),
                ],
            ),
        ]
    }

    fn table(&self, view: &View<'_>) -> Table {
        let keys = view
            .keymap
            .rows()
            .iter()
            .filter(|(binding, keys)| !keys.is_empty() && binding.is_of(view.replay));
        let keys = keys.map(|(binding, keys)| {
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            let place = match binding.scope {
                Scope::All => "everywhere",
                Scope::Table | Scope::Marks => "tables",
                Scope::Hosts => "hosts",
                Scope::Replay => "replay",
                Scope::Orders => "beacons",
                Scope::Notes => "what is wrong",
                Scope::Attached => "attached only",
            };
            row(&keys.join(" "), binding.label, place, binding.name)
        });
        let commands = command::COMMANDS.iter().map(|of| row(of.usage, of.does, "command line", of.name));
        Table { columns: &COLUMNS, rows: keys.chain(commands).collect(), empty: "" }
    }
}

fn row(key: &str, does: &str, place: &str, name: &str) -> Row {
    Row {
        id: format!("{key} {name}"),
        fault: false,
        cells: vec![
            Cell::text(key).role(Role::Key),
            Cell::text(does),
            Cell::text(place).role(Role::Dim),
            Cell::text(name).role(Role::Dim),
        ],
    }
}
