//! What the engine saw, one object a line: the format of a recording, and what incidents are inferred from.
//!
//! A line is a JSON object whose `t` names its kind. Durations are whole milliseconds, slots are numbers, names are the
//! fleet's. A reader skips kinds and fields it does not know, so that a newer recording opens in an older program.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ChainSplit, Slot, UnixMs, ValidatorIndex};

/// Version of the format that is written; a reader accepts any version up to it.
pub const RECORDING_VERSION: u32 = 1;

/// One line of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "kebab-case")]
pub enum Observation {
    /// The first line of what this program writes.
    Recording {
        /// [`RECORDING_VERSION`] of the writer.
        version: u32,
    },
    /// The fleet from here on; a later one replaces it.
    Fleet(FleetSeen),
    /// A slot has ended: what became of its block.
    Slot(SlotSeen),
    /// Requests of one client and step that one beacon answered, or was to answer, in one slot.
    Served(ServedSeen),
    /// The chain's verdict on duties of one path in one slot.
    Duties(DutiesSeen),
    /// What one more beacon said to questions that another had answered.
    Canary(CanarySeen),
    /// What an excluded beacon said to reads that were repeated at it.
    Shadow(ShadowSeen),
    /// One probe of a beacon.
    Probe(ProbeSeen),
    /// When a beacon told the head of a slot.
    Head(HeadSeen),
    /// One check of a host.
    Host(HostSeen),
    /// Keys that sign at two places.
    Key(KeySeen),
    /// A chain split that goes on.
    Split(SplitSeen),
}

/// Beacons, clients and their labels.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct FleetSeen {
    /// The beacons of the pool.
    pub beacons: Vec<Labelled>,
    /// The validator clients.
    pub clients: Vec<Labelled>,
    /// Length of a slot in seconds.
    pub slot_seconds: f64,
}

/// A name and what is known of it: `host`, `el`, `cl`, `zone`, `signer` or any label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Labelled {
    /// The fleet's name.
    pub name: String,
    /// Label to value.
    pub labels: BTreeMap<String, String>,
}

/// What became of a slot's block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockSeen {
    /// Seen before the attestation due point.
    OnTime,
    /// Seen after it.
    Late,
    /// There is none.
    Missed,
}

/// A slot that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SlotSeen {
    /// Which.
    pub slot: Slot,
    /// Its block.
    pub block: BlockSeen,
    /// The client of ours that was to propose it; none: somebody else, or not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposer: Option<String>,
    /// When the slot began; none: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<UnixMs>,
    /// Share of the network's attesters of this slot that were included, 0 to 1; none: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participation: Option<f64>,
}

/// What was asked of or sent through a beacon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServedStep {
    /// Data to sign was asked for; `after-due-ms` is the time to answer.
    Data,
    /// A signed message was published; `after-due-ms` is when it came, against the due point.
    Publish,
}

/// Spread of a duration, in milliseconds; negative is before the due point.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct MsSpread {
    /// Median.
    pub p50: f64,
    /// Greatest.
    pub max: f64,
}

impl MsSpread {
    /// Of these times, to the millisecond; none of none.
    pub fn of(mut times: Vec<f64>) -> Option<Self> {
        times.sort_by(f64::total_cmp);
        let max = times.last()?.round();
        Some(Self { p50: times[times.len() / 2].round(), max })
    }
}

/// Requests of one slot, client, beacon and step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServedSeen {
    /// The slot of the duty.
    pub slot: Slot,
    /// Who asked.
    pub client: String,
    /// Who was to answer.
    pub beacon: String,
    /// What for.
    pub step: ServedStep,
    /// How many.
    pub n: u32,
    /// How many of them this beacon failed; the router may have saved them elsewhere.
    #[serde(default)]
    pub failed: u32,
    /// Time to answer (data) or arrival against the due point (publish); none: nothing was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_due_ms: Option<MsSpread>,
}

/// The chain's verdict on one path's duties of one slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DutiesSeen {
    /// The slot the duties were due in.
    pub slot: Slot,
    /// Last slot whose block is counted; a later line for the same slot, client and beacon replaces this one.
    pub as_of: Slot,
    /// Whose duties.
    pub client: String,
    /// The beacon whose data was signed; none: the path is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beacon: Option<String>,
    /// How many were due.
    pub due: u32,
    /// Not included.
    #[serde(default)]
    pub missed: u32,
    /// Included later than the next slot with a block.
    #[serde(default)]
    pub late: u32,
    /// Included with another head than the chain's.
    #[serde(default)]
    pub wrong_head: u32,
}

/// What a beacon said to questions about attestation data that another one had answered: of what is said here nothing was signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CanarySeen {
    /// The slot that was asked about.
    pub slot: Slot,
    /// Last slot whose block is counted.
    pub as_of: Slot,
    /// Whose questions.
    pub client: String,
    /// The beacon that was asked besides.
    pub beacon: String,
    /// How many.
    pub n: u32,
    /// How many of them it failed.
    #[serde(default)]
    pub failed: u32,
    /// How many of its answers have another head than the chain's.
    #[serde(default)]
    pub wrong_head: u32,
    /// Time to answer, in milliseconds; none: nothing was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<MsSpread>,
}

/// What an excluded beacon said to reads that were repeated at it: nobody was given that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ShadowSeen {
    /// The slot it was asked in.
    pub slot: Slot,
    /// Last slot whose block is counted.
    pub as_of: Slot,
    /// The beacon.
    pub beacon: String,
    /// How many reads.
    pub n: u32,
    /// How many of them it failed.
    #[serde(default)]
    pub failed: u32,
    /// How many of its answers were attestation data whose slot the chain has told of.
    #[serde(default)]
    pub heads: u32,
    /// How many of those have another head than the chain's.
    #[serde(default)]
    pub wrong_head: u32,
    /// Time to answer with attestation data, in milliseconds; none: it gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<MsSpread>,
}

/// What one probe of a beacon told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "the words of the recording's format")]
pub struct ProbeSeen {
    /// The slot it was made in.
    pub slot: Slot,
    /// Which beacon.
    pub beacon: String,
    /// Whether it answered.
    pub reachable: bool,
    /// Whether something accepts connections there and does not answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hung: bool,
    /// Slots behind the agreed head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_lag: Option<u64>,
    /// Time to answer, in milliseconds; none where the router itself was late meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// Whether it says its execution client is offline.
    #[serde(default)]
    pub el_offline: bool,
    /// Whether it says it follows the head optimistically.
    #[serde(default)]
    pub optimistic: bool,
    /// How many peers it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<u64>,
}

/// When a beacon that told of heads lately told of the block of a slot, which others had in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HeadSeen {
    /// The slot of the block.
    pub slot: Slot,
    /// Which beacon.
    pub beacon: String,
    /// Milliseconds after the head was agreed on, 0 at the earliest; none: not by the end of the slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_agreed_ms: Option<f64>,
}

/// How bad a host's check is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostLevel {
    /// As it should be.
    #[default]
    Ok,
    /// Could be better.
    Advice,
    /// May cost duties.
    Warn,
    /// Costs duties.
    Bad,
}

/// A check of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostSeen {
    /// The slot it was made in.
    pub slot: Slot,
    /// Which host: the beacons' label.
    pub host: String,
    /// Id of the check, as `time.offset`.
    pub check: String,
    /// Its verdict.
    pub level: HostLevel,
    /// What was measured, as a person reads it.
    #[serde(default)]
    pub value: String,
}

/// Where keys sign besides the first client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyHow {
    /// At another client of ours, or at another process behind the same client's name.
    Twice,
    /// Where this router does not see it, while the client is idle.
    Elsewhere,
}

/// Keys of one pair of clients, or of one idle client, of which something showed in this slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeySeen {
    /// The slot at whose end it was known.
    pub slot: Slot,
    /// Where else they sign.
    pub how: KeyHow,
    /// The two clients by name, in order; one: two processes behind its name, or the one that is idle.
    pub clients: Vec<String>,
    /// How many keys it was of late, this slot's included.
    pub keys: u32,
    /// Of how many of them different votes or blocks were signed for one duty: the validator can be slashed.
    #[serde(default)]
    pub slashable: u32,
    /// The lowest of them.
    pub validators: Vec<ValidatorIndex>,
    /// What showed in this slot, as a person reads it; the worst few.
    #[serde(default)]
    pub shown: Vec<String>,
}

/// Heads that part along the lines of consensus clients at the end of a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SplitSeen {
    /// The slot.
    pub slot: Slot,
    /// The split.
    #[serde(flatten)]
    pub split: ChainSplit,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of the format's description, word for word.
    const LINES: [&str; 13] = [
        r#"{"t":"fleet","beacons":[{"name":"b1","labels":{"host":"h1","el":"geth/1.16","cl":"lighthouse/8.1","zone":"fra"}}],"clients":[{"name":"vc-1","labels":{"signer":"s1"}}],"slot-seconds":12}"#,
        r#"{"t":"slot","slot":123,"block":"on-time","began":1606825499000,"participation":0.991}"#,
        r#"{"t":"slot","slot":124,"block":"missed","proposer":"vc-1"}"#,
        r#"{"t":"served","slot":123,"client":"vc-1","beacon":"b1","step":"data","n":156,"failed":0,"after-due-ms":{"p50":40,"max":900}}"#,
        r#"{"t":"duties","slot":123,"as-of":125,"client":"vc-1","beacon":"b1","due":156,"missed":3,"late":1,"wrong-head":2}"#,
        r#"{"t":"canary","slot":123,"as-of":125,"client":"vc-1","beacon":"b2","n":2,"failed":0,"wrong-head":1,"took-ms":{"p50":40,"max":60}}"#,
        r#"{"t":"shadow","slot":123,"as-of":125,"beacon":"b2","n":4,"failed":1,"heads":2,"wrong-head":2,"took-ms":{"p50":40,"max":60}}"#,
        r#"{"t":"probe","slot":123,"beacon":"b1","reachable":true,"head-lag":0,"latency-ms":12,"el-offline":false,"optimistic":false,"peers":80}"#,
        r#"{"t":"probe","slot":123,"beacon":"b1","reachable":false,"hung":true}"#,
        r#"{"t":"head","slot":123,"beacon":"b1","after-agreed-ms":140}"#,
        r#"{"t":"host","slot":123,"host":"h1","check":"time.offset","level":"bad","value":"380 ms"}"#,
        r#"{"t":"key","slot":123,"how":"twice","clients":["vc-1","vc-2"],"keys":2,"slashable":1,"validators":[17,21],"shown":["validator 17, slot 123: …"]}"#,
        r#"{"t":"split","slot":123,"began":121,"since":1606825499000,"ours":{"clients":["Lighthouse"],"beacons":["b1","b2"],"head":{"slot":123,"root":"0x0101010101010101010101010101010101010101010101010101010101010101"}},"theirs":[{"clients":["Teku"],"beacons":["b3","b4"],"head":{"slot":122,"root":"0x0202020202020202020202020202020202020202020202020202020202020202"}}]}"#,
    ];

    #[test]
    fn the_described_lines_are_read_and_written_again() {
        for line in LINES {
            let read: Observation = serde_json::from_str(line).unwrap();
            let written = serde_json::to_string(&read).unwrap();
            assert_eq!(serde_json::from_str::<Observation>(&written).unwrap(), read, "{line}");
        }
        let unknown = r#"{"t":"duties","slot":1,"as-of":3,"client":"vc-1","due":4,"extra":true}"#;
        let Observation::Duties(seen) = serde_json::from_str(unknown).unwrap() else { panic!("no duties") };
        assert_eq!((seen.beacon, seen.missed, seen.wrong_head), (None, 0, 0));
    }
}
