//! A theme's file, and what it becomes with its ancestors. Pure.

use std::collections::BTreeMap;

use ratatui::style::{Modifier, Style};
use serde::Deserialize;

use super::colour::{Depth, NAMES, Shade};
use super::role::Role;

/// For which background a theme is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Background {
    /// Light text.
    Dark,
    /// Dark text.
    Light,
}

/// A theme as written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ThemeFile {
    /// For which background it is made.
    pub background: Background,
    /// The theme whose colours and roles it has where it names none.
    #[serde(default)]
    pub inherits: Option<String>,
    /// The background it is read against where it paints none, `#rrggbb`.
    #[serde(default)]
    pub canvas: Option<String>,
    /// The least contrast of text that must be read; 4.5 unless given.
    #[serde(default)]
    pub contrast: Option<f64>,
    /// Its colours.
    #[serde(default)]
    pub palette: BTreeMap<String, Paint>,
    /// How each role looks.
    #[serde(default)]
    pub roles: BTreeMap<String, Look>,
}

/// A colour as written: the two smaller depths are reduced from the first unless given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paint {
    /// `#rrggbb`, or `default` for the terminal's own.
    pub rgb: String,
    /// One of 256.
    #[serde(default)]
    pub ansi256: Option<u8>,
    /// One of the 16 by name, or `default`.
    #[serde(default)]
    pub ansi16: Option<String>,
}

/// A role as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Text colour.
    #[serde(default)]
    pub fg: Option<String>,
    /// Background.
    #[serde(default)]
    pub bg: Option<String>,
    /// How letters look.
    #[serde(default)]
    pub style: Vec<Letter>,
    /// How letters look where there is no colour, if not as `style` says.
    #[serde(default)]
    pub mono: Option<Vec<Letter>>,
}

/// How letters look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Letter {
    /// Bold.
    Bold,
    /// Faint.
    Dim,
    /// Underlined.
    Underline,
    /// Text and background exchanged.
    Reverse,
}

impl ThemeFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Where and why it is no theme.
    pub fn read(text: &str) -> Result<Self, String> {
        serde_yaml::from_str(text).map_err(|error| error.to_string())
    }
}

impl Paint {
    /// The colour at every depth.
    ///
    /// # Errors
    /// What is written is no colour.
    pub(super) fn shade(&self) -> Result<Shade, String> {
        let rgb = if self.rgb == "default" { None } else { Some(self.rgb.parse::<super::colour::Rgb>()?) };
        let ansi16 = match self.ansi16.as_deref() {
            None => rgb.map(super::colour::Rgb::to_16),
            Some("default") => None,
            Some(name) => {
                let place = NAMES.iter().position(|(known, _)| *known == name);
                Some(place.ok_or_else(|| format!("`{name}` is none of the 16 colours"))? as u8)
            }
        };
        Ok(Shade { rgb, ansi256: self.ansi256.or(rgb.map(super::colour::Rgb::to_256)), ansi16 })
    }
}

/// A theme with what it inherits.
pub(super) struct Merged<'a> {
    palette: BTreeMap<&'a str, &'a Paint>,
    roles: BTreeMap<&'a str, &'a Look>,
}

/// One theme from a line of ancestors, the nearest last.
pub(super) fn merge<'a>(line: &[&'a ThemeFile]) -> Merged<'a> {
    let mut merged = Merged { palette: BTreeMap::new(), roles: BTreeMap::new() };
    for file in line {
        merged.palette.extend(file.palette.iter().map(|(name, paint)| (name.as_str(), paint)));
        merged.roles.extend(file.roles.iter().map(|(name, look)| (name.as_str(), look)));
    }
    merged
}

impl Merged<'_> {
    /// How a role is written: by its own name, by what stands before the dot, or as text.
    pub(super) fn look(&self, role: Role) -> Option<&Look> {
        let name = role.name();
        let before = name.split_once('.').map_or(name, |(before, _)| before);
        [name, before, "text"].into_iter().find_map(|name| self.roles.get(name).copied())
    }

    /// A colour of the palette; none: not there, or no colour.
    pub(super) fn shade(&self, name: &str) -> Option<Shade> {
        if name == "default" {
            return Some(Shade { rgb: None, ansi256: None, ansi16: None });
        }
        self.palette.get(name)?.shade().ok()
    }

    pub(super) fn style(&self, role: Role, depth: Depth) -> Style {
        let Some(look) = self.look(role) else { return Style::default() };
        let colour = |name: &Option<String>| {
            let shade = name.as_deref().and_then(|name| self.shade(name));
            shade.filter(|_| depth != Depth::Mono).map(|shade| shade.at(depth))
        };
        let letters = match &look.mono {
            Some(mono) if depth == Depth::Mono => mono,
            _ => &look.style,
        };
        let modifier = letters.iter().fold(Modifier::empty(), |all, letter| {
            all | match letter {
                Letter::Bold => Modifier::BOLD,
                Letter::Dim => Modifier::DIM,
                Letter::Underline => Modifier::UNDERLINED,
                Letter::Reverse => Modifier::REVERSED,
            }
        });
        Style { fg: colour(&look.fg), bg: colour(&look.bg), ..Style::default() }.add_modifier(modifier)
    }
}
