//! The recording of what the engine saw, in `recording/` of the state directory: compressed files, the oldest of which give
//! way. One object a line, as [`crate::model::Observation`] has it; `beacondeck replay FILE` reads each alone.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::model::{Observation, RECORDING_VERSION, Slot};

/// A file is ended once it has so many bytes, or so many slots: half a day of mainnet.
const FILE_BYTES: u64 = 16 << 20;
const FILE_SLOTS: u64 = 3_600;
/// All files together have at most so many bytes; the oldest are removed.
const ALL_BYTES: u64 = 256 << 20;
/// Slots of lines on their way to the disk.
const QUEUE: usize = 64;
const LEVEL: i32 = 6;

/// Takes the lines of each slot. Whoever writes never waits: a disk that does not keep up loses slots.
#[derive(Clone)]
pub struct Recorder(mpsc::Sender<(Slot, Vec<Observation>)>);

impl Recorder {
    /// Starts the thread that writes; it ends with the last sender.
    pub fn start(dir: PathBuf) -> Self {
        let (to, mut from) = mpsc::channel::<(Slot, Vec<Observation>)>(QUEUE);
        tokio::task::spawn_blocking(move || {
            let mut tape = Tape { dir, fleet: None, open: None };
            while let Some((slot, lines)) = from.blocking_recv() {
                if let Err(error) = tape.write(slot, &lines) {
                    tracing::warn!(%error, dir = %tape.dir.display(), "the recording was not written");
                    tape.open = None;
                }
            }
            if let Some(open) = tape.open.take()
                && let Err(error) = open.end()
            {
                tracing::warn!(%error, "the recording was not ended in order");
            }
        });
        Self(to)
    }

    /// The lines of a slot.
    pub fn write(&self, slot: Slot, lines: Vec<Observation>) {
        if self.0.try_send((slot, lines)).is_err() {
            tracing::warn!(%slot, "the disk does not keep up: this slot is not in the recording");
        }
    }
}

struct Open {
    to: zstd::Encoder<'static, Counted>,
    first: Slot,
}

impl Open {
    fn end(self) -> io::Result<()> {
        self.to.finish()?.file.sync_all()
    }
}

/// A file and how much was written to it.
struct Counted {
    file: File,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

struct Tape {
    dir: PathBuf,
    /// The last fleet: each file begins with it.
    fleet: Option<Observation>,
    open: Option<Open>,
}

impl Tape {
    fn write(&mut self, slot: Slot, lines: &[Observation]) -> io::Result<()> {
        if let Some(fleet) = lines.iter().rev().find(|line| matches!(line, Observation::Fleet(_))) {
            self.fleet = Some(fleet.clone());
        }
        let full = |open: &Open| open.to.get_ref().bytes >= FILE_BYTES || slot.0 >= open.first.0 + FILE_SLOTS;
        if self.open.as_ref().is_some_and(full)
            && let Some(open) = self.open.take()
        {
            open.end()?;
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(begin(&self.dir, slot, self.fleet.as_ref())?),
        };
        for line in lines {
            put(&mut open.to, line)?;
        }
        // A reader, or a start after a crash, finds every slot that is over.
        open.to.flush()
    }
}

fn put(to: &mut impl Write, line: &Observation) -> io::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    to.write_all(b"\n")
}

fn begin(dir: &Path, first: Slot, fleet: Option<&Observation>) -> io::Result<Open> {
    fs::create_dir_all(dir)?;
    let file = free_name(dir, first);
    make_room(dir)?;
    let file = File::create_new(file)?;
    let mut to = zstd::Encoder::new(Counted { file, bytes: 0 }, LEVEL)?;
    put(&mut to, &Observation::Recording { version: RECORDING_VERSION })?;
    if let Some(fleet) = fleet {
        put(&mut to, fleet)?;
    }
    Ok(Open { to, first })
}

/// Named by its first slot, so that names sort by time; a second one of that slot by a number.
fn free_name(dir: &Path, first: Slot) -> PathBuf {
    let name = |turn: u32| dir.join(format!("{:012}-{turn}.jsonl.zst", first.0));
    (0..u32::MAX).map(name).find(|file| !file.exists()).unwrap_or_else(|| name(u32::MAX))
}

fn make_room(dir: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(".jsonl.zst") {
            files.push((entry.path(), entry.metadata()?.len()));
        }
    }
    files.sort();
    let mut all: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    for (file, bytes) in files {
        if all + FILE_BYTES <= ALL_BYTES {
            break;
        }
        fs::remove_file(file)?;
        all -= bytes;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BlockSeen, FleetSeen, SlotSeen};

    fn line(slot: u64) -> Observation {
        Observation::Slot(SlotSeen {
            slot: Slot(slot),
            block: BlockSeen::OnTime,
            proposer: None,
            began: None,
            participation: None,
        })
    }

    fn read(file: &Path) -> Vec<Observation> {
        let mut bytes = Vec::new();
        let mut from = zstd::Decoder::new(File::open(file).unwrap()).unwrap();
        // What is not ended yet breaks off.
        let _ = io::copy(&mut from, &mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn files(dir: &Path) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    #[test]
    fn each_file_begins_with_the_fleet_and_can_be_read_while_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut tape = Tape { dir: dir.path().join("recording"), fleet: None, open: None };
        let fleet = Observation::Fleet(FleetSeen { slot_seconds: 12.0, ..FleetSeen::default() });
        tape.write(Slot(7), &[fleet.clone(), line(7)]).unwrap();
        let first = files(&tape.dir).remove(0);
        let head = Observation::Recording { version: RECORDING_VERSION };
        assert_eq!(read(&first), [head.clone(), fleet.clone(), fleet.clone(), line(7)]);
        tape.write(Slot(7 + FILE_SLOTS), &[line(8)]).unwrap();
        let all = files(&tape.dir);
        assert_eq!((all.len(), &all[0]), (2, &first));
        assert_eq!(read(&all[1]), [head, fleet, line(8)]);
    }

    #[test]
    fn the_oldest_give_way() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..18_u64 {
            let file = File::create(dir.path().join(format!("{number:012}-0.jsonl.zst"))).unwrap();
            file.set_len(FILE_BYTES).unwrap();
        }
        fs::write(dir.path().join("notes"), "not ours").unwrap();
        make_room(dir.path()).unwrap();
        let left = files(dir.path());
        assert_eq!(left.len(), 16, "15 files and the notes: {left:?}");
        assert!(left[0].ends_with("000000000003-0.jsonl.zst"));
    }
}
