//! A walk over the tree that collects problems instead of stopping at the first.
//!
//! Every read answers `None` after it has complained, so a reader goes on with a default; the fleet it then builds is
//! never handed out. Knows no key: the readers of the sections do.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::problem::{At, Complaint, Found, Severity, did_you_mean, nearest};
use super::scalar;
use super::schema::Shape;
use super::tree::{Node, Value};

/// What was found so far.
#[derive(Debug, Default)]
pub struct Reader {
    /// Problems and warnings in the order of reading.
    pub found: Vec<Found>,
    /// Places from which on a line is never shown.
    pub secrets: Vec<At>,
    /// Every mapping of the file, to say where a key belongs.
    pub shapes: &'static [&'static Shape],
}

/// One value and what it is called.
#[derive(Debug, Clone)]
pub struct Field<'a> {
    /// E.g. `beacons[0].weight`.
    pub path: String,
    /// Where to point; at the key if there is no value.
    pub at: At,
    /// Place of its key, or of itself in a list.
    pub key_at: At,
    /// The value.
    pub node: &'a Node,
}

/// One mapping with known keys.
#[derive(Debug, Clone)]
pub struct Section<'a> {
    field: Field<'a>,
    keys: Vec<(&'a str, Field<'a>)>,
    /// Known keys that a misspelt one was taken for; one slip is one problem.
    meant: Vec<&'static str>,
}

impl<'a> Field<'a> {
    /// The whole file.
    pub fn root(node: &'a Node) -> Self {
        Self { path: String::new(), at: node.at, key_at: node.at, node }
    }

    fn child(path: String, key_at: At, node: &'a Node) -> Self {
        let at = if matches!(node.value, Value::Null) { key_at } else { node.at };
        Self { path, at, key_at, node }
    }

    /// Whether nothing is written there.
    pub fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Null)
    }

    fn kind(&self) -> &'static str {
        match self.node.value {
            Value::Null => "nothing",
            Value::Scalar { plain: true, .. } => "a single value",
            Value::Scalar { plain: false, .. } => "text in quotes",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

impl<'a> Section<'a> {
    /// The value of a key, if the key is there.
    pub fn get(&self, key: &str) -> Option<&Field<'a>> {
        self.keys.iter().find(|(own, _)| *own == key).map(|(_, field)| field)
    }

    /// The mapping itself.
    pub fn field(&self) -> &Field<'a> {
        &self.field
    }
}

impl Reader {
    /// Records a problem of a value.
    pub fn complain(&mut self, field: &Field<'_>, complaint: Complaint) {
        self.put(field.at, &field.path, complaint, Severity::Error);
    }

    /// Records a problem and points at the key, for values that are not shown.
    pub fn complain_at_key(&mut self, field: &Field<'_>, complaint: Complaint) {
        self.put(field.key_at, &field.path, complaint, Severity::Error);
    }

    /// Records a warning.
    pub fn warn(&mut self, field: &Field<'_>, complaint: Complaint) {
        self.put(field.at, &field.path, complaint, Severity::Warning);
    }

    /// Records a warning and points at the key, for values that are not shown.
    pub fn warn_at_key(&mut self, field: &Field<'_>, complaint: Complaint) {
        self.put(field.key_at, &field.path, complaint, Severity::Warning);
    }

    fn put(&mut self, at: At, path: &str, complaint: Complaint, severity: Severity) {
        self.found.push(Found { at, path: path.to_owned(), complaint, severity });
    }

    /// Keeps what an inner read brought, or complains.
    pub fn keep<T>(&mut self, field: &Field<'_>, read: Result<T, Complaint>) -> Option<T> {
        read.map_err(|complaint| self.complain(field, complaint)).ok()
    }

    fn mistyped(&mut self, field: &Field<'_>, wanted: &str, hint: &str) {
        self.complain(
            field,
            Complaint::new(format!("{wanted} is needed here, this is {}", field.kind()), hint),
        );
    }

    /// A mapping with the keys of a shape; nothing at all is an empty one.
    pub fn section<'a>(&mut self, field: &Field<'a>, shape: &Shape) -> Option<Section<'a>> {
        let (mut keys, mut meant) = (Vec::new(), Vec::new());
        match &field.node.value {
            Value::Null => {}
            Value::Map(entries) => {
                for entry in entries {
                    if shape.keys.contains(&entry.key.as_str()) {
                        let path = join(&field.path, &entry.key);
                        keys.push((entry.key.as_str(), Field::child(path, entry.at, &entry.value)));
                    } else {
                        meant.extend(nearest(&entry.key, shape.keys.iter().copied()));
                        let complaint = Complaint::new(
                            format!("unknown key `{}`", shorten(&entry.key)),
                            place_of(&entry.key, shape, self.shapes),
                        );
                        self.put(entry.at, &field.path, complaint, Severity::Error);
                    }
                }
            }
            _ => {
                self.mistyped(
                    field,
                    "a mapping",
                    &format!("write `key: value` lines with {}", listed(shape.keys)),
                );
                return None;
            }
        }
        Some(Section { field: field.clone(), keys, meant })
    }

    /// Keys and values of a mapping with free keys.
    pub fn entries<'a>(&mut self, field: &Field<'a>, hint: &str) -> Vec<(&'a str, Field<'a>)> {
        match &field.node.value {
            Value::Null => Vec::new(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| {
                    (entry.key.as_str(), Field::child(join(&field.path, &entry.key), entry.at, &entry.value))
                })
                .collect(),
            _ => {
                self.mistyped(field, "a mapping", hint);
                Vec::new()
            }
        }
    }

    /// Items of a list that has at least one.
    pub fn items<'a>(&mut self, field: &Field<'a>, hint: &str) -> Option<Vec<Field<'a>>> {
        match &field.node.value {
            Value::List(items) if items.is_empty() => {
                self.complain(field, Complaint::new("an empty list", hint));
                None
            }
            Value::List(items) => Some(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, node)| Field {
                        path: format!("{}[{index}]", field.path),
                        at: node.at,
                        key_at: node.at,
                        node,
                    })
                    .collect(),
            ),
            _ => {
                self.mistyped(field, "a list", hint);
                None
            }
        }
    }

    /// A key that must be there.
    pub fn required<'a>(&mut self, section: &Section<'a>, key: &str, hint: &str) -> Option<Field<'a>> {
        let field = section.get(key);
        if field.is_none() && !section.meant.contains(&key) {
            let complaint = Complaint::new(format!("`{key}` is missing"), hint);
            self.complain(section.field(), complaint);
        }
        field.cloned()
    }

    /// A single value as text.
    pub fn text<'a>(&mut self, field: &Field<'a>, hint: &str) -> Option<&'a str> {
        match &field.node.value {
            Value::Scalar { text, .. } => Some(text),
            Value::Null => {
                self.complain(
                    field,
                    Complaint::new("no value", "write a value, or remove the key for its default"),
                );
                None
            }
            _ => {
                self.mistyped(field, "a single value", hint);
                None
            }
        }
    }

    /// A single value by one of the readers in [`scalar`].
    pub fn read<T>(
        &mut self,
        field: &Field<'_>,
        read: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        let text = self.text(field, "write one value here")?;
        self.keep(field, read(text))
    }

    /// A plain value: text in quotes is not a number or a boolean.
    pub fn unquoted<T>(
        &mut self,
        field: &Field<'_>,
        read: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        if matches!(field.node.value, Value::Scalar { plain: false, .. }) {
            self.mistyped(field, "a plain value", "remove the quotes");
            return None;
        }
        self.read(field, read)
    }

    /// Complains of a value outside its bounds.
    pub fn within<T: PartialOrd>(
        &mut self,
        field: &Field<'_>,
        value: T,
        range: &RangeInclusive<T>,
        show: impl Fn(&T) -> String,
    ) -> Option<T> {
        if range.contains(&value) {
            return Some(value);
        }
        let (low, high) = (show(range.start()), show(range.end()));
        let end = if value < *range.start() { "too small" } else { "too large" };
        let complaint =
            Complaint::new(format!("{} is {end}", show(&value)), format!("allowed is {low} to {high}"));
        self.complain(field, complaint);
        None
    }
}

/// A section of knobs, each with its default, that may be absent as a whole.
pub struct Knobs<'r, 'a> {
    reader: &'r mut Reader,
    section: Option<Section<'a>>,
}

impl<'r, 'a> Knobs<'r, 'a> {
    /// The knobs under `key`.
    pub fn new(reader: &'r mut Reader, parent: Option<&Section<'a>>, key: &str, shape: &Shape) -> Self {
        let field = parent.and_then(|parent| parent.get(key)).cloned();
        let section = field.and_then(|field| reader.section(&field, shape));
        Self { reader, section }
    }

    /// The section, if it is there.
    pub fn section(&self) -> Option<&Section<'a>> {
        self.section.as_ref()
    }

    /// The reader, for what is not a plain knob.
    pub fn reader(&mut self) -> &mut Reader {
        self.reader
    }

    /// A knob by any reader.
    pub fn knob<T>(
        &mut self,
        key: &str,
        default: T,
        read: impl FnOnce(&mut Reader, &Field<'a>) -> Option<T>,
    ) -> T {
        let field = self.section.as_ref().and_then(|section| section.get(key));
        field.and_then(|field| read(self.reader, field)).unwrap_or(default)
    }

    /// A whole number.
    pub fn whole<T>(&mut self, key: &str, range: &RangeInclusive<T>, default: T) -> T
    where
        T: TryFrom<u64> + Into<u64> + Copy + Display,
    {
        self.knob(key, default, |reader, field| {
            let value = reader.unquoted(field, scalar::whole)?;
            let range = (*range.start()).into()..=(*range.end()).into();
            T::try_from(reader.within(field, value, &range, u64::to_string)?).ok()
        })
    }

    /// A count that fits memory.
    pub fn count(&mut self, key: &str, range: &RangeInclusive<u32>, default: usize) -> usize {
        self.knob(key, default, |reader, field| {
            let value = reader.unquoted(field, scalar::whole)?;
            let range = u64::from(*range.start())..=u64::from(*range.end());
            usize::try_from(reader.within(field, value, &range, u64::to_string)?).ok()
        })
    }

    /// A duration.
    pub fn duration(&mut self, key: &str, range: &RangeInclusive<Duration>, default: Duration) -> Duration {
        self.knob(key, default, |reader, field| {
            let value = reader.read(field, scalar::duration)?;
            reader.within(field, value, range, |value| scalar::show_duration(*value))
        })
    }

    /// A size in bytes.
    pub fn size(&mut self, key: &str, range: &RangeInclusive<u64>, default: usize) -> usize {
        self.knob(key, default, |reader, field| {
            let value = reader.read(field, scalar::size)?;
            usize::try_from(reader.within(field, value, range, |value| scalar::show_size(*value))?).ok()
        })
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { shorten(key) } else { format!("{path}.{}", shorten(key)) }
}

/// Keys come from the file and may be of any length and content.
fn shorten(key: &str) -> String {
    let mut short: String = key.chars().take(40).map(|c| if c.is_control() { '·' } else { c }).collect();
    if key.chars().count() > 40 {
        short.push('…');
    }
    short
}

fn listed(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// Where an unknown key may have been meant to stand.
fn place_of(key: &str, shape: &Shape, all: &[&Shape]) -> String {
    if let Some(hint) = did_you_mean(key, shape.keys.iter().copied()) {
        return hint;
    }
    match all.iter().find(|other| other.keys.contains(&key)) {
        Some(other) if other.path.is_empty() => format!("`{key}` belongs at the top level of the file"),
        Some(other) => format!("`{key}` belongs under `{}`", other.path),
        None => format!("known here are {}", listed(shape.keys)),
    }
}
