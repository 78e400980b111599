//! `beacondeck check`: is the fleet file valid?

use std::process::ExitCode;

use super::{Failure, Global, complain, say};
use crate::config::Loaded;
use crate::console::shell::UserFiles;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints one line for a valid file, after its warnings; every problem for another. The user's own keys and themes are
/// looked at, too.
///
/// # Errors
/// The fleet file is missing, cannot be read or has problems, or the user's files have.
pub fn run(Args {}: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let loaded = global.load()?;
    if !loaded.warnings.is_empty() {
        complain(&loaded.render_warnings());
    }
    let own = UserFiles::read(UserFiles::directory(&|name| std::env::var(name).ok()).as_deref());
    if !own.problems.is_empty() {
        return Err(Failure::Config(own.problems.join("\n")).into());
    }
    if let Some(theme) = &loaded.fleet.theme
        && !own.themes.has(theme)
    {
        let known: Vec<&str> = own.themes.names().collect();
        let words = format!(
            "{}: there is no theme {theme}; `theme:` may be {}, or one of your own in themes/ beside keys.yaml",
            loaded.path.display(),
            known.join(", ")
        );
        return Err(Failure::Config(words).into());
    }
    say(&summary(&loaded))?;
    Ok(ExitCode::SUCCESS)
}

fn summary(Loaded { path, fleet, .. }: &Loaded) -> String {
    let (beacons, doors) = (count(fleet.beacons.len(), "beacon"), count(fleet.listen.len(), "door"));
    format!("{}: valid: fleet {}, {beacons}, {doors}", path.display(), fleet.name)
}

fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
