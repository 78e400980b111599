//! Ids that stay the same over fleet files. Pure.

use std::sync::Arc;

use crate::engine::journal::Labels;
use crate::model::{BeaconId, BeaconName, BeaconSet, ClientId};

/// Clients remembered at most, over all fleet files.
const MOST_CLIENTS: usize = 1 << 12;

/// Names by an id that is never given to another one.
#[derive(Debug, Default)]
pub struct Names {
    beacons: Vec<BeaconName>,
    clients: Vec<String>,
    of: Option<Arc<Labels>>,
    /// What the ids of the labels in force stand for here.
    beacon_ids: Vec<BeaconId>,
    client_ids: Vec<ClientId>,
}

impl Names {
    /// Whether ids are told as these labels have them.
    pub fn is_under(&self, labels: &Arc<Labels>) -> bool {
        self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, labels))
    }

    /// From now on ids are told as these labels have them. Whether there was no room and all begin anew.
    pub fn under(&mut self, labels: &Arc<Labels>) -> bool {
        if self.is_under(labels) {
            return false;
        }
        let told = &labels.names;
        let new_beacons = told.beacons.iter().filter(|name| !self.beacons.contains(name)).count();
        let new_clients = told.clients.iter().filter(|name| !self.clients.contains(name)).count();
        let full = self.beacons.len() + new_beacons > BeaconSet::MOST
            || self.clients.len() + new_clients > MOST_CLIENTS;
        if full {
            *self = Self::default();
        }
        self.beacon_ids =
            told.beacons.iter().map(|name| BeaconId(place(&mut self.beacons, name) as u16)).collect();
        self.client_ids =
            told.clients.iter().map(|name| ClientId(place(&mut self.clients, name) as u16)).collect();
        self.of = Some(labels.clone());
        full
    }

    /// The lasting id of a beacon of the labels in force.
    pub fn beacon(&self, id: BeaconId) -> Option<BeaconId> {
        self.beacon_ids.get(id.index()).copied()
    }

    /// The lasting id of a client of the labels in force.
    pub fn client(&self, id: ClientId) -> Option<ClientId> {
        self.client_ids.get(usize::from(id.0)).copied()
    }

    /// The same of a set.
    pub fn set(&self, set: BeaconSet) -> BeaconSet {
        let mut out = BeaconSet::default();
        for (place, id) in self.beacon_ids.iter().enumerate() {
            if set.has(BeaconId(place as u16)) {
                out.add(*id);
            }
        }
        out
    }

    /// By lasting id.
    pub fn beacon_name(&self, id: BeaconId) -> Option<&BeaconName> {
        self.beacons.get(id.index())
    }

    /// By lasting id.
    pub fn client_name(&self, id: ClientId) -> Option<&str> {
        self.clients.get(usize::from(id.0)).map(String::as_str)
    }

    /// The lasting id of a name.
    pub fn beacon_of(&self, name: &BeaconName) -> Option<BeaconId> {
        self.beacons.iter().position(|of| of == name).map(|place| BeaconId(place as u16))
    }

    /// The lasting id of a name.
    pub fn client_of(&self, name: &str) -> Option<ClientId> {
        self.clients.iter().position(|of| of == name).map(|place| ClientId(place as u16))
    }

    /// The names in force, in the order of the fleet file; the first client stands for those it does not name.
    pub fn in_force(&self) -> Option<&Labels> {
        self.of.as_deref()
    }

    /// All beacons of a set, by name.
    pub fn names_of(&self, set: BeaconSet) -> Vec<BeaconName> {
        let of = self.beacons.iter().enumerate();
        of.filter(|(place, _)| set.has(BeaconId(*place as u16))).map(|(_, name)| name.clone()).collect()
    }
}

fn place<T: PartialEq + Clone>(list: &mut Vec<T>, name: &T) -> usize {
    list.iter().position(|of| of == name).unwrap_or_else(|| {
        list.push(name.clone());
        list.len() - 1
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::engine::explain::Names as Told;
    use crate::metrics::Metrics;

    pub(in crate::engine::observe) fn labels(beacons: &[String], clients: &[&str]) -> Arc<Labels> {
        let names = Told {
            beacons: beacons.iter().map(|name| BeaconName::new(name.as_str())).collect(),
            clients: clients.iter().map(|name| (*name).to_owned()).collect(),
        };
        let series = Metrics::new(&[]).series(&names.for_metrics());
        Arc::new(Labels { names, series })
    }

    #[test]
    fn a_name_keeps_its_id_over_reloads_until_there_is_no_room() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut names = Names::default();
        assert!(!names.under(&labels(&list(&["a", "b"]), &["unnamed", "x"])));
        let b = names.beacon(BeaconId(1)).unwrap();
        assert!(!names.under(&labels(&list(&["b", "c"]), &["unnamed", "y"])));
        assert_eq!(names.beacon(BeaconId(0)), Some(b));
        assert_eq!(names.client(ClientId(1)).and_then(|id| names.client_name(id)), Some("y"));
        let mut set = BeaconSet::default();
        set.add(BeaconId(0));
        assert_eq!(names.names_of(names.set(set)), [BeaconName::new("b")]);
        let many: Vec<String> = (0..BeaconSet::MOST).map(|n| format!("n{n}")).collect();
        assert!(names.under(&labels(&many, &["unnamed"])), "three and 128 are too many");
        assert_eq!(names.beacon(BeaconId(0)), Some(BeaconId(0)));
    }
}
