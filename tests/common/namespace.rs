//! Tests in namespaces of their own: whether they can be had, and one test of this binary in them.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Whether this is root and these programs are there; if not, it says so.
pub fn is_root_with(tools: &[&str]) -> bool {
    let able = rustix::process::geteuid().is_root() && tools.iter().all(|tool| Path::new(tool).exists());
    if !able {
        eprintln!("skipped: needs root and {}", tools.join(", "));
    }
    able
}

/// Runs `script` in namespaces of its own of network, mounts and processes, so that what else runs here is not taken for a beacon
/// of its; it ends by running one ignored test of `$0`, which must pass.
pub fn passes(script: &str, vars: &[(&str, &OsStr)]) {
    let output = Command::new("unshare")
        .args(["-n", "-m", "-p", "-f", "--mount-proc", "--kill-child", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .envs(vars.iter().copied())
        .output()
        .unwrap();
    let words =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && words.contains("1 passed"), "{words}");
}
