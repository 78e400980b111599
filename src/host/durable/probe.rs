//! The writing: a file of its own in a directory, 4 KiB at a time, each made durable; gone on every way out.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fs::StatVfsMountFlags;
use thiserror::Error;

use super::bounds::{Bounds, unwelcome};
use super::{Durable, When, Writes};

/// What its files are called, before the number of the process.
const NAME: &str = ".beacondeck-probe.";
/// Bytes of a write, and of the file, which is written over again and again.
const BLOCK: usize = 4096;
const BLOCKS: u64 = 16;
/// Files that are written anew and renamed.
const RENAMES: usize = 8;
/// Names of the directory that are looked at for what a probe left that was killed.
const NAMES: usize = 65_536;

/// File systems by the number `statfs` has for them (`linux/magic.h`) on which nothing is durable, or elsewhere.
const UNFIT: &[(u32, &str)] = &[
    (0x0102_1994, "tmpfs: it is memory, nothing of it outlives a restart of the machine"),
    (0x8584_58f6, "ramfs: it is memory, nothing of it outlives a restart of the machine"),
    (0x794c_7630, "overlay: it is a container's own layer, gone with the container"),
    (0x0000_6969, "nfs: what is durable there is another machine's word"),
    (0xff53_4d42, "cifs: what is durable there is another machine's word"),
    (0xfe53_4d42, "smb: what is durable there is another machine's word"),
    (0x6573_5546, "fuse: what is durable there is a program's word"),
    (0x0102_1997, "9p: what is durable there is another machine's word"),
];

/// Why nothing could be measured.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// Nothing durable can be written there.
    #[error("{} is no place for signing records: {what}", dir.display())]
    Unfit {
        /// Where.
        dir: PathBuf,
        /// What it is instead.
        what: String,
    },
    /// This user may not write there.
    #[error("this user may not write in {}", dir.display())]
    Forbidden {
        /// Where.
        dir: PathBuf,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// The moment is wrong.
    #[error("nothing was written in {}: {why}", dir.display())]
    Unwelcome {
        /// Where.
        dir: PathBuf,
        /// Why.
        why: String,
    },
    /// A call failed.
    #[error("the probe could not write in {}", dir.display())]
    Failed {
        /// Where.
        dir: PathBuf,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
}

/// A probe that goes on.
#[derive(Debug)]
pub struct Probe {
    dir: PathBuf,
    path: PathBuf,
    file: File,
    bounds: Bounds,
    writes: Vec<Writes>,
    stopped: Option<String>,
}

impl Probe {
    /// Makes its file in a directory, after what killed ones left there was removed.
    ///
    /// # Errors
    /// The place is none for signing records, full, busy, or not this user's.
    pub fn open(dir: &Path) -> Result<Self, ProbeError> {
        let failed = |source: io::Error| {
            let dir = dir.to_owned();
            match source.kind() {
                io::ErrorKind::PermissionDenied => ProbeError::Forbidden { dir, source },
                io::ErrorKind::ReadOnlyFilesystem => {
                    ProbeError::Unfit { dir, what: "it can only be read".to_owned() }
                }
                _ => ProbeError::Failed { dir, source },
            }
        };
        let space = rustix::fs::statvfs(dir).map_err(|error| failed(error.into()))?;
        let kind = rustix::fs::statfs(dir).map_err(|error| failed(error.into()))?.f_type as u32;
        let what = match UNFIT.iter().find(|(magic, _)| *magic == kind) {
            Some((_, what)) => Some(*what),
            None => space.f_flag.contains(StatVfsMountFlags::RDONLY).then_some("it can only be read"),
        };
        if let Some(what) = what {
            return Err(ProbeError::Unfit { dir: dir.to_owned(), what: what.to_owned() });
        }
        if let Some(why) = not_now(dir).map_err(failed)? {
            return Err(ProbeError::Unwelcome { dir: dir.to_owned(), why });
        }
        sweep(dir).map_err(failed)?;
        let path = dir.join(format!("{NAME}{}", std::process::id()));
        let file = create(&path).map_err(failed)?;
        let probe = Self {
            dir: dir.to_owned(),
            path,
            file,
            bounds: Bounds::default(),
            writes: Vec::new(),
            stopped: None,
        };
        // Room is taken once, so that what is timed is a write over what is there, as in a database's journal.
        let full = vec![0_u8; BLOCK * BLOCKS as usize];
        probe.file.write_all_at(&full, 0).and_then(|()| probe.file.sync_all()).map_err(failed)?;
        Ok(probe)
    }

    /// Writes once and waits until it is durable; whether there may be another.
    pub fn write(&mut self, when: When) -> bool {
        if self.stopped.is_none() && self.bounds.left() > 0 {
            match not_now(&self.dir) {
                Ok(None) => self.timed(when),
                Ok(why) => self.stopped = why,
                Err(error) => self.stopped = Some(error.to_string()),
            }
        }
        self.stopped.is_none() && self.bounds.left() > 0
    }

    fn timed(&mut self, when: When) {
        let made: usize = self.writes.iter().map(|writes| writes.us.len()).sum();
        let at = (made as u64 % BLOCKS) * BLOCK as u64;
        let block = [made as u8; BLOCK];
        let begun = Instant::now();
        let written = self.file.write_all_at(&block, at).and_then(|()| self.file.sync_data());
        let us = micros(begun);
        if let Err(error) = written {
            self.stopped = Some(format!("a write failed: {error}"));
            return;
        }
        match self.writes.iter_mut().find(|writes| writes.when == when) {
            Some(writes) => writes.us.push(us),
            None => self.writes.push(Writes { when, us: vec![us] }),
        }
        self.stopped = self.bounds.took(us);
    }

    /// Ends it early.
    pub fn stop(&mut self, why: String) {
        self.stopped = self.stopped.take().or(Some(why));
    }

    /// Writes some files anew, as signers do that have a file a validator, and ends.
    pub fn finish(mut self) -> Durable {
        let mut renames_us = Vec::new();
        while self.stopped.is_none() && renames_us.len() < RENAMES {
            let begun = Instant::now();
            match self.rename() {
                Ok(()) => {
                    renames_us.push(micros(begun));
                    self.stopped = self.bounds.took(micros(begun));
                }
                Err(error) => self.stopped = Some(format!("a file could not be renamed: {error}")),
            }
        }
        Durable {
            dir: self.dir.display().to_string(),
            unfit: None,
            writes: std::mem::take(&mut self.writes),
            renames_us,
            stopped: self.stopped.take(),
            validators: None,
        }
    }

    /// Replaces its own file by another, durably.
    fn rename(&mut self) -> io::Result<()> {
        let new = self.path.with_extension(format!("{}-new", std::process::id()));
        let file = create(&new)?;
        let renamed = (&file).write_all(&[1; BLOCK]).and_then(|()| file.sync_all());
        if let Err(error) = renamed.and_then(|()| fs::rename(&new, &self.path)) {
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        self.file = file;
        File::open(&self.dir)?.sync_all()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // If it cannot be removed now, the next probe sweeps it.
        let _ = fs::remove_file(&self.path);
    }
}

fn create(path: &Path) -> io::Result<File> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).custom_flags(no_follow).open(path)
}

/// Why this is no moment to write there, if so.
fn not_now(dir: &Path) -> io::Result<Option<String>> {
    let space = rustix::fs::statvfs(dir)?;
    let pressure = fs::read_to_string("/proc/pressure/io").ok();
    Ok(unwelcome(space.f_bavail.saturating_mul(space.f_frsize), pressure.as_deref()))
}

/// Removes files of probes whose process is gone.
fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)?.take(NAMES).flatten() {
        let name = entry.file_name();
        let Some(of) = name.to_str().and_then(|name| name.strip_prefix(NAME)) else { continue };
        let pid = of.strip_suffix("-new").unwrap_or(of);
        let own = pid.parse() == Ok(std::process::id());
        if pid.parse::<u32>().is_ok() && (own || !Path::new("/proc").join(pid).exists()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn micros(begun: Instant) -> u32 {
    u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_killed_probes_left_is_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let (own, victim) = (format!("{NAME}{}", std::process::id()), at("victim"));
        fs::write(&victim, "untouched").unwrap();
        std::os::unix::fs::symlink(&victim, at(&own)).unwrap();
        let kept = [".beacondeck-probe.1", ".beacondeck-probe.x", "slashing.sqlite", "victim"];
        let gone = [".beacondeck-probe.4000000000", ".beacondeck-probe.4000000000-new"];
        for name in kept.iter().chain(&gone).filter(|name| **name != "victim") {
            fs::write(at(name), "").unwrap();
        }
        sweep(dir.path()).unwrap();
        let mut left: Vec<String> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, kept);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
    }

    #[test]
    fn memory_is_no_place_for_signing_records() {
        let shm = Path::new("/dev/shm");
        if !rustix::fs::statfs(shm).is_ok_and(|of| of.f_type as u32 == 0x0102_1994) {
            eprintln!("skipped: /dev/shm is no tmpfs here");
            return;
        }
        let error = Probe::open(shm).unwrap_err();
        assert!(error.to_string().starts_with("/dev/shm is no place for signing records: tmpfs"), "{error}");
    }
}
