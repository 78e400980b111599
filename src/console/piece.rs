//! Text in pieces of meaning: what panels and boxes are made of before a theme colours them. Pure.

use super::theme::Role;

/// Text in one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// What it means.
    pub role: Role,
}

/// A line of pieces.
pub type TextLine = Vec<Piece>;

/// Text in a role.
pub fn piece(role: Role, text: impl Into<String>) -> Piece {
    Piece { text: text.into(), role }
}

/// A line of plain text.
pub fn plain(text: impl Into<String>) -> TextLine {
    vec![piece(Role::Text, text)]
}

/// A label in a column of its own and what stands behind it.
pub fn labelled(label: &str, rest: Vec<Piece>) -> TextLine {
    let mut line = vec![piece(Role::Dim, format!("{label:<10} "))];
    line.extend(rest);
    line
}

/// The text of a line.
pub fn text_of(line: &TextLine) -> String {
    line.iter().map(|piece| piece.text.as_str()).collect()
}
