//! From a request line to its row.

use hyper::Method;

use crate::model::{Epoch, Opened, Slot};

use super::index::{INDEX, Values};
use super::row::{Namespace, Row, RowId, Verb};
use super::table::{MALFORMED, row};

/// Longer paths exist nowhere in the API.
const MAX_SEGMENTS: usize = 16;

/// What a byte is within a path.
#[derive(Clone, Copy)]
enum Class {
    /// Part of a segment.
    Plain,
    /// Part of a segment that must not consist of these alone.
    Dot,
    /// The end of a segment.
    Slash,
    /// In no path of the API. Percent signs, semicolons and the like are here on purpose: servers disagree on what
    /// they mean within a path, and no endpoint needs them there.
    Strange,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Strange; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'/' => Class::Slash,
            b'.' => Class::Dot,
            b'-' | b'_' | b'~' | b':' | b',' | b'@' | b'+' | b'=' => Class::Plain,
            b if b.is_ascii_alphanumeric() => Class::Plain,
            _ => Class::Strange,
        };
        byte += 1;
    }
    classes
};

/// What a request line is about.
#[derive(Debug, Clone, Copy)]
pub struct Found<'p> {
    /// Its row; always one, if only the one that is refused.
    pub row: &'static Row,
    /// The row's place in the table.
    pub id: RowId,
    /// Captured path segments.
    pub params: Params<'p>,
    path: &'p str,
    query: &'p str,
}

/// Captured path segments by name.
#[derive(Debug, Clone, Copy)]
pub struct Params<'p> {
    id: RowId,
    values: Values<'p>,
}

impl<'p> Params<'p> {
    /// The segment that stands for `{name}` in the row's path.
    pub fn get(&self, name: &str) -> Option<&'p str> {
        let place = INDEX.names(self.id).iter().position(|given| *given == name)?;
        self.values.get(place)
    }
}

struct Segments<'p> {
    list: [&'p str; MAX_SEGMENTS],
    len: usize,
}

impl<'p> Segments<'p> {
    /// The segments of a path that every server reads the same way; none if it is not such a path.
    fn of(path: &'p str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let mut out = Self { list: [""; MAX_SEGMENTS], len: 0 };
        let (mut from, mut plain) = (0, false);
        for (at, byte) in path.bytes().enumerate() {
            match CLASSES[usize::from(byte)] {
                Class::Plain => plain = true,
                Class::Dot => {}
                Class::Slash => {
                    out.push(&path[from..at], plain)?;
                    (from, plain) = (at + 1, false);
                }
                Class::Strange => return None,
            }
        }
        out.push(&path[from..], plain)?;
        Some(out)
    }

    /// Empty segments and segments of dots only, dropped or climbed by some servers, are never `plain`.
    fn push(&mut self, segment: &'p str, plain: bool) -> Option<()> {
        *self.list.get_mut(self.len).filter(|_| plain)? = segment;
        self.len += 1;
        Some(())
    }

    fn as_slice(&self) -> &[&'p str] {
        &self.list[..self.len]
    }
}

/// Finds the row of a request: `target` is the path, with or without `?query`. HEAD counts as GET.
///
/// Never allocates. A path two servers could read differently (empty or dot segments, a trailing slash, percent
/// encoding, `;`) has the `malformed` row, which is always refused.
pub fn find<'p>(method: &Method, target: &'p str) -> Found<'p> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let verb = match *method {
        Method::GET | Method::HEAD => Verb::Get,
        Method::POST => Verb::Post,
        Method::DELETE => Verb::Delete,
        _ => Verb::Any,
    };
    let (id, values) = match Segments::of(path) {
        None => (MALFORMED, Values::default()),
        Some(segments) => INDEX
            .find(segments.as_slice(), verb)
            .unwrap_or_else(|| (INDEX.unknown(segments.as_slice(), verb), Values::default())),
    };
    Found { row: row(id), id, params: Params { id, values }, path, query }
}

impl<'p> Found<'p> {
    /// The raw value of a query parameter; the first if repeated.
    pub fn query(&self, name: &str) -> Option<&'p str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// The slot the path (`{slot}`) or the query (`slot=`) names.
    pub fn slot(&self) -> Option<Slot> {
        self.number("slot").map(Slot)
    }

    /// The epoch the path (`{epoch}`) or the query (`epoch=`) names.
    pub fn epoch(&self) -> Option<Epoch> {
        self.number("epoch").map(Epoch)
    }

    /// Whether two servers may read the path differently; always refused.
    pub fn is_malformed(&self) -> bool {
        self.id == MALFORMED
    }

    fn number(&self, name: &str) -> Option<u64> {
        let text = self.params.get(name).or_else(|| self.query(name))?;
        // `parse` would take a leading plus.
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
    }

    /// The first path segment that the fleet file must list under `open` for this path to pass; none if the row does
    /// not belong to a client's own namespace, or if nothing opens it.
    pub fn vendor(&self) -> Option<&'p str> {
        match self.row.namespace {
            Namespace::Vendor("") => {
                let first = self.path.strip_prefix('/')?.split('/').next()?;
                (!self.is_malformed() && !first.eq_ignore_ascii_case("eth")).then_some(first)
            }
            Namespace::Vendor(name) => Some(name),
            _ => None,
        }
    }

    /// Whether the fleet file's `open` list lets this request through.
    pub fn is_open(&self, open: &[Opened]) -> bool {
        match self.row.namespace {
            Namespace::Standard => true,
            Namespace::Debug => open.contains(&Opened::Debug),
            Namespace::Keymanager => open.contains(&Opened::Keymanager),
            Namespace::Exits => open.contains(&Opened::Exits),
            Namespace::CredentialChanges => open.contains(&Opened::CredentialChanges),
            Namespace::Vendor(_) => self.vendor().is_some_and(|wanted| {
                open.iter().any(|opened| matches!(opened, Opened::Vendor(name) if name == wanted))
            }),
        }
    }
}
