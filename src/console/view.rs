//! What panels draw from: one snapshot, those before it, and what was told beside them. Pure.

use std::collections::VecDeque;

use crate::control::Watcher;
use crate::model::{BeaconStatus, Explanation, FleetStatus, JournalEntry, LogLine, UnixMs};

use super::age::Fresh;
use super::history::History;
use super::keys::Keymap;

/// What is shown, as of one moment.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The snapshot; none before the first.
    pub status: Option<&'a FleetStatus>,
    /// Snapshots up to now and, while the picture is frozen, beyond: ask it until [`View::now`].
    pub history: &'a History,
    /// The moment that is shown.
    pub now: UnixMs,
    /// Who did what, oldest first.
    pub journal: &'a VecDeque<JournalEntry>,
    /// The daemon's log, oldest first.
    pub log: &'a VecDeque<LogLine>,
    /// Requests, explained, newest first.
    pub explained: &'a [Explanation],
    /// Who watches.
    pub watchers: &'a [Watcher],
    /// The keys.
    pub keymap: &'a Keymap,
    /// Charts are left out.
    pub low: bool,
    /// Whether orders can be given here.
    pub may_order: bool,
    /// Whether it is a recording, which does not tell everything.
    pub replay: bool,
}

impl View<'_> {
    /// How far the snapshot itself can be believed.
    pub fn fresh(&self) -> Fresh {
        Fresh::of(self.status.map(|status| status.at), self.now)
    }

    /// How far what a beacon told can be believed: no further than the snapshot.
    pub fn fresh_of(&self, beacon: &BeaconStatus) -> Fresh {
        Fresh::of(beacon.observed, self.now).max(self.fresh())
    }

    /// A beacon by name.
    pub fn beacon(&self, name: &str) -> Option<&BeaconStatus> {
        self.status?.beacons.iter().find(|beacon| beacon.name.as_str() == name)
    }
}

#[cfg(test)]
pub mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::console::fixture::NOW;
    use crate::model::{Ahead, BeaconName, Consequences, Flow, Intent, Step, Use};
    use crate::ops;

    /// What serve would tell of an order at this fleet; of no beacon but `bare` is anything missing in its file.
    pub fn consequences(fleet: &FleetStatus, intent: Intent, beacons: &[BeaconName]) -> Consequences {
        ops::preflight(&ops::Question {
            intent,
            beacons,
            fleet,
            operations: &fleet.operations,
            ahead: Ahead { attestations: 128, sync: 1, blocks: 0, proposers: 64 },
            unconfigured: &[BeaconName::new("bare")],
        })
    }

    /// Everything a view borrows.
    pub struct Scene {
        pub history: History,
        pub now: UnixMs,
        pub journal: VecDeque<JournalEntry>,
        pub log: VecDeque<LogLine>,
        pub explained: Vec<Explanation>,
        pub keymap: Keymap,
    }

    impl Scene {
        pub fn of(status: FleetStatus) -> Self {
            let mut history = History::default();
            history.push(Arc::new(status));
            Self {
                history,
                now: NOW,
                journal: VecDeque::new(),
                log: VecDeque::new(),
                explained: Vec::new(),
                keymap: Keymap::default(),
            }
        }

        pub fn view(&self) -> View<'_> {
            View {
                status: self.history.newest().map(Arc::as_ref),
                history: &self.history,
                now: self.now,
                journal: &self.journal,
                log: &self.log,
                explained: &self.explained,
                watchers: &[],
                keymap: &self.keymap,
                low: false,
                may_order: true,
                replay: false,
            }
        }
    }

    /// A flow of attestation data.
    pub fn flow(client: &str, per_s: f32, failed_per_s: f32) -> Flow {
        Flow {
            client: client.into(),
            needs: Use::Sign,
            step: Some(Step::Attest),
            per_s,
            failed_per_s,
            hedged_per_s: 0.0,
            retried_per_s: 0.0,
            p50_ms: 3.0,
            p99_ms: 12.0,
            budget_ms: 4_000,
            served: vec![(BeaconName::new("b1"), 1.0)],
        }
    }

    #[test]
    fn nothing_is_fresher_than_its_snapshot() {
        let beacon = crate::console::fixture::beacon("b1");
        let mut scene = Scene::of(crate::console::fixture::fleet(vec![beacon.clone()]));
        assert_eq!(scene.view().fresh_of(&beacon), Fresh::Now);
        let unseen = BeaconStatus { observed: None, ..beacon.clone() };
        assert_eq!(scene.view().fresh_of(&unseen), Fresh::Lost);
        scene.now = UnixMs(NOW.0 + 30_000);
        let seen_now = BeaconStatus { observed: Some(scene.now), ..beacon };
        assert_eq!(scene.view().fresh_of(&seen_now), Fresh::Old);
    }
}
