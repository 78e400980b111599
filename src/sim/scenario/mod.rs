//! Scenarios: a fleet, a network, faults over time and the incidents that must come of them. The same file drives the
//! tests, `beacondeck demo` (over real HTTP, where the simulated beacons know the fault) and recordings to replay.
//!
//! A scenario is one file in `tests/scenarios/`; slots count from its start, and what is not written has a default:
//!
//! ```yaml
//! story: beacon-3 accepts connections and never answers.
//! seed: 7                                # what every number is made from
//! slots: 80                              # how long it lasts
//! fleet: { beacons: 8, clients: 12, validators: 3000, routing: mixed, routed: false }
//! network: { base: 0.006, late-blocks: 0.03 }
//! faults:
//!   - { slot: 24, until: 56, at: { beacon: beacon-3 }, fault: hang }
//! expect:
//!   - { at: { beacon: beacon-3 }, or: [{ client: vc-3 }] }
//! ```
//!
//! To add a scenario: the file, and its line in [`corpus`]. To add a kind of fault: a variant in `ill`, what it does in
//! `recording::effects`, a scenario with it.

mod corpus;
mod fleet;
mod ill;
mod play;

use serde::Deserialize;

pub use corpus::{scenario, scenarios};
pub use fleet::{FleetPlan, Routing};
pub use ill::{At, Ill};

use super::network::SimError;

/// Most slots a scenario lasts.
pub const MOST_SLOTS: u64 = 5_000;

/// A scenario.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// Its name on the command line: the file's, without `.yaml`.
    #[serde(skip)]
    pub name: String,
    /// What happens, in one line.
    pub story: String,
    /// What every number is made from.
    #[serde(default = "one")]
    pub seed: u64,
    /// How many slots a recording of it has.
    #[serde(default = "eighty")]
    pub slots: u64,
    /// Who there is.
    #[serde(default)]
    pub fleet: FleetPlan,
    /// The network around.
    #[serde(default)]
    pub network: NetworkPlan,
    /// What goes wrong.
    #[serde(default)]
    pub faults: Vec<FaultPlan>,
    /// The incidents that must come of it, and no others.
    #[serde(default)]
    pub expect: Vec<Expected>,
}

fn one() -> u64 {
    1
}

fn eighty() -> u64 {
    80
}

/// The network around the fleet. Shares are of 1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct NetworkPlan {
    /// Share of attestations that get lost or late whoever sends them, at the start.
    pub base: f64,
    /// The same at the end; none: as at the start.
    pub base_to: Option<f64>,
    /// Share of the network's validators that are away.
    pub away: f64,
    /// Share of blocks that come after the attestation due point.
    pub late_blocks: f64,
    /// Share of slots without a block.
    pub missed_blocks: f64,
}

impl Default for NetworkPlan {
    fn default() -> Self {
        Self { base: 0.006, base_to: None, away: 0.004, late_blocks: 0.03, missed_blocks: 0.008 }
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FaultPlan {
    /// The slot at whose start it begins.
    pub slot: u64,
    /// The slot at whose start it is healed; none: it stays.
    #[serde(default)]
    pub until: Option<u64>,
    /// Whom it befalls.
    pub at: At,
    /// What it is.
    pub fault: Ill,
    /// Flapping: it comes and goes while it lasts.
    #[serde(default)]
    pub every: Option<Every>,
}

/// How a fault flaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Every {
    /// Slots it is there.
    pub on: u64,
    /// Slots it is not.
    pub off: u64,
}

impl FaultPlan {
    /// Whether it is there in a slot.
    pub fn in_force(&self, slot: u64) -> bool {
        let there = slot >= self.slot && self.until.is_none_or(|until| slot < until);
        there && self.every.is_none_or(|every| (slot - self.slot) % (every.on + every.off) < every.on)
    }
}

/// An incident that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Expected {
    /// Who is to blame.
    pub at: At,
    /// Who cannot be told apart from it by anything that is seen.
    #[serde(default)]
    pub or: Vec<At>,
    /// The slot of the fault it is about; none: of the first fault.
    #[serde(default)]
    pub from: Option<u64>,
}

impl Scenario {
    /// Reads a scenario. The error has line and column where the text is not of the format, and names what is wrong
    /// where the parts do not fit together.
    pub fn parse(name: &str, text: &str) -> Result<Self, SimError> {
        let mut scenario: Self = serde_yaml::from_str(text)
            .map_err(|source| SimError::Scenario(name.to_owned(), Box::new(source)))?;
        name.clone_into(&mut scenario.name);
        let wrong = |what: String| Err(SimError::Misfit(name.to_owned(), what));
        if scenario.slots == 0 || scenario.slots > MOST_SLOTS {
            return wrong(format!("slots must be 1 to {MOST_SLOTS}"));
        }
        if let Some(what) = scenario.fleet.misfit() {
            return wrong(what);
        }
        for fault in &scenario.faults {
            if let Some(what) = scenario.misfit(fault) {
                return wrong(format!("the fault at slot {}: {what}", fault.slot));
            }
        }
        for at in
            scenario.expect.iter().flat_map(|expected| std::iter::once(&expected.at).chain(&expected.or))
        {
            if !scenario.fleet.has(at) {
                return wrong(format!("it expects {at}, which is not in the fleet"));
            }
        }
        Ok(scenario)
    }

    fn misfit(&self, fault: &FaultPlan) -> Option<String> {
        if !self.fleet.has(&fault.at) {
            return Some(format!("{} is not in the fleet", fault.at));
        }
        if fault.slot >= self.slots || fault.until.is_some_and(|until| until <= fault.slot) {
            return Some("it ends before it begins, or begins after the end".to_owned());
        }
        if fault.every.is_some_and(|every| every.on == 0 || every.off == 0) {
            return Some("`on` and `off` must not be zero".to_owned());
        }
        (!fault.fault.befalls(&fault.at)).then(|| format!("this fault cannot befall {}", fault.at))
    }

    /// The same without the faults of one part that begin at `slot` or later: what would have been seen.
    #[must_use]
    pub fn without(&self, at: &At, slot: u64) -> Self {
        let mut calm = self.clone();
        calm.faults.retain(|fault| fault.at != *at || fault.slot < slot);
        calm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
story: a story
fleet: { beacons: 3, clients: 2, validators: 64, hosts: 3 }
faults:
  - { slot: 4, at: { beacon: beacon-2 }, fault: { gc: { pause-ms: 1500, run-ms: 500 } }, until: 8 }
expect:
  - { at: { beacon: beacon-2 } }
";

    #[test]
    fn a_scenario_is_read() {
        let scenario = Scenario::parse("x", TEXT).unwrap();
        assert_eq!((scenario.name.as_str(), scenario.slots, scenario.seed), ("x", 80, 1));
        assert_eq!(scenario.faults[0].fault, Ill::Gc { pause_ms: 1500, run_ms: 500 });
        let at = &scenario.faults[0].at;
        assert!(scenario.without(at, 4).faults.is_empty() && scenario.without(at, 5).faults.len() == 1);
        assert_eq!(scenario.without(&At::Network, 0), scenario);
    }

    #[test]
    fn what_is_not_of_the_format_is_refused_with_its_line() {
        let words = |from: &str, to: &str| {
            let error = Scenario::parse("x", &TEXT.replace(from, to)).unwrap_err();
            let inner = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            format!("{error}: {inner}")
        };
        assert!(words("story:", "tale:").contains("line"), "{}", words("story:", "tale:"));
        assert!(words("slot: 4", "slott: 4").contains("line 5"), "{}", words("slot: 4", "slott: 4"));
        for (from, to, what) in [
            ("beacon: beacon-2 }, fault", "beacon: beacon-9 }, fault", "beacon beacon-9 is not in the fleet"),
            ("until: 8", "until: 4", "ends before it begins"),
            ("{ gc: { pause-ms: 1500, run-ms: 500 } }", "stop", "cannot befall beacon beacon-2"),
            ("- { at: { beacon: beacon-2 } }", "- { at: { host: h9 } }", "it expects host h9"),
            ("beacons: 3", "beacons: 0", "must not be zero"),
        ] {
            assert!(words(from, to).contains(what), "{}", words(from, to));
        }
    }

    #[test]
    fn a_flapping_fault_comes_and_goes() {
        let at = At::Beacon("beacon-1".to_owned());
        let every = Some(Every { on: 2, off: 3 });
        let fault = FaultPlan { slot: 10, until: Some(18), at, fault: Ill::Hang, every };
        let there: Vec<u64> = (0..30).filter(|slot| fault.in_force(*slot)).collect();
        assert_eq!(there, [10, 11, 15, 16]);
    }
}
