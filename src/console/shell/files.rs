//! The user's own files: keys and themes, in `$XDG_CONFIG_HOME/beacondeck` or `~/.config/beacondeck`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::console::keys::Keymap;
use crate::console::theme::Themes;

/// Themes of one user that are read.
const THEMES: usize = 64;

/// What was found, and what is wrong with it.
pub struct UserFiles {
    /// The keys; those of the table if the file has a problem.
    pub keymap: Keymap,
    /// Every theme.
    pub themes: Themes,
    /// One sentence a problem.
    pub problems: Vec<String>,
}

impl UserFiles {
    /// The directory they are in; none without a home.
    pub fn directory(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
        Some(base.join("beacondeck"))
    }

    /// Reads them; what is not there is as shipped.
    pub fn read(directory: Option<&Path>) -> Self {
        let mut problems = Vec::new();
        let mut keymap = Keymap::default();
        let mut themes = Vec::new();
        if let Some(directory) = directory {
            let path = directory.join("keys.yaml");
            if let Some(text) = text_of(&path, &mut problems) {
                match Keymap::with(&text) {
                    Ok(changed) => keymap = changed,
                    Err(wrong) => {
                        let told = wrong.into_iter().map(|wrong| format!("{}: {wrong}", path.display()));
                        problems.extend(told);
                    }
                }
            }
            themes = theme_files(&directory.join("themes"), &mut problems);
        }
        let (themes, wrong) = Themes::new(&themes);
        problems.extend(wrong);
        Self { keymap, themes, problems }
    }
}

fn theme_files(directory: &Path, problems: &mut Vec<String>) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let named = paths.into_iter().take(THEMES).filter_map(|path| {
        let name = path.file_stem()?.to_str()?.to_owned();
        Some((name, text_of(&path, problems)?))
    });
    named.collect()
}

fn text_of(path: &Path, problems: &mut Vec<String>) -> Option<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            problems.push(format!("{} cannot be read: {error}", path.display()));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::key::Key;
    use crate::console::keys::Action;

    #[test]
    fn keys_and_themes_are_found_and_problems_named() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("beacondeck");
        std::fs::create_dir_all(directory.join("themes")).unwrap();
        std::fs::write(directory.join("keys.yaml"), "drain: ctrl-d\n").unwrap();
        std::fs::write(directory.join("themes/mine.yaml"), "background: dark\ninherits: mono\n").unwrap();
        let env = |name: &str| (name == "XDG_CONFIG_HOME").then(|| home.path().display().to_string());
        assert_eq!(UserFiles::directory(&env), Some(directory.clone()));
        let found = UserFiles::read(Some(&directory));
        assert_eq!(found.problems, Vec::<String>::new());
        assert_eq!(found.keymap.action(Key::ctrl('d'), false), Some(Action::Drain));
        assert!(found.themes.names().any(|name| name == "mine"));
        std::fs::write(directory.join("keys.yaml"), "drain: j\n").unwrap();
        std::fs::write(directory.join("themes/bad.yaml"), "nonsense: 1\n").unwrap();
        let found = UserFiles::read(Some(&directory));
        assert_eq!(found.problems.len(), 2, "{:?}", found.problems);
        assert_eq!(
            found.keymap.action(Key::char('d'), false),
            Some(Action::Drain),
            "a wrong file changes nothing"
        );
    }

    #[test]
    fn without_files_all_is_as_shipped() {
        assert!(UserFiles::read(None).problems.is_empty());
        assert!(UserFiles::read(Some(Path::new("/nonexistent"))).problems.is_empty());
        assert_eq!(UserFiles::directory(&|_| None), None);
    }
}
