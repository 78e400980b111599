//! Who is at the other end of a connection, told by the kernel, never by the peer itself.

use std::fmt;
use std::path::Path;

use tokio::net::UnixStream;

/// The user and process behind a connection; shown as `alice (uid 1000)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// User id.
    pub uid: u32,
    /// Process id, where the kernel tells.
    pub pid: Option<i32>,
    /// User name; none if the user has no entry in `/etc/passwd`.
    pub user: Option<String>,
}

impl Peer {
    /// Asks the kernel about a connection (`SO_PEERCRED`). Errors: the system call's.
    pub fn of(stream: &UnixStream) -> std::io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let uid = credentials.uid();
        let user = user_name(Path::new("/etc/passwd"), uid);
        Ok(Self { uid, pid: credentials.pid(), user })
    }

    /// This process itself, as another would see it.
    pub fn own() -> std::io::Result<Self> {
        let (stream, _) = UnixStream::pair()?;
        Self::of(&stream)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            Some(user) => write!(f, "{user} (uid {})", self.uid),
            None => write!(f, "uid {}", self.uid),
        }
    }
}

/// A user's name by a passwd file; users of a directory service show as their uid.
fn user_name(passwd: &Path, uid: u32) -> Option<String> {
    name_in(&std::fs::read_to_string(passwd).ok()?, uid)
}

/// The name of `uid` in the text of a passwd file (`passwd(5)`: name, password, uid, …).
fn name_in(text: &str, uid: u32) -> Option<String> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let id: u32 = fields.nth(1)?.parse().ok()?;
        (id == uid && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_uid_among_odd_lines() {
        let text =
            "# local\n\nroot:x:0:0:root:/root:/bin/bash\nbroken\n:x:5:\nops:x:1000:1000::/home/ops:/bin/sh\n";
        assert_eq!(name_in(text, 0).as_deref(), Some("root"));
        assert_eq!(name_in(text, 1000).as_deref(), Some("ops"));
        assert_eq!(name_in(text, 5), None);
        assert_eq!(name_in(text, 77), None);
    }

    #[test]
    fn a_peer_without_a_name_is_its_uid() {
        assert_eq!(Peer { uid: 77, pid: None, user: None }.to_string(), "uid 77");
        assert_eq!(Peer { uid: 0, pid: Some(1), user: Some("root".into()) }.to_string(), "root (uid 0)");
    }
}
