//! One line of typed text with a cursor: the filter, the command, the name to type. Pure.

use super::key::{Code, Key};

/// Longest text.
const MOST: usize = 512;

/// The text and where the cursor stands, in characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    text: String,
    cursor: usize,
}

impl Line {
    /// A line with text and the cursor behind it.
    pub fn new(text: &str) -> Self {
        let text: String = text.chars().filter(|c| !c.is_control()).take(MOST).collect();
        Self { cursor: text.chars().count(), text }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before, at and behind the cursor.
    pub fn parts(&self) -> (&str, &str, &str) {
        let at = self.byte(self.cursor);
        let after = self.byte(self.cursor + 1);
        (&self.text[..at], &self.text[at..after], &self.text[after..])
    }

    fn byte(&self, character: usize) -> usize {
        self.text.char_indices().nth(character).map_or(self.text.len(), |(at, _)| at)
    }

    /// Takes a key; whether it was one of this line's.
    pub fn take(&mut self, key: Key) -> bool {
        let length = self.text.chars().count();
        if let Some(c) = key.text() {
            if length < MOST {
                self.text.insert(self.byte(self.cursor), c);
                self.cursor += 1;
            }
            return true;
        }
        match (key.code, key.ctrl) {
            (Code::Backspace, _) if self.cursor > 0 => {
                self.cursor -= 1;
                self.text.remove(self.byte(self.cursor));
            }
            (Code::Delete, _) if self.cursor < length => drop(self.text.remove(self.byte(self.cursor))),
            (Code::Backspace | Code::Delete, _) => {}
            (Code::Left, _) => self.cursor = self.cursor.saturating_sub(1),
            (Code::Right, _) => self.cursor = (self.cursor + 1).min(length),
            (Code::Home, _) | (Code::Char('a'), true) => self.cursor = 0,
            (Code::End, _) | (Code::Char('e'), true) => self.cursor = length,
            (Code::Char('u'), true) => *self = Self::new(&self.text[self.byte(self.cursor)..]).home(),
            (Code::Char('w'), true) => self.word_back(),
            _ => return false,
        }
        true
    }

    fn home(mut self) -> Self {
        self.cursor = 0;
        self
    }

    fn word_back(&mut self) {
        let before: Vec<char> = self.text.chars().take(self.cursor).collect();
        let word = before.iter().rev().skip_while(|c| c.is_whitespace());
        let spaces = before.iter().rev().take_while(|c| c.is_whitespace()).count();
        let length = spaces + word.take_while(|c| !c.is_whitespace()).count();
        let (from, to) = (self.byte(self.cursor - length), self.byte(self.cursor));
        self.text.replace_range(from..to, "");
        self.cursor -= length;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(line: &mut Line, text: &str) {
        for c in text.chars() {
            line.take(Key::char(c));
        }
    }

    #[test]
    fn text_is_edited_at_the_cursor() {
        let mut line = Line::default();
        typed(&mut line, "lag>2 stäte");
        line.take(Key::plain(Code::Left));
        line.take(Key::plain(Code::Left));
        line.take(Key::plain(Code::Backspace));
        typed(&mut line, "a");
        assert_eq!(line.parts(), ("lag>2 sta", "t", "e"));
        line.take(Key::ctrl('w'));
        assert_eq!(line.text(), "lag>2 te");
        line.take(Key::ctrl('u'));
        assert_eq!(line.parts(), ("", "t", "e"));
        assert!(!line.take(Key::plain(Code::Enter)));
    }

    proptest! {
        #[test]
        fn no_keys_panic(keys in proptest::collection::vec((0..8_u8, proptest::char::any()), 0..60)) {
            let mut line = Line::default();
            for (kind, c) in keys {
                let key = match kind {
                    0 => Key::plain(Code::Left),
                    1 => Key::plain(Code::Backspace),
                    2 => Key::plain(Code::Delete),
                    3 => Key::plain(Code::Home),
                    4 => Key::ctrl('w'),
                    5 => Key::ctrl('u'),
                    _ => Key::char(c),
                };
                line.take(key);
                let (before, at, after) = line.parts();
                prop_assert_eq!(format!("{before}{at}{after}"), line.text());
            }
        }
    }
}
