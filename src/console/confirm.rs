//! The box before an order: verb, exact targets, and what follows from it. Cancel has the focus. Pure.
//!
//! What follows is told by serve, in the same words to every console and to the command line; who else is here and what
//! they did lately is known here.

use crate::control::Order;
use crate::model::{BeaconName, Consequences, Intent, Weight};

use super::key::{Code, Key};
use super::line::Line;
use super::piece::{Piece, TextLine, labelled, piece};
use super::text::{count, cut, span};
use super::theme::Role;
use super::view::View;

/// What others did to the same beacon within this time is shown.
const RECENT_MS: i64 = 10 * 60_000;
/// Columns of a label.
const LABEL: usize = 10;

/// A question that waits for `y`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Confirm {
    /// Verb and targets.
    pub title: String,
    /// What follows.
    pub consequences: Vec<TextLine>,
    /// What is ordered if the answer is yes; nothing if it cannot be done.
    pub orders: Vec<Order>,
    /// What must be typed instead of `y`, and what is.
    pub typed: Option<(String, Line)>,
    /// What `y` copies, of what cannot be done from here but by hand.
    pub copy: Option<String>,
}

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Still waiting.
    Open,
    /// No.
    Cancel,
    /// Yes.
    Go,
    /// This is to be copied.
    Copy(String),
}

impl Confirm {
    /// The question for an order of which these are the consequences.
    pub fn of(view: &View<'_>, told: &Consequences, me: &str) -> Self {
        let (names, intent) = (&told.beacons, told.intent);
        if let Some(why) = &told.refusal {
            return Self {
                title: format!("{intent} {}: not now", list(names)),
                consequences: vec![labelled("why", vec![piece(Role::Warn, why.clone())])],
                ..Self::default()
            };
        }
        let line = |fact: &crate::model::Fact| {
            labelled(&cut(&fact.about, LABEL), vec![piece(role(fact.weight), fact.words.clone())])
        };
        let mut consequences: Vec<TextLine> = told.facts.iter().map(line).collect();
        consequences.extend(others(view, names, me));
        let word = match names.as_slice() {
            [one] => one.to_string(),
            many => format!("{intent} {}", many.len()),
        };
        let force = told.last_healthy;
        Self {
            title: format!("{}?", capital(&format!("{} {}", what(intent), list(names)))),
            consequences,
            orders: names.iter().map(|beacon| order(intent, beacon.clone(), force)).collect(),
            // The last one that serves, or more than half of those that do: nobody does that by a slip of the hand.
            typed: (told.last_healthy || told.most).then(|| (word, Line::default())),
            copy: None,
        }
    }

    /// Takes a key. `y` alone says yes, or Enter behind the word that must be typed.
    pub fn take(&mut self, key: Key) -> Answer {
        if let Some(text) = self.copy.as_ref().filter(|_| key == Key::char('y')) {
            return Answer::Copy(text.clone());
        }
        let plain = self.typed.is_none() && matches!(key.code, Code::Enter | Code::Char('n' | 'q'));
        let plain = plain || self.orders.is_empty() && key == Key::char('y');
        if key.code == Code::Esc || key == Key::ctrl('c') || plain {
            return Answer::Cancel;
        }
        match (&mut self.typed, key.code) {
            (Some((wanted, line)), Code::Enter) if line.text() == wanted => Answer::Go,
            (Some((_, line)), Code::Enter) if line.text().is_empty() => Answer::Cancel,
            (Some((_, line)), _) => {
                line.take(key);
                Answer::Open
            }
            (None, Code::Char('y')) if !key.ctrl && !key.alt => Answer::Go,
            (None, _) => Answer::Open,
        }
    }
}

/// The colour of a weight.
pub fn role(weight: Weight) -> Role {
    match weight {
        Weight::Fine => Role::Ok,
        Weight::Plain => Role::Text,
        Weight::Careful => Role::Warn,
        Weight::Grave => Role::Crit,
    }
}

fn what(intent: Intent) -> &'static str {
    match intent {
        Intent::Abort => "abort what runs at",
        other => other.word(),
    }
}

/// With a capital letter first.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn order(intent: Intent, beacon: BeaconName, force: bool) -> Order {
    match intent {
        Intent::Drain => Order::Drain { beacon },
        Intent::Resume => Order::Resume { beacon },
        Intent::Restart => Order::Restart { beacon, force },
        Intent::Upgrade => Order::Upgrade { beacon, force },
        Intent::Abort => Order::Abort { beacon },
    }
}

/// Who else is here, and what was done to the same beacons lately.
fn others(view: &View<'_>, names: &[BeaconName], me: &str) -> Vec<TextLine> {
    let recent = view.journal.iter().rev().filter(|entry| {
        let same = names.iter().any(|name| entry.target.as_deref() == Some(name.as_str()));
        same && (0..RECENT_MS).contains(&view.now.since(entry.at))
    });
    let mut lines: Vec<TextLine> = recent
        .take(3)
        .map(|entry| {
            let ago = span(view.now.since(entry.at));
            let text = format!("{} did {} {ago} ago: {}", entry.who, entry.what, entry.outcome);
            labelled("lately", vec![piece(Role::Warn, text)])
        })
        .collect();
    let here: Vec<Piece> = view
        .watchers
        .iter()
        .filter(|watcher| watcher.program == "console" && watcher.who != me)
        .map(|watcher| {
            piece(Role::Warn, format!("{} for {} ", watcher.who, span(view.now.since(watcher.since))))
        })
        .collect();
    if !here.is_empty() {
        lines.push(labelled("also here", here));
    }
    lines
}

fn list(names: &[BeaconName]) -> String {
    let shown: Vec<&str> = names.iter().take(6).map(BeaconName::as_str).collect();
    match names.len().saturating_sub(6) {
        0 if names.len() == 1 => shown.join(", "),
        0 => format!("{} ({})", shown.join(", "), count(names.len(), "beacon")),
        more => format!("{} and {more} more ({})", shown.join(", "), count(names.len(), "beacon")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::{beacon, fleet};
    use crate::console::piece::text_of;
    use crate::console::view::tests::{Scene, consequences};
    use crate::model::{BeaconStatus, Reason};

    /// The box as it opens when this is asked.
    fn asked(beacons: Vec<BeaconStatus>, intent: Intent, targets: &[&str]) -> Confirm {
        let scene = Scene::of(fleet(beacons));
        let targets: Vec<BeaconName> = targets.iter().map(|name| BeaconName::new(*name)).collect();
        let told = consequences(scene.view().status.unwrap(), intent, &targets);
        Confirm::of(&scene.view(), &told, "me")
    }

    fn texts(confirm: &Confirm) -> Vec<String> {
        confirm.consequences.iter().map(text_of).collect()
    }

    #[test]
    fn one_of_three_is_drained_by_y_alone() {
        let mut confirm = asked(vec![beacon("b1"), beacon("b2"), beacon("b3")], Intent::Drain, &["b2"]);
        assert_eq!(confirm.title, "Drain b2?");
        assert_eq!(confirm.orders, [Order::Drain { beacon: BeaconName::new("b2") }]);
        assert_eq!(texts(&confirm)[0], "pool       2 healthy beacons stay, of 3 now (3 in all)");
        assert_eq!(texts(&confirm)[3], "in flight  12 requests finish first, nothing is broken off");
        for key in [Key::char('d'), Key::char('x'), Key::ctrl('y'), Key::plain(Code::Tab)] {
            assert_eq!(confirm.clone().take(key), Answer::Open, "{key}");
        }
        for key in [Key::plain(Code::Enter), Key::plain(Code::Esc), Key::char('n'), Key::ctrl('c')] {
            assert_eq!(confirm.clone().take(key), Answer::Cancel, "{key}");
        }
        assert_eq!(confirm.take(Key::char('y')), Answer::Go);
    }

    #[test]
    fn the_last_healthy_one_wants_its_name_and_is_then_forced() {
        let mut sick = beacon("b1");
        sick.healthy = false;
        sick.reasons = vec![Reason::Hung];
        let mut confirm = asked(vec![sick, beacon("b2")], Intent::Restart, &["b2"]);
        assert!(texts(&confirm)[0].contains("NO healthy beacon is left"));
        assert_eq!(confirm.take(Key::char('y')), Answer::Open);
        assert_eq!(confirm.take(Key::plain(Code::Enter)), Answer::Open);
        confirm.take(Key::plain(Code::Backspace));
        assert_eq!(confirm.clone().take(Key::plain(Code::Enter)), Answer::Cancel);
        "b2".chars().for_each(|c| assert_eq!(confirm.take(Key::char(c)), Answer::Open));
        assert_eq!(confirm.take(Key::plain(Code::Enter)), Answer::Go);
        assert_eq!(confirm.orders, [Order::Restart { beacon: BeaconName::new("b2"), force: true }]);
    }

    #[test]
    fn more_than_half_of_those_that_serve_wants_words_too() {
        let beacons = (1..=4).map(|number| beacon(&format!("b{number}"))).collect::<Vec<_>>();
        let confirm = asked(beacons, Intent::Drain, &["b1", "b2", "b3"]);
        assert_eq!(confirm.title, "Drain b1, b2, b3 (3 beacons)?");
        assert_eq!(confirm.typed.unwrap().0, "drain 3");
    }

    #[test]
    fn what_cannot_be_done_has_no_yes() {
        let mut confirm = asked(vec![beacon("b1"), beacon("b2")], Intent::Abort, &["b1"]);
        assert_eq!(confirm.title, "abort b1: not now");
        assert!(texts(&confirm)[0].contains("nothing is under way at b1"));
        assert_eq!(confirm.take(Key::char('y')), Answer::Cancel);
    }
}
