//! What may be to blame, and the path of each duty through it.

use std::collections::{BTreeMap, HashMap};

use super::symptom::{Reach, Symptom};
use crate::model::{Culprit, CulpritKind as Kind, FleetSeen};

/// The name of the only router, where clients carry no `router` label.
const ONE_ROUTER: &str = "router";

/// Whether it stands between the validator and the router.
pub(super) fn is_front(kind: &Kind) -> bool {
    matches!(kind, Kind::Client | Kind::Signer | Kind::Router)
}

/// Whether a symptom on its path may be its doing. What is never asked for or signed is no beacon's; and routers and signers
/// pass on the head they are given.
pub(super) fn can_cause(kind: &Kind, symptom: Symptom) -> bool {
    match symptom {
        Symptom::WrongHead => !matches!(kind, Kind::Router | Kind::Signer),
        _ => is_front(kind) || !symptom.is_clients_only(),
    }
}

fn of_label(key: &str) -> Kind {
    match key {
        "host" => Kind::Host,
        "el" => Kind::El,
        "cl" => Kind::Cl,
        "zone" => Kind::Zone,
        "signer" => Kind::Signer,
        "router" => Kind::Router,
        other => Kind::Label(other.to_owned()),
    }
}

/// How improbable a fault of this kind is before anything is seen, in nats.
fn prior(kind: &Kind) -> f64 {
    match kind {
        Kind::Network | Kind::Beacon | Kind::Key | Kind::ChainSplit => 0.0,
        Kind::Client => 0.5,
        Kind::Host | Kind::Signer => 1.0,
        Kind::El | Kind::Cl => 1.5,
        Kind::Zone | Kind::Router => 2.0,
        Kind::Label(_) => 2.5,
    }
}

/// And so much more of what all beacons have in common: the router has it in common with them, too.
const OF_ALL: f64 = 1.5;

/// Whether it stands for several beacons or clients.
pub(super) fn is_broad(kind: &Kind) -> bool {
    !matches!(kind, Kind::Network | Kind::Beacon | Kind::Client)
}

/// Place of a component in [`Parts`].
pub(super) type Id = usize;
/// Place of a path in [`Parts`].
pub(super) type PathId = usize;

/// Components of a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path {
    /// All of them.
    pub(super) all: Vec<Id>,
    /// Those between the router and the chain, and the router: a client cannot make an answer slow.
    pub(super) back: Vec<Id>,
    /// The same and, if nobody but the router itself asked, the router: its own machine or network may be what takes long.
    pub(super) timed: Vec<Id>,
    /// The client and the beacon, as far as known.
    pub(super) ends: [Option<Id>; 2],
}

impl Path {
    /// The components of which a symptom on this path may be the doing.
    pub(super) fn on(&self, symptom: Symptom) -> &[Id] {
        match symptom.reach() {
            Reach::All => &self.all,
            Reach::Back => &self.back,
            Reach::Timed => &self.timed,
        }
    }
}

/// All components, and the paths through them.
#[derive(Debug, Default)]
pub(super) struct Parts {
    culprits: Vec<Culprit>,
    ids: HashMap<Culprit, Id>,
    /// Beacons or clients of a component.
    members: Vec<Vec<Id>>,
    /// A client or beacon and what it stands on, itself first.
    fronts: HashMap<String, Vec<Id>>,
    backs: HashMap<String, Vec<Id>>,
    paths: Vec<Path>,
    known: HashMap<[Option<Id>; 2], PathId>,
    fleet: FleetSeen,
}

impl Parts {
    /// Takes a fleet; what was known keeps its place.
    pub(super) fn learn(&mut self, fleet: &FleetSeen) {
        if self.fleet == *fleet {
            return;
        }
        self.fleet = fleet.clone();
        self.fronts.clear();
        self.backs.clear();
        self.known.clear();
        self.members.iter_mut().for_each(Vec::clear);
        for beacon in &fleet.beacons {
            let own = self.leaf(Kind::Beacon, &beacon.name, &beacon.labels);
            self.backs.insert(beacon.name.clone(), own);
        }
        for client in &fleet.clients {
            self.front(&client.name, &client.labels);
        }
    }

    fn front(&mut self, name: &str, labels: &BTreeMap<String, String>) -> Vec<Id> {
        let mut labels = labels.clone();
        labels.entry("router".to_owned()).or_insert_with(|| ONE_ROUTER.to_owned());
        let router = self.only_router();
        let own = self.leaf(Kind::Client, name, &labels);
        if self.only_router() != router {
            self.known.clear();
        }
        self.fronts.insert(name.to_owned(), own.clone());
        own
    }

    fn leaf(&mut self, kind: Kind, name: &str, labels: &BTreeMap<String, String>) -> Vec<Id> {
        let leaf = self.id(Culprit { kind, name: name.to_owned() });
        let mut path = vec![leaf];
        for (key, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
            let id = self.id(Culprit { kind: of_label(key), name: value.clone() });
            self.members[id].push(leaf);
            path.push(id);
        }
        path
    }

    fn id(&mut self, culprit: Culprit) -> Id {
        if let Some(id) = self.ids.get(&culprit) {
            return *id;
        }
        let id = self.culprits.len();
        self.ids.insert(culprit.clone(), id);
        self.culprits.push(culprit);
        self.members.push(Vec::new());
        id
    }

    /// The path of a client's request by a beacon, as far as either is known.
    pub(super) fn path(&mut self, client: Option<&str>, beacon: Option<&str>) -> PathId {
        let nothing = BTreeMap::new();
        if let Some(name) = client.filter(|name| !self.fronts.contains_key(*name)) {
            self.front(name, &nothing);
        }
        if let Some(name) = beacon.filter(|name| !self.backs.contains_key(*name)) {
            let own = self.leaf(Kind::Beacon, name, &nothing);
            self.backs.insert(name.to_owned(), own);
        }
        let own = |of: Option<&Vec<Id>>| of.map(|own| own[0]);
        let ends = [
            own(client.and_then(|name| self.fronts.get(name))),
            own(beacon.and_then(|name| self.backs.get(name))),
        ];
        self.between(ends)
    }

    /// The path between a client and a beacon that are known, or of one of them alone.
    pub(super) fn between(&mut self, ends: [Option<Id>; 2]) -> PathId {
        if let Some(path) = self.known.get(&ends) {
            return *path;
        }
        let stands = |of: &HashMap<String, Vec<Id>>, end: Option<Id>| {
            let name = end.map(|id| &self.culprits[id].name);
            name.and_then(|name| of.get(name)).cloned().unwrap_or_default()
        };
        let (mut all, mut behind) = (stands(&self.fronts, ends[0]), stands(&self.backs, ends[1]));
        all.extend(&behind);
        behind.extend(all.iter().filter(|id| self.culprits[**id].kind == Kind::Router));
        let mut timed = behind.clone();
        if let [None, Some(_)] = ends {
            timed.extend(self.only_router());
        }
        for list in [&mut all, &mut behind, &mut timed] {
            list.sort_unstable();
            list.dedup();
        }
        self.paths.push(Path { all, back: behind, timed, ends });
        self.known.insert(ends, self.paths.len() - 1);
        self.paths.len() - 1
    }

    /// The router, if all clients go by the same.
    fn only_router(&self) -> Option<Id> {
        let mut routers = (0..self.len())
            .filter(|id| self.culprits[*id].kind == Kind::Router && !self.members[*id].is_empty());
        routers.next().filter(|_| routers.next().is_none())
    }

    /// How improbable a fault of it is before anything is seen, in nats.
    pub(super) fn prior(&self, id: Id) -> f64 {
        prior(&self.culprits[id].kind) + if self.is_of_all_beacons(id) { OF_ALL } else { 0.0 }
    }

    /// Whether all beacons of the fleet, which are several, stand on it.
    pub(super) fn is_of_all_beacons(&self, id: Id) -> bool {
        self.backs.len() > 1 && self.backs.values().all(|own| self.members[id].contains(&own[0]))
    }

    /// The beacons of which the times that the router measures may be this component's doing, if it is the only router.
    pub(super) fn timed(&self, id: Id) -> impl Iterator<Item = Id> {
        let is_router = self.culprits[id].kind == Kind::Router;
        let is_it = is_router && self.backs.len() > 1 && self.only_router() == Some(id);
        let backs = is_it.then(|| self.backs.values());
        backs.into_iter().flatten().map(|own| own[0])
    }

    pub(super) fn of(&self, path: PathId) -> &Path {
        &self.paths[path]
    }

    pub(super) fn culprit(&self, id: Id) -> &Culprit {
        &self.culprits[id]
    }

    pub(super) fn find(&self, culprit: &Culprit) -> Option<Id> {
        self.ids.get(culprit).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.culprits.len()
    }

    pub(super) fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// The hosts that stand for a beacon, by name.
    pub(super) fn hosts_of(&self, id: Id) -> impl Iterator<Item = &str> {
        let hosts = self.culprits.iter().zip(&self.members).filter(|(one, _)| one.kind == Kind::Host);
        hosts.filter(move |(_, members)| members.contains(&id)).map(|(one, _)| one.name.as_str())
    }

    /// The beacons and clients it stands for; none for one of them.
    pub(super) fn members(&self, id: Id) -> &[Id] {
        &self.members[id]
    }

    /// Those that stand for several of the fleet, or may come to.
    pub(super) fn groups(&self) -> Vec<Culprit> {
        let all = self.culprits.iter().zip(&self.members);
        all.filter(|(_, members)| !members.is_empty()).map(|(culprit, _)| culprit.clone()).collect()
    }

    /// Whether two stand for something in common.
    pub(super) fn related(&self, a: Id, b: Id) -> bool {
        let (a, b) = (self.leaves(&a), self.leaves(&b));
        a.iter().any(|leaf| b.contains(leaf))
    }

    /// Whether all that one stands for the other stands for, too.
    pub(super) fn is_part(&self, part: Id, whole: Id) -> bool {
        let whole = self.leaves(&whole);
        self.leaves(&part).iter().all(|leaf| whole.contains(leaf))
    }

    pub(super) fn leaves<'a>(&'a self, id: &'a Id) -> &'a [Id] {
        if is_broad(&self.culprits[*id].kind) { &self.members[*id] } else { std::slice::from_ref(id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_asked_for_is_no_beacons_doing_and_who_passes_a_head_on_chose_none() {
        let can = |symptom| {
            let kinds = [Kind::Beacon, Kind::Host, Kind::Client, Kind::Router, Kind::Signer];
            kinds.map(|kind| can_cause(&kind, symptom))
        };
        assert_eq!(can(Symptom::Missed), [true; 5]);
        assert_eq!(can(Symptom::Unasked), [false, false, true, true, true]);
        assert_eq!(can(Symptom::Unsigned), [false, false, true, true, true]);
        assert_eq!(can(Symptom::WrongHead), [true, true, true, false, false]);
    }
}
