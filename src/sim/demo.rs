//! Named scenarios for `beacondeck demo` and for tests: a network, a script, and one line that says what happens.
//!
//! They are data in `scenarios.yaml`; to add one, add it there.

use serde::{Deserialize, Serialize};

use super::fault::Script;
use super::network::{SimConfig, SimError};

/// A scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: String,
    /// What happens, in one line.
    pub story: String,
    /// The network.
    #[serde(default)]
    pub network: SimConfig,
    /// The faults.
    #[serde(default)]
    pub script: Script,
}

/// All scenarios that come with the program.
pub fn scenarios() -> Result<Vec<Scenario>, SimError> {
    serde_yaml::from_str(include_str!("scenarios.yaml")).map_err(SimError::Scenarios)
}

/// The scenario of a name; none when there is no such scenario.
pub fn scenario(name: &str) -> Result<Option<Scenario>, SimError> {
    Ok(scenarios()?.into_iter().find(|scenario| scenario.name == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_parses_has_a_name_of_its_own_and_ends_its_faults_in_order() {
        let all = scenarios().unwrap();
        for name in ["healthy", "hung-beacon", "stale-head", "rolling", "slow-beacon", "split"] {
            assert_eq!(all.iter().filter(|scenario| scenario.name == name).count(), 1, "{name}");
        }
        for scenario in &all {
            assert!(!scenario.story.is_empty() && !scenario.story.contains('\n'), "{}", scenario.name);
            for act in &scenario.script.0 {
                assert!(act.beacon < scenario.network.beacons, "{}: {act:?}", scenario.name);
                assert!(act.until.is_none_or(|until| until > act.slot), "{}: {act:?}", scenario.name);
            }
        }
        assert_eq!(scenario("no such").unwrap(), None);
    }
}
