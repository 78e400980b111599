//! How a serve is reached, by its sockets or within this process; and a watch that outlives it.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Access, Client, ControlError, Desk, Event, Peer, Wanted, Watch, Welcome};

/// First pause before serve is tried again; doubled until [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(250);
/// Longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(5);

/// How a serve is reached. One that is embedded speaks the same frames.
#[derive(Clone)]
pub enum Reach {
    /// By the sockets in this control directory.
    Sockets(PathBuf),
    /// Within this process.
    Process(Desk),
}

impl Reach {
    /// A new connection; `program` is this program's name in one word.
    pub async fn client(&self, access: Access, program: &str) -> Result<Client, ControlError> {
        match self {
            Reach::Sockets(dir) => Client::connect(dir, access, program).await,
            Reach::Process(desk) => {
                let peer =
                    Peer::own().map_err(|source| ControlError::Broken { doing: "connecting", source })?;
                Client::over(desk.open(access, peer), program).await
            }
        }
    }

    /// A new watch.
    pub async fn watch(&self, program: &str, wanted: Wanted) -> Result<Watch, ControlError> {
        self.client(Access::Observe, program).await?.watch(wanted).await
    }
}

/// What a lasting watch tells.
#[derive(Debug)]
pub enum Told {
    /// Serve answers, for the first time or again; a snapshot follows.
    Connected(Welcome),
    /// Something happened.
    Event(Event),
    /// Serve does not answer; it is tried again after a pause. Told at each try that failed.
    Lost {
        /// Why.
        error: ControlError,
        /// The pause.
        pause: Duration,
    },
}

/// A watch that is begun anew, with growing pauses, for as long as it is asked.
pub struct Lasting {
    reach: Reach,
    program: String,
    wanted: Wanted,
    watch: Option<Watch>,
    pause: Duration,
    again: Instant,
}

impl Lasting {
    /// A watch of `reach`; nothing is tried before [`Lasting::next`].
    pub fn new(reach: Reach, program: &str, wanted: Wanted) -> Self {
        let program = program.to_owned();
        Self { reach, program, wanted, watch: None, pause: SHORTEST, again: Instant::now() }
    }

    /// The next thing to tell. May be given up and called again without losing anything.
    pub async fn next(&mut self) -> Told {
        let told = match &mut self.watch {
            Some(watch) => watch.next().await.map(Told::Event),
            None => self.connect().await,
        };
        let error = match told {
            Ok(told) => {
                // Only a serve that has told something has earned to be tried at once when it goes.
                if matches!(told, Told::Event(_)) {
                    self.pause = SHORTEST;
                }
                return told;
            }
            Err(error) => error,
        };
        self.watch = None;
        let pause = self.pause;
        self.again = Instant::now() + pause;
        self.pause = (pause * 2).min(LONGEST);
        Told::Lost { error, pause }
    }

    async fn connect(&mut self) -> Result<Told, ControlError> {
        sleep_until(self.again).await;
        let watch = self.reach.watch(&self.program, self.wanted).await?;
        let welcome = watch.welcome().clone();
        self.watch = Some(watch);
        Ok(Told::Connected(welcome))
    }
}
