//! The lines of recordings, plain or zstd, one file after the other.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::model::{Observation, RECORDING_VERSION};

/// How a compressed recording begins (RFC 8878, 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The longest line that is read, in bytes.
const LONGEST: u64 = 16 << 20;
/// How the names of recordings end, in a directory of them.
const ENDINGS: [&str; 2] = [".jsonl.zst", ".jsonl"];

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A file cannot be opened.
    #[error("cannot read {}; give a recording, or a directory of them", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A directory has no recording.
    #[error("there is no recording in {}: no file ends with .jsonl.zst or .jsonl", .0.display())]
    Bare(PathBuf),
    /// A file cannot be read further.
    #[error("{} cannot be read after line {line}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The last line that was read.
        line: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A newer program wrote it.
    #[error(
        "{}: line {line}: the recording is of version {version}, {RECORDING_VERSION} is known; use a newer beacondeck",
        file.display()
    )]
    Version {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// Its version.
        version: u32,
    },
    /// There is no slot in it.
    #[error("{what} is no recording that can be shown: no slot is in it{bad}")]
    Empty {
        /// What was read.
        what: String,
        /// What is wrong with its first bad line; empty: nothing is.
        bad: String,
    },
}

/// A line, or what stands in its place.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// It was understood.
    Seen(Observation),
    /// It is no line of a recording: where, and why.
    Bad(String),
    /// The file breaks off here: where.
    BreaksOff(String),
}

/// The lines of some files.
pub struct Lines {
    files: std::vec::IntoIter<PathBuf>,
    open: Option<Open>,
}

struct Open {
    file: PathBuf,
    from: Box<dyn BufRead + Send>,
    line: u64,
}

impl Lines {
    /// Of these files, in this order; of a directory its recordings, by name; `-` is standard input.
    ///
    /// # Errors
    /// A directory cannot be read, or has no recording.
    pub fn of(paths: &[PathBuf]) -> Result<Self, ReplayError> {
        let mut files = Vec::new();
        for path in paths {
            if path.is_dir() {
                files.extend(recordings(path)?);
            } else {
                files.push(path.clone());
            }
        }
        Ok(Self { files: files.into_iter(), open: None })
    }
}

fn recordings(dir: &Path) -> Result<Vec<PathBuf>, ReplayError> {
    let cannot = |source| ReplayError::Open { file: dir.to_owned(), source };
    let entries: io::Result<Vec<_>> = dir.read_dir().map_err(cannot)?.collect();
    let is_one = |file: &PathBuf| ENDINGS.iter().any(|end| file.to_string_lossy().ends_with(end));
    let mut files: Vec<PathBuf> =
        entries.map_err(cannot)?.into_iter().map(|entry| entry.path()).filter(is_one).collect();
    // Named by their first slots.
    files.sort();
    if files.is_empty() { Err(ReplayError::Bare(dir.to_owned())) } else { Ok(files) }
}

impl Iterator for Lines {
    type Item = Result<Line, ReplayError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(open) = &mut self.open {
                match open.next() {
                    Some(line) => {
                        if !matches!(line, Ok(Line::Seen(_) | Line::Bad(_))) {
                            self.open = None;
                        }
                        return Some(line);
                    }
                    None => self.open = None,
                }
            }
            let file = self.files.next()?;
            match begin(&file) {
                Ok(from) => self.open = Some(Open { file, from, line: 0 }),
                Err(source) => return Some(Err(ReplayError::Open { file, source })),
            }
        }
    }
}

fn begin(file: &Path) -> io::Result<Box<dyn BufRead + Send>> {
    let raw: Box<dyn Read + Send> =
        if file == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(file)?) };
    let mut raw = BufReader::new(raw);
    let mut head = Vec::new();
    raw.by_ref().take(ZSTD.len() as u64).read_to_end(&mut head)?;
    let compressed = head == ZSTD;
    let whole = io::Cursor::new(head).chain(raw);
    if compressed {
        return Ok(Box::new(BufReader::new(zstd::Decoder::with_buffer(BufReader::new(whole))?)));
    }
    Ok(Box::new(BufReader::new(whole)))
}

impl Open {
    fn next(&mut self) -> Option<Result<Line, ReplayError>> {
        let (mut line, file) = (Vec::new(), self.file.clone());
        loop {
            line.clear();
            match self.from.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => self.line += 1,
                // The writer goes on, or was killed.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    let after = format!("{} breaks off after line {}", file.display(), self.line);
                    return Some(Ok(Line::BreaksOff(format!(
                        "{after}: it is being written, or its writer was killed"
                    ))));
                }
                Err(source) => return Some(Err(ReplayError::Read { file, line: self.line, source })),
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match parse(&line) {
                Ok(Some(Observation::Recording { version })) if version > RECORDING_VERSION => {
                    return Some(Err(ReplayError::Version { file, line: self.line, version }));
                }
                Ok(Some(seen)) => return Some(Ok(Line::Seen(seen))),
                Ok(None) => {}
                Err(error) => {
                    let place = format!("{}: line {}", file.display(), self.line);
                    return Some(Ok(Line::Bad(format!("{place} is not a line of a recording: {error}"))));
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

    const SLOT: &str = "{\"t\":\"slot\",\"slot\":1,\"block\":\"late\"}\n";

    fn read(bytes: &[u8]) -> Vec<Result<Line, ReplayError>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Lines::of(&[file.path().to_owned()]).unwrap().collect()
    }

    #[test]
    fn bad_lines_are_told_with_their_number_and_unknown_kinds_are_not_bad() {
        let lines =
            read(format!("{SLOT}\nnonsense\n{{\"t\":\"tomorrow\"}}\n{{\"t\":\"slot\"}}\n{SLOT}").as_bytes());
        let bad: Vec<&String> = lines
            .iter()
            .filter_map(|line| if let Ok(Line::Bad(why)) = line { Some(why) } else { None })
            .collect();
        assert_eq!((lines.len(), bad.len()), (4, 2));
        assert!(bad[0].contains(": line 3 is not") && bad[1].contains(": line 5 is not"), "{bad:?}");
        let newer = read(format!("{SLOT}{{\"t\":\"recording\",\"version\":99}}\n{SLOT}").as_bytes());
        assert_eq!(newer.len(), 2, "nothing is read after it");
        assert!(
            newer[1]
                .as_ref()
                .is_err_and(|error| error.to_string().contains("line 2: the recording is of version 99"))
        );
    }

    #[test]
    fn recordings_are_read_plain_compressed_and_while_they_are_written() {
        assert!(matches!(read(SLOT.as_bytes()).as_slice(), [Ok(Line::Seen(_))]));
        let packed = zstd::encode_all(SLOT.repeat(3).as_bytes(), 3).unwrap();
        assert_eq!(read(&packed).len(), 3);
        let mut going = zstd::Encoder::new(Vec::new(), 3).unwrap();
        io::Write::write_all(&mut going, SLOT.as_bytes()).unwrap();
        io::Write::flush(&mut going).unwrap();
        let lines = read(going.get_ref());
        assert!(matches!(lines.as_slice(), [Ok(Line::Seen(_)), Ok(Line::BreaksOff(_))]), "{lines:?}");
    }

    #[test]
    fn a_directory_is_its_recordings_in_order() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Lines::of(&[dir.path().to_owned()]), Err(ReplayError::Bare(_))));
        for slot in [2, 1] {
            let line = SLOT.replace(":1,", &format!(":{slot},"));
            std::fs::write(dir.path().join(format!("00{slot}-0.jsonl")), line).unwrap();
        }
        std::fs::write(dir.path().join("notes"), "not ours").unwrap();
        let lines: Vec<Line> = Lines::of(&[dir.path().to_owned()]).unwrap().map(Result::unwrap).collect();
        let slots: Vec<u64> = lines
            .iter()
            .map(|line| if let Line::Seen(Observation::Slot(seen)) = line { seen.slot.0 } else { 0 })
            .collect();
        assert_eq!(slots, [1, 2]);
    }
}
