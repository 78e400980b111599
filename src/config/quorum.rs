//! `routing.quorum`: whether other beacons must stand by a source and target before anybody gets them.

use super::problem::Complaint;
use super::reader::{Field, Knobs, Reader, Section};
use super::tree::Value;
use super::{defaults, scalar, schema};
use crate::model::{Confirm, Impossible, Quorum, Voter};

const FORM: &str = "write `off`, or a mapping with `confirm`, `by` and `when-impossible`";
const CONFIRM: &str = "write `majority`, or a number from 2 to 255";

/// Reads it; none where it is off, as it is by default.
pub fn quorum(reader: &mut Reader, routing: &Section<'_>) -> Option<Quorum> {
    let field = routing.get("quorum")?.clone();
    if matches!(field.node.value, Value::Scalar { .. }) {
        let off = |text: &str| {
            (text == "off").then_some(()).ok_or_else(|| Complaint::new("neither `off` nor a mapping", FORM))
        };
        reader.read(&field, off);
        return None;
    }
    let mut knobs = Knobs::new(reader, Some(routing), "quorum", &schema::QUORUM);
    knobs.section()?;
    let default = defaults::QUORUM;
    Some(Quorum {
        confirm: knobs.knob("confirm", default.confirm, confirm),
        by: knobs.knob("by", default.by, |reader, field| reader.read(field, by)),
        impossible: knobs
            .knob("when-impossible", default.impossible, |reader, field| reader.read(field, impossible)),
    })
}

fn confirm(reader: &mut Reader, field: &Field<'_>) -> Option<Confirm> {
    if reader.text(field, CONFIRM)? == "majority" {
        return Some(Confirm::Majority);
    }
    let number = reader.unquoted(field, |text| {
        scalar::whole(text).map_err(|_| Complaint::new("neither a number nor `majority`", CONFIRM))
    })?;
    let voices = reader.within(field, number, &(2..=u64::from(u8::MAX)), u64::to_string)?;
    u8::try_from(voices).ok().map(Confirm::Voices)
}

fn by(text: &str) -> Result<Voter, Complaint> {
    match text {
        "beacon" => Ok(Voter::Beacon),
        "family" => Ok(Voter::Family),
        _ => Err(Complaint::new(
            "not what can have a voice",
            "write `beacon` or `family` (a client's beacons)",
        )),
    }
}

fn impossible(text: &str) -> Result<Impossible, Complaint> {
    match text {
        "follow-best" => Ok(Impossible::FollowBest),
        "halt" => Ok(Impossible::Halt),
        _ => Err(Complaint::new("not what can be done then", "write `follow-best` or `halt`")),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::tree;
    use super::*;

    /// What is read, and how much is wrong with it.
    fn read(text: &str) -> (Option<Quorum>, usize) {
        let (node, _) = tree::parse(&format!("quorum: {text}\n"));
        let (node, mut reader) = (node.unwrap(), Reader::default());
        let section = reader.section(&Field::root(&node), &schema::ROUTING).unwrap();
        (quorum(&mut reader, &section), reader.found.len())
    }

    #[rstest]
    #[case("off", None)]
    #[case("{}", Some(defaults::QUORUM))]
    #[case("{confirm: 3}", Some(Quorum { confirm: Confirm::Voices(3), ..defaults::QUORUM }))]
    #[case(
        "{confirm: majority, by: family, when-impossible: halt}",
        Some(Quorum { confirm: Confirm::Majority, by: Voter::Family, impossible: Impossible::Halt })
    )]
    fn what_can_be_written(#[case] text: &str, #[case] expected: Option<Quorum>) {
        assert_eq!(read(text), (expected, 0));
    }

    #[rstest]
    #[case("on")]
    #[case("3")]
    #[case("[majority]")]
    #[case("{confirm: 1}")]
    #[case("{confirm: all}")]
    #[case("{by: host}")]
    #[case("{when-impossible: stop}")]
    #[case("{votes: 3}")]
    fn what_is_refused(#[case] text: &str) {
        assert_eq!(read(text).1, 1, "{text}");
    }
}
