//! File systems that do not take what is written.

#![allow(dead_code, reason = "each program uses its own part")]

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A file system of a size of its own where this user may mount one, unmounted when dropped.
pub struct Disk {
    pub dir: TempDir,
}

impl Disk {
    pub fn mount(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=0755"), "tmpfs"]).arg(dir.path());
        mount.output().is_ok_and(|done| done.status.success()).then_some(Self { dir })
    }

    pub fn remount(&self, options: &str) {
        let done =
            Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(self.dir.path()).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.dir.path()).status();
    }
}

/// Takes all room on a disk; what is removed to give it back.
pub fn fill(disk: &Path) -> PathBuf {
    let (ballast, mut size) = (disk.join("ballast"), 64 * 1024);
    let mut written = Vec::new();
    while size > 0 {
        written.resize(written.len() + size, 7_u8);
        if std::fs::write(&ballast, &written).is_err() {
            written.truncate(written.len() - size);
            size /= 2;
        }
    }
    // What did not fit was written in part: it fills the last page.
    let _ = std::fs::write(&ballast, [written, vec![7; 8_192]].concat());
    ballast
}
