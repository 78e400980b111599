//! `restart` and `upgrade` of a beacon: a systemd unit or a command, and the time that it and the beacon after it may take.

use std::path::Path;
use std::time::Duration;

use super::problem::Complaint;
use super::reader::{Field, Reader};
use super::schema::Shape;
use super::{defaults, scalar};
use crate::model::{How, Procedure};

const ONE: &str = "write `{systemd: UNIT.service}` or `{command: [/path/to/program, argument]}`";
const COMMAND: &str = "write a list: the program's whole path, then its arguments";
const TIMEOUT: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3_600);

/// A procedure under a key of this shape.
pub fn read(reader: &mut Reader, field: &Field<'_>, shape: &Shape) -> Option<Procedure> {
    let section = reader.section(field, shape)?;
    let mut time = |key: &str| {
        let field = section.get(key)?;
        let value = reader.read(field, scalar::duration)?;
        reader.within(field, value, &TIMEOUT, |value| scalar::show_duration(*value))
    };
    let (timeout, fit_within) = (time("timeout"), time("fit-within"));
    let how = match (section.get("systemd"), section.get("command")) {
        (Some(field), None) => How::Systemd(reader.read(field, unit)?),
        (None, Some(field)) => How::Command(command(reader, field)?),
        (Some(_), Some(_)) => {
            reader.complain(field, Complaint::new("both `systemd` and `command`", "keep one of them"));
            return None;
        }
        (None, None) => {
            reader.complain(field, Complaint::new("neither `systemd` nor `command`", ONE));
            return None;
        }
    };
    Some(Procedure {
        how,
        timeout: timeout.unwrap_or(defaults::PROCEDURE),
        fit_within: fit_within.unwrap_or(defaults::FIT),
    })
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
