//! Faults and scripts of faults, as data.
//!
//! To add a fault: a variant here, what it does to the socket in [`Fault::door`], and what it does to the beacon's
//! view or words in `beacon`.

use serde::{Deserialize, Serialize};

use super::gate::Door;
use super::world::{Link, Mood};
use crate::model::Slot;

/// What is wrong with a simulated beacon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Accepts connections and never answers; established ones go silent too.
    Hang,
    /// Every connection is reset.
    Reset,
    /// Nobody listens; established connections are closed.
    Refuse,
    /// The network to it is gone: nobody can connect, what is connected is silent, and goes on when it is healed.
    Away,
    /// The process is down and has forgotten what it was told when it is back.
    Restart,
    /// Each answer comes so many milliseconds later; events come in time.
    Slow(u64),
    /// No peers: its view stands still, what it is given stays with it, and it calls itself synced.
    StaleHead,
    /// Its head is not verified by the execution client.
    Optimistic,
    /// Its execution client is offline.
    ElOffline,
    /// Answers everything with this status.
    Errors(u16),
    /// It is of another network.
    WrongChain,
    /// It follows another branch, together with all others that have this fault.
    Fork,
    /// Answers break off in the middle of the body.
    Truncate,
    /// It stands still for `pause-ms`, runs for `run-ms`, and again.
    #[serde(rename_all = "kebab-case")]
    Gc {
        /// Milliseconds of silence.
        pause_ms: u64,
        /// Milliseconds between.
        run_ms: u64,
    },
    /// It is syncing, and says so.
    Syncing,
    /// Its clock is off by so many milliseconds; negative: behind. Blocks of slots that have not begun by it are left for
    /// later, and so its `Date` says.
    Clock(i64),
}

impl Fault {
    /// What the fault does to connections.
    pub(super) fn door(self) -> Door {
        match self {
            Fault::Hang | Fault::Gc { .. } => Door::Stuck,
            Fault::Reset => Door::Reset,
            Fault::Refuse | Fault::Restart => Door::Closed,
            Fault::Away => Door::Away,
            _ => Door::Open,
        }
    }

    /// By how much its clock is ahead, in milliseconds.
    pub(super) fn clock_ms(self) -> i64 {
        if let Fault::Clock(ms) = self { ms } else { 0 }
    }

    /// With whom the beacon is joined.
    pub(super) fn link(self) -> Link {
        match self {
            Fault::StaleHead | Fault::Syncing => Link::Cut,
            Fault::Fork => Link::Fork,
            Fault::WrongChain => Link::Foreign,
            _ => Link::Main,
        }
    }

    /// What the beacon says of itself.
    pub(super) fn mood(self) -> Mood {
        match self {
            Fault::Optimistic => Mood::Optimistic,
            Fault::ElOffline => Mood::ElOffline,
            Fault::Syncing => Mood::Syncing,
            Fault::WrongChain => Mood::Foreign,
            _ => Mood::Well,
        }
    }
}

/// One line of a script. Slots count from the script's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Act {
    /// The slot at whose start it begins.
    pub slot: Slot,
    /// The beacon's place in the fleet, from 0.
    pub beacon: usize,
    /// What befalls it.
    pub fault: Fault,
    /// The slot at whose start it is healed; none: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Slot>,
}

/// Faults over time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Script(pub Vec<Act>);

impl Script {
    /// What happens at which slot, in order: a beacon and its fault, or none when it is healed. At equal slots healing
    /// comes first, so that one act may follow another.
    pub(super) fn steps(&self) -> Vec<(Slot, usize, Option<Fault>)> {
        let mut steps: Vec<_> = self
            .0
            .iter()
            .flat_map(|act| {
                let end = act.until.map(|until| (until, act.beacon, None));
                [Some((act.slot, act.beacon, Some(act.fault))), end]
            })
            .flatten()
            .collect();
        steps.sort_by_key(|(slot, beacon, fault)| (*slot, fault.is_some(), *beacon));
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reads_from_yaml_and_heals_before_it_hurts() {
        let text = "
- { slot: 4, beacon: 1, fault: hang, until: 8 }
- { slot: 8, beacon: 1, fault: { slow: 300 } }
- { slot: 8, beacon: 0, fault: { gc: { pause-ms: 1500, run-ms: 500 } }, until: 9 }
";
        let script: Script = serde_yaml::from_str(text).unwrap();
        assert_eq!(
            script.steps(),
            vec![
                (Slot(4), 1, Some(Fault::Hang)),
                (Slot(8), 1, None),
                (Slot(8), 0, Some(Fault::Gc { pause_ms: 1500, run_ms: 500 })),
                (Slot(8), 1, Some(Fault::Slow(300))),
                (Slot(9), 0, None),
            ]
        );
    }
}
