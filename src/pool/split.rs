//! A chain split: heads part along the lines of consensus clients, and each side has beacons enough that none is merely
//! sick.
//!
//! Which side is right nobody can tell from here; the larger one may be the one with the bug. So nobody walks: from the
//! moment it shows, the agreed head stays on the branch it was on, and so does preference. It is certain once it has
//! lasted, so that a reorg that one client takes later than another is none; then nothing is signed from the other side.
//! It ends when the sides agree again, when a client goes over, or when an operator drains one side.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::agree::{AgreedHead, Heads, Stand};
use super::condition::Chain;
use super::state::{Pool, Seat};
use crate::model::{BeaconId, Slot, UnixMs};

/// Beacons a side must have: one alone may be sick.
const SIDE: usize = 2;
/// Slots that the chain must be ahead of beacons that stand still together.
const STANDING: u64 = 2;
/// Slots after which it is certain.
const LASTS: u64 = 2;

/// A consensus client by its name.
pub type Client = Arc<str>;

/// One side of a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Its clients, in order.
    pub clients: Vec<Client>,
    /// Its beacons, by place.
    pub beacons: Vec<BeaconId>,
    /// The newest of their heads.
    pub head: AgreedHead,
}

/// A split as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// When it showed first.
    pub since: UnixMs,
    /// In which slot.
    pub slot: Slot,
    /// Whether it has lasted: until then it may be a reorg that some take later.
    pub certain: bool,
    /// The last block the sides have in common, where it is known.
    pub parted: Option<AgreedHead>,
    /// The side validators stay with.
    pub ours: Side,
    /// The other side, or sides.
    pub theirs: Vec<Side>,
}

/// What is known of a split that goes on.
#[derive(Debug, Clone)]
pub(super) struct Rift {
    since: UnixMs,
    slot: Slot,
    certain: bool,
    parted: Option<AgreedHead>,
    ours: BTreeSet<Client>,
    theirs: BTreeSet<Client>,
    /// The heads at which clients stood still when it showed.
    standing: BTreeSet<AgreedHead>,
    /// It is from a process before this one, and in this slot it was taken back: who is on which side is not seen yet.
    recalled: Option<Slot>,
}

/// A split that a process before this one saw.
#[derive(Debug, Clone)]
pub struct Parted {
    /// When it showed first.
    pub since: UnixMs,
    /// Clients of the side validators stayed with.
    pub ours: Vec<Client>,
    /// The others.
    pub theirs: Vec<Client>,
}

/// What a beacon says, and whether it may be judged by it.
#[derive(Debug, Clone)]
struct Voice {
    id: BeaconId,
    client: Option<Client>,
    head: AgreedHead,
    stand: Stand,
    /// It can be heard now.
    heard: bool,
    /// It has no peers, or says that it is syncing: it stands still for a reason of its own.
    lags: bool,
}

impl Voice {
    fn is_of(&self, clients: &BTreeSet<Client>) -> bool {
        self.client.as_ref().is_some_and(|client| clients.contains(client))
    }
}

impl Rift {
    /// Whether a beacon of the other side's clients still is on the other side.
    fn divides(&self, voice: &Voice) -> bool {
        match voice.stand {
            Stand::Apart | Stand::Unknown => true,
            Stand::Behind => self.standing.contains(&voice.head),
            Stand::With => false,
        }
    }

    /// Clients most of whose beacons have gone over are on no side of their own any more; whether it goes on.
    fn goes_on(&mut self, voices: &[Voice]) -> bool {
        let count = |client: &Client, gone: &dyn Fn(&Voice) -> bool| {
            let of = voices.iter().filter(|voice| voice.heard && voice.client.as_ref() == Some(client));
            let (gone, stay): (Vec<&Voice>, Vec<&Voice>) = of.partition(|voice| gone(voice));
            (gone.len(), stay.len())
        };
        let most = |(gone, stay): (usize, usize)| gone > stay;
        self.ours.retain(|client| !most(count(client, &|voice| voice.stand == Stand::Apart)));
        self.theirs.retain(|client| !most(count(client, &|voice| voice.stand == Stand::With)));
        let ours = voices.iter().any(|voice| voice.is_of(&self.ours));
        ours && voices.iter().any(|voice| voice.is_of(&self.theirs) && self.divides(voice))
    }

    /// Whether this one's word moves the agreed head: its client is of our side, or it brings news of our branch.
    fn hears(&self, voice: &Voice) -> bool {
        voice.is_of(&self.ours) || voice.stand == Stand::With && self.recalled.is_none()
    }
}

/// Voices that are on one branch, by branch.
fn branches<'a>(heads: &Heads, voices: impl Iterator<Item = &'a Voice>) -> Vec<Vec<&'a Voice>> {
    let mut branches: Vec<Vec<&Voice>> = Vec::new();
    for voice in voices {
        let same = |other: &&Voice| heads.are_one_branch(voice.head.root, other.head.root);
        match branches.iter_mut().find(|branch| branch.iter().any(same)) {
            Some(branch) => branch.push(voice),
            None => branches.push(vec![voice]),
        }
    }
    branches
}

/// Branches of which no header tells yet count to the one their client is on.
fn settled(branches: Vec<Vec<&Voice>>) -> Vec<Vec<&Voice>> {
    let is_told = |branch: &Vec<&Voice>| branch.iter().any(|voice| voice.stand != Stand::Unknown);
    let (mut told, untold): (Vec<_>, Vec<_>) = branches.into_iter().partition(is_told);
    for branch in untold {
        let fellow = |of: &&mut Vec<&Voice>| of.iter().any(|voice| voice.client == branch[0].client);
        match told.iter_mut().find(fellow) {
            Some(of) => of.extend(branch),
            None => told.push(branch),
        }
    }
    told
}

fn side(voices: &[&Voice]) -> Option<Side> {
    let clients: BTreeSet<Client> = voices.iter().filter_map(|voice| voice.client.clone()).collect();
    Some(Side {
        clients: clients.into_iter().collect(),
        beacons: voices.iter().map(|voice| voice.id).collect(),
        head: voices.iter().map(|voice| voice.head).max_by_key(|head| head.slot)?,
    })
}

/// Which heads count as another side, and how much of a client must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    /// Heads that are known to be apart, most beacons of a client: a split.
    Sure,
    /// Also heads of which headers do not tell yet, and any beacon of a client: the first ones of a client that goes
    /// there are as many as it takes to walk after them.
    Wary,
}

/// Beacons of one client that stand still together. Of several clients, what they share is another thing.
fn standing<'a>(agreed: AgreedHead, voices: impl Iterator<Item = &'a Voice>) -> Vec<Vec<&'a Voice>> {
    let mut groups: Vec<Vec<&Voice>> = Vec::new();
    let stands = |voice: &&Voice| {
        voice.stand == Stand::Behind && !voice.lags && voice.head.slot.0 + STANDING <= agreed.slot.0
    };
    for voice in voices.filter(stands) {
        let same = |other: &Vec<&Voice>| (other[0].head, &other[0].client) == (voice.head, &voice.client);
        match groups.iter_mut().find(|group| same(group)) {
            Some(group) => group.push(voice),
            None => groups.push(vec![voice]),
        }
    }
    groups
}

/// The sides, ours first, if what is heard parts along the lines of clients.
fn part(heads: &Heads, voices: &[Voice], measure: Measure) -> Option<(Side, Vec<Side>)> {
    let agreed = heads.agreed()?;
    let heard = || voices.iter().filter(|voice| voice.heard && voice.client.is_some());
    let wary = measure == Measure::Wary;
    let is_apart = |voice: &&Voice| voice.stand == Stand::Apart || wary && voice.stand == Stand::Unknown;
    let mut groups = branches(heads, heard().filter(is_apart));
    groups.append(&mut standing(agreed, heard()));
    let stay = |client: &Option<Client>| {
        heard().filter(|voice| voice.stand == Stand::With && voice.client == *client).count()
    };
    for group in &mut groups {
        let all = group.clone();
        let gone = |client: &Option<Client>| all.iter().filter(|voice| voice.client == *client).count();
        group.retain(|voice| wary || gone(&voice.client) > stay(&voice.client));
    }
    groups.retain(|group| group.len() >= SIDE);
    let gone: BTreeSet<&Option<Client>> = groups.iter().flatten().map(|voice| &voice.client).collect();
    let ours: Vec<&Voice> =
        heard().filter(|voice| voice.stand == Stand::With && !gone.contains(&voice.client)).collect();
    let ours = side(&ours).filter(|ours| ours.beacons.len() >= SIDE)?;
    let theirs: Vec<Side> = groups.iter().filter_map(|group| side(group)).collect();
    (!theirs.is_empty()).then_some((ours, theirs))
}

impl Pool {
    fn voices(&self, latest: Slot) -> Vec<Voice> {
        let may = |seat: &&Seat| seat.drained.is_none() && seat.condition.chain == Chain::Same;
        let seats = self.seats.iter().enumerate().filter(|(_, seat)| may(seat));
        seats
            .filter_map(|(index, seat)| {
                let id = BeaconId(index as u16);
                let head = self.heads.of(id).filter(|head| head.slot <= latest)?;
                let facts = seat.condition.facts.unwrap_or_default();
                Some(Voice {
                    id,
                    client: seat.client.clone(),
                    head,
                    stand: self.heads.stand(head),
                    heard: seat.condition.is_trusted(),
                    lags: facts.peers == Some(0) || facts.syncing,
                })
            })
            .collect()
    }

    /// Settles on the agreed head; where clients part, by the word of our side alone. Who is across a split that is certain.
    pub(super) fn settle(&mut self, latest: Slot, slot: Slot, at: UnixMs) -> BTreeSet<BeaconId> {
        let mut went_on = self.rift.take();
        if let Some(rift) = &mut went_on {
            self.see_again(rift, latest, slot);
        }
        let voices = self.voices(latest);
        let goes_on = |rift: &mut Rift| rift.recalled.is_some() || rift.goes_on(&voices);
        self.rift = match went_on.and_then(|mut rift| goes_on(&mut rift).then_some(rift)) {
            Some(rift) => {
                let certain = rift.certain || slot.0 >= rift.slot.0 + LASTS;
                Some(Rift { certain, ..rift })
            }
            None => part(&self.heads, &voices, Measure::Sure).map(|sides| self.rift_of(&sides, slot, at)),
        };
        // Nobody follows the first beacons of a client to another branch either, before its others and headers tell.
        let wary = self.rift.is_none() && part(&self.heads, &voices, Measure::Wary).is_some();
        let hears = |voice: &&Voice| match &self.rift {
            Some(rift) => rift.hears(voice),
            None => !wary || matches!(voice.stand, Stand::With | Stand::Behind),
        };
        let heard: BTreeSet<BeaconId> =
            voices.iter().filter(|voice| voice.heard).filter(hears).map(|voice| voice.id).collect();
        self.heads.settle(latest, |id| heard.contains(&id));
        let Some(rift) = self.rift.as_ref().filter(|rift| rift.certain) else { return BTreeSet::new() };
        let across =
            |voice: &&Voice| voice.stand == Stand::Apart || voice.is_of(&rift.theirs) && rift.divides(voice);
        voices.iter().filter(across).map(|voice| voice.id).collect()
    }

    fn rift_of(&self, (ours, theirs): &(Side, Vec<Side>), slot: Slot, at: UnixMs) -> Rift {
        let standing =
            theirs.iter().map(|side| side.head).filter(|head| self.heads.stand(*head) == Stand::Behind);
        let parted = theirs.first().and_then(|theirs| self.heads.parted(ours.head.root, theirs.head));
        Rift {
            since: at,
            slot,
            certain: false,
            parted,
            ours: ours.clients.iter().cloned().collect(),
            theirs: theirs.iter().flat_map(|side| side.clients.clone()).collect(),
            standing: standing.collect(),
            recalled: None,
        }
    }

    /// Goes on with what a process before this one saw, unless this one has seen it for certain.
    pub(super) fn recall(&mut self, parted: Parted, slot: Slot) {
        if self.rift.as_ref().is_some_and(|rift| rift.certain) {
            return;
        }
        self.rift = Some(Rift {
            since: parted.since,
            slot,
            certain: true,
            parted: None,
            ours: parted.ours.into_iter().collect(),
            theirs: parted.theirs.into_iter().collect(),
            standing: BTreeSet::new(),
            recalled: Some(slot),
        });
    }

    /// A split of before is seen anew once both sides have said who they are, or will not: the agreed head is then of our
    /// side, whoever was heard first.
    fn see_again(&mut self, rift: &mut Rift, latest: Slot, slot: Slot) {
        let Some(since) = rift.recalled else { return };
        let voices = self.voices(latest);
        let ours = voices.iter().filter(|voice| voice.heard && voice.is_of(&rift.ours));
        let ours = ours.map(|voice| voice.head).max_by_key(|head| head.slot);
        let theirs = voices.iter().any(|voice| voice.is_of(&rift.theirs));
        let all = ours.is_some() && theirs && voices.iter().all(|voice| voice.client.is_some());
        if all || slot.0 >= since.0 + LASTS {
            self.heads.agreed = ours.or(self.heads.agreed);
            rift.recalled = None;
        }
    }

    /// The split that goes on, with what each side says now.
    pub(super) fn split(&self, latest: Slot) -> Option<Arc<Split>> {
        let rift = self.rift.as_ref()?;
        let voices = self.voices(latest);
        let ours: Vec<&Voice> = voices.iter().filter(|voice| voice.is_of(&rift.ours)).collect();
        let theirs = voices.iter().filter(|voice| voice.is_of(&rift.theirs) && rift.divides(voice));
        Some(Arc::new(Split {
            since: rift.since,
            slot: rift.slot,
            certain: rift.certain,
            parted: rift.parted,
            ours: Side { head: self.heads.agreed()?, ..side(&ours)? },
            theirs: settled(branches(&self.heads, theirs)).iter().filter_map(|branch| side(branch)).collect(),
        }))
    }
}
