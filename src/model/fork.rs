//! A fork that is coming, and which beacons are ready for it.

use serde::{Deserialize, Serialize};

use super::{BeaconName, Epoch, UnixMs};

/// A fork that is coming, or one that came and not all know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ComingFork {
    /// Its name as in the keys of the spec, in lower case; `blobs-N` where only the most blobs of a block change, to N.
    pub name: String,
    /// Its first epoch.
    pub epoch: Epoch,
    /// When that begins.
    pub at: UnixMs,
    /// By beacon, in the order of the fleet file.
    pub beacons: Vec<Readiness>,
}

/// How ready a beacon is for a fork.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Readiness {
    /// The beacon.
    pub beacon: BeaconName,
    /// What it lacks, a few words each; empty: it is ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Whether it leaves the chain at the fork for it.
    #[serde(default)]
    pub lost: bool,
}

impl Readiness {
    /// Whether it lacks nothing.
    pub fn is_ready(&self) -> bool {
        self.missing.is_empty()
    }
}

impl ComingFork {
    /// Beacons that lack something.
    pub fn unready(&self) -> impl Iterator<Item = &Readiness> {
        self.beacons.iter().filter(|readiness| !readiness.is_ready())
    }

    /// Whether it has begun.
    pub fn has_begun(&self, now: UnixMs) -> bool {
        self.at <= now
    }

    /// How many are ready, in words.
    pub fn count(&self) -> String {
        let ready = self.beacons.len() - self.unready().count();
        format!("{ready} of {} ready", self.beacons.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lacks_something_is_not_ready() {
        let beacon = |name: &str, missing: &[&str]| Readiness {
            beacon: BeaconName::new(name),
            missing: missing.iter().map(ToString::to_string).collect(),
            lost: false,
        };
        let beacons = vec![beacon("b1", &[]), beacon("b2", &["no epoch"])];
        let fork = ComingFork { name: "gloas".into(), epoch: Epoch(9), at: UnixMs(100), beacons };
        assert_eq!(fork.count(), "1 of 2 ready");
        assert_eq!(fork.unready().map(|of| of.beacon.as_str()).collect::<Vec<_>>(), ["b2"]);
        assert!(!fork.has_begun(UnixMs(99)) && fork.has_begun(UnixMs(100)));
        let text = serde_json::to_string(&fork).unwrap();
        assert_eq!(serde_json::from_str::<ComingFork>(&text).unwrap(), fork);
    }
}
