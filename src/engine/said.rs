//! What is said to the pool's task, and of whom.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::adopt::Joining;
use super::network::Told;
use crate::beacon::NodeVersion;
use crate::model::{BeaconId, BeaconName, Drain, Lifecycle, Root, Slot, UnixMs};
use crate::pool::{AgreedHead, Block, Event, Facts, Failure};
use crate::seeds::Sign;

/// A beacon in the life of this process, whatever its place in whichever fleet file; never given twice. One whose URL or
/// headers changed is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub u32);

/// What is known anew of one beacon.
#[derive(Debug, Clone)]
pub enum Said {
    /// A probe answered, after so long where that is known.
    Probed(Facts, Option<Duration>),
    /// A probe failed.
    ProbeFailed(Failure),
    /// It lives, as a confirmation shows.
    Confirmed,
    /// A confirmation failed.
    NotConfirmed(Failure),
    /// An event says that its head is optimistic.
    Optimistic,
    /// It reports a head, by event or when it was probed.
    Head(AgreedHead, bool),
    /// By its head it says which blocks decide duties: the last before the epoch before the head's, and the last before
    /// the head's epoch.
    Deciders(AgreedHead, Root, Root),
    /// It left a branch for another; the two parted about here.
    Reorg(Slot),
    /// It told a block's header.
    Header(Block),
    /// The router met a refused or broken connection.
    Broken,
    /// It told its chain.
    Told(Box<Told>),
    /// It told its version.
    Version(NodeVersion),
    /// Its event stream said this: topic and data.
    Event(String, Bytes),
    /// It says when its process started.
    Started(UnixMs),
    /// So many percent of its machine's processor time are in use.
    Cpu(u8),
    /// Something that may mean it restarted.
    Sign(Sign),
    /// Its event stream is open, or ended.
    Stream(bool),
    /// It is the process it was, though it was in doubt ([`super::watcher::Watcher::doubt`]).
    Same,
    /// It is in doubt, and what would end that cannot be read.
    Unsure,
}

impl Said {
    /// The pool's event of it, for a beacon at this place; none where it is not the pool's business.
    pub fn event(&self, id: BeaconId) -> Option<Event> {
        Some(match self {
            Self::Probed(facts, _) => Event::Probed(id, *facts),
            Self::ProbeFailed(failure) => Event::ProbeFailed(id, *failure),
            Self::Confirmed => Event::Confirmed(id),
            Self::NotConfirmed(failure) => Event::NotConfirmed(id, *failure),
            Self::Optimistic => Event::Optimistic(id),
            Self::Head(head, _) => Event::Head(id, *head),
            Self::Header(block) => Event::Header(*block),
            Self::Broken => Event::Broken(id),
            Self::Deciders(..)
            | Self::Reorg(_)
            | Self::Told(_)
            | Self::Version(_)
            | Self::Event(..)
            | Self::Started(_)
            | Self::Cpu(_)
            | Self::Sign(_)
            | Self::Stream(_)
            | Self::Same
            | Self::Unsure => return None,
        })
    }

    /// Whether it tells what may be expected of the beacon: it was asked, or could not be.
    pub fn is_verdict(&self) -> bool {
        matches!(self, Self::Probed(..) | Self::ProbeFailed(_))
    }
}

/// What the pool's task takes.
pub enum Message {
    /// Something of a beacon.
    Said(Key, Said),
    /// An operator's order: drain, by whom, or resume. Answered with the lifecycle it has afterwards, none without such a beacon.
    Order(BeaconName, Option<Drain>, oneshot::Sender<Option<Lifecycle>>),
    /// A beacon has been told what it must know, as of a turn of its entry ([`crate::pool::Entry::owed`]).
    Seeded(BeaconName, u32),
    /// Another fleet file.
    Join(Box<Joining>),
    /// What on-call must know of this part of the program itself; none: nothing any more.
    Notice(&'static str, Option<String>),
}
