//! Text for terminals: cut by columns, spans and answer times as people read them. Pure.

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

/// A rate a second: `0.4`, `12`, `1.2k`.
pub fn rate(per_s: f32) -> String {
    match per_s {
        0.0 => "0".to_owned(),
        below if below < 0.095 => format!("{below:.2}"),
        below if below < 9.95 => format!("{below:.1}"),
        below if below < 9_999.5 => format!("{below:.0}"),
        _ => format!("{:.1}k", per_s / 1_000.0),
    }
}

/// A share of one as a percentage.
pub fn share(of_one: f32) -> String {
    format!("{:.0} %", of_one * 100.0)
}

/// A number, or `-`.
pub fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// The time of day (UTC) of a moment: `03:04:05`.
pub fn time_of_day(unix_ms: u64) -> String {
    let seconds = unix_ms / 1_000 % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds % 3_600 / 60, seconds % 60)
}

/// A number and its thing: `1 beacon`, `2 beacons`.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Text in lines of at most `width` characters, broken between words; a longer word is broken, too.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        // A word that is longer than a line, as a path may be, is broken and not cut: it is there to be copied.
        for part in letters.chunks(width.max(1)) {
            let fits = |line: &String| line.chars().count() + 1 + part.len() <= width;
            match lines.last_mut().filter(|line| fits(line)) {
                Some(line) => {
                    line.push(' ');
                    line.extend(part);
                }
                None => lines.push(part.iter().collect()),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

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

    #[rstest]
    #[case(0.0, "0")]
    #[case(0.04, "0.04")]
    #[case(0.4, "0.4")]
    #[case(41.6, "42")]
    #[case(12_345.0, "12.3k")]
    fn rates_keep_what_matters(#[case] per_s: f32, #[case] shown: &str) {
        assert_eq!(rate(per_s), shown);
    }

    #[test]
    fn long_sentences_are_broken_between_words() {
        let lines = wrap(&"word ".repeat(40), 20);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= 20));
        assert_eq!(wrap("abcdefgh i", 4), ["abcd", "efgh", "i"]);
        assert_eq!(time_of_day(1_700_000_000_000), "22:13:20");
    }
}
