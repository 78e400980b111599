//! Text for 80 columns: cells, ages, the words of a beacon's state. Pure.

pub use crate::console::text::{cut, latency, or_dash, span};
use crate::model::{BeaconStatus, Lifecycle};

/// Columns of the narrowest terminal we write for.
pub const WIDTH: usize = 80;

/// A beacon's state as symbol and word, with the number or the worst reason behind it.
pub fn state(beacon: &BeaconStatus) -> String {
    match (beacon.lifecycle, beacon.reasons.first()) {
        (Lifecycle::Draining(in_flight), _) => format!("◐ DRAIN {in_flight}"),
        (Lifecycle::Drained, _) => "○ DRAINED".to_owned(),
        (Lifecycle::Active, None) if beacon.healthy => "● UP".to_owned(),
        (Lifecycle::Active, Some(reason)) if beacon.healthy => format!("● UP {reason}"),
        (Lifecycle::Active, None) => "▼ DOWN".to_owned(),
        (Lifecycle::Active, Some(reason)) => format!("▼ DOWN {reason}"),
    }
}

/// Which side of its column a cell stands at.
#[derive(Debug, Clone, Copy)]
pub enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A cell of exactly `width` characters; longer text ends in `…`.
pub fn cell(text: &str, width: usize, side: Side) -> String {
    let text = cut(text, width);
    match side {
        Side::Left => format!("{text:<width$}"),
        Side::Right => format!("{text:>width$}"),
    }
}

/// Text in lines of at most [`WIDTH`] characters, broken between words: the first line indented by `first`, the others by
/// `rest`. A word longer than a line is cut.
pub fn wrap(text: &str, first: usize, rest: usize) -> String {
    let mut out = " ".repeat(first);
    let mut column = first;
    let mut fresh = true;
    for word in text.split_whitespace() {
        let word = cut(word, WIDTH.saturating_sub(rest));
        let len = word.chars().count();
        if !fresh && column + 1 + len > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(rest));
            column = rest;
        } else if !fresh {
            out.push(' ');
            column += 1;
        }
        out.push_str(&word);
        column += len;
        fresh = false;
    }
    out
}

/// The width of a column: its widest text, within bounds.
pub fn column<'a>(texts: impl Iterator<Item = &'a str>, least: usize, most: usize) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0).clamp(least, most)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::console::fixture::beacon;
    use crate::model::Reason;

    #[rstest]
    #[case(Lifecycle::Active, true, &[], "● UP")]
    #[case(Lifecycle::Active, false, &[Reason::StaleHead, Reason::Slow], "▼ DOWN stale head")]
    #[case(Lifecycle::Active, false, &[], "▼ DOWN")]
    #[case(Lifecycle::Active, true, &[Reason::Slow], "● UP slow")]
    #[case(Lifecycle::Draining(7), false, &[Reason::Drained], "◐ DRAIN 7")]
    #[case(Lifecycle::Drained, false, &[Reason::Drained], "○ DRAINED")]
    fn a_state_is_symbol_and_word(
        #[case] lifecycle: Lifecycle,
        #[case] healthy: bool,
        #[case] reasons: &[Reason],
        #[case] shown: &str,
    ) {
        let shown_beacon = BeaconStatus { lifecycle, healthy, reasons: reasons.to_vec(), ..beacon("b1") };
        assert_eq!(state(&shown_beacon), shown);
    }

    #[test]
    fn long_sentences_are_broken_between_words() {
        let text = wrap(&"word ".repeat(40), 2, 4);
        assert!(text.lines().count() > 1);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(text.starts_with("  word"));
        assert!(text.lines().skip(1).all(|line| line.starts_with("    word")));
        assert_eq!(text.split_whitespace().count(), 40);
    }
}
