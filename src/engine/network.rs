//! Which network the pool serves, and who is a stranger to it. Pure.

use super::forks::{self, Member};
use crate::chain::{Identity, SlotClock};
use crate::model::{BeaconId, BeaconName, ComingFork, Epoch, Moment, Root, UnixMs};
use crate::pool::Chain;
use crate::router::LocalFacts;

/// After the first beacon told its chain the others have this long before the network is chosen among those that did.
const PATIENCE_MS: u64 = 2_000;

/// What a beacon told of its chain.
#[derive(Debug, Clone)]
pub struct Told {
    /// Genesis, forks, spec.
    pub identity: Identity,
    /// The bodies it told them in.
    pub facts: LocalFacts,
}

/// The chosen network.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Its identity as the best informed member tells it.
    pub identity: Identity,
    /// Its clock.
    pub clock: SlotClock,
    /// What the router answers itself.
    pub facts: LocalFacts,
}

/// Chooses the network and compares beacons with it. Once chosen it stays.
#[derive(Debug)]
pub struct Network {
    wanted: Option<Root>,
    told: Vec<Option<Told>>,
    first: Option<Moment>,
    chosen: Option<Chosen>,
    /// Coming forks as of an epoch; none once somebody told something since.
    forks: Option<(Epoch, Vec<ComingFork>)>,
}

impl Network {
    /// For `beacons` beacons; `wanted` is the only genesis validators root that is accepted, if given.
    pub fn new(beacons: usize, wanted: Option<Root>) -> Self {
        Self { wanted, told: vec![None; beacons], first: None, chosen: None, forks: None }
    }

    /// The same under another fleet file: what those told that stay, by their new place, and the choice.
    #[must_use]
    pub fn succeed(&self, before: &[Option<BeaconId>], wanted: Option<Root>) -> Self {
        let told = before.iter().map(|before| before.and_then(|before| self.told[before.index()].clone()));
        let (told, chosen) = (told.collect(), self.chosen.clone());
        Self { wanted, told, first: self.first, chosen, forks: None }
    }

    /// The chosen network.
    pub fn chosen(&self) -> Option<&Chosen> {
        self.chosen.as_ref()
    }

    /// A beacon told its chain. Returns what is now known of whom.
    pub fn learn(&mut self, id: BeaconId, told: Told, now: Moment) -> Vec<(BeaconId, Chain)> {
        self.first.get_or_insert(now);
        self.told[id.index()] = Some(told);
        self.forks = None;
        if self.chosen.is_some() {
            self.update(id);
            return vec![(id, self.verdict(id))];
        }
        self.choose(now)
    }

    /// Time passed: the rest may have had its chance.
    pub fn tick(&mut self, now: Moment) -> Vec<(BeaconId, Chain)> {
        if self.chosen.is_some() || self.first.is_none() { Vec::new() } else { self.choose(now) }
    }

    /// Forks that are coming, and which of the beacons of these names are ready for them; looked at once an epoch, and when
    /// one tells its chain.
    pub fn forks(&mut self, names: &[BeaconName], now: UnixMs) -> Vec<ComingFork> {
        let Some(chosen) = &self.chosen else { return Vec::new() };
        let epoch = chosen.clock.epoch_of(chosen.clock.slot_at(now).unwrap_or_default());
        if let Some((_, forks)) = self.forks.as_ref().filter(|(as_of, _)| *as_of == epoch) {
            return forks.clone();
        }
        let refused = |place: usize| match self.verdict(BeaconId(place as u16)) {
            Chain::Stranger(why) => Some(why),
            Chain::Same | Chain::Unknown => None,
        };
        let members = names.iter().zip(&self.told).enumerate().map(|(place, (name, told))| Member {
            name,
            spec: told.as_ref().map(|told| &told.identity.spec),
            refused: refused(place),
        });
        let forks = forks::coming(&members.collect::<Vec<_>>(), &chosen.clock, now);
        self.forks = Some((epoch, forks.clone()));
        forks
    }

    fn choose(&mut self, now: Moment) -> Vec<(BeaconId, Chain)> {
        let waited = self.first.is_some_and(|first| now.ms_since(first) >= PATIENCE_MS);
        if !waited && self.told.iter().any(Option::is_none) {
            return Vec::new();
        }
        let known: Vec<&Told> = self.told.iter().flatten().collect();
        let friends =
            |told: &Told| known.iter().filter(|other| told.identity.compare(&other.identity).is_ok()).count();
        let candidates = known
            .iter()
            .filter(|told| self.wanted.is_none_or(|wanted| told.identity.genesis.validators_root == wanted));
        // The largest group; among equals the one named first in the fleet file, hence `rev` for `max_by_key`.
        let best = candidates.rev().max_by_key(|told| friends(told)).map(|told| (*told).clone());
        if let Some(best) = best {
            self.adopt(best);
        }
        let all = (0..self.told.len()).map(|index| BeaconId(index as u16));
        all.filter(|id| self.told[id.index()].is_some()).map(|id| (id, self.verdict(id))).collect()
    }

    fn adopt(&mut self, told: Told) {
        match SlotClock::new(&told.identity.genesis, &told.identity.spec) {
            Ok(clock) => {
                self.chosen = Some(Chosen { identity: told.identity, clock, facts: told.facts });
            }
            Err(error) => tracing::error!(%error, "the chain's spec cannot be used"),
        }
    }

    /// A member that knows more of the spec (a newer client, a scheduled fork) speaks for the network from then on.
    fn update(&mut self, id: BeaconId) {
        let Some(told) = self.told[id.index()].clone() else { return };
        let Some(chosen) = &self.chosen else { return };
        let knows_more = told.identity.spec.iter().count() > chosen.identity.spec.iter().count();
        if knows_more && chosen.identity.compare(&told.identity).is_ok() {
            self.adopt(told);
        }
    }

    fn verdict(&self, id: BeaconId) -> Chain {
        let Some(told) = &self.told[id.index()] else { return Chain::Unknown };
        match &self.chosen {
            Some(chosen) => match chosen.identity.compare(&told.identity) {
                Ok(()) => Chain::Same,
                Err(stranger) => Chain::Stranger(stranger.to_string()),
            },
            None => match self.wanted {
                Some(wanted) if told.identity.genesis.validators_root != wanted => Chain::Stranger(format!(
                    "its genesis validators root is {}, the fleet file wants {wanted}",
                    told.identity.genesis.validators_root
                )),
                _ => Chain::Unknown,
            },
        }
    }
}
