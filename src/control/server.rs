//! The sockets of a control directory: who may come in, and how many at once.
//!
//! It owns the socket files and a lock beside them; connections are served by the [`Desk`].

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::desk::{Desk, refusal};
use super::{Access, ControlError, Peer, place};

/// Connections to one socket at once; one more is told so and closed.
const CONNECTIONS: usize = 32;
/// Pause after the system refused to accept (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The lock held as long as the directory is served.
const LOCK: &str = "control.lock";
/// Both sockets.
const SOCKETS: [Access; 2] = [Access::Observe, Access::Control];

/// Started control sockets; they end with the desk's token and are waited for by its tracker.
#[derive(Debug)]
pub struct ControlServer {
    dir: PathBuf,
}

impl ControlServer {
    /// Opens `observe.sock` and `control.sock` in `dir` (made with mode 0750 if missing) and serves them at `desk`.
    ///
    /// Sockets that a dead process left behind are replaced. Errors: the directory cannot be made or is held by another
    /// serve, a path is longer than a socket's may be, a socket cannot be bound.
    pub async fn start(dir: &Path, desk: &Desk) -> Result<Self, ControlError> {
        let paths = [place::socket(dir, SOCKETS[0])?, place::socket(dir, SOCKETS[1])?];
        place::make(dir)?;
        let lock = take_lock(dir).await?;
        for path in &paths {
            refuse_if_answered(dir, path).await?;
        }
        let bind = |path: &PathBuf| {
            place::bind(path).map_err(|source| ControlError::Bind { path: path.clone(), source })
        };
        let (observe, control) = (bind(&paths[0])?, bind(&paths[1])?);
        let desk = desk.clone();
        desk.tracker.clone().spawn(async move {
            tokio::join!(accept(&observe, SOCKETS[0], &desk), accept(&control, SOCKETS[1], &desk));
            for path in &paths {
                if let Err(error) = std::fs::remove_file(path) {
                    tracing::warn!(path = %path.display(), %error, "the control socket could not be removed");
                }
            }
            // Only now may another serve take the directory: were the lock released first, its new sockets would be
            // removed.
            drop(lock);
        });
        Ok(Self { dir: dir.to_owned() })
    }

    /// The directory it serves.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Takes the directory's lock, which a dead process cannot keep.
async fn take_lock(dir: &Path) -> Result<File, ControlError> {
    let path = dir.join(LOCK);
    let failed = |source| ControlError::Lock { path: path.clone(), source };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let socket = dir.join(Access::Control.socket());
            Err(held(dir, UnixStream::connect(socket).await.ok().as_ref()))
        }
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// A socket that answers although nobody has the lock is another's; only one that refuses is stale.
async fn refuse_if_answered(dir: &Path, socket: &Path) -> Result<(), ControlError> {
    match UnixStream::connect(socket).await {
        Ok(stream) => Err(held(dir, Some(&stream))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(()),
        Err(source) => Err(ControlError::Bind { path: socket.to_owned(), source }),
    }
}

fn held(dir: &Path, stream: Option<&UnixStream>) -> ControlError {
    let pid = stream.and_then(|stream| stream.peer_cred().ok()).and_then(|peer| peer.pid());
    ControlError::Held { dir: dir.to_owned(), pid }
}

async fn accept(listener: &UnixListener, access: Access, desk: &Desk) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = desk.cancel.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => match places.clone().try_acquire_owned() {
                Ok(place) => {
                    let desk = desk.clone();
                    desk.tracker.clone().spawn(async move {
                        admit(stream, access, &desk).await;
                        drop(place);
                    });
                }
                Err(_) => turn_away(stream, access),
            },
            Err(error) => {
                tracing::warn!(%error, "the control socket could not accept a connection");
                tokio::select! {
                    () = desk.cancel.cancelled() => return,
                    () = sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
}

async fn admit(stream: UnixStream, access: Access, desk: &Desk) {
    match Peer::of(&stream) {
        Ok(peer) => desk.serve(stream, access, peer).await,
        Err(error) => tracing::warn!(%error, "a control connection without credentials was closed"),
    }
}

/// Tells a connection too many why it is closed; a fresh socket takes so few bytes at once or never.
fn turn_away(stream: UnixStream, access: Access) {
    let message = format!("{access} already has {CONNECTIONS} connections: close one and try again");
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(&refusal(0, message));
    }
}
