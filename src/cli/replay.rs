//! `beacondeck replay FILE --json`: feeds a recording to the engine that names culprits.
//!
//! A line that cannot be read is told on standard error with its number, and skipped; the rest is read. The exit code
//! is then 65: what was printed stands on the lines that could be read.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::{Failure, Global, complain, exit, say};
use crate::incidents::{Change, Incidents};
use crate::model::{Observation, RECORDING_VERSION};

/// How a compressed recording begins (RFC 8878, 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The longest line that is read, in bytes.
const LONGEST: u64 = 16 << 20;
/// Bad lines that are told one by one.
const TOLD: u64 = 20;

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording, one JSON object a line, plain or zstd; `-` is standard input
    file: PathBuf,
    /// Print each incident's changes as JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// Prints each change of each incident of the recording.
///
/// # Errors
/// The file cannot be read, is of a newer version, or `--json` is missing.
pub fn run(Args { file, json }: Args, _: &Global) -> anyhow::Result<ExitCode> {
    if !json {
        let text = "replay cannot open a recording on a screen; use --json to print its incidents";
        return Err(Failure::Usage(text.to_owned()).into());
    }
    let mut engine = Incidents::default();
    let bad = read(open(&file)?, &mut |seen| print(engine.observe(&seen)))
        .with_context(|| format!("reading {}", file.display()))?;
    print(engine.ended())?;
    if bad == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    complain(&format!("beacondeck: {} has {bad} lines that were skipped", file.display()));
    Ok(exit::DATA.into())
}

fn print(changes: Vec<Change>) -> anyhow::Result<()> {
    for change in changes {
        say(&serde_json::to_string(&change)?)?;
    }
    Ok(())
}

fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    let raw: Box<dyn Read> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        let opened = File::open(file);
        Box::new(opened.map_err(|error| {
            Failure::Unavailable(format!("cannot read {}: {error}; give a recording", file.display()))
        })?)
    };
    let mut raw = BufReader::new(raw);
    let mut head = Vec::new();
    raw.by_ref().take(ZSTD.len() as u64).read_to_end(&mut head)?;
    let compressed = head == ZSTD;
    let whole = std::io::Cursor::new(head).chain(raw);
    if compressed {
        return Ok(Box::new(BufReader::new(zstd::Decoder::with_buffer(BufReader::new(whole))?)));
    }
    Ok(Box::new(BufReader::new(whole)))
}

/// Reads line by line; gives how many were bad.
fn read(
    mut from: impl BufRead,
    tell: &mut dyn FnMut(Observation) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let (mut number, mut bad, mut line) = (0_u64, 0_u64, Vec::new());
    loop {
        line.clear();
        number += 1;
        if from.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(bad);
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match parse(&line) {
            Ok(Some(Observation::Recording { version })) if version > RECORDING_VERSION => {
                let text = format!(
                    "the recording is of version {version}, {RECORDING_VERSION} is known; use a newer beacondeck"
                );
                return Err(Failure::Usage(text).into());
            }
            Ok(Some(seen)) => tell(seen)?,
            Ok(None) => {}
            Err(error) => {
                bad += 1;
                if bad <= TOLD {
                    complain(&format!(
                        "beacondeck: line {number} is not a line of a recording and is skipped: {error}"
                    ));
                }
            }
        }
    }
}

/// A line; none: of a kind that a newer program writes.
fn parse(line: &[u8]) -> Result<Option<Observation>, serde_json::Error> {
    match serde_json::from_slice(line) {
        Ok(seen) => Ok(Some(seen)),
        Err(error) => {
            let value: serde_json::Value = serde_json::from_slice(line)?;
            let known = ["recording", "fleet", "slot", "served", "duties", "probe", "host"];
            match value.get("t").and_then(serde_json::Value::as_str) {
                Some(kind) if !known.contains(&kind) => Ok(None),
                _ => Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_lines_are_counted_and_unknown_kinds_are_not_bad() {
        let text = b"{\"t\":\"slot\",\"slot\":1,\"block\":\"late\"}\n\nnonsense\n{\"t\":\"tomorrow\"}\n{\"t\":\"slot\"}\n{\"t\":\"slot\",\"slot\":2,\"block\":\"on-time\"}";
        let mut seen = 0;
        let bad = read(&text[..], &mut |_| {
            seen += 1;
            Ok(())
        });
        assert_eq!((bad.unwrap(), seen), (2, 2));
        let newer = b"{\"t\":\"recording\",\"version\":99}\n";
        assert!(read(&newer[..], &mut |_| Ok(())).is_err());
    }

    #[test]
    fn a_recording_is_read_plain_and_compressed() {
        let text = b"{\"t\":\"slot\",\"slot\":1,\"block\":\"late\"}\n";
        for bytes in [text.to_vec(), zstd::encode_all(&text[..], 3).unwrap()] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), bytes).unwrap();
            let mut seen = Vec::new();
            let bad = read(open(file.path()).unwrap(), &mut |line| {
                seen.push(line);
                Ok(())
            });
            assert_eq!((bad.unwrap(), seen.len()), (0, 1));
        }
    }
}
