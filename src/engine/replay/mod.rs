//! A recording, played: what `beacondeck replay` shows and prints.
//!
//! The lines are read once, in a thread of their own, and fed to the same engine of incidents and the same board as `serve`
//! uses; each slot gives a snapshot as those who watch a fleet are told it. What a recording does not hold is not in the
//! snapshot. Snapshots are kept compressed, some slots to a block, about as large as the recording itself; beyond
//! 256 MiB the oldest give way, as in the recording. So a step back costs no more than one forward, and is the same snapshot.
//!
//! | file | owns |
//! |---|---|
//! | `lines` | the lines of files, plain or zstd, one after the other |
//! | `scribe` | lines in, a snapshot a slot out |
//! | `beacons` | beacons as their probes and requests tell |
//! | `sums` | duties, hosts and who served whom, as their lines tell |
//! | `archive` | snapshots, compressed |
//! | `player` | where in it we are: play, speed, step, go |
//! | `task` | the thread that reads, the task that plays, the desk that watches are opened at |

mod archive;
mod beacons;
mod lines;
mod player;
mod scribe;
mod sums;
mod task;
#[cfg(test)]
mod tests;

pub use lines::{Line, Lines, ReplayError};
pub use task::{Read, Replay};
