//! What a terminal can do besides drawing: take a copy, ring, send a note to the desktop; through tmux and screen. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest text a terminal takes by OSC 52 (xterm's limit on the encoded form, less the frame).
const LONGEST: usize = 74_994;
/// GNU screen passes at most so many bytes at once.
const SCREEN_CHUNK: usize = 252;

/// What stands between this program and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminal {
    /// Nothing.
    Plain,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
    /// A terminal that takes no sequences.
    Dumb,
}

impl Terminal {
    /// By the environment.
    pub fn of(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let term = env("TERM").unwrap_or_default();
        match () {
            () if term == "dumb" => Terminal::Dumb,
            () if env("TMUX").is_some_and(|tmux| !tmux.is_empty()) => Terminal::Tmux,
            () if env("STY").is_some_and(|sty| !sty.is_empty()) || term.starts_with("screen") => {
                Terminal::Screen
            }
            () => Terminal::Plain,
        }
    }

    /// The bytes that copy a text, and the sentence that says so.
    ///
    /// # Errors
    /// One sentence: the terminal takes no copies, or not so long ones.
    pub fn copy(self, what: &str, text: &str) -> Result<(Vec<u8>, String), String> {
        if self == Terminal::Dumb {
            return Err("this terminal takes no copies".to_owned());
        }
        let encoded = STANDARD.encode(text);
        if encoded.len() > LONGEST {
            return Err(format!("{what} is too long to copy: {} bytes", text.len()));
        }
        let sequence = format!("\x1b]52;c;{encoded}\x07");
        Ok((self.through(&sequence), format!("copied {what} ({} letters)", text.chars().count())))
    }

    /// The bytes that ring the bell and, where the terminal can, show a note on the desktop.
    pub fn ring(self, what: &str) -> Vec<u8> {
        let mut bytes = b"\x07".to_vec();
        if self != Terminal::Dumb {
            let plain: String = what.chars().filter(|c| !c.is_control() && *c != ';').take(200).collect();
            bytes.extend(self.through(&format!("\x1b]9;{plain}\x07")));
        }
        bytes
    }

    /// A sequence for the outer terminal.
    fn through(self, sequence: &str) -> Vec<u8> {
        match self {
            Terminal::Plain | Terminal::Dumb => sequence.as_bytes().to_vec(),
            Terminal::Tmux => {
                format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")).into_bytes()
            }
            Terminal::Screen => {
                let pieces = sequence.as_bytes().chunks(SCREEN_CHUNK);
                pieces.flat_map(|piece| [b"\x1bP", piece, b"\x1b\\"].concat()).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_passes_tmux_and_screen() {
        let copied = |terminal: Terminal| String::from_utf8(terminal.copy("b1", "fo").unwrap().0).unwrap();
        assert_eq!(copied(Terminal::Plain), "\x1b]52;c;Zm8=\x07");
        assert_eq!(copied(Terminal::Tmux), "\x1bPtmux;\x1b\x1b]52;c;Zm8=\x07\x1b\\");
        assert_eq!(copied(Terminal::Screen), "\x1bP\x1b]52;c;Zm8=\x07\x1b\\");
        assert!(Terminal::Dumb.copy("b1", "fo").is_err());
        assert!(Terminal::Plain.copy("b1", &"x".repeat(60_000)).is_err());
        let long = Terminal::Screen.copy("b1", &"x".repeat(3_000)).unwrap().0;
        let longest = long.split(|byte| *byte == b'\\').map(<[u8]>::len).max().unwrap();
        assert!(longest <= SCREEN_CHUNK + 4, "{longest}");
    }

    #[test]
    fn what_rings_cannot_end_its_own_sequence() {
        let rung = String::from_utf8(Terminal::Plain.ring("b1 \x1b]hung\x07;now")).unwrap();
        assert_eq!(rung, "\x07\x1b]9;b1 ]hungnow\x07");
        assert_eq!(Terminal::Dumb.ring("x"), b"\x07");
    }

    #[test]
    fn what_stands_between_is_told_by_the_environment() {
        let of = |pairs: &[(&str, &str)]| {
            Terminal::of(&|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[("TERM", "xterm")]), Terminal::Plain);
        assert_eq!(of(&[("TERM", "screen-256color"), ("TMUX", "/tmp/x,1,0")]), Terminal::Tmux);
        assert_eq!(of(&[("TERM", "screen-256color")]), Terminal::Screen);
        assert_eq!(of(&[("TERM", "dumb")]), Terminal::Dumb);
    }
}
