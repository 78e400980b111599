//! What an excerpt may show of a line.
//!
//! A file with a problem may be one that no reader understood, so this works on the text alone and rather hides too
//! much: user information of a URL, and what follows a key that speaks of a secret, on its line and on those below it.

use super::schema;

/// What stands for hidden text; says nothing about its length.
const HIDDEN: &str = "***";
const WORDS: [&str; 10] =
    ["key", "token", "secret", "auth", "password", "passwd", "passphrase", "cookie", "credential", "bearer"];

/// Keys of the fleet file whose values are secret although their names do not say so: URLs whoever knows may post to.
const URLS: [&str; 2] = ["slack", "webhook"];

/// Whether what follows this word on a line is hidden.
fn hides(word: &str) -> bool {
    names_secret(word) || URLS.contains(&word)
}

/// Whether a key or header of this name is taken to hold a secret.
pub fn names_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// A line as it may be shown.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    /// The text.
    pub text: String,
    /// For each character of the line, its place in `text`.
    places: Vec<usize>,
    /// What is not shown.
    hidden: String,
}

impl Shown {
    /// Where `width` characters of the line from `start` on stand in the text.
    pub fn locate(&self, start: usize, width: usize) -> (usize, usize) {
        let end = self.text.chars().count();
        let place = |index: usize| {
            self.places.get(index).copied().unwrap_or(end + index.saturating_sub(self.places.len()))
        };
        let first = place(start);
        (first, place(start + width).saturating_sub(first).max(1))
    }

    /// Names from the file as they may be repeated beside this line: a broken secret may have become a key.
    pub fn name<'a>(&self, name: &'a str) -> &'a str {
        let known = names_secret(name)
            || schema::ALL.iter().chain(&schema::ALL_OF_AGENT).any(|shape| shape.keys.contains(&name));
        if !name.is_empty() && !known && self.hidden.contains(name) { HIDDEN } else { name }
    }
}

/// Line `index`; `hidden` are columns (from 0) from which on nothing of it is shown.
pub fn line(lines: &[&str], index: usize, hidden: &[usize]) -> Shown {
    let chars: Vec<char> = lines.get(index).copied().unwrap_or_default().trim_end().chars().collect();
    let mut mask = vec![false; chars.len()];
    of_urls(&chars, &mut mask);
    let mut from: Vec<usize> = hidden.to_vec();
    from.extend(after_secret_key(&chars));
    if inside_secret(lines, index) {
        from.push(indent(&chars));
    }
    if let Some(first) = from.into_iter().min() {
        mask.iter_mut().skip(first).for_each(|hide| *hide = true);
    }
    show(&chars, &mask)
}

fn show(chars: &[char], mask: &[bool]) -> Shown {
    let (mut text, mut places, mut length, mut before) = (String::new(), Vec::new(), 0, false);
    for (c, hide) in chars.iter().zip(mask) {
        match (*hide, before) {
            (true, true) => {}
            (true, false) => {
                text.push_str(HIDDEN);
                length += HIDDEN.len();
            }
            (false, _) => {
                text.push(*c);
                length += 1;
            }
        }
        places.push(length - if *hide { HIDDEN.len() } else { 1 });
        before = *hide;
    }
    let hidden = chars.iter().zip(mask).filter(|(_, hide)| **hide).map(|(c, _)| c).collect();
    Shown { text, places, hidden }
}

/// User information and query of a URL.
fn of_urls(chars: &[char], mask: &mut [bool]) {
    for start in 0..chars.len().saturating_sub(2) {
        if chars[start..start + 3] != [':', '/', '/'] {
            continue;
        }
        if let Some(at) = chars[start + 3..].iter().rposition(|c| *c == '@') {
            mask[start + 3..start + 3 + at].fill(true);
        }
        if let Some(at) = chars[start + 3..].iter().position(|c| *c == '?') {
            mask[start + 4 + at..].fill(true);
        }
    }
}

/// Where the value of the first secret's key begins; a reference to a file is no secret.
fn after_secret_key(chars: &[char]) -> Option<usize> {
    let mut colons = (0..chars.len()).filter(|i| chars[*i] == ':');
    colons.find_map(|colon| {
        let rest = &chars[colon + 1..];
        let begin = colon + 1 + rest.iter().position(|c| !c.is_whitespace())?;
        let value: String = chars[begin..].iter().filter(|c| !c.is_whitespace()).collect();
        (hides(&word_before(chars, colon)) && !value.starts_with("{file:")).then_some(begin)
    })
}

fn word_before(chars: &[char], colon: usize) -> String {
    let mut word: Vec<char> = chars[..colon]
        .iter()
        .rev()
        .skip_while(|c| c.is_whitespace() || "\"'".contains(**c))
        .take_while(|c| c.is_alphanumeric() || "-_.".contains(**c))
        .copied()
        .collect();
    word.reverse();
    word.into_iter().collect()
}

/// Whether the line belongs to a value that began on a line above under a secret's key.
fn inside_secret(lines: &[&str], index: usize) -> bool {
    let Some(line) = lines.get(index) else { return false };
    if line.trim_start().starts_with("file:") {
        return false;
    }
    let above = || lines[..index].iter().rev().filter(|line| !line.trim().is_empty());
    let mut own = indent_of(line);
    let ancestors = above().filter(|line| {
        let is = indent_of(line) < own;
        own = own.min(indent_of(line));
        is
    });
    // A quoted or broken text may run on at any indentation.
    let mut open = !begins_key(line);
    let continued = above().take_while(|line| {
        let is = open;
        open &= !begins_key(line);
        is
    });
    ancestors.chain(continued).any(|line| {
        let chars: Vec<char> = line.chars().collect();
        (0..chars.len()).filter(|i| chars[*i] == ':').any(|colon| hides(&word_before(&chars, colon)))
    })
}

/// Whether the line begins with `key:`, also in a list or in braces.
fn begins_key(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '-', '{', '"', '\'']);
    let word = line.find(|c: char| !c.is_alphanumeric() && !"-_.".contains(c)).unwrap_or(line.len());
    let rest = line[word..].trim_start_matches(['"', '\'']);
    word > 0
        && rest.strip_prefix(':').is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

fn indent(chars: &[char]) -> usize {
    chars.iter().take_while(|c| c.is_whitespace()).count()
}

fn indent_of(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("    url: http://bob:hunter2@host:5052/x", "    url: http://***@host:5052/x")]
    #[case("    url: https://host/x?hunter2", "    url: https://host/x?***")]
    #[case("    url: http://host:5052", "    url: http://host:5052")]
    #[case("  authorization: Bearer hunter2", "  authorization: ***")]
    #[case("  headers: {\"X-Api-Key\": \"hunter2\", a: b}", "  headers: {\"X-Api-Key\": ***")]
    #[case("  #password: hunter2", "  #password: ***")]
    #[case("  authorization: {file: /run/secret}", "  authorization: {file: /run/secret}")]
    #[case("  a-token: {file: x}, b-token: hunter2", "  a-token: {file: x}, b-token: ***")]
    #[case("  slack: https://hooks.example/hunter2", "  slack: ***")]
    #[case("  webhook: {url: https://hooks.example/hunter2}", "  webhook: ***")]
    #[case("  open: [debug, keymanager]", "  open: [debug, keymanager]")]
    fn one_line(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(line(&[text], 0, &[]).text, shown);
    }

    #[rstest]
    #[case("authorization:\n    Bearer hunter2", 1)]
    #[case("authorization: |\n    Bearer\n    hunter2", 2)]
    #[case("  authorization: \"Bearer\nhunter2\"", 1)]
    #[case("authorization:\n  env: hunter2", 1)]
    fn lines_below_a_secret(#[case] text: &str, #[case] index: usize) {
        let lines: Vec<&str> = text.lines().collect();
        assert!(!line(&lines, index, &[]).text.contains("hunter2"));
    }

    #[test]
    fn a_file_below_a_secret_and_a_sibling_are_shown() {
        let lines = ["authorization:", "  file: /run/secret", "host: x"];
        assert_eq!(line(&lines, 1, &[]).text, lines[1]);
        assert_eq!(line(&lines, 2, &[]).text, lines[2]);
    }

    #[test]
    fn the_caret_follows_the_text() {
        let shown = line(&["http://bob:hunter2@host/path"], 0, &[]);
        assert_eq!(shown.text, "http://***@host/path");
        assert_eq!(shown.locate(18, 5), (10, 5));
        assert_eq!(shown.locate(0, 28), (0, 20));
    }
}
