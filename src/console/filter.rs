//! The filter's language: words that must all hold of a row. Pure.
//!
//! `text` is found in any column, `state:up` in that column, `state=up` is the whole of it, `lag>2` compares numbers
//! (`p99>=100ms`, `in-flight<=5`), and `!` before a word turns it round.

use super::table::{Cell, Column};

/// How a column is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Contains,
    Is,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Longest operators first, so that `>=` is not read as `>`.
const SIGNS: [(&str, Compare); 6] = [
    (">=", Compare::AtLeast),
    ("<=", Compare::AtMost),
    (">", Compare::More),
    ("<", Compare::Less),
    ("=", Compare::Is),
    (":", Compare::Contains),
];

#[derive(Debug, Clone, PartialEq)]
struct Term {
    not: bool,
    column: Option<usize>,
    compare: Compare,
    text: String,
    number: Option<f64>,
}

/// A filter as read against the columns of one table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter(Vec<Term>);

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// One sentence: a column that is none, a number that is none.
    pub fn read(text: &str, columns: &[Column]) -> Result<Self, String> {
        text.split_whitespace().map(|word| term(word, columns)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a row's cells satisfy every term.
    pub fn holds(&self, cells: &[Cell]) -> bool {
        self.0.iter().all(|term| term.holds(cells) != term.not)
    }
}

fn term(word: &str, columns: &[Column]) -> Result<Term, String> {
    let (not, word) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
    let sign = SIGNS
        .iter()
        .filter_map(|(sign, compare)| word.find(sign).map(|at| (at, *sign, *compare)))
        .min_by_key(|(at, sign, _)| (*at, usize::MAX - sign.len()));
    let plain = |text: &str| Term {
        not,
        column: None,
        compare: Compare::Contains,
        text: text.to_lowercase(),
        number: None,
    };
    // A word that begins with a sign names no column: it is text.
    let Some((at, sign, compare)) = sign.filter(|(at, ..)| *at > 0) else { return Ok(plain(word)) };
    let (name, value) = (&word[..at], &word[at + sign.len()..]);
    let Some(column) = columns.iter().position(|column| column.id.eq_ignore_ascii_case(name)) else {
        let ids: Vec<&str> = columns.iter().map(|column| column.id).collect();
        return Err(format!("there is no column `{name}` here; columns are {}", ids.join(", ")));
    };
    let number = number(value);
    let orders = matches!(compare, Compare::Less | Compare::AtMost | Compare::More | Compare::AtLeast);
    if orders && number.is_none() {
        return Err(format!("`{name}{sign}` needs a number, as in `{name}{sign}2`"));
    }
    Ok(Term { column: Some(column), compare, number, ..plain(value) })
}

/// A number, with `ms`, `s`, `k` or `%` behind it; times are compared in milliseconds.
fn number(text: &str) -> Option<f64> {
    let text = text.to_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    let factor = match &text[digits.len()..] {
        "" | "ms" | "%" => 1.0,
        "us" => 0.001,
        "s" | "k" => 1_000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        _ => return None,
    };
    digits.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number * factor)
}

impl Term {
    fn holds(&self, cells: &[Cell]) -> bool {
        let Some(column) = self.column else {
            return cells.iter().any(|cell| cell.text.to_lowercase().contains(&self.text));
        };
        let Some(cell) = cells.get(column) else { return false };
        let text = cell.text.to_lowercase();
        match (self.compare, self.number, cell.number) {
            (Compare::Contains, ..) => text.contains(&self.text),
            (Compare::Is, Some(wanted), Some(number)) => (number - wanted).abs() < f64::EPSILON,
            (Compare::Is, ..) => text == self.text,
            (Compare::Less, Some(wanted), Some(number)) => number < wanted,
            (Compare::AtMost, Some(wanted), Some(number)) => number <= wanted,
            (Compare::More, Some(wanted), Some(number)) => number > wanted,
            (Compare::AtLeast, Some(wanted), Some(number)) => number >= wanted,
            // What has no number is neither more nor less.
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const COLUMNS: [Column; 3] = [
        Column::text("name", "NAME", 0, 8),
        Column::text("state", "STATE", 0, 8),
        Column::number("lag", "LAG", 1, 4),
    ];

    fn cells(name: &str, state: &str, lag: Option<f64>) -> Vec<Cell> {
        let lag = lag.map_or_else(|| Cell::text("-"), |lag| Cell::number(format!("{lag}"), lag));
        vec![Cell::text(name), Cell::text(state), lag]
    }

    #[rstest]
    #[case("", true)]
    #[case("b2", true)]
    #[case("B2 down", true)]
    #[case("b1", false)]
    #[case("state:hung", true)]
    #[case("state:up", false)]
    #[case("!state:up", true)]
    #[case("lag>2", true)]
    #[case("lag>3", false)]
    #[case("lag>=3", true)]
    #[case("lag<3", false)]
    #[case("lag=3", true)]
    #[case("lag<=3s", true)]
    #[case("lag>2 state:up", false)]
    #[case("LAG>2 !b1", true)]
    #[case(">2", false)]
    fn terms_hold_or_not(#[case] filter: &str, #[case] holds: bool) {
        let filter = Filter::read(filter, &COLUMNS).unwrap();
        assert_eq!(filter.holds(&cells("b2", "▼ DOWN hung", Some(3.0))), holds);
    }

    #[test]
    fn what_has_no_number_is_neither_more_nor_less() {
        for filter in ["lag>0", "lag<=0"] {
            assert!(!Filter::read(filter, &COLUMNS).unwrap().holds(&cells("b2", "up", None)), "{filter}");
        }
    }

    #[test]
    fn a_wrong_filter_says_what_would_do() {
        let error = |text| Filter::read(text, &COLUMNS).unwrap_err();
        assert_eq!(error("lga>2"), "there is no column `lga` here; columns are name, state, lag");
        assert_eq!(error("lag>x"), "`lag>` needs a number, as in `lag>2`");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}", name in ".{0,10}", lag: Option<f64>) {
            if let Ok(filter) = Filter::read(&text, &COLUMNS) {
                let _ = filter.holds(&cells(&name, "up", lag));
            }
        }
    }
}
