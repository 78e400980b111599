//! A problem and how it is shown: place, sentence, excerpt with a caret, hint.
//!
//! Owns the text an operator reads. Never shows a secret: each excerpt passes [`super::redact`].

use std::fmt::Write as _;
use std::path::Path;

use super::redact;

/// Most characters of a line shown in an excerpt.
const EXCERPT: usize = 110;

/// A place in the file, 1-based, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// Line.
    pub line: usize,
    /// Column of the first character.
    pub column: usize,
    /// Characters on that line, at least 1.
    pub width: usize,
}

impl At {
    /// The first character of the file.
    pub const START: At = At { line: 1, column: 1, width: 1 };
}

/// What is wrong with a text, without its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Complaint {
    /// A complaint of both sentences.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is taken.
    Warning,
}

/// A complaint with its place, before the excerpt is cut.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where.
    pub at: At,
    /// Which value, e.g. `beacons[0].weight`; empty at the root.
    pub path: String,
    /// What.
    pub complaint: Complaint,
    /// How bad.
    pub severity: Severity,
}

impl Found {
    /// An error at a place, of the file rather than of one value.
    pub fn new(at: At, complaint: Complaint) -> Self {
        Self { at, path: String::new(), complaint, severity: Severity::Error }
    }
}

/// One problem of a fleet file, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line, 1-based.
    pub line: usize,
    /// Column in characters, 1-based.
    pub column: usize,
    /// Which value, e.g. `beacons[0].weight`; empty at the root.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// How bad.
    pub severity: Severity,
    /// The line without secrets.
    excerpt: String,
    /// Characters before the caret, and carets.
    caret: (usize, usize),
}

impl Problem {
    /// Text for people, `fleet.yaml:12:5: …`, four lines, no line break at the end.
    pub fn render(&self, file: &Path) -> String {
        let (severity, number) =
            (if self.severity == Severity::Warning { "warning: " } else { "" }, self.line.to_string());
        let (blank, before, carets) =
            (" ".repeat(number.len()), " ".repeat(self.caret.0), "^".repeat(self.caret.1));
        let mut out = format!("{}:{}:{}: {severity}{}", file.display(), self.line, self.column, self.message);
        if !self.path.is_empty() {
            let _ = write!(out, " (in {})", self.path);
        }
        let _ = write!(
            out,
            "\n  {number} | {}\n  {blank} | {before}{carets}\n  hint: {}",
            self.excerpt, self.hint
        );
        out
    }
}

/// Cuts the excerpts and sorts by place. `secrets` are places from which on a line is not shown.
pub fn finish(text: &str, found: Vec<Found>, secrets: &[At]) -> Vec<Problem> {
    let lines: Vec<&str> = text.lines().collect();
    let mut problems: Vec<Problem> = found.into_iter().map(|one| cut(&lines, one, secrets)).collect();
    problems.sort_by_key(|problem| (problem.line, problem.column));
    // One anchored value used at several places is one problem.
    problems.dedup_by(|a, b| (a.line, a.column, &a.message) == (b.line, b.column, &b.message));
    problems
}

fn cut(lines: &[&str], found: Found, secrets: &[At]) -> Problem {
    let Found { at, path, complaint: Complaint { message, hint }, severity } = found;
    let hidden: Vec<usize> = secrets.iter().filter(|s| s.line == at.line).map(|s| s.column - 1).collect();
    let shown = redact::line(lines, at.line - 1, &hidden);
    let quoted =
        |(index, part): (usize, &str)| if index % 2 == 1 { shown.name(part) } else { part }.to_owned();
    let message = message.split('`').enumerate().map(quoted).collect::<Vec<_>>().join("`");
    let path = path.split('.').map(|part| shown.name(part)).collect::<Vec<_>>().join(".");
    let (start, width) = shown.locate(at.column - 1, at.width);
    let chars: Vec<char> = shown.text.chars().map(visible).collect();
    let from = if chars.len() > EXCERPT { start.saturating_sub(EXCERPT / 2) } else { 0 };
    let excerpt: String = chars.iter().skip(from).take(EXCERPT).collect();
    let carets = width.clamp(1, EXCERPT.saturating_sub(start - from).max(1));
    let excerpt = excerpt.trim_end().to_owned();
    Problem {
        line: at.line,
        column: at.column,
        path,
        message,
        hint,
        severity,
        excerpt,
        caret: (start - from, carets),
    }
}

/// A file must not be able to write escape sequences to a terminal.
fn visible(c: char) -> char {
    match c {
        '\t' => '→',
        c if c.is_control() || c == '\u{feff}' => '·',
        c => c,
    }
}

/// The candidate most like `word`, if any is like it.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// As a hint, the candidate most like `word`, if any is like it.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|near| format!("did you mean `{near}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near() {
        let words = ["weight", "roles", "in-flight", "url", "name"];
        assert_eq!(nearest("wieght", words), Some("weight"));
        assert_eq!(nearest("in_flight", words), Some("in-flight"));
        assert_eq!(nearest("Role", words), Some("roles"));
        assert_eq!(nearest("uri", words), Some("url"));
        assert_eq!(nearest("zebra", words), None);
        assert_eq!(nearest("a", words), None);
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret_and_controls_are_shown() {
        let text = format!("{}\u{1b}[31mX", "a".repeat(300));
        let at = At { line: 1, column: 305, width: 900 };
        let problem = &finish(&text, vec![Found::new(at, Complaint::new("m", "h"))], &[])[0];
        let text = problem.render(Path::new("f"));
        assert!(text.contains("·[31mX") && !text.contains('\u{1b}'), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < EXCERPT + 20), "{text}");
    }
}
