//! The command that writes a remedy or takes it back on the machine itself. Reads the current directory, and nothing else.

use std::path::{Path, PathBuf};

/// `beacondeck audit --WHAT CHECK`, with every option it takes to reach the same machine and journal; without a check, of all.
/// `usual` is where a journal is looked for without `--state`.
pub fn command(what: &str, check: &str, root: &Path, state: &Path, usual: &Path) -> String {
    let mut words = vec!["beacondeck audit".to_owned(), format!("--{what}")];
    words.extend((!check.is_empty()).then(|| check.to_owned()));
    for (option, path, default) in [("--root", root, Path::new("/")), ("--state", state, usual)] {
        // A command is for any directory it is typed in.
        let path: PathBuf =
            std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components().collect();
        if path != default {
            words.extend([option.to_owned(), quoted(&path.to_string_lossy())]);
        }
    }
    words.join(" ")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reaches_the_same_machine_and_journal_from_anywhere() {
        let of = |root: &str, state: &str| {
            command("revert", "a.b", Path::new(root), Path::new(state), Path::new("/var/lib/x"))
        };
        assert_eq!(of("/", "/var/lib/x/"), "beacondeck audit --revert a.b");
        assert_eq!(of("/mnt", "/s"), "beacondeck audit --revert a.b --root /mnt --state /s");
        let here = std::env::current_dir().unwrap();
        assert_eq!(of("/", "s"), format!("beacondeck audit --revert a.b --state {}/s", here.display()));
        assert_eq!(of("/", "/a b's"), r"beacondeck audit --revert a.b --state '/a b'\''s'");
        let all = command("revert", "", Path::new("/"), Path::new("/s"), Path::new("/var/lib/x"));
        assert_eq!(all, "beacondeck audit --revert --state /s");
    }
}
