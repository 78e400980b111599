//! `beacondeck replay FILE`: a recording in the console; with `--json`, the changes of its incidents.
//!
//! Lines that cannot be read are told with their number, and skipped; the exit code is then 65: what was shown stands on the
//! lines that could be read. On a screen they are told in a line there, and again when it is left.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::console::{Look, show};
use super::{Failure, Global, complain, exit, say};
use crate::console::state::Seat;
use crate::control::Reach;
use crate::engine::replay::{Line, Lines, Read, Replay, ReplayError};
use crate::engine::system_clock;
use crate::incidents::{Change, Incidents};

/// Bad lines that are told one by one.
const TOLD: u64 = 20;

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recordings in their order, one JSON object a line, plain or zstd, or directories of them; with --json, `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print each incident's changes as JSON, one object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    look: Look,
}

/// Shows the recording, or prints each change of each of its incidents.
///
/// # Errors
/// A file cannot be read, is of a newer version, or has no slot.
#[expect(clippy::needless_pass_by_value, reason = "all commands have one shape")]
pub fn run(args: Args, _: &Global) -> anyhow::Result<ExitCode> {
    let read = if args.json { print(&args.files)? } else { screen(&args)? };
    if let Some(cut) = &read.cut {
        complain(&format!("beacondeck: {cut}"));
    }
    if read.bad == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(first) = read.first_bad.filter(|_| !args.json) {
        complain(&format!("beacondeck: {first}"));
    }
    complain(&format!("beacondeck: lines that were skipped: {}", read.bad));
    Ok(exit::DATA.into())
}

fn screen(args: &Args) -> anyhow::Result<Read> {
    if args.files.iter().any(|file| file == Path::new("-")) {
        let text = "the screen needs standard input for its keys; give a file, or --json";
        return Err(Failure::Usage(text.to_owned()).into());
    }
    let options = args.look.options("", None, Seat::Replay)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let shown = runtime.block_on(async {
        let replay = Replay::open(&args.files, system_clock()).await.map_err(failure)?;
        show(options, Reach::Process(replay.desk.clone())).await?;
        Ok(replay.read().unwrap_or_default())
    });
    runtime.shutdown_background();
    shown
}

fn print(files: &[PathBuf]) -> anyhow::Result<Read> {
    let (mut engine, mut read) = (Incidents::default(), Read::default());
    for line in Lines::of(files).map_err(failure)? {
        match line.map_err(failure)? {
            Line::Seen(seen) => tell(engine.observe(&seen))?,
            Line::Bad(why) => {
                if read.bad < TOLD {
                    complain(&format!("beacondeck: {why}"));
                }
                read.skip(why);
            }
            Line::BreaksOff(place) => read.cut = Some(place),
        }
    }
    tell(engine.ended())?;
    Ok(read)
}

fn tell(changes: Vec<Change>) -> anyhow::Result<()> {
    for change in changes {
        say(&serde_json::to_string(&change)?)?;
    }
    Ok(())
}

fn failure(error: ReplayError) -> anyhow::Error {
    let unavailable = matches!(error, ReplayError::Open { .. } | ReplayError::Bare(_));
    let text = format!("{:#}", anyhow::Error::from(error));
    if unavailable { Failure::Unavailable(text) } else { Failure::Data(text) }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input_is_for_keys_where_there_is_a_screen() {
        let args = Args { files: vec!["-".into()], json: false, look: Look::default() };
        assert!(screen(&args).unwrap_err().to_string().contains("--json"));
    }
}
