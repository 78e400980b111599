//! `beacondeck print screen`: the console as a picture, of a saved recording or of the running serve.

use std::path::PathBuf;

use super::console::{self, Look};
use super::{Failure, Global};
use crate::console::panels::{PANELS, place_of};
use crate::console::{frame, picture};

/// Largest picture: columns and rows.
const LARGEST: (u16, u16) = (500, 200);

/// Arguments of `print screen`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The panel, by name
    #[arg(long, default_value = "overview")]
    panel: String,
    /// Columns and rows
    #[arg(long, default_value = "120x36", value_name = "WxH")]
    size: String,
    /// In which form
    #[arg(long, value_enum, default_value = "ansi")]
    format: Format,
    /// A saved recording: one event of a watch, or one snapshot, a line
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For a terminal
    Ansi,
    /// For a page
    Svg,
    /// Letters alone
    Text,
}

/// Draws it.
pub fn draw(args: &Args, global: &Global) -> anyhow::Result<String> {
    let (width, height) = size(&args.size)?;
    let Some(panel) = place_of(&args.panel) else {
        let known: Vec<&str> = PANELS.iter().map(|panel| panel.id()).collect();
        let words = format!("there is no panel {}; there are {}", args.panel, known.join(", "));
        return Err(Failure::Usage(words).into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut state = runtime.block_on(console::state_of(&args.look, args.from.as_deref(), global))?;
    state.panel = panel;
    state.size = (width, height);
    let buffer = frame::picture(&state, width, height);
    Ok(match args.format {
        Format::Ansi => picture::ansi(&buffer),
        Format::Svg => picture::svg(&buffer),
        Format::Text => picture::text(&buffer),
    })
}

fn size(text: &str) -> anyhow::Result<(u16, u16)> {
    let parts = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    let within = parts.filter(|(w, h)| (1..=LARGEST.0).contains(w) && (1..=LARGEST.1).contains(h));
    let words = || format!("--size {text} is no size; write 120x36, at most {}x{}", LARGEST.0, LARGEST.1);
    Ok(within.ok_or_else(|| Failure::Usage(words()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_within_bounds() {
        assert_eq!(size("80x24").unwrap(), (80, 24));
        for bad in ["80", "0x24", "80x-1", "501x24", "x"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
