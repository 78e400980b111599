//! Rust text as lines and words: enough to find uses of rooms and to measure functions of formatted code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One file of the crate.
pub struct Source {
    /// Path below `src`.
    pub path: PathBuf,
    /// Its room: the folder, or the file's stem.
    pub room: String,
    /// Its text.
    pub text: String,
}

/// Every file below `src`.
pub fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let source = |path: PathBuf| {
        let inside = path.strip_prefix(&src).unwrap();
        let room = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        Source { text: fs::read_to_string(&path).unwrap(), path: inside.to_owned(), room }
    };
    paths.into_iter().map(source).collect()
}

/// The text without comments, string and character literals, its lines kept.
pub fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    while at < chars.len() {
        let end = literal_end(&chars, at);
        if end > at {
            out.extend(chars[at..end].iter().filter(|c| **c == '\n'));
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// Where a comment or literal that begins at `at` ends; `at` if none begins there.
fn literal_end(chars: &[char], at: usize) -> usize {
    let find = |from: usize, wanted: &[char]| {
        let hit = chars[from.min(chars.len())..].windows(wanted.len()).position(|window| window == wanted);
        hit.map_or(chars.len(), |hit| from + hit + wanted.len())
    };
    let word_before = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match (chars[at], chars.get(at + 1)) {
        ('/', Some('/')) => find(at, &['\n']) - usize::from(find(at, &['\n']) < chars.len()),
        ('/', Some('*')) => find(at + 2, &['*', '/']),
        ('r', Some('"' | '#')) if !word_before => {
            let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
            if chars.get(at + 1 + hashes) != Some(&'"') {
                return at;
            }
            let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            find(at + 2 + hashes, &close)
        }
        ('"', _) => {
            let mut end = at + 1;
            while end < chars.len() && chars[end] != '"' {
                end += if chars[end] == '\\' { 2 } else { 1 };
            }
            (end + 1).min(chars.len())
        }
        ('\'', Some('\\')) => find(at + 3, &['\'']),
        ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
}

/// Code before and within the modules of tests.
pub fn without_tests(code: &str) -> (String, String) {
    let (mut own, mut tests, mut inside) = (String::new(), String::new(), None);
    let mut lines = code.lines().peekable();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        if inside.is_none() && line.trim() == "#[cfg(test)]" {
            let next = lines.peek().map_or("", |next| next.trim().trim_start_matches("pub "));
            inside = (next.starts_with("mod ") && next.ends_with('{')).then_some(indent);
        }
        let part = if inside.is_some() { &mut tests } else { &mut own };
        part.push_str(line);
        part.push('\n');
        if inside == Some(indent) && line.trim() == "}" {
            inside = None;
        }
    }
    (own, tests)
}

/// Rooms named after `crate::`, also in braces: `use crate::{chain, model::Slot};`.
pub fn rooms_used(code: &str) -> BTreeSet<String> {
    let word =
        |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let mut used = BTreeSet::new();
    for (_, rest) in code.match_indices("crate::").map(|(at, found)| (at, &code[at + found.len()..])) {
        let Some(list) = rest.strip_prefix('{') else {
            used.insert(word(rest));
            continue;
        };
        let (mut depth, mut begin) = (0_usize, true);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begin = true,
                c if begin && !c.is_whitespace() => {
                    used.insert(word(&list[at..]));
                    begin = false;
                }
                _ => {}
            }
        }
    }
    used
}

/// First line (from 1), name and length of every function; the code is formatted, so a body ends at its indentation.
pub fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let code = code(text);
    let lines: Vec<&str> = code.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let begins = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.contains('(')).collect();
        let after = line.split("fn ").nth(1)?;
        let modifier = |word: &&str| ["pub", "const", "async", "unsafe", "extern", "fn"].contains(word);
        words
            .iter()
            .all(modifier)
            .then(|| after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
    };
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start().replace("pub(crate)", "pub").replace("pub(super)", "pub");
        let Some(name): Option<String> = begins(&trimmed.replace('<', "(")) else { continue };
        let closing = |other: &&str| indent(other) == indent(line) && other.trim_start().starts_with('}');
        let one_line = line.trim_end().ends_with(['}', ';']);
        let length = if one_line { 1 } else { 1 + lines[at..].iter().position(closing).unwrap_or(0) };
        found.push((at + 1, name, length));
    }
    found
}
