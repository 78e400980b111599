//! The thread that reads a recording, the task that plays it, and the desk where those who watch find it: the frames of a
//! running serve, which takes no orders.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::archive::{BLOCK, Block};
use super::lines::{Line, Lines, ReplayError};
use super::player::Player;
use super::scribe::{Scene, Scribe};
use crate::control::{Answer, Answering, Desk, Feed, Feeding, Handler, Peer, Request, Wanted};
use crate::model::{Clock, FleetStatus, Moment, Play};

/// Blocks that were read and not yet taken.
const AHEAD: usize = 4;
/// Asks on their way.
const QUEUE: usize = 64;
/// Least time between two snapshots: what is faster cannot be seen.
const EVERY: Duration = Duration::from_millis(40);

/// What became of the reading of a recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// Lines that were skipped.
    pub bad: u64,
    /// What is wrong with the first of them.
    pub first_bad: Option<String>,
    /// Where and why it could be read no further.
    pub cut: Option<String>,
}

impl Read {
    /// A line was skipped.
    pub fn skip(&mut self, why: String) {
        self.bad += 1;
        self.first_bad.get_or_insert(why);
    }

    /// What must be known of it, one sentence.
    fn note(&self, has_times: bool) -> Option<String> {
        let bad = self.first_bad.as_ref().map(|first| format!("lines skipped: {}; {first}", self.bad));
        let times = || "it does not say when its slots began: times are counted from slot 0".to_owned();
        self.cut.clone().or(bad).or_else(|| (!has_times).then(times))
    }
}

enum Told {
    Block(Block),
    /// What was read, and whether it is known what time it was.
    End(Result<Read, ReplayError>, bool),
}

/// A recording that is played.
pub struct Replay {
    /// Where it is watched.
    pub desk: Desk,
    read: watch::Receiver<Option<Read>>,
}

impl Replay {
    /// Opens a recording of some files and stands at its first slot; the rest is read meanwhile.
    ///
    /// # Errors
    /// A file cannot be read, a newer program wrote it, or there is no slot in it.
    pub async fn open(files: &[PathBuf], clock: Clock) -> Result<Self, ReplayError> {
        let lines = Lines::of(files)?;
        let empty = |first_bad: Option<String>| {
            let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            let bad = first_bad.map_or_else(String::new, |bad| format!("; {bad}"));
            ReplayError::Empty { what: names.join(", "), bad }
        };
        let what = files
            .first()
            .and_then(|file| file.file_name())
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let (to, mut from) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || read(lines, what, &to));
        let mut player = match from.recv().await {
            Some(Told::Block(block)) => Player::new(block),
            Some(Told::End(Err(error), _)) => return Err(error),
            Some(Told::End(Ok(read), _)) => return Err(empty(read.first_bad)),
            None => return Err(empty(None)),
        };
        let (status, shown) = watch::channel(Arc::new(player.status().unwrap_or_default()));
        let (asks, asked) = mpsc::channel(QUEUE);
        let (told, read) = watch::channel(None);
        tokio::spawn(Task { player, status, clock, from, asked, told }.run());
        // What is watched is as of the recording's time.
        let now = shown.clone();
        let clock: Clock = Arc::new(move || Moment { wall: now.borrow().at, mono_us: 0 });
        let hand = Arc::new(Hand { status: shown, asks });
        Ok(Self { desk: Desk::new(hand, clock, CancellationToken::new(), TaskTracker::new()), read })
    }

    /// What became of the reading; none: it goes on.
    pub fn read(&self) -> Option<Read> {
        self.read.borrow().clone()
    }
}

/// Reads until the end, or until nobody wants it.
fn read(lines: Lines, name: String, to: &mpsc::Sender<Told>) {
    let mut scribe = Scribe::new(name);
    let mut scenes = Vec::new();
    let mut so_far = Read::default();
    let send = |scenes: &mut Vec<Scene>| {
        let block = Block::pack(scenes);
        scenes.clear();
        block.is_ok_and(|block| to.blocking_send(Told::Block(block)).is_ok())
    };
    let mut end = None;
    for line in lines {
        match line {
            Ok(Line::Seen(seen)) => scenes.extend(scribe.take(&seen)),
            Ok(Line::Bad(why)) => so_far.skip(why),
            Ok(Line::BreaksOff(place)) => so_far.cut = Some(place),
            Err(error) => {
                end = Some(error);
                break;
            }
        }
        if scenes.len() == BLOCK && !send(&mut scenes) {
            return;
        }
    }
    scenes.extend(scribe.end());
    if !scenes.is_empty() && !send(&mut scenes) {
        return;
    }
    // Whoever played it may have gone.
    let _ = to.blocking_send(Told::End(end.map_or(Ok(so_far), Err), scribe.has_times()));
}

struct Task {
    player: Player,
    status: watch::Sender<Arc<FleetStatus>>,
    clock: Clock,
    from: mpsc::Receiver<Told>,
    asked: mpsc::Receiver<(Play, oneshot::Sender<Result<(), String>>)>,
    told: watch::Sender<Option<Read>>,
}

impl Task {
    async fn run(mut self) {
        loop {
            let wait = self.player.due_us().map(|due| due.saturating_sub((self.clock)().mono_us));
            let due = async {
                match wait {
                    Some(us) => tokio::time::sleep(Duration::from_micros(us)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                asked = self.asked.recv() => match asked {
                    Some((how, answer)) => {
                        // Whoever asked may have gone.
                        let _ = answer.send(self.player.play(how, (self.clock)().mono_us));
                    }
                    // Nobody can look any more.
                    None => return,
                },
                () = due => self.player.tick((self.clock)().mono_us),
                Some(told) = self.from.recv() => self.take(told),
            }
            if let Some(status) = self.player.status() {
                self.status.send_if_modified(|shown| {
                    let other = **shown != status;
                    if other {
                        *shown = Arc::new(status);
                    }
                    other
                });
            }
        }
    }

    fn take(&mut self, told: Told) {
        match told {
            Told::Block(block) => self.player.add(block),
            Told::End(read, has_times) => {
                let read = read.unwrap_or_else(|error| {
                    let why =
                        std::error::Error::source(&error).map_or_else(String::new, |why| format!(": {why}"));
                    Read { cut: Some(format!("{error}{why}")), ..Read::default() }
                });
                self.player.end(read.note(has_times));
                self.told.send_replace(Some(read));
            }
        }
    }
}

/// What those who watch reach.
struct Hand {
    status: watch::Receiver<Arc<FleetStatus>>,
    asks: mpsc::Sender<(Play, oneshot::Sender<Result<(), String>>)>,
}

impl Hand {
    async fn play(&self, how: Play) -> Answer {
        let (answer, answered) = oneshot::channel();
        let over = || Answer::Refused { message: "the recording is closed".to_owned() };
        if self.asks.send((how, answer)).await.is_err() {
            return over();
        }
        match answered.await {
            Ok(Ok(())) => Answer::Done { message: String::new() },
            Ok(Err(message)) => Answer::Refused { message },
            Err(_) => over(),
        }
    }
}

impl Handler for Hand {
    fn handle(&self, request: Request, _: Peer) -> Answering<'_> {
        Box::pin(async move {
            match request {
                Request::Play { how } => self.play(how).await,
                Request::Status => Answer::Status(self.status.borrow().clone()),
                _ => Answer::Refused { message: "a recording takes no orders and holds no more".to_owned() },
            }
        })
    }

    fn feed(&self, _: Wanted) -> Feeding<'_> {
        let feed = Feed { status: self.status.clone(), every: EVERY, journal: None, log: None };
        Box::pin(std::future::ready(feed))
    }
}
