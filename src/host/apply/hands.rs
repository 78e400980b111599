//! Reading and writing the files of a machine: below a root directory, or in the network namespace of one of its processes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::thread::{CapabilitySet, capabilities};

use crate::files::{Lasts, put};
use crate::host::{namespace, nic};

/// Longest value that is read, in bytes.
const VALUE: u64 = 64 << 10;
/// Most files one path with `*` may stand for.
const MOST: usize = 4096;

/// A machine that may be written.
#[derive(Debug, Clone)]
pub struct Hands {
    root: PathBuf,
}

impl Hands {
    /// The machine whose `/` is this directory.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A number of this machine's interfaces, by its name.
    fn of_nic<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(nic::TREE).filter(|_| self.root == Path::new("/"))
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The files a path stands for, sorted.
    pub fn expand(&self, pattern: &str) -> io::Result<Vec<String>> {
        let mut paths = vec![String::new()];
        for part in pattern.trim_start_matches('/').split('/') {
            let mut next = Vec::new();
            for path in &paths {
                let Some((before, after)) = part.split_once('*') else {
                    next.push(format!("{path}/{part}"));
                    continue;
                };
                for entry in fs::read_dir(self.at(path))?.take(MOST) {
                    let name = entry?.file_name().to_string_lossy().into_owned();
                    if name.len() >= part.len() - 1 && name.starts_with(before) && name.ends_with(after) {
                        next.push(format!("{path}/{name}"));
                    }
                }
            }
            paths = next;
        }
        paths.retain(|path| !pattern.contains('*') || self.at(path).is_file());
        paths.sort();
        Ok(paths)
    }

    /// A value.
    pub fn read(&self, process: Option<u32>, path: &str) -> io::Result<String> {
        if let Some(name) = self.of_nic(path) {
            return nic::read(name);
        }
        self.within(process, path, |path| {
            let mut text = String::new();
            File::open(path)?.take(VALUE).read_to_string(&mut text)?;
            Ok(text)
        })
    }

    /// Writes a value to a file that is there.
    pub fn write(&self, process: Option<u32>, path: &str, value: &str) -> io::Result<()> {
        if let Some(name) = self.of_nic(path) {
            return nic::write(name, value);
        }
        let line = format!("{value}\n");
        let are_files = self.root != Path::new("/");
        self.within(process, path, move |path| {
            // Written over what stands there: a process that is killed leaves nothing empty. The kernel's values have no length.
            let mut file = OpenOptions::new().write(true).open(path)?;
            file.write_all(line.as_bytes())?;
            if are_files { file.set_len(line.len() as u64) } else { Ok(()) }
        })
    }

    /// Whether this process may write a value; nothing is written.
    pub fn may_write(&self, process: Option<u32>, path: &str) -> io::Result<()> {
        if self.of_nic(path).is_some() {
            // Setting it is a question to the driver, which no file's mode answers: it takes this capability.
            let may = capabilities(None)?.effective.contains(CapabilitySet::NET_ADMIN);
            return may.then_some(()).ok_or(io::ErrorKind::PermissionDenied.into());
        }
        self.within(process, path, |path| OpenOptions::new().write(true).open(path).map(drop))
    }

    /// Whether this process may put a file there; nothing is written.
    pub fn may_put(&self, path: &str) -> io::Result<()> {
        let path = self.at(path);
        let there = path.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(&self.root);
        Ok(accessat(CWD, there, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?)
    }

    fn within<T: Send + 'static>(
        &self,
        process: Option<u32>,
        path: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        match process {
            None => work(&self.at(path)),
            Some(pid) if self.root == Path::new("/") => {
                let path = PathBuf::from(path);
                namespace::within(&pid.to_string(), move || work(&path))
            }
            Some(pid) => work(&self.at(&format!("@netns/{pid}{path}"))),
        }
    }

    /// Which network namespace a process is in: a word that no two namespaces share while they live.
    pub fn namespace(&self, process: u32) -> io::Result<String> {
        fs::read_link(self.at(&format!("/proc/{process}/ns/net"))).map(|to| to.to_string_lossy().into_owned())
    }

    /// A process in this network namespace.
    pub fn process_in(&self, namespace: &str) -> Option<u32> {
        let names = fs::read_dir(self.at("/proc")).ok()?;
        let mut pids = names.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        pids.find(|pid| self.namespace(*pid).is_ok_and(|its| its == namespace))
    }

    /// The text of a file that need not be there.
    pub fn look(&self, path: &str) -> io::Result<Option<String>> {
        match self.read(None, path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Puts a file in its place, whole, and on disk.
    pub fn put(&self, path: &str, text: &str) -> io::Result<()> {
        let path = self.at(path);
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        fs::create_dir_all(folder)?;
        put(&path, 0o644, Lasts::Power, |file| file.write_all(text.as_bytes()))
    }

    /// Removes a file, on disk; one that is gone is removed.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.at(path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_name_and_files_are_put_whole() {
        let root = tempfile::tempdir().unwrap();
        let hands = Hands::new(root.path());
        for name in ["rx-0", "rx-1", "tx-0", "r"] {
            fs::create_dir_all(root.path().join("sys/q").join(name)).unwrap();
            fs::write(root.path().join("sys/q").join(name).join("rps_cpus"), "0\n").unwrap();
        }
        assert_eq!(
            hands.expand("/sys/q/rx-*/rps_cpus").unwrap(),
            ["/sys/q/rx-0/rps_cpus", "/sys/q/rx-1/rps_cpus"]
        );
        assert_eq!(hands.expand("/sys/none").unwrap(), ["/sys/none"]);
        hands.write(None, "/sys/q/rx-0/rps_cpus", "f").unwrap();
        assert_eq!(hands.read(None, "/sys/q/rx-0/rps_cpus").unwrap(), "f\n");
        assert!(hands.write(None, "/sys/none", "f").is_err(), "no file is made where none was");
        hands.put("/etc/x.d/ours.conf", "a\n").unwrap();
        hands.put("/etc/x.d/ours.conf", "b\n").unwrap();
        assert_eq!(hands.look("/etc/x.d/ours.conf").unwrap().as_deref(), Some("b\n"));
        assert_eq!(fs::read_dir(root.path().join("etc/x.d")).unwrap().count(), 1);
        hands.remove("/etc/x.d/ours.conf").unwrap();
        hands.remove("/etc/x.d/ours.conf").unwrap();
        assert_eq!(hands.look("/etc/x.d/ours.conf").unwrap(), None);
    }
}
