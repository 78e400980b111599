//! `beacondeck snapshot`: what the checks read of this machine, as a file for support and for `audit --root`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use super::{Global, look, say};

/// Arguments of `snapshot`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to write; `beacondeck audit --root FILE` judges it anywhere
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    look: look::Args,
}

/// Reads what the checks read, twice, and writes it. It never replaces a file.
///
/// # Errors
/// The directory cannot be read; the file is there, or cannot be written.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let Args { file: path, look } = args;
    let record = look.record(global.named()?.map(|loaded| loaded.fleet).as_ref())?;
    let file = path.display();
    let mut to = std::fs::File::create_new(&path).with_context(|| format!("cannot create {file}"))?;
    std::io::Write::write_all(&mut to, record.render().as_bytes())
        .with_context(|| format!("writing {file}"))?;
    say(&format!("{file}: {} readings; judge it with `beacondeck audit --root {file}`", record.first.len()))?;
    Ok(ExitCode::SUCCESS)
}
