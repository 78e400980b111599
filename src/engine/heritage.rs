//! What one process tells the next when it hands over: words on a socket pair, one line of JSON each. Pure but for the socket.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::model::{BeaconName, Drain};
use crate::router::{Given, Produced};
use crate::seeds::Held;

/// The longest line: all subscriptions of a large fleet are in one.
const LINE: u64 = 64 << 20;

/// What the process before knows that no beacon tells. Beacons are numbered by their place in `beacons`.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estate {
    /// Their names.
    pub beacons: Vec<BeaconName>,
    /// Those that are drained by order.
    pub drained: BTreeMap<BeaconName, Drain>,
    /// Who produced what that may still have to be finished.
    pub produced: Vec<(Produced, BeaconName)>,
    /// Who holds which subscription.
    pub held: Held,
    /// Blocks that were given to be signed.
    #[serde(default)]
    pub given: Vec<Given>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// The next one: it runs, and this is its process id.
    Here(u32),
    /// The next one: it could serve, and wants what only one process may hold.
    Able,
    /// The one before: it holds none of it any more.
    Yours(Box<Estate>),
    /// The next one: it accepts connections.
    Ready,
    /// The one before: the service manager takes the next one for the one it watches, and hears it.
    Followed,
    /// The next one: it ends instead of serving, and why, in one sentence.
    Ends(String),
    /// The one before: a beacon produced this after all.
    Produced(Produced, BeaconName),
}

impl Word {
    fn line(&self) -> io::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }

    /// Says it where no runtime is.
    ///
    /// # Errors
    /// Nobody listens any more.
    pub fn say(&self, mut to: &std::os::unix::net::UnixStream) -> io::Result<()> {
        to.write_all(&self.line()?)
    }
}

/// One side.
pub struct Line {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
}

impl Line {
    /// Over a connected socket.
    pub fn new(stream: UnixStream) -> Self {
        let (read, write) = stream.into_split();
        Self { read: BufReader::new(read), write }
    }

    /// Says a word.
    ///
    /// # Errors
    /// Nobody listens any more.
    pub async fn say(&mut self, word: &Word) -> io::Result<()> {
        self.write.write_all(&word.line()?).await
    }

    /// The next word. Safe to give up only when nothing more is read.
    ///
    /// # Errors
    /// The other side has ended, or does not speak as this one does.
    pub async fn hear(&mut self) -> io::Result<Word> {
        let mut line = Vec::new();
        (&mut self.read).take(LINE).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_slice(&line)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::BlockKey;
    use crate::model::{BeaconId, Root, Slot, UnixMs, ValidatorIndex};

    #[tokio::test]
    async fn every_word_is_heard_as_it_was_said() {
        let mut held = Held::default();
        held.took_committees(BeaconId(1), br#"[{"committee_index":"3","slot":"70"}]"#);
        held.took_sync(BeaconId(0), br#"[{"until_epoch":"9"}]"#);
        let name = BeaconName::new("b");
        let block = BlockKey {
            slot: Slot(7),
            proposer: ValidatorIndex(1),
            parent: Root([1; 32]),
            state: Root([2; 32]),
        };
        let estate = Estate {
            beacons: vec![BeaconName::new("a"), name.clone()],
            drained: [(name.clone(), Drain { by: "alice".to_owned(), since: UnixMs(1) })].into(),
            produced: vec![(Produced::Block(block), name.clone()), (Produced::Slot(Slot(7)), name.clone())],
            held,
            given: Vec::new(),
        };
        let words = [
            Word::Here(7),
            Word::Able,
            Word::Yours(Box::new(estate)),
            Word::Ready,
            Word::Followed,
            Word::Ends("fleet.yaml:1:8: a list is not closed".to_owned()),
            Word::Produced(Produced::Root(Slot(8), Root([3; 32])), name),
        ];
        let (one, other) = UnixStream::pair().unwrap();
        let (mut one, mut other) = (Line::new(one), Line::new(other));
        for word in &words {
            one.say(word).await.unwrap();
        }
        drop(one);
        for word in words {
            assert_eq!(other.hear().await.unwrap(), word);
        }
        assert_eq!(other.hear().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
