//! The serving side: one socket, few connections, each a sequence of request and answer.
//!
//! It owns the socket file and a lock beside it; it never carries out an order itself.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::future::Future;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedReadHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Answer, AnswerFrame, ControlError, Peer, REQUEST_LIMIT, Request, RequestFrame, SOCKET};

/// Connections at once; one more is told so and closed.
const CONNECTIONS: usize = 32;
/// Time a peer has to send a request line, and to take an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause after the system refused to accept (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of path a `sockaddr_un` holds before its terminating zero (`unix(7)`).
const PATH_LIMIT: usize = 107;
/// The lock held as long as the directory is served.
const LOCK: &str = "control.lock";
/// Where the socket is made before it has its mode; not longer than its final name.
const UNFINISHED: &str = "control.new";

/// An answer in the making.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// What carries orders out.
pub trait Handler: Send + Sync {
    /// Answers one request of `peer`. Runs to its end even if the peer has gone.
    fn handle(&self, request: Request, peer: Peer) -> Answering<'_>;
}

/// A started control socket; it ends with its token and is waited for by its tracker.
#[derive(Debug)]
pub struct ControlServer {
    socket: PathBuf,
}

impl ControlServer {
    /// Opens `control.sock` in `dir` (made with mode 0750 if missing) and serves it until `cancel`.
    ///
    /// A socket that a dead process left behind is replaced. Errors: the directory cannot be made or is held by another
    /// serve, the path is longer than a socket's may be, the socket cannot be bound.
    pub async fn start(
        dir: &Path,
        handler: Arc<dyn Handler>,
        cancel: CancellationToken,
        tracker: &TaskTracker,
    ) -> Result<Self, ControlError> {
        let socket = dir.join(SOCKET);
        let len = socket.as_os_str().len();
        if len > PATH_LIMIT {
            return Err(ControlError::PathTooLong { path: socket, len, limit: PATH_LIMIT });
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(dir)
            .map_err(|source| ControlError::CreateDir { dir: dir.to_owned(), source })?;
        let lock = take_lock(dir, &socket).await?;
        refuse_if_answered(dir, &socket).await?;
        let listener =
            bind(dir, &socket).map_err(|source| ControlError::Bind { path: socket.clone(), source })?;
        let path = socket.clone();
        let connections = tracker.clone();
        tracker.spawn(async move {
            accept(&listener, &handler, &cancel, &connections).await;
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "the control socket could not be removed");
            }
            // Only now may another serve take the directory: were the lock released first, its new socket would be removed.
            drop(lock);
        });
        Ok(Self { socket })
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

/// Takes the directory's lock, which a dead process cannot keep.
async fn take_lock(dir: &Path, socket: &Path) -> Result<File, ControlError> {
    let path = dir.join(LOCK);
    let failed = |source| ControlError::Lock { path: path.clone(), source };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(held(dir, UnixStream::connect(socket).await.ok().as_ref())),
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

/// Binds beside the final name, so that the socket is never there with another mode; the rename replaces a stale one.
fn bind(dir: &Path, socket: &Path) -> io::Result<UnixListener> {
    let unfinished = dir.join(UNFINISHED);
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&unfinished)?;
    std::fs::set_permissions(&unfinished, Permissions::from_mode(0o660))?;
    std::fs::rename(&unfinished, socket)?;
    Ok(listener)
}

async fn accept(
    listener: &UnixListener,
    handler: &Arc<dyn Handler>,
    cancel: &CancellationToken,
    tracker: &TaskTracker,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => match places.clone().try_acquire_owned() {
                Ok(place) => {
                    let (handler, cancel) = (handler.clone(), cancel.clone());
                    tracker.spawn(async move {
                        serve(stream, handler.as_ref(), &cancel).await;
                        drop(place);
                    });
                }
                Err(_) => turn_away(stream),
            },
            Err(error) => {
                tracing::warn!(%error, "the control socket could not accept a connection");
                tokio::select! {
                    () = cancel.cancelled() => return,
                    () = sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
}

/// Tells a connection too many why it is closed; a fresh socket takes so few bytes at once or never.
fn turn_away(stream: UnixStream) {
    let message = format!("serve already has {CONNECTIONS} control connections; close one and try again");
    let line = AnswerFrame::new(0, Answer::Refused { message }).encode();
    if let (Ok(mut stream), Ok(line)) = (stream.into_std(), line) {
        let _ = stream.write(&line);
    }
}

async fn serve(stream: UnixStream, handler: &dyn Handler, cancel: &CancellationToken) {
    let peer = match Peer::of(&stream) {
        Ok(peer) => peer,
        Err(error) => {
            tracing::warn!(%error, "a control connection without credentials was closed");
            return;
        }
    };
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let line = tokio::select! {
            () = cancel.cancelled() => return,
            line = timeout(PATIENCE, read_line(&mut read)) => line,
        };
        let Ok(Ok(Some(line))) = line else { return };
        let (frame, last) = answer(line, handler, &peer).await;
        match timeout(PATIENCE, write.write_all(&frame)).await {
            Ok(Ok(())) if !last => {}
            _ => return,
        }
    }
}

/// One line of at most [`REQUEST_LIMIT`] bytes; a longer one comes back cut, without newline. None: the peer has ended.
async fn read_line(read: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    read.take(REQUEST_LIMIT as u64).read_until(b'\n', &mut line).await?;
    Ok((!line.is_empty()).then_some(line))
}

/// The answer's line, and whether the connection ends with it.
async fn answer(line: Vec<u8>, handler: &dyn Handler, peer: &Peer) -> (Vec<u8>, bool) {
    if line.len() == REQUEST_LIMIT && !line.ends_with(b"\n") {
        let message = format!("a request line may have {REQUEST_LIMIT} bytes");
        return (refusal(0, message), true);
    }
    match RequestFrame::decode(&line) {
        Ok(frame) => {
            let answer = handler.handle(frame.request, peer.clone()).await;
            let line = AnswerFrame::new(frame.id, answer).encode();
            (line.unwrap_or_else(|error| refusal(frame.id, format!("{error}: ask for less"))), false)
        }
        Err(error) => (refusal(error.id(), error.to_string()), false),
    }
}

fn refusal(id: u64, message: String) -> Vec<u8> {
    // A frame of one short sentence has a JSON form and fits; an empty line would only close the connection.
    AnswerFrame::new(id, Answer::Refused { message }).encode().unwrap_or_default()
}
