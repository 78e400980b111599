//! A machine's own answers: files below a root directory. The only file of this room that reads the disk.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::clock::places;
use super::namespace;
use super::nic;
use super::processes;
use super::qdisc;
use super::source::{Ask, Kind, Reading, Source, Unread};

/// Longest text that is read of a file, in bytes.
const TEXT: u64 = 4 << 20;
/// Most names that are read of a directory.
const NAMES: usize = 65_536;

/// The machine below a root directory.
#[derive(Debug, Clone)]
pub struct Live {
    root: PathBuf,
}

impl Live {
    /// The machine whose `/` is this directory.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Whether it is the machine this program runs on.
    pub fn is_here(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Whether its time goes on: a copy of a machine stands still.
    pub fn moves(&self) -> bool {
        let uptime = || file(&self.at("/proc/uptime")).ok();
        let first = uptime();
        // The kernel counts it in hundredths of a second.
        std::thread::sleep(std::time::Duration::from_millis(30));
        first.is_some() && uptime() != first
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

impl Source for Live {
    fn read(&self, ask: &Ask) -> Reading {
        let path = self.at(&ask.path);
        let answer = match ask.kind {
            Kind::File => file(&path),
            Kind::List => list(&path),
            Kind::Link => fs::read_link(&path).map(|to| to.to_string_lossy().into_owned()),
            Kind::Space => space(&path),
            Kind::Mode => fs::metadata(&path).map(|of| format!("{:o}", of.permissions().mode() & 0o7777)),
            Kind::Program => file(&path).map(|line| processes::program(&line)),
            Kind::Netns if self.is_here() => match ask.path.split_once('/') {
                Some((pid, below)) => {
                    let path = PathBuf::from(format!("/{below}"));
                    namespace::within(pid, move || file(&path))
                }
                None => Err(io::ErrorKind::NotFound.into()),
            },
            Kind::Netns => file(&self.root.join("@netns").join(&ask.path)),
            Kind::Clock if self.is_here() => places::ask(&ask.path),
            Kind::Clock => file(&self.root.join("@clock").join(&ask.path)),
            Kind::Nic if self.is_here() => nic::read(&ask.path),
            Kind::Nic => file(&self.at(nic::TREE).join(&ask.path)),
            Kind::Qdisc if self.is_here() => qdisc::read(&ask.path),
            Kind::Qdisc => file(&self.root.join("@qdisc").join(&ask.path)),
            // A look neither writes nor asks other programs: whoever did puts it beside.
            Kind::Durable | Kind::Pauses => Err(io::ErrorKind::NotFound.into()),
        };
        answer.map(|text| text.trim_end_matches('\n').to_owned()).map_err(|error| unread(&error))
    }
}

fn unread(error: &io::Error) -> Unread {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Unread::Absent,
        io::ErrorKind::PermissionDenied => Unread::Denied,
        _ => Unread::Failed(error.to_string().replace('\n', " ")),
    }
}

fn file(path: &Path) -> io::Result<String> {
    let kind = fs::metadata(path)?.file_type();
    if !kind.is_file() {
        return Err(io::Error::other("not a file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(TEXT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn list(path: &Path) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)?.take(NAMES) {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.contains('\n') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names.join("\n"))
}

fn space(path: &Path) -> io::Result<String> {
    let of = rustix::fs::statvfs(path)?;
    Ok(format!("{} {} {} {} {}", of.f_frsize, of.f_blocks, of.f_bavail, of.f_files, of.f_favail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_absent_and_a_directory_is_no_file() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("sys")).unwrap();
        fs::write(root.path().join("sys/a"), "1\n").unwrap();
        let live = Live::new(root.path());
        assert_eq!(live.read(&Ask::new(Kind::File, "/sys/a")), Ok("1".to_owned()));
        assert_eq!(live.read(&Ask::new(Kind::List, "/sys")), Ok("a".to_owned()));
        assert_eq!(live.read(&Ask::new(Kind::File, "/sys/b")), Err(Unread::Absent));
        assert_eq!(live.read(&Ask::new(Kind::File, "/sys/a/b")), Err(Unread::Absent));
        assert!(matches!(live.read(&Ask::new(Kind::File, "/sys")), Err(Unread::Failed(_))));
    }
}
