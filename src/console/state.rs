//! Everything the console knows and shows. Changed by `update` alone, drawn by `frame` alone. Pure.

use std::collections::{BTreeSet, VecDeque};

use crate::control::{Order, Watcher, Welcome};
use crate::model::{BeaconName, Explanation, Intent, JournalEntry, LogLine, RemedyAsked, Slot, Tape, UnixMs};

use super::command::Bandwidth;
use super::confirm::Confirm;
use super::history::History;
use super::keys::Keymap;
use super::line::Line;
use super::panels::PANELS;
use super::remedy::Choice;
use super::table::TableState;
use super::theme::{DEFAULT, Depth, Theme, Themes};
use super::toast::Toasts;
use super::view::View;

/// Journal entries that are kept.
pub const JOURNAL: usize = 500;
/// Log lines that are kept.
pub const LOG: usize = 1_000;

/// Where routing runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// In a `serve` of its own.
    Attached,
    /// In this process.
    Embedded,
    /// Nowhere: a saved snapshot is looked at.
    Saved,
    /// Nowhere: a recording is played.
    Replay,
}

/// What is decided before the first picture.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the fleet, until serve tells it.
    pub fleet: String,
    /// Where routing runs.
    pub seat: Seat,
    /// Whether orders are left out by wish.
    pub read_only: bool,
    /// Whether routing that runs here can be handed to a `serve` of its own.
    pub can_hand_over: bool,
    /// Letters of ASCII only.
    pub ascii: bool,
    /// Colours the terminal has.
    pub depth: Depth,
    /// The theme's name.
    pub theme: String,
    /// Every theme there is.
    pub themes: Themes,
    /// The keys.
    pub keymap: Keymap,
    /// How much may be drawn.
    pub bandwidth: Bandwidth,
    /// Problems with the user's files, to be told at the start.
    pub problems: Vec<String>,
}

/// Whether serve answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Not tried yet.
    New,
    /// It does.
    Up,
    /// It does not.
    Down {
        /// Since when.
        since: UnixMs,
        /// Why.
        why: String,
        /// When it is tried again.
        again: UnixMs,
    },
}

/// To what keys go.
#[derive(Debug, Clone, PartialEq)]
pub enum Mode {
    /// The key table.
    Normal,
    /// The filter is typed; what it was before comes back with Esc.
    Filter(Line, String),
    /// A command is typed; up goes back in what was said before.
    Command(Line, Option<usize>),
    /// It is asked what an order would mean; Esc gives it up.
    Asking(Intent, Vec<BeaconName>),
    /// What is to be done on a host is chosen.
    Choosing(Choice),
    /// It is asked what an order about a remedy would do; Esc gives it up.
    AskingRemedy(RemedyAsked),
    /// A box waits for yes or no.
    Confirm(Confirm),
    /// What becomes of routing? Waits for an answer; whether the last picture stays.
    Leaving(bool),
}

/// A row that is looked at in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// Which.
    pub id: String,
    /// Lines above what is seen.
    pub scroll: usize,
}

/// An order on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its number.
    pub number: u64,
    /// What it is.
    pub order: Order,
}

/// Requests, explained.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explained {
    /// Of this slot only.
    pub slot: Option<Slot>,
    /// Newest first.
    pub list: Vec<Explanation>,
    /// When it was asked for last.
    pub asked: Option<UnixMs>,
    /// Whether the answer is on its way.
    pub waiting: bool,
}

/// Everything.
#[derive(Debug, Clone)]
pub struct State {
    /// What was decided before the first picture.
    pub options: Options,
    /// The theme in use.
    pub theme: Theme,
    /// The moment.
    pub now: UnixMs,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Whether serve answers.
    pub link: Link,
    /// Who answers.
    pub welcome: Option<Welcome>,
    /// Why orders cannot be given; none: they can.
    pub no_orders: Option<String>,
    /// Snapshots.
    pub history: History,
    /// The moment the picture is frozen at; none: now.
    pub frozen: Option<UnixMs>,
    /// Who did what, oldest first.
    pub journal: VecDeque<JournalEntry>,
    /// What the daemon said, oldest first.
    pub log: VecDeque<LogLine>,
    /// Requests, explained.
    pub explained: Explained,
    /// Who watches.
    pub watchers: Vec<Watcher>,
    /// The panel in front.
    pub panel: usize,
    /// What the operator did to each panel's table.
    pub tables: Vec<TableState>,
    /// By panel: the row that is looked at in full.
    pub details: Vec<Option<Detail>>,
    /// To what keys go.
    pub mode: Mode,
    /// Short messages.
    pub toasts: Toasts,
    /// Commands that were given, oldest first.
    pub said: Vec<String>,
    /// Orders on their way.
    pub pending: Vec<Pending>,
    /// Orders given so far.
    pub orders: u64,
    /// Whether it rings on what is new and critical.
    pub bell: bool,
    /// Whether the mouse is taken.
    pub mouse: bool,
    /// When it rang last.
    pub rang: Option<UnixMs>,
    /// The critical troubles that are known; none before the first snapshot.
    pub known: Option<BTreeSet<String>>,
    /// How slow the line is: slow pictures count up and fast ones down; below zero, fast ones in a row.
    pub slowness: i32,
    /// Whether little is drawn because the line is slow.
    pub slow: bool,
}

impl State {
    /// The state before anything happened.
    pub fn new(options: Options, now: UnixMs) -> Self {
        let (themes, depth) = (&options.themes, options.depth);
        let theme = themes.theme(&options.theme, depth).or_else(|| themes.theme(DEFAULT, depth));
        let mut state = Self {
            theme: theme.unwrap_or_else(|| Theme::plain(DEFAULT)),
            now,
            size: (80, 24),
            link: Link::New,
            welcome: None,
            no_orders: options.read_only.then(|| "this console is read-only".to_owned()),
            history: History::default(),
            frozen: None,
            journal: VecDeque::new(),
            log: VecDeque::new(),
            explained: Explained::default(),
            watchers: Vec::new(),
            panel: 0,
            tables: vec![TableState::default(); PANELS.len()],
            details: vec![None; PANELS.len()],
            mode: Mode::Normal,
            toasts: Toasts::default(),
            said: Vec::new(),
            pending: Vec::new(),
            orders: 0,
            // What has been is no news.
            bell: options.seat != Seat::Replay,
            mouse: false,
            rang: None,
            known: None,
            slowness: 0,
            slow: false,
            options,
        };
        for problem in state.options.problems.clone() {
            state.toasts.push(super::theme::Role::Crit, problem, now);
        }
        state
    }

    /// The moment that is shown.
    pub fn shown(&self) -> UnixMs {
        self.frozen.unwrap_or_else(|| self.present())
    }

    /// The present of what is looked at: of a recording, the moment it has come to.
    pub fn present(&self) -> UnixMs {
        match self.history.newest() {
            Some(newest) if self.options.seat == Seat::Replay => newest.at,
            _ => self.now,
        }
    }

    /// Where in a recording it is.
    pub fn tape(&self) -> Option<&Tape> {
        self.history.newest()?.tape.as_ref()
    }

    /// Why nothing can be ordered here at all; none: it is a fleet that is looked at.
    pub fn nothing_live(&self) -> Option<&'static str> {
        match self.options.seat {
            Seat::Saved => Some("a saved picture takes no orders"),
            Seat::Replay => Some("a recording takes no orders"),
            Seat::Attached | Seat::Embedded => None,
        }
    }

    /// Whether little is drawn.
    pub fn low(&self) -> bool {
        match self.options.bandwidth {
            Bandwidth::Low => true,
            Bandwidth::High => false,
            Bandwidth::Auto => self.slow,
        }
    }

    /// What panels draw from.
    pub fn view(&self) -> View<'_> {
        let now = self.shown();
        View {
            status: self.history.at(now).map(std::convert::AsRef::as_ref),
            history: &self.history,
            now,
            journal: &self.journal,
            log: &self.log,
            explained: &self.explained.list,
            watchers: &self.watchers,
            keymap: &self.options.keymap,
            low: self.low(),
            may_order: self.may_order(),
            replay: self.options.seat == Seat::Replay,
        }
    }

    /// Who this console is, as the kernel tells.
    pub fn me(&self) -> &str {
        self.welcome.as_ref().map_or("", |welcome| welcome.you.as_str())
    }

    /// Whether the action keys are alive.
    pub fn may_order(&self) -> bool {
        self.no_orders.is_none() && self.nothing_live().is_none()
    }

    /// Milliseconds between two pictures that show nothing but new data.
    pub fn pace_ms(&self) -> u64 {
        match self.options.seat {
            _ if self.low() => 1_000,
            // A step is seen when its key is pressed.
            Seat::Replay => 40,
            _ => 250,
        }
    }

    /// Takes another theme, or another depth for it, as bandwidth demands.
    pub fn dress(&mut self) {
        let depth = if self.low() { self.options.depth.min(Depth::Ansi16) } else { self.options.depth };
        if let Some(theme) = self.options.themes.theme(&self.options.theme, depth) {
            self.theme = theme;
        }
    }
}
