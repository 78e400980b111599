//! Files that are put in their place whole: whoever reads one, and whoever starts after a crash, sees the old one or the new.
//!
//! What root puts where another user keeps files of its own is that user's.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The end of the name of a file that is being written.
const NEW: &str = ".new";

/// What a file outlives once it is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// The process: the kernel has it. Takes no longer than to copy the bytes.
    Process,
    /// A power cut: it is on disk, and its name is.
    Power,
}

/// Puts what `write` writes in the place of a file, or of none, with this mode.
///
/// # Errors
/// It cannot be made, written or put there; then what was there still is.
pub fn put(
    path: &Path,
    mode: u32,
    lasts: Lasts,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    placed(path, mode, lasts, write, |new| fs::rename(new, path))
}

/// Puts it where none is.
///
/// # Errors
/// As of [`put`]; there is one already: *already exists*.
pub fn put_new(
    path: &Path,
    mode: u32,
    lasts: Lasts,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    placed(path, mode, lasts, write, |new| fs::hard_link(new, path))
}

/// Whether this is the name of a file whose writing did not end, or has not yet.
pub fn is_unfinished(name: &str) -> bool {
    name.ends_with(NEW)
}

/// A file that root made where another user keeps its own is that user's from now on.
///
/// # Errors
/// It cannot be given away.
pub fn give_to_owner(file: &File, folder: &Path) -> io::Result<()> {
    let (folder, of) = (fs::metadata(folder)?, file.metadata()?);
    if of.uid() == 0 && (folder.uid(), folder.gid()) != (of.uid(), of.gid()) {
        fchown(file, Some(folder.uid()), Some(folder.gid()))?;
    }
    Ok(())
}

fn placed(
    path: &Path,
    mode: u32,
    lasts: Lasts,
    write: impl FnOnce(&mut File) -> io::Result<()>,
    place: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let new = unfinished(path)?;
    // Of a process that was killed; no other one has this number now.
    let _ = fs::remove_file(&new);
    let put = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        give_to_owner(&file, folder)?;
        write(&mut file)?;
        if lasts == Lasts::Power {
            file.sync_all()?;
        }
        place(&new)?;
        if lasts == Lasts::Power { File::open(folder)?.sync_all() } else { Ok(()) }
    })();
    // It is gone if it was moved; else it is nobody's.
    let _ = fs::remove_file(&new);
    put
}

/// A name beside a file's that no other thread writes to.
fn unfinished(path: &Path) -> io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{}-{}{NEW}", std::process::id(), COUNT.fetch_add(1, Relaxed)));
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_is_there_whole_or_as_it_was_and_nothing_is_left_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.b");
        let names = || fs::read_dir(dir.path()).unwrap().count();
        for (text, lasts) in [("one", Lasts::Process), ("two", Lasts::Power)] {
            put(&path, 0o640, lasts, |file| file.write_all(text.as_bytes())).unwrap();
            assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names()), (text, 1));
        }
        let failed = put(&path, 0o640, Lasts::Process, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "full");
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names()), ("two", 1));
        let again = put_new(&path, 0o600, Lasts::Power, |file| file.write_all(b"three"));
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        put_new(&dir.path().join("c"), 0o600, Lasts::Power, |file| file.write_all(b"three")).unwrap();
        let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().mode() & 0o777;
        assert_eq!((mode("a.b"), mode("c"), names()), (0o640, 0o600, 2));
        assert!(is_unfinished("a.b.7-1.new") && !is_unfinished("a.b"));
    }

    #[test]
    fn what_root_puts_into_a_folder_of_another_user_is_that_users() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(dir.path(), Some(65_534), Some(65_534)).unwrap();
        let path = dir.path().join("a");
        put(&path, 0o600, Lasts::Process, |file| file.write_all(b"x")).unwrap();
        let of = fs::metadata(&path).unwrap();
        assert_eq!((of.uid(), of.gid()), (65_534, 65_534));
    }
}
