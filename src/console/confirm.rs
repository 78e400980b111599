//! The box before an order: verb, exact targets, and what follows from it. Cancel has the focus. Pure.

use crate::control::Order;
use crate::model::{BeaconName, BeaconStatus, Lifecycle};

use super::capacity::{self, Verdict, without};
use super::key::{Code, Key};
use super::line::Line;
use super::piece::{Piece, TextLine, labelled, piece};
use super::text::{count, cut, span};
use super::theme::Role;
use super::view::View;

/// What others did to the same beacon within this time is shown.
const RECENT_MS: i64 = 10 * 60_000;

/// A question that waits for `y`.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirm {
    /// Verb and targets.
    pub title: String,
    /// What follows.
    pub consequences: Vec<TextLine>,
    /// What is ordered if the answer is yes.
    pub orders: Vec<Order>,
    /// What must be typed instead of `y`, and what is.
    pub typed: Option<(String, Line)>,
}

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Still waiting.
    Open,
    /// No.
    Cancel,
    /// Yes.
    Go,
}

impl Confirm {
    /// The question for draining or resuming beacons: those that are out come back only if all of them are out.
    pub fn lifecycle(view: &View<'_>, targets: &[String], me: &str) -> Option<Self> {
        let beacons: Vec<&BeaconStatus> = targets.iter().filter_map(|name| view.beacon(name)).collect();
        let active: Vec<&BeaconStatus> =
            beacons.iter().copied().filter(|beacon| beacon.lifecycle == Lifecycle::Active).collect();
        match (beacons.is_empty(), active.is_empty()) {
            (true, _) => None,
            (_, true) => Some(Self::resume(view, &beacons, me)),
            (_, false) => Some(Self::drain(view, &active, me)),
        }
    }

    /// The question for draining.
    pub fn drain(view: &View<'_>, beacons: &[&BeaconStatus], me: &str) -> Self {
        let names: Vec<BeaconName> = beacons.iter().map(|beacon| beacon.name.clone()).collect();
        let healthy = |of: &[BeaconStatus]| of.iter().filter(|beacon| capacity::carries(beacon)).count();
        let all = view.status.map_or(&[][..], |status| &status.beacons);
        let up = healthy(all);
        let left = view.status.map(|status| without(status, &names));
        let stay = left.as_ref().map_or(0, |left| left.stay);
        let role = match left.as_ref().map(|left| left.verdict) {
            Some(Verdict::Carries) => Role::Ok,
            Some(Verdict::Fails) => Role::Crit,
            _ => Role::Warn,
        };
        let sentence = left.as_ref().map_or_else(String::new, capacity::Left::sentence);
        let in_flight: u32 = beacons.iter().map(|beacon| beacon.in_flight).sum();
        let mut consequences = vec![
            labelled(
                "pool",
                vec![piece(if stay == 0 { Role::Crit } else { Role::Text }, pool(stay, up, all.len()))],
            ),
            labelled("load", vec![piece(role, sentence)]),
            labelled("in flight", vec![piece(Role::Text, finishing(in_flight))]),
        ];
        consequences.extend(others(view, &names, me));
        // The last one that serves, or more than half of those that do: nobody does that by a slip of the hand.
        let hits = beacons.iter().filter(|beacon| capacity::carries(beacon)).count();
        let worst = hits > 0 && (stay == 0 || hits * 2 > up);
        let word = match names.as_slice() {
            [one] => one.to_string(),
            many => format!("drain {}", many.len()),
        };
        Self {
            title: format!("Drain {}?", list(&names)),
            consequences,
            orders: names.into_iter().map(|beacon| Order::Drain { beacon }).collect(),
            typed: worst.then(|| (word, Line::default())),
        }
    }

    /// The question for resuming.
    pub fn resume(view: &View<'_>, beacons: &[&BeaconStatus], me: &str) -> Self {
        let names: Vec<BeaconName> = beacons.iter().map(|beacon| beacon.name.clone()).collect();
        let mut consequences = Vec::new();
        for beacon in beacons {
            let wrong: Vec<&str> = beacon
                .reasons
                .iter()
                .filter(|reason| **reason != crate::model::Reason::Drained)
                .map(|reason| reason.words())
                .collect();
            let (role, text) = if wrong.is_empty() {
                (Role::Ok, "well by its probes; it gets work at once".to_owned())
            } else {
                (Role::Warn, format!("still {}: it gets work when that is over", wrong.join(", ")))
            };
            consequences.push(labelled(&cut(beacon.name.as_str(), 10), vec![piece(role, text)]));
        }
        consequences.extend(others(view, &names, me));
        Self {
            title: format!("Resume {}?", list(&names)),
            consequences,
            orders: names.into_iter().map(|beacon| Order::Resume { beacon }).collect(),
            typed: None,
        }
    }

    /// Takes a key. `y` alone says yes, or Enter behind the word that must be typed.
    pub fn take(&mut self, key: Key) -> Answer {
        let plain = self.typed.is_none() && matches!(key.code, Code::Enter | Code::Char('n' | 'q'));
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

fn pool(stay: usize, up: usize, all: usize) -> String {
    match stay {
        0 => format!("NO beacon stays healthy, of {up} now: attestations and blocks stop"),
        1 => format!("1 healthy beacon stays, of {up} now ({all} in all)"),
        _ => format!("{stay} healthy beacons stay, of {up} now ({all} in all)"),
    }
}

fn finishing(in_flight: u32) -> String {
    match in_flight {
        0 => "nothing; it is idle at once".to_owned(),
        number => format!("{} first, nothing is broken off", count(number as usize, "request") + " finish"),
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
    use crate::console::view::tests::Scene;
    use crate::model::Reason;

    fn asked(beacons: Vec<BeaconStatus>, targets: &[&str]) -> Option<Confirm> {
        let targets: Vec<String> = targets.iter().map(|name| (*name).to_owned()).collect();
        Confirm::lifecycle(&Scene::of(fleet(beacons)).view(), &targets, "me")
    }

    fn texts(confirm: &Confirm) -> Vec<String> {
        confirm.consequences.iter().map(text_of).collect()
    }

    #[test]
    fn one_of_three_is_drained_by_y_alone() {
        let mut confirm = asked(vec![beacon("b1"), beacon("b2"), beacon("b3")], &["b2"]).unwrap();
        assert_eq!(confirm.title, "Drain b2?");
        assert_eq!(confirm.orders, [Order::Drain { beacon: BeaconName::new("b2") }]);
        assert_eq!(texts(&confirm)[0], "pool       2 healthy beacons stay, of 3 now (3 in all)");
        assert_eq!(texts(&confirm)[2], "in flight  12 requests finish first, nothing is broken off");
        for key in [Key::char('d'), Key::char('x'), Key::ctrl('y'), Key::plain(Code::Tab)] {
            assert_eq!(confirm.clone().take(key), Answer::Open, "{key}");
        }
        for key in [Key::plain(Code::Enter), Key::plain(Code::Esc), Key::char('n'), Key::ctrl('c')] {
            assert_eq!(confirm.clone().take(key), Answer::Cancel, "{key}");
        }
        assert_eq!(confirm.take(Key::char('y')), Answer::Go);
    }

    #[test]
    fn the_last_healthy_one_wants_its_name() {
        let mut sick = beacon("b1");
        sick.healthy = false;
        sick.reasons = vec![Reason::Hung];
        let mut confirm = asked(vec![sick, beacon("b2")], &["b2"]).unwrap();
        assert!(texts(&confirm)[0].contains("NO beacon stays healthy"));
        assert_eq!(confirm.take(Key::char('y')), Answer::Open);
        assert_eq!(confirm.take(Key::plain(Code::Enter)), Answer::Open);
        confirm.take(Key::plain(Code::Backspace));
        assert_eq!(confirm.clone().take(Key::plain(Code::Enter)), Answer::Cancel);
        "b2".chars().for_each(|c| assert_eq!(confirm.take(Key::char(c)), Answer::Open));
        assert_eq!(confirm.take(Key::plain(Code::Enter)), Answer::Go);
    }

    #[test]
    fn more_than_half_of_those_that_serve_wants_words_too() {
        let beacons = || (1..=4).map(|number| beacon(&format!("b{number}"))).collect::<Vec<_>>();
        assert_eq!(asked(beacons(), &["b1", "b2"]).unwrap().typed, None);
        let confirm = asked(beacons(), &["b1", "b2", "b3"]).unwrap();
        assert_eq!(confirm.title, "Drain b1, b2, b3 (3 beacons)?");
        assert_eq!(confirm.typed.unwrap().0, "drain 3");
    }

    #[test]
    fn the_drained_come_back_and_say_what_is_still_wrong() {
        let mut drained = beacon("b1");
        drained.lifecycle = Lifecycle::Drained;
        drained.healthy = false;
        drained.reasons = vec![Reason::Drained, Reason::Syncing];
        let confirm = asked(vec![drained.clone(), beacon("b2")], &["b1"]).unwrap();
        assert_eq!(confirm.orders, [Order::Resume { beacon: BeaconName::new("b1") }]);
        assert_eq!(texts(&confirm), ["b1         still syncing: it gets work when that is over"]);
        // With an active one among the targets, the active one is drained and the drained one left alone.
        let mixed = asked(vec![drained, beacon("b2"), beacon("b3"), beacon("b4")], &["b1", "b2"]).unwrap();
        assert_eq!(mixed.orders, [Order::Drain { beacon: BeaconName::new("b2") }]);
        assert_eq!(asked(vec![beacon("b1")], &["gone"]), None);
    }
}
