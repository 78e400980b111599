//! Which chain a beacon is on, and whether two beacons are on the same one.
//!
//! Owns the comparison. Never decides what becomes of a stranger: the pool does.

use serde::Deserialize;
use serde_json::Value;

use super::fork::{FAR_FUTURE_EPOCH, ForkSchedule};
use super::spec::Spec;
use super::timing::genesis_slot_ms;
use super::wire::{quoted, version, version_text};
use crate::model::{Epoch, Root};

/// Genesis as `/eth/v1/beacon/genesis` serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Genesis {
    /// Genesis in seconds since the Unix epoch.
    #[serde(rename = "genesis_time", deserialize_with = "quoted::deserialize")]
    pub time: u64,
    /// Root of the genesis validators: the chain's name in every signing domain.
    #[serde(rename = "genesis_validators_root")]
    pub validators_root: Root,
    /// Fork version at genesis.
    #[serde(rename = "genesis_fork_version", deserialize_with = "version::deserialize")]
    pub fork_version: [u8; 4],
}

/// What tells one chain from another.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// Genesis.
    pub genesis: Genesis,
    /// Fork schedule.
    pub forks: ForkSchedule,
    /// Spec.
    pub spec: Spec,
}

/// Why a beacon is not on our chain. "Ours" is the identity `compare` is called on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// Another set of genesis validators: another network.
    #[error("genesis validators root is {theirs}, ours is {ours}")]
    ValidatorsRoot {
        /// Ours.
        ours: Root,
        /// The beacon's.
        theirs: Root,
    },
    /// Same validators, another start: two runs of one devnet.
    #[error("genesis time is {theirs}, ours is {ours}")]
    GenesisTime {
        /// Ours, seconds since the Unix epoch.
        ours: u64,
        /// The beacon's.
        theirs: u64,
    },
    /// Another fork version at genesis.
    #[error("genesis fork version is {theirs}, ours is {ours}")]
    GenesisVersion {
        /// Ours.
        ours: String,
        /// The beacon's.
        theirs: String,
    },
    /// The fork schedules contradict each other.
    #[error(
        "fork schedule has version {their_version} from epoch {their_epoch}, ours has {our_version} from epoch {our_epoch}"
    )]
    Fork {
        /// Our fork version.
        our_version: String,
        /// Its first epoch.
        our_epoch: Epoch,
        /// The beacon's fork version.
        their_version: String,
        /// Its first epoch.
        their_epoch: Epoch,
    },
    /// A key of the spec on which the chain depends differs.
    #[error("{key} is {theirs}, ours is {ours}")]
    Spec {
        /// The key.
        key: String,
        /// Our value.
        ours: String,
        /// The beacon's value.
        theirs: String,
    },
}

/// Keys that must be equal where both serve them.
///
/// The rule: a key is here if a difference makes two honest beacons answer differently about which slot it is, who is on
/// duty, or which deposits count. Whatever else changes the state transition shows as another head within a slot; what is
/// about networking, storage, names or a single client never separates two chains. Due points are not here: releases of one
/// chain disagree about them before a fork, and a beacon that waits longer is no stranger.
const MUST_AGREE: [&str; 10] = [
    "SLOTS_PER_EPOCH",
    "EPOCHS_PER_SYNC_COMMITTEE_PERIOD",
    "SYNC_COMMITTEE_SIZE",
    "TARGET_COMMITTEE_SIZE",
    "MAX_COMMITTEES_PER_SLOT",
    "SHUFFLE_ROUND_COUNT",
    "MIN_SEED_LOOKAHEAD",
    "MAX_SEED_LOOKAHEAD",
    "DEPOSIT_CHAIN_ID",
    "DEPOSIT_CONTRACT_ADDRESS",
];

impl Identity {
    /// Whether `other` is on this chain; if not, the first difference.
    ///
    /// Only what both tell is compared: clients and releases serve different sets of keys. Forks that either side has not
    /// scheduled are left out, so an upgraded node beside one that is not is no stranger.
    pub fn compare(&self, other: &Identity) -> Result<(), Stranger> {
        self.compare_genesis(&other.genesis)?;
        if let Some(((our_epoch, ours), (their_epoch, theirs))) = self.forks.conflict(&other.forks) {
            return Err(Stranger::Fork {
                our_version: version_text(ours),
                our_epoch,
                their_version: version_text(theirs),
                their_epoch,
            });
        }
        compare_slot_time(&self.spec, &other.spec)?;
        for (key, ours) in self.spec.iter() {
            let Some(theirs) = other.spec.get(key) else { continue };
            if matters(key, &self.spec, &other.spec) && !same(ours, theirs) {
                return Err(Stranger::Spec { key: key.to_owned(), ours: text(ours), theirs: text(theirs) });
            }
        }
        Ok(())
    }

    fn compare_genesis(&self, theirs: &Genesis) -> Result<(), Stranger> {
        let ours = &self.genesis;
        if ours.validators_root != theirs.validators_root {
            let (ours, theirs) = (ours.validators_root, theirs.validators_root);
            return Err(Stranger::ValidatorsRoot { ours, theirs });
        }
        if ours.time != theirs.time {
            return Err(Stranger::GenesisTime { ours: ours.time, theirs: theirs.time });
        }
        if ours.fork_version != theirs.fork_version {
            let (ours, theirs) = (version_text(ours.fork_version), version_text(theirs.fork_version));
            return Err(Stranger::GenesisVersion { ours, theirs });
        }
        Ok(())
    }
}

/// Slot time at genesis, whichever of its two keys a side serves it under.
fn compare_slot_time(ours: &Spec, theirs: &Spec) -> Result<(), Stranger> {
    match (genesis_slot_ms(ours), genesis_slot_ms(theirs)) {
        (Ok(ours), Ok(theirs)) if ours != theirs => Err(Stranger::Spec {
            key: "slot time".to_owned(),
            ours: format!("{ours} ms"),
            theirs: format!("{theirs} ms"),
        }),
        _ => Ok(()),
    }
}

/// Whether a key both serve must be equal: listed, or of a fork that both have scheduled.
fn matters(key: &str, ours: &Spec, theirs: &Spec) -> bool {
    let scheduled = |fork: &str| {
        let epoch = |spec: &Spec| spec.get_u64(&format!("{fork}_FORK_EPOCH"));
        [ours, theirs].into_iter().all(|spec| epoch(spec).is_some_and(|epoch| epoch != FAR_FUTURE_EPOCH.0))
    };
    let fork = key
        .strip_suffix("_FORK_EPOCH")
        .or_else(|| key.strip_suffix("_FORK_VERSION"))
        .or_else(|| key.strip_prefix("SLOT_DURATION_MS_"));
    MUST_AGREE.contains(&key) || fork.is_some_and(scheduled)
}

/// Equal as a reader of the API sees it: numbers in quotes or bare, hex in any case.
fn same(ours: &Value, theirs: &Value) -> bool {
    text(ours).eq_ignore_ascii_case(&text(theirs))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::chain::Fork;

    const NEVER: u64 = u64::MAX;

    fn identity(forks: &[(u8, u64)], spec: &[(&str, &str)]) -> Identity {
        let forks = forks
            .iter()
            .map(|&(version, epoch)| Fork {
                previous: [version.saturating_sub(1), 0, 0, 0],
                current: [version, 0, 0, 0],
                epoch: Epoch(epoch),
            })
            .collect();
        Identity {
            genesis: Genesis { time: 1_606_824_023, validators_root: Root([7; 32]), fork_version: [0; 4] },
            forks: ForkSchedule::new(forks),
            spec: spec.iter().copied().collect(),
        }
    }

    #[rstest]
    #[case::equal(&[(0, 0), (1, 5)], &[(0, 0), (1, 5)], true)]
    #[case::they_know_one_more(&[(0, 0), (1, 5)], &[(0, 0), (1, 5), (2, 9)], true)]
    #[case::we_know_one_more(&[(0, 0), (1, 5), (2, 9)], &[(0, 0), (1, 5)], true)]
    #[case::unscheduled_here(&[(0, 0), (1, NEVER)], &[(0, 0), (1, 5)], true)]
    #[case::unscheduled_there(&[(0, 0), (1, 5)], &[(0, 0), (1, NEVER)], true)]
    #[case::superseded_at_once(&[(0, 0), (1, 0), (2, 0)], &[(2, 0)], true)]
    #[case::order_of_the_list(&[(1, 5), (0, 0)], &[(0, 0), (1, 5)], true)]
    #[case::another_epoch(&[(0, 0), (1, 5)], &[(0, 0), (1, 6)], false)]
    #[case::another_version(&[(0, 0), (1, 5)], &[(0, 0), (3, 5)], false)]
    #[case::one_is_skipped(&[(0, 0), (1, 5), (2, 9)], &[(0, 0), (2, 9)], false)]
    #[case::not_upgraded_at_genesis(&[(0, 0), (1, 0)], &[(0, 0)], false)]
    fn schedules_may_end_early_but_not_contradict(
        #[case] ours: &[(u8, u64)],
        #[case] theirs: &[(u8, u64)],
        #[case] friend: bool,
    ) {
        let (ours, theirs) = (identity(ours, &[]), identity(theirs, &[]));
        assert_eq!(ours.compare(&theirs).is_ok(), friend);
        assert_eq!(theirs.compare(&ours).is_ok(), friend, "the other way round");
    }

    #[rstest]
    #[case::equal(&[("SLOTS_PER_EPOCH", "32")], &[("SLOTS_PER_EPOCH", "32")], true)]
    #[case::epochs(&[("SLOTS_PER_EPOCH", "32")], &[("SLOTS_PER_EPOCH", "8")], false)]
    #[case::not_served_by_both(&[("SLOTS_PER_EPOCH", "32")], &[("DEPOSIT_CHAIN_ID", "1")], true)]
    #[case::case_of_hex(&[("DEPOSIT_CONTRACT_ADDRESS", "0x00AA")], &[("DEPOSIT_CONTRACT_ADDRESS", "0x00aa")], true)]
    #[case::deposits(&[("DEPOSIT_CHAIN_ID", "1")], &[("DEPOSIT_CHAIN_ID", "560048")], false)]
    #[case::slot_time_by_other_key(&[("SECONDS_PER_SLOT", "12")], &[("SLOT_DURATION_MS", "12000")], true)]
    #[case::slot_time(&[("SECONDS_PER_SLOT", "12")], &[("SLOT_DURATION_MS", "6000")], false)]
    #[case::networking(&[("MAX_REQUEST_BLOCKS", "1024")], &[("MAX_REQUEST_BLOCKS", "128")], true)]
    #[case::due_points(&[("PAYLOAD_DUE_BPS", "5000")], &[("PAYLOAD_DUE_BPS", "7500")], true)]
    #[case::name(&[("CONFIG_NAME", "hoodi")], &[("CONFIG_NAME", "testnet")], true)]
    #[case::fork_epoch(&[("GLOAS_FORK_EPOCH", "9")], &[("GLOAS_FORK_EPOCH", "10")], false)]
    #[case::fork_unscheduled(&[("GLOAS_FORK_EPOCH", "9")], &[("GLOAS_FORK_EPOCH", "18446744073709551615")], true)]
    #[case::version_of_unscheduled_fork(&[("GLOAS_FORK_VERSION", "0x07000000")], &[("GLOAS_FORK_VERSION", "0x70000000")], true)]
    #[case::version_of_scheduled_fork(
        &[("GLOAS_FORK_VERSION", "0x07000000"), ("GLOAS_FORK_EPOCH", "9")],
        &[("GLOAS_FORK_VERSION", "0x70000000"), ("GLOAS_FORK_EPOCH", "9")],
        false
    )]
    #[case::slot_time_of_scheduled_fork(
        &[("SLOT_DURATION_MS_HEZE", "6000"), ("HEZE_FORK_EPOCH", "9")],
        &[("SLOT_DURATION_MS_HEZE", "8000"), ("HEZE_FORK_EPOCH", "9")],
        false
    )]
    fn only_what_separates_chains_makes_a_stranger(
        #[case] ours: &[(&str, &str)],
        #[case] theirs: &[(&str, &str)],
        #[case] friend: bool,
    ) {
        let (ours, theirs) = (identity(&[(0, 0)], ours), identity(&[(0, 0)], theirs));
        assert_eq!(ours.compare(&theirs).is_ok(), friend);
        assert_eq!(theirs.compare(&ours).is_ok(), friend, "the other way round");
    }

    #[test]
    fn a_bare_number_equals_one_in_quotes() {
        let mut ours = identity(&[], &[]);
        let mut theirs = ours.clone();
        ours.spec = [("SLOTS_PER_EPOCH", 32)].into_iter().collect();
        theirs.spec = [("SLOTS_PER_EPOCH", "32")].into_iter().collect();
        assert_eq!(ours.compare(&theirs), Ok(()));
    }

    #[test]
    fn a_stranger_is_told_what_differs_and_both_values() {
        let ours = identity(&[(0, 0), (1, 5)], &[("SLOTS_PER_EPOCH", "32")]);
        let told = |change: fn(&mut Identity)| {
            let mut theirs = ours.clone();
            change(&mut theirs);
            ours.compare(&theirs).unwrap_err().to_string()
        };
        let text = told(|theirs| theirs.genesis.validators_root = Root([9; 32]));
        assert!(text.contains(&"07".repeat(32)) && text.contains(&"09".repeat(32)), "{text}");
        let text = told(|theirs| theirs.genesis.time = 5);
        assert!(text.contains("1606824023") && text.contains("time is 5"), "{text}");
        let text = told(|theirs| theirs.genesis.fork_version = [9, 0, 0, 1]);
        assert!(text.contains("0x09000001") && text.contains("0x00000000"), "{text}");
        let text = told(|theirs| theirs.forks = identity(&[(0, 0), (1, 6)], &[]).forks);
        assert!(
            text.contains("epoch 6") && text.contains("epoch 5") && text.contains("0x01000000"),
            "{text}"
        );
        let text = told(|theirs| theirs.spec = [("SLOTS_PER_EPOCH", "8")].into_iter().collect());
        assert_eq!(text, "SLOTS_PER_EPOCH is 8, ours is 32");
    }

    #[test]
    fn genesis_and_forks_read_as_beacons_serve_them() {
        let root = "0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95";
        let genesis: Genesis = serde_json::from_str(&format!(
            r#"{{"genesis_time":"1606824023","genesis_validators_root":"{root}","genesis_fork_version":"0x00000000"}}"#
        ))
        .unwrap();
        assert_eq!((genesis.time, genesis.validators_root.to_string()), (1_606_824_023, root.to_owned()));
        let forks: ForkSchedule = serde_json::from_str(
            r#"[{"previous_version":"0x00000000","current_version":"0x01000000","epoch":"18446744073709551615"}]"#,
        )
        .unwrap();
        assert_eq!(forks.forks()[0].epoch, FAR_FUTURE_EPOCH);
        assert_eq!(forks.forks()[0].current, [1, 0, 0, 0]);
    }
}
