//! The key table: one list from which footer, help, the README's section and `print keys` are made, and which a file of
//! the user's changes. Pure.
//!
//! To add a key, add an [`Action`], its row in `BINDINGS` and what it does in `update`. Panels have theirs by their place.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::key::Key;
use super::panels::PANELS;
use crate::model::Play;

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// The panel of this number, from 1.
    Panel(u8),
    /// The next panel.
    Next,
    /// The panel before.
    Previous,
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
    /// First row.
    Top,
    /// Last row.
    Bottom,
    /// Details of the selected row.
    Open,
    /// One level back; never leaves the console.
    Back,
    /// Type a filter.
    Filter,
    /// Type a command.
    Command,
    /// Keys of this panel.
    Help,
    /// Mark or unmark the row.
    Mark,
    /// Mark from the last marked row to here.
    MarkRange,
    /// Unmark all rows.
    Unmark,
    /// Sort by the next column.
    Sort,
    /// The other way round.
    Reverse,
    /// Only what is not well.
    Faults,
    /// Stop the picture, not the data.
    Freeze,
    /// An earlier snapshot.
    Earlier,
    /// A later snapshot.
    Later,
    /// Copy the row.
    Copy,
    /// Drain or resume.
    Drain,
    /// Restart a beacon.
    Restart,
    /// Upgrade a beacon.
    Upgrade,
    /// End the restart or upgrade that runs.
    Abort,
    /// Take note of what is wrong.
    Ack,
    /// Tell nobody of it for a while.
    Silence,
    /// Remedies of a host.
    Remedy,
    /// Move in a recording.
    Play(Play),
    /// Draw everything anew.
    Redraw,
    /// To the shell, and back by `fg`.
    Suspend,
    /// Leave.
    Quit,
    /// Leave; the last picture stays in the scrollback.
    QuitKeep,
}

/// Where a key is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere but where text is typed.
    All,
    /// Where there is a table.
    Table,
    /// Where there is a table of beacons, and this console may give orders.
    Orders,
    /// Where something that is wrong can be chosen, and this console may give orders.
    Notes,
    /// Where there is a table of hosts, and this console may give orders.
    Hosts,
    /// Where there is a table, but in a replay: marks are for orders.
    Marks,
    /// Only where a recording is played; keys of marks may be given to it again.
    Replay,
    /// Only if routing does not stop with this process.
    Attached,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Its name in the user's file.
    pub name: &'static str,
    /// Its keys, the one shown first.
    pub keys: &'static [&'static str],
    /// What it does, in a few words.
    pub label: &'static str,
    /// Where it is alive.
    pub scope: Scope,
    /// Its word in the footer, the most useful keys with the lowest number; none: help only.
    pub footer: Option<(u8, &'static str)>,
}

const fn bind(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    label: &'static str,
    scope: Scope,
) -> Binding {
    Binding { action, name, keys, label, scope, footer: None }
}

impl Binding {
    const fn foot(self, place: u8, word: &'static str) -> Self {
        Self { footer: Some((place, word)), ..self }
    }

    /// Whether it is alive where a recording is played, where none is, or in both.
    fn replays(&self) -> impl Iterator<Item = bool> {
        let (live, replay) = (self.scope != Scope::Replay, self.scope != Scope::Marks);
        [(live, false), (replay, true)].into_iter().filter(|(is, _)| *is).map(|(_, replay)| replay)
    }

    /// Whether it is alive where a recording is played, or where none is.
    pub fn is_of(&self, replay: bool) -> bool {
        self.replays().any(|of| of == replay)
    }
}

use Scope::{All, Attached, Hosts, Marks, Notes, Orders, Replay, Table};

/// The keys of panels by their place, with their names: a panel needs no row in the table.
const PANEL_KEYS: [(&str, &[&str]); 12] = [
    ("panel-1", &["1"]),
    ("panel-2", &["2"]),
    ("panel-3", &["3"]),
    ("panel-4", &["4"]),
    ("panel-5", &["5"]),
    ("panel-6", &["6"]),
    ("panel-7", &["7"]),
    ("panel-clocks", &["c"]),
    ("panel-8", &["8"]),
    ("panel-9", &["9"]),
    ("panel-10", &["0"]),
    ("panel-11", &["F"]),
];

/// The key that stands before a panel's title, by its place.
pub fn panel_key(place: usize) -> &'static str {
    PANEL_KEYS.get(place).and_then(|(_, keys)| keys.first()).copied().unwrap_or_default()
}

/// The whole table: the panels there are, then `BINDINGS`.
pub fn bindings() -> impl Iterator<Item = Binding> {
    let panels = PANELS.iter().zip(PANEL_KEYS).zip(1..);
    panels
        .map(|((panel, (name, keys)), number)| bind(Action::Panel(number), name, keys, panel.title(), All))
        .chain(BINDINGS)
}

/// Everything but the panels.
const BINDINGS: [Binding; 42] = [
    bind(Action::Next, "next", &["tab", "right"], "next panel", All),
    bind(Action::Previous, "previous", &["backtab", "left"], "panel before", All),
    bind(Action::Down, "down", &["j", "down"], "one row down", Table),
    bind(Action::Up, "up", &["k", "up"], "one row up", Table),
    bind(Action::PageDown, "page-down", &["pgdn", "ctrl-f"], "a page down", Table),
    bind(Action::PageUp, "page-up", &["pgup", "ctrl-b"], "a page up", Table),
    bind(Action::Top, "top", &["g", "home"], "first row", Table),
    bind(Action::Bottom, "bottom", &["G", "end"], "last row", Table),
    bind(Action::Open, "open", &["enter"], "details", Table).foot(3, "details"),
    bind(Action::Back, "back", &["esc", "backspace"], "one level back, clears the filter; never leaves", All)
        .foot(4, "back"),
    bind(Action::Filter, "filter", &["/"], "filter rows: text, lag>2, state:up, !text", Table)
        .foot(5, "filter"),
    bind(Action::Faults, "faults", &["!"], "only what is not well, and back", Table).foot(7, "faults"),
    bind(Action::Sort, "sort", &["s"], "sort by the next column", Table).foot(11, "sort"),
    bind(Action::Reverse, "reverse", &["S"], "sort the other way round", Table),
    bind(Action::Mark, "mark", &["space"], "mark the row; orders go to all marked", Marks),
    bind(Action::MarkRange, "mark-range", &["v"], "mark from the last mark to here", Marks),
    bind(Action::Unmark, "unmark", &["u"], "unmark all", Marks),
    bind(Action::Copy, "copy", &["y"], "copy the row", Table).foot(12, "copy"),
    bind(Action::Drain, "drain", &["d"], "drain or resume (asks)", Orders).foot(1, "drain/resume"),
    bind(Action::Restart, "restart", &["R"], "drain, restart, resume when fit (asks)", Orders)
        .foot(2, "restart"),
    bind(
        Action::Ack,
        "ack",
        &["a"],
        "acknowledge: the worst in Overview, what is chosen in Beacons and Incidents",
        Notes,
    )
    .foot(2, "ack"),
    bind(
        Action::Silence,
        "silence",
        &["A"],
        "silence: nobody is told of it for a while; the line asks how long and why",
        Notes,
    )
    .foot(5, "silence"),
    bind(
        Action::Remedy,
        "remedy",
        &["w"],
        "a host's remedies: write one, keep it, take it back (asks)",
        Hosts,
    )
    .foot(1, "remedies"),
    bind(Action::Upgrade, "upgrade", &["U"], "drain, upgrade, resume when fit (asks)", Orders)
        .foot(9, "upgrade"),
    bind(Action::Abort, "abort", &["X"], "end the restart or upgrade that runs (asks)", Orders)
        .foot(1, "abort"),
    bind(Action::Command, "command", &[":"], "command line; tab completes, up recalls", All)
        .foot(6, "command"),
    bind(Action::Freeze, "freeze", &["f"], "freeze the picture, and back to now", All).foot(10, "freeze"),
    bind(Action::Earlier, "earlier", &["<"], "back in time, up to 30 minutes", All),
    bind(Action::Later, "later", &[">"], "forward in time", All),
    bind(Action::Play(Play::Toggle), "play", &["space"], "replay: play or pause", Replay)
        .foot(1, "play/pause"),
    bind(Action::Play(Play::Forward), "slot-on", &["."], "replay: one slot on", Replay).foot(2, "slot on"),
    bind(Action::Play(Play::Back), "slot-back", &[","], "replay: one slot back", Replay).foot(2, "slot back"),
    bind(
        Action::Play(Play::NextChange),
        "next-change",
        &["n"],
        "replay: to the next change of an incident",
        Replay,
    )
    .foot(2, "next change"),
    bind(Action::Play(Play::LastChange), "last-change", &["N"], "replay: to the last change before", Replay),
    bind(Action::Play(Play::Faster), "faster", &["+", "="], "replay: faster", Replay).foot(2, "faster"),
    bind(Action::Play(Play::Slower), "slower", &["-"], "replay: slower", Replay),
    bind(Action::Help, "help", &["?"], "this list", All).foot(0, "help"),
    bind(Action::Redraw, "redraw", &["ctrl-l"], "draw everything anew", All),
    bind(Action::Suspend, "suspend", &["ctrl-z"], "to the shell, back by fg", Attached),
    bind(Action::Quit, "quit", &["q"], "leave (asks if routing runs here)", All).foot(8, "quit"),
    bind(Action::QuitKeep, "quit-keep", &["Q"], "leave, the last picture stays", All),
    bind(Action::Quit, "interrupt", &["ctrl-c"], "leave (asks if routing runs here)", All),
];

/// The keys as they are now: the table, changed by the user's file.
#[derive(Debug, Clone)]
pub struct Keymap {
    /// By whether a recording is played, and by key.
    by_key: BTreeMap<(bool, Key), Action>,
    shown: Vec<(Binding, Vec<Key>)>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for Keymap {
    fn default() -> Self {
        Self::with("").unwrap_or_else(|_| Self { by_key: BTreeMap::new(), shown: Vec::new() })
    }
}

impl Keymap {
    /// The table with the changes of a user's file: `name: key` or `name: [key, key]` a line; an empty list takes the key
    /// away.
    ///
    /// # Errors
    /// Every problem of the file, one sentence each: names that are none, keys that are none, keys given twice.
    pub fn with(text: &str) -> Result<Self, Vec<String>> {
        let changes: BTreeMap<String, OneOrMany> = if text.trim().is_empty() {
            BTreeMap::new()
        } else {
            serde_yaml::from_str(text)
                .map_err(|error| vec![format!("the key file cannot be read: {error}")])?
        };
        let mut wrong = Vec::new();
        let mut wanted: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, keys) in changes {
            match bindings().find(|binding| binding.name == name) {
                Some(binding) => {
                    let keys = match keys {
                        OneOrMany::One(key) => vec![key],
                        OneOrMany::Many(keys) => keys,
                    };
                    wanted.insert(binding.name, keys);
                }
                None => wrong.push(unknown(&name)),
            }
        }
        let map = Self::build(&wanted, &mut wrong);
        if wrong.is_empty() { Ok(map) } else { Err(wrong) }
    }

    fn build(wanted: &BTreeMap<&str, Vec<String>>, wrong: &mut Vec<String>) -> Self {
        let mut map = Self { by_key: BTreeMap::new(), shown: Vec::new() };
        let mut owner: BTreeMap<(bool, Key), &str> = BTreeMap::new();
        for binding in bindings() {
            let texts = match wanted.get(binding.name) {
                Some(keys) => keys.clone(),
                None => binding.keys.iter().map(|key| (*key).to_owned()).collect(),
            };
            let mut keys = Vec::new();
            for text in texts {
                match text.parse::<Key>() {
                    Ok(key) => {
                        let clash =
                            binding.replays().find_map(|replay| owner.insert((replay, key), binding.name));
                        if let Some(other) = clash {
                            wrong.push(format!(
                                "key `{key}` is given to both `{other}` and `{}`",
                                binding.name
                            ));
                        } else {
                            let all = binding.replays().map(|replay| ((replay, key), binding.action));
                            map.by_key.extend(all);
                            keys.push(key);
                        }
                    }
                    Err(error) => wrong.push(format!("`{}`: {error}", binding.name)),
                }
            }
            map.shown.push((binding, keys));
        }
        map
    }

    /// What a key does.
    pub fn action(&self, key: Key, replay: bool) -> Option<Action> {
        self.by_key.get(&(replay, key)).copied()
    }

    /// Where an action is alive.
    pub fn scope(action: Action) -> Scope {
        bindings().find(|binding| binding.action == action).map_or(All, |binding| binding.scope)
    }

    /// The rows with the keys they have now, in the order of the table.
    pub fn rows(&self) -> &[(Binding, Vec<Key>)] {
        &self.shown
    }

    /// The first key of an action.
    pub fn key_of(&self, action: Action) -> Option<Key> {
        self.shown.iter().find(|(binding, _)| binding.action == action)?.1.first().copied()
    }

    /// The table as a table of Markdown, for the README and `print keys`.
    pub fn markdown(&self) -> String {
        let mut out = "| key | does | name |\n|---|---|---|\n".to_owned();
        for (binding, keys) in &self.shown {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(out, "| {} | {} | {} |", keys.join(" "), binding.label, binding.name);
        }
        out
    }
}

fn unknown(name: &str) -> String {
    let near = bindings()
        .map(|binding| (strsim::damerau_levenshtein(name, binding.name), binding.name))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    match near {
        Some((_, near)) => format!("there is no action `{name}`; did you mean `{near}`?"),
        None => format!("there is no action `{name}`; `beacondeck print keys` lists them"),
    }
}
