//! A chain split, as everyone is shown it: heads that part along the lines of consensus clients.

use serde::{Deserialize, Serialize};

use super::{BeaconName, HeadStatus, Slot, UnixMs};

/// One side of a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SplitSide {
    /// Its consensus clients, in order.
    pub clients: Vec<String>,
    /// Its beacons.
    pub beacons: Vec<BeaconName>,
    /// The newest of their heads.
    pub head: HeadStatus,
}

/// A split that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChainSplit {
    /// The slot in which it showed first.
    pub began: Slot,
    /// When that was.
    pub since: UnixMs,
    /// The last block the sides have in common, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parted: Option<HeadStatus>,
    /// The side validators stay with.
    pub ours: SplitSide,
    /// The other side, or sides.
    pub theirs: Vec<SplitSide>,
}

impl SplitSide {
    /// Its clients in words: `Lighthouse, Nimbus`.
    pub fn name(&self) -> String {
        self.clients.join(", ")
    }

    /// `Teku (b3, b4) at 0x1234… of slot 812`.
    pub fn told(&self) -> String {
        let beacons: Vec<&str> = self.beacons.iter().map(BeaconName::as_str).collect();
        let HeadStatus { slot, root } = self.head;
        format!("{} ({}) at {} of slot {slot}", self.name(), beacons.join(", "), root.short())
    }
}

impl ChainSplit {
    /// Who parts from whom: `Lighthouse / Teku`, the side validators stay with first.
    pub fn name(&self) -> String {
        let sides = std::iter::once(&self.ours).chain(&self.theirs);
        sides.map(SplitSide::name).collect::<Vec<_>>().join(" / ")
    }

    /// The clients of the side validators stay with, and the others, by what [`ChainSplit::name`] says.
    pub fn sides(name: &str) -> (Vec<&str>, Vec<&str>) {
        let (ours, theirs) = name.split_once(" / ").unwrap_or((name, ""));
        let theirs = theirs.split(" / ").flat_map(|side| side.split(", "));
        (ours.split(", ").collect(), theirs.filter(|client| !client.is_empty()).collect())
    }

    /// All beacons that are on one of the sides.
    pub fn beacons(&self) -> impl Iterator<Item = &BeaconName> {
        std::iter::once(&self.ours).chain(&self.theirs).flat_map(|side| &side.beacons)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Root;

    #[test]
    fn its_sides_are_told_in_words() {
        let side = |clients: &[&str], beacons: &[&str], root: u8| SplitSide {
            clients: clients.iter().map(|client| (*client).to_owned()).collect(),
            beacons: beacons.iter().map(|name| BeaconName::new(*name)).collect(),
            head: HeadStatus { slot: Slot(812), root: Root([root; 32]) },
        };
        let ours = side(&["Lighthouse", "Nimbus"], &["b1", "b2"], 1);
        let theirs = vec![side(&["Teku"], &["b3", "b4"], 2)];
        let split = ChainSplit { began: Slot(810), since: UnixMs(5), parted: None, ours, theirs };
        assert_eq!(split.name(), "Lighthouse, Nimbus / Teku");
        let (ours, theirs) = ChainSplit::sides("Lighthouse, Nimbus / Teku / Prysm");
        assert_eq!((ours, theirs), (vec!["Lighthouse", "Nimbus"], vec!["Teku", "Prysm"]));
        assert_eq!(split.theirs[0].told(), format!("Teku (b3, b4) at {} of slot 812", Root([2; 32]).short()));
        assert_eq!(split.beacons().count(), 4);
    }
}
