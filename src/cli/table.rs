//! Text for 80 columns: cells, ages, the words of a beacon's state. Pure.

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

/// Text of at most `width` characters; longer text ends in `…`.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        short.push('…');
    }
    short
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

/// Smoothed latency as people read it; `-` before the first answer.
pub fn latency(us: u32) -> String {
    match us {
        0 => "-".to_owned(),
        1..100_000 => format!("{:.1} ms", f64::from(us) / 1e3),
        100_000..1_000_000 => format!("{} ms", us / 1_000),
        _ => format!("{:.1} s", f64::from(us) / 1e6),
    }
}

/// A span in its two largest units: `12 s`, `3 min`, `2 h 05`, `4 d 03 h`. Negative spans (clocks differ) are 0.
pub fn span(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h {:02}", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A number, or `-`.
pub fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::cli::fixture::beacon;
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

    #[rstest]
    #[case("abc", 5, "abc")]
    #[case("abcdef", 5, "abcd…")]
    #[case("äöüß€", 5, "äöüß€")]
    #[case("abc", 1, "…")]
    #[case("abc", 0, "")]
    fn text_is_cut_by_characters(#[case] text: &str, #[case] width: usize, #[case] shown: &str) {
        assert_eq!(cut(text, width), shown);
    }

    #[rstest]
    #[case(0, "-")]
    #[case(3_140, "3.1 ms")]
    #[case(350_000, "350 ms")]
    #[case(1_260_000, "1.3 s")]
    fn latencies_keep_two_figures(#[case] us: u32, #[case] shown: &str) {
        assert_eq!(latency(us), shown);
    }

    #[rstest]
    #[case(-5, "0 s")]
    #[case(59_999, "59 s")]
    #[case(60_000, "1 min")]
    #[case(7_500_000, "2 h 05")]
    #[case(356_400_000, "4 d 03 h")]
    fn spans_have_their_largest_units(#[case] ms: i64, #[case] shown: &str) {
        assert_eq!(span(ms), shown);
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
