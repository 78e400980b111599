//! The published table: what the router reads, by one atomic load, to choose beacons.

use std::sync::Arc;

use super::agree::AgreedHead;
use super::grade::{GOOD, NEVER, UNSEEDED};
use super::split::Split;
use crate::chain::SlotClock;
use crate::model::{BeaconId, Lifecycle, Reason, Role, UnixMs, Use};

/// One beacon's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Which beacon.
    pub id: BeaconId,
    /// Rank by use, index `Use as usize`; [`NEVER`] is never.
    pub ranks: [u8; 5],
    /// Why it is not healthy, worst first.
    pub reasons: Vec<Reason>,
    /// Operator's order.
    pub lifecycle: Lifecycle,
    /// Its own head.
    pub head: Option<AgreedHead>,
    /// Its head is the agreed head.
    pub at_agreed: bool,
    /// Set of [`Role::bit`].
    pub roles: u8,
    /// In the router's own zone.
    pub near: bool,
    /// Beacons with equal numbers share a host.
    pub host: u16,
    /// Share of work among equals; changes only late in a slot.
    pub share: u32,
    /// It may lack what must be told before a block or an aggregate: the turn that [`super::Event::Seeded`] ends.
    pub owed: Option<u32>,
}

impl Entry {
    /// Rank for a use, [`NEVER`] if the role is lacking.
    pub fn rank(&self, uses: Use, role: Option<Role>) -> u8 {
        if role.is_some_and(|role| self.roles & role.bit() == 0) {
            return NEVER;
        }
        let rank = self.ranks[uses as usize];
        // Its attestation data is as good as another's: what it was not told of are fee recipients and subscriptions.
        let matters = uses == Use::Sign && matches!(role, Some(Role::Propose | Role::Aggregate));
        if self.owed.is_some() && matters { rank.max(UNSEEDED) } else { rank }
    }

    /// Whether it may be used at all for this.
    pub fn eligible(&self, uses: Use, role: Option<Role>) -> bool {
        self.rank(uses, role) != NEVER
    }

    /// Whether it is healthy for this use.
    pub fn good(&self, uses: Use) -> bool {
        self.ranks[uses as usize] == GOOD
    }

    /// Whether it still may finish what it began: new work no, pinned and subscribed things yes.
    pub fn finishes(&self) -> bool {
        matches!(self.lifecycle, Lifecycle::Active | Lifecycle::Draining(_))
            && !self.reasons.contains(&Reason::WrongChain)
    }
}

/// The pool at one moment.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Running number of published tables.
    pub seq: u64,
    /// When it was made.
    pub at: UnixMs,
    /// The slot clock, once the chain is known.
    pub clock: Option<SlotClock>,
    /// The agreed head.
    pub agreed: Option<AgreedHead>,
    /// The agreed head's parent, where it is known.
    pub parent: Option<AgreedHead>,
    /// The chain split that goes on.
    pub split: Option<Arc<Split>>,
    /// A row per beacon, by id.
    pub entries: Vec<Entry>,
}

impl Table {
    /// Why nobody is eligible for a use, one sentence.
    pub fn nobody(&self, uses: Use, names: impl Fn(BeaconId) -> String) -> String {
        let each: Vec<String> = self
            .entries
            .iter()
            .map(|entry| match entry.reasons.first() {
                Some(reason) => format!("{} is {reason}", names(entry.id)),
                None => format!("{} lacks the role", names(entry.id)),
            })
            .collect();
        let what = match uses {
            Use::Sign => "no beacon may answer what a validator will sign",
            Use::Read | Use::Publish | Use::Seed | Use::Events => "no beacon can take this",
        };
        format!("{what}: {}", each.join(", "))
    }
}
