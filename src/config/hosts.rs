//! `host`: thresholds of the checks of hosts.

use std::collections::BTreeMap;

use super::problem::{Complaint, did_you_mean};
use super::reader::{Field, Knobs, Reader, Section};
use super::{Outside, knobs, schema};
use crate::host::{Limit, limits};
use crate::model::HostChecks;

const HINT: &str = "write `NAME: NUMBER` lines; `beacondeck audit --json` names all thresholds";

/// `host`.
pub fn read(reader: &mut Reader, root: &Section<'_>, outside: &dyn Outside) -> HostChecks {
    let mut section = Knobs::new(reader, Some(root), "host", &schema::HOST);
    let validators = section.whole("validators", &(1..=u32::MAX), 0);
    HostChecks {
        limits: section.knob("limits", BTreeMap::new(), |reader, field| Some(thresholds(reader, field))),
        probe_dir: section
            .knob("probe-dir", None, |reader, field| knobs::path(reader, field, outside).map(Some)),
        validators: (validators > 0).then_some(validators),
    }
}

/// Thresholds by name.
pub fn thresholds(reader: &mut Reader, field: &Field<'_>) -> BTreeMap<String, f64> {
    let mut set: BTreeMap<String, (f64, Field<'_>)> = BTreeMap::new();
    for (name, field) in reader.entries(field, HINT) {
        if limits::named(name).is_none() {
            let near = did_you_mean(name, limits::ALL.iter().map(|limit| limit.name));
            let hint = near.unwrap_or_else(|| HINT.to_owned());
            reader.complain_at_key(&field, Complaint::new("no check has this threshold", hint));
            continue;
        }
        if let Some(value) = reader.unquoted(&field, number) {
            set.insert(name.to_owned(), (value, field));
        }
    }
    for (name, (value, field)) in &set {
        let Some(limit) = limits::named(name) else { continue };
        let of = |other: &Limit| set.get(other.name).map_or(other.value, |(value, _)| *value);
        let turned = beside(limit).filter(|other| {
            // The table's own number grows with the machine, which is not known here.
            let known = other.is_fixed() || set.contains_key(other.name);
            let told = set.contains_key(other.name) && other.name < limit.name;
            let crossed = if limit.value < other.value { *value > of(other) } else { *value < of(other) };
            !told && known && crossed
        });
        for other in turned {
            let way = if limit.value < other.value { "above" } else { "below" };
            let message = format!("{value} is {way} `{}`, which is {}", other.name, of(other));
            reader.complain(field, Complaint::new(message, "what is worse must be farther off; set both"));
        }
    }
    set.into_iter().map(|(name, (value, _))| (name, value)).collect()
}

/// The other thresholds of the same check and unit.
fn beside(limit: &'static Limit) -> impl Iterator<Item = &'static Limit> {
    let check = |of: &'static Limit| of.name.rsplit_once('.').map(|(check, _)| check);
    limits::ALL.iter().copied().filter(move |other| {
        check(other) == check(limit) && other.name != limit.name && other.unit == limit.unit
    })
}

fn number(text: &str) -> Result<f64, Complaint> {
    Limit::number(text)
        .ok_or_else(|| Complaint::new("not a number from 0 up", "write for instance `20` or `0.5`"))
}
