//! A key as the console knows it, and its written form: `d`, `G`, `space`, `ctrl-l`. Pure.

use std::fmt;
use std::str::FromStr;

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A character as typed: capitals and signs stand for themselves.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
}

/// Keys with a name instead of a character.
const NAMED: [(&str, Code); 15] = [
    ("space", Code::Char(' ')),
    ("enter", Code::Enter),
    ("esc", Code::Esc),
    ("tab", Code::Tab),
    ("backtab", Code::BackTab),
    ("backspace", Code::Backspace),
    ("delete", Code::Delete),
    ("up", Code::Up),
    ("down", Code::Down),
    ("left", Code::Left),
    ("right", Code::Right),
    ("pgup", Code::PageUp),
    ("pgdn", Code::PageDown),
    ("home", Code::Home),
    ("end", Code::End),
];

/// A key with what was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which.
    pub code: Code,
    /// With Control.
    pub ctrl: bool,
    /// With Alt.
    pub alt: bool,
}

impl Key {
    /// A key by itself.
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// A character by itself.
    pub const fn char(c: char) -> Self {
        Self::plain(Code::Char(c))
    }

    /// A character with Control.
    pub const fn ctrl(c: char) -> Self {
        Self { code: Code::Char(c), ctrl: true, alt: false }
    }

    /// The character to insert where text is typed; none for keys that do something.
    pub fn text(self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.ctrl && !self.alt && !c.is_control() => Some(c),
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = [(self.ctrl, "ctrl-"), (self.alt, "alt-")];
        held.iter().filter(|(held, _)| *held).try_for_each(|(_, word)| f.write_str(word))?;
        match (NAMED.iter().find(|(_, code)| *code == self.code), self.code) {
            (Some((name, _)), _) => f.write_str(name),
            (None, Code::Char(c)) => write!(f, "{c}"),
            // Every key that is no character has a name; a test holds it.
            (None, _) => f.write_str("?"),
        }
    }
}

/// Text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no key; keys are a character, `space`, `enter`, `tab`, `up`, `pgdn`, … or `ctrl-x`, `alt-x`"
)]
pub struct ParseKeyError(String);

impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseKeyError(text.to_owned());
        let (mut key, mut rest) = (Key::char(' '), text);
        loop {
            // `ctrl--` is Control and minus: the last character is always the key.
            match (rest.strip_prefix("ctrl-"), rest.strip_prefix("alt-")) {
                (Some(after), _) if !after.is_empty() && !key.ctrl => (key.ctrl, rest) = (true, after),
                (_, Some(after)) if !after.is_empty() && !key.alt => (key.alt, rest) = (true, after),
                _ => break,
            }
        }
        let mut chars = rest.chars();
        key.code = match (NAMED.iter().find(|(name, _)| *name == rest), chars.next(), chars.next()) {
            (Some((_, code)), ..) => *code,
            (None, Some(c), None) if !c.is_whitespace() && !c.is_control() => Code::Char(c),
            _ => return Err(wrong()),
        };
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_written_as_people_say_them() {
        for (text, key) in [
            ("d", Key::char('d')),
            ("G", Key::char('G')),
            ("<", Key::char('<')),
            ("-", Key::char('-')),
            ("space", Key::char(' ')),
            ("ctrl-l", Key::ctrl('l')),
            ("ctrl--", Key::ctrl('-')),
            ("pgdn", Key::plain(Code::PageDown)),
        ] {
            assert_eq!(text.parse(), Ok(key), "{text}");
            assert_eq!(key.to_string(), text);
        }
        for bad in ["", " ", "dd", "ctrl-", "hyper-x", "ctrl-ctrl-x"] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_key_round_trips(c in proptest::char::any(), ctrl: bool, alt: bool, place in 0..NAMED.len()) {
            prop_assume!(!c.is_whitespace() && !c.is_control());
            for code in [Code::Char(c), NAMED[place].1] {
                let key = Key { code, ctrl, alt };
                prop_assert_eq!(key.to_string().parse(), Ok(key));
            }
        }
    }
}
