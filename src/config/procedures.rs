//! `restart` and `upgrade` of a beacon: a systemd unit, a command or what an agent may do, and the time that it and the beacon
//! after it may take.

use std::path::Path;
use std::time::Duration;

use super::problem::Complaint;
use super::reader::{Field, Reader};
use super::schema::Shape;
use super::{defaults, scalar};
use crate::model::{How, Procedure};

const ONE: &str =
    "write `{systemd: UNIT.service}`, `{command: [/path/to/program, argument]}` or `{agent: NAME}`";
const OWN: &str = "write `{systemd: UNIT.service}` or `{command: [/path/to/program, argument]}`";
const COMMAND: &str = "write a list: the program's whole path, then its arguments";
const TIMEOUT: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3_600);

/// Where a beacon runs, and whether an agent does, too.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The host.
    pub host: &'a str,
    /// Whether it has an agent.
    pub agent: bool,
}

/// A procedure under a key of this shape. An agent's own file has no `place`: there nobody else is asked.
pub fn read(
    reader: &mut Reader,
    field: &Field<'_>,
    shape: &Shape,
    place: Option<Place<'_>>,
) -> Option<Procedure> {
    let section = reader.section(field, shape)?;
    let mut time = |key: &str| {
        let field = section.get(key)?;
        let value = reader.read(field, scalar::duration)?;
        reader.within(field, value, &TIMEOUT, |value| scalar::show_duration(*value))
    };
    let (timeout, fit_within) = (time("timeout"), time("fit-within"));
    let given: Vec<&str> =
        ["systemd", "command", "agent"].into_iter().filter(|key| section.get(key).is_some()).collect();
    let how = match (given.as_slice(), place) {
        (["systemd"], _) => How::Systemd(reader.read(section.get("systemd")?, unit)?),
        (["command"], _) => How::Command(command(reader, section.get("command")?)?),
        (["agent"], Some(place)) => agent(reader, section.get("agent")?, place)?,
        ([], place) => {
            let hint = if place.is_some() { ONE } else { OWN };
            reader.complain(field, Complaint::new("nothing that says how", hint));
            return None;
        }
        (several, _) => {
            let message = format!("both `{}`", several.join("` and `"));
            reader.complain(field, Complaint::new(message, "keep one of them"));
            return None;
        }
    };
    Some(Procedure {
        how,
        timeout: timeout.unwrap_or(defaults::PROCEDURE),
        fit_within: fit_within.unwrap_or(defaults::FIT),
    })
}

/// What the agent of the beacon's host does by this name.
fn agent(reader: &mut Reader, field: &Field<'_>, place: Place<'_>) -> Option<How> {
    let name = reader.read(field, scalar::name)?;
    if !place.agent {
        let message = format!("no agent is known on the host `{}`, where this beacon runs", place.host);
        let hint = "give the host and its agent under `hosts`, or the beacon `labels: {host: …}`";
        reader.complain(field, Complaint::new(message, hint));
        return None;
    }
    Some(How::Agent { host: place.host.to_owned(), name })
}

/// A unit's name as systemd.unit(5) has it, with its type.
fn unit(text: &str) -> Result<String, Complaint> {
    let valid = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    let typed = text.rsplit_once('.').is_some_and(|(name, kind)| {
        !name.is_empty() && ["service", "target", "scope", "socket"].contains(&kind)
    });
    if text.len() <= 255 && text.chars().all(valid) && typed {
        return Ok(text.to_owned());
    }
    Err(Complaint::new("not the name of a unit", "write it with its type, for instance `lighthouse.service`"))
}

fn command(reader: &mut Reader, field: &Field<'_>) -> Option<Vec<String>> {
    let items = reader.items(field, COMMAND)?;
    let count = items.len();
    let words: Vec<String> =
        items.iter().filter_map(|item| reader.text(item, COMMAND).map(str::to_owned)).collect();
    if words.len() < count {
        return None;
    }
    if !Path::new(&words[0]).is_absolute() {
        let hint = "the environment is cleared, PATH with it; write the program's whole path";
        reader.complain(&items[0], Complaint::new("not an absolute path", hint));
        return None;
    }
    Some(words)
}
