//! Themes: files of meaning, not of widgets. Panels name a [`Role`]; a theme says how it looks at each depth of colour.
//!
//! Owns reading, inheritance, checking and reduction of colours. To ship a theme, add its file to `themes/` and its line to
//! [`SHIPPED`].

mod colour;
mod file;
mod lint;
mod role;

use std::collections::BTreeMap;

use ratatui::style::Style;

pub use colour::Depth;
pub use file::ThemeFile;
pub use lint::lint;
pub use role::Role;

/// The theme that is used if nobody asks for another.
pub const DEFAULT: &str = "default-dark";
/// Themes inherit at most so deep.
const DEEPEST: usize = 8;

/// The themes that come with the program: name and file.
pub const SHIPPED: [(&str, &str); 6] = [
    ("default-dark", include_str!("../../../themes/default-dark.yaml")),
    ("default-light", include_str!("../../../themes/default-light.yaml")),
    ("mono", include_str!("../../../themes/mono.yaml")),
    ("high-contrast", include_str!("../../../themes/high-contrast.yaml")),
    ("deuteranopia", include_str!("../../../themes/deuteranopia.yaml")),
    ("prod-red", include_str!("../../../themes/prod-red.yaml")),
];

/// A theme at one depth of colour: a style a role.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// Its name.
    pub name: String,
    styles: [Style; Role::ALL.len()],
}

impl Theme {
    /// A theme of nothing but text.
    pub fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), styles: [Style::default(); Role::ALL.len()] }
    }

    /// How a role looks.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }
}

/// Every theme there is, by name.
#[derive(Debug, Clone)]
pub struct Themes {
    files: BTreeMap<String, ThemeFile>,
}

impl Themes {
    /// The shipped themes and the user's, which may replace shipped ones. Returns one sentence for each problem; a theme
    /// that cannot be read is left out.
    pub fn new(user: &[(String, String)]) -> (Self, Vec<String>) {
        let mut themes = Self { files: BTreeMap::new() };
        let mut problems = Vec::new();
        let shipped = SHIPPED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        for (name, text) in shipped.chain(user.iter().cloned()) {
            match ThemeFile::read(&text) {
                Ok(file) => drop(themes.files.insert(name, file)),
                Err(error) => problems.push(format!("theme {name} cannot be read: {error}")),
            }
        }
        for (name, _) in user {
            if let Some(file) = themes.files.get(name) {
                problems.extend(lint(name, file, &themes));
            }
        }
        (themes, problems)
    }

    /// Whether there is one of this name that can be used.
    pub fn has(&self, name: &str) -> bool {
        self.theme(name, Depth::True).is_some()
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// A theme's file.
    pub fn file(&self, name: &str) -> Option<&ThemeFile> {
        self.files.get(name)
    }

    /// A theme with its ancestors, itself last. None: there is no such theme, an ancestor is missing, or they go in a circle.
    pub fn line(&self, name: &str) -> Option<Vec<&ThemeFile>> {
        let mut line = vec![self.files.get(name)?];
        while let Some(parent) = line.last().and_then(|file| file.inherits.as_deref()) {
            if line.len() > DEEPEST {
                return None;
            }
            line.push(self.files.get(parent)?);
        }
        line.reverse();
        Some(line)
    }

    /// A theme at a depth of colour; none as [`Themes::line`] says.
    pub fn theme(&self, name: &str, depth: Depth) -> Option<Theme> {
        let merged = file::merge(&self.line(name)?);
        let styles = Role::ALL.map(|role| merged.style(role, depth));
        Some(Theme { name: name.to_owned(), styles })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use ratatui::style::{Color, Modifier};

    use super::*;

    fn user(name: &str, text: &str) -> (Themes, Vec<String>) {
        Themes::new(&[(name.to_owned(), text.to_owned())])
    }

    #[test]
    fn every_theme_of_the_folder_is_shipped_and_without_fault() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("themes");
        let found: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(found, SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect());
        let (themes, problems) = Themes::new(&[]);
        assert_eq!(problems, Vec::<String>::new());
        for name in found {
            assert_eq!(lint(&name, themes.file(&name).unwrap(), &themes), Vec::<String>::new(), "{name}");
            for depth in Depth::ALL {
                assert!(themes.theme(&name, depth).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn in_mono_no_colour_is_left_and_selection_still_shows() {
        let (themes, _) = Themes::new(&[]);
        for (name, _) in SHIPPED {
            let theme = themes.theme(name, Depth::Mono).unwrap();
            for role in Role::ALL {
                let style = theme.style(role);
                assert!(matches!(style.fg, None | Some(Color::Reset)), "{name} {role:?}");
                assert!(matches!(style.bg, None | Some(Color::Reset)), "{name} {role:?}");
            }
            let selection = theme.style(Role::Selection).add_modifier;
            assert!(selection.intersects(Modifier::REVERSED | Modifier::UNDERLINED), "{name}");
            assert_ne!(theme.style(Role::Crit), theme.style(Role::Ok), "{name}");
        }
    }

    #[test]
    fn a_child_changes_what_it_names_and_dots_fall_back() {
        let (themes, problems) = user(
            "mine",
            "background: dark\ninherits: default-dark\npalette: {red: {rgb: \"#ff8080\"}}\nroles: {text: {fg: cyan}}\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        let (mine, parent) =
            (themes.theme("mine", Depth::True).unwrap(), themes.theme("default-dark", Depth::True).unwrap());
        assert_eq!(mine.style(Role::Crit).fg, Some(Color::Rgb(0xff, 0x80, 0x80)));
        assert_ne!(mine.style(Role::Text), parent.style(Role::Text));
        assert_eq!(mine.style(Role::Ok), parent.style(Role::Ok));
    }

    #[test]
    fn a_wrong_theme_is_told_in_full() {
        let (themes, problems) = user(
            "mine",
            "background: dark\ninherits: default-drak\npalette: {red: {rgb: \"#333333\"}}\nroles: {status.crt: {fg: red}, text: {fg: mauve}}\n",
        );
        assert_eq!(
            problems,
            [
                "theme mine: it inherits default-drak, which does not exist",
                "theme mine: there is no role status.crt; did you mean status.crit?",
                "theme mine: role text: there is no colour mauve in the palette",
            ]
        );
        assert!(themes.theme("mine", Depth::True).is_none());
        let (_, problems) =
            user("faint", "background: dark\ninherits: default-dark\npalette: {fg: {rgb: \"#333333\"}}\n");
        assert!(problems[0].starts_with("theme faint: role text: contrast 1."), "{problems:?}");
        let (_, problems) = user("circle", "background: dark\ninherits: circle\n");
        assert_eq!(problems, ["theme circle: it inherits itself"]);
        let (_, problems) = user("odd", "background: dark\ncolor: red\n");
        assert!(
            problems[0].contains("theme odd cannot be read") && problems[0].contains("color"),
            "{problems:?}"
        );
    }
}
