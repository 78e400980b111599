//! The control directory: which sockets lie in it, who may open them.
//!
//! Directory (0750), `observe.sock` and `control.sock` (0660 both) belong to the group [`GROUP`] where the system has it,
//! else to the group serve runs as.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use super::{Access, ControlError};

/// The group whose members may observe and order.
pub const GROUP: &str = "beacondeck";
/// Bytes of path a `sockaddr_un` holds before its terminating zero (`unix(7)`).
const PATH_LIMIT: usize = 107;
/// Mode of both sockets.
const MODE: u32 = 0o660;
/// The system's groups.
const GROUPS: &str = "/etc/group";

/// Where a socket is. Errors: the path is longer than a socket's may be.
pub fn socket(dir: &Path, access: Access) -> Result<PathBuf, ControlError> {
    let path = dir.join(access.socket());
    let len = path.as_os_str().len();
    if len > PATH_LIMIT {
        return Err(ControlError::PathTooLong { path, len, limit: PATH_LIMIT });
    }
    Ok(path)
}

/// Makes the directory if it is missing; one that is there keeps its owner, group and mode.
pub fn make(dir: &Path) -> Result<(), ControlError> {
    let failed = |source| ControlError::CreateDir { dir: dir.to_owned(), source };
    if let Some(above) = dir.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(above).map_err(failed)?;
    }
    match DirBuilder::new().mode(0o750).create(dir) {
        Ok(()) => give_to_group(dir, group_id(Path::new(GROUPS), GROUP)),
        Err(source) if source.kind() == ErrorKind::AlreadyExists && dir.is_dir() => {}
        Err(source) => return Err(failed(source)),
    }
    Ok(())
}

/// Binds a socket beside its final name, so that it is never there with another mode or group; the rename replaces a
/// stale one.
pub fn bind(socket: &Path) -> io::Result<UnixListener> {
    // Not longer than the final name, which fits.
    let unfinished = socket.with_extension("new");
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&unfinished)?;
    std::fs::set_permissions(&unfinished, Permissions::from_mode(MODE))?;
    give_to_group(&unfinished, group_id(Path::new(GROUPS), GROUP));
    std::fs::rename(&unfinished, socket)?;
    Ok(listener)
}

fn give_to_group(path: &Path, group: Option<u32>) {
    let Some(group) = group else { return };
    let has_it = std::fs::metadata(path).is_ok_and(|meta| meta.gid() == group);
    if has_it {
        return;
    }
    // The owner may still use it; who else may is what the operator must hear of.
    if let Err(error) = chown(path, None, Some(group)) {
        tracing::warn!(path = %path.display(), %error,
            "could not be given to the group {GROUP}: run serve as root or as a member of it");
    }
}

/// The name of the group that may open `socket`, or that may enter its directory if not even that is allowed.
pub fn owning_group(socket: &Path) -> Option<String> {
    let meta = std::fs::metadata(socket).ok().or_else(|| std::fs::metadata(socket.parent()?).ok())?;
    Some(group_name(Path::new(GROUPS), meta.gid()))
}

/// A group's number by a group file; groups of a directory service are not found.
fn group_id(groups: &Path, name: &str) -> Option<u32> {
    let text = std::fs::read_to_string(groups).ok()?;
    entries(&text).find(|(known, _)| *known == name).map(|(_, id)| id)
}

/// A group's name by a group file, or its number.
fn group_name(groups: &Path, id: u32) -> String {
    let text = std::fs::read_to_string(groups).unwrap_or_default();
    let found = entries(&text).find(|(_, known)| *known == id).map(|(name, _)| name.to_owned());
    found.unwrap_or_else(|| format!("gid {id}"))
}

/// Names and numbers of a group file (`group(5)`: name, password, gid, members).
fn entries(text: &str) -> impl Iterator<Item = (&str, u32)> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        Some((name, fields.nth(1)?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_by_name_and_number_among_odd_lines() {
        let text = "# local\n\nroot:x:0:\nbroken\n:x:5:\nbeacondeck:x:990:alice,bob\n";
        assert_eq!(entries(text).collect::<Vec<_>>(), [("root", 0), ("beacondeck", 990)]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        assert_eq!(group_id(file.path(), "beacondeck"), Some(990));
        assert_eq!(group_id(file.path(), "nobody"), None);
        assert_eq!(group_name(file.path(), 990), "beacondeck");
        assert_eq!(group_name(file.path(), 77), "gid 77");
        assert_eq!(group_id(Path::new("/nonexistent"), "beacondeck"), None);
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_one_sentence() {
        let dir = PathBuf::from("/").join("d".repeat(107 - "//observe.sock".len()));
        assert!(socket(&dir, Access::Observe).is_ok());
        let error = socket(&dir.join("d"), Access::Observe).unwrap_err();
        assert!(error.to_string().contains("has 109 bytes and a unix socket's may have 107"), "{error}");
    }

    #[test]
    fn a_directory_that_is_there_is_left_alone() {
        let root = tempfile::TempDir::new().unwrap();
        let dir = root.path().join("run");
        std::fs::create_dir(&dir).unwrap();
        std::fs::set_permissions(&dir, Permissions::from_mode(0o711)).unwrap();
        make(&dir).unwrap();
        assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o711);
        std::fs::write(root.path().join("file"), "").unwrap();
        assert!(matches!(make(&root.path().join("file")), Err(ControlError::CreateDir { .. })));
    }
}
