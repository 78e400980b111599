//! The templates of the table as a tree of segments, built once; a look-up walks it without allocating.
//!
//! A literal segment beats a capture, a capture beats a trailing `*`; what fails deeper down falls back.

use std::sync::LazyLock;

use super::row::{RowId, Strategy, Verb};
use super::table::{MATCHED, UNKNOWN_GET, UNKNOWN_POST, UNKNOWN_VENDOR, row, table};

/// How many segments of a path may be captured.
pub(super) const CAPTURES: usize = 3;

/// The namespaces of the standard whose unknown paths pass.
const STANDARD: [&str; 5] = ["beacon", "validator", "node", "config", "events"];

/// The one index over the one table.
pub(super) static INDEX: LazyLock<Index> = LazyLock::new(Index::new);

/// Captured segments in the order of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Values<'p> {
    list: [&'p str; CAPTURES],
    len: usize,
}

impl<'p> Values<'p> {
    pub(super) fn get(&self, place: usize) -> Option<&'p str> {
        self.list[..self.len].get(place).copied()
    }

    fn push(&mut self, value: &'p str) -> bool {
        let Some(slot) = self.list.get_mut(self.len) else { return false };
        *slot = value;
        self.len += 1;
        true
    }
}

/// Rows that end at one place, by method.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    get: Option<RowId>,
    post: Option<RowId>,
    delete: Option<RowId>,
    any: Option<RowId>,
}

impl Ends {
    fn set(&mut self, verb: Verb, id: RowId) {
        *match verb {
            Verb::Get => &mut self.get,
            Verb::Post => &mut self.post,
            Verb::Delete => &mut self.delete,
            Verb::Any => &mut self.any,
        } = Some(id);
    }

    fn pick(&self, verb: Verb) -> Option<RowId> {
        match verb {
            Verb::Get => self.get.or(self.any),
            Verb::Post => self.post.or(self.any),
            Verb::Delete => self.delete.or(self.any),
            Verb::Any => self.any,
        }
    }
}

#[derive(Debug, Default)]
struct Node {
    literals: Vec<(&'static str, usize)>,
    capture: Option<usize>,
    ends: Ends,
    rest: Ends,
}

/// The tree, the captures' names by row, and the closed templates under `/eth`.
#[derive(Debug)]
pub(super) struct Index {
    nodes: Vec<Node>,
    names: Vec<Vec<&'static str>>,
    closed: Vec<(RowId, Vec<&'static str>)>,
}

/// The name within the braces, if a template's segment is a capture.
fn capture(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// The segments of a template.
pub(super) fn segments(template: &'static str) -> impl Iterator<Item = &'static str> {
    template.trim_start_matches('/').split('/')
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|number| {
        matches!(number.len(), 1..=3) && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

impl Index {
    fn new() -> Self {
        let mut index = Self { nodes: vec![Node::default()], names: Vec::new(), closed: Vec::new() };
        for (place, row) in table().iter().enumerate().take(MATCHED) {
            let id = RowId(place as u16);
            index.names.push(segments(row.path).filter_map(capture).collect());
            index.insert(id, row.verb, row.path);
            if row.strategy == Strategy::Deny && row.path.starts_with("/eth/") {
                index.closed.push((id, segments(row.path).filter(|segment| *segment != "*").collect()));
            }
        }
        index
    }

    fn insert(&mut self, id: RowId, verb: Verb, template: &'static str) {
        let mut at = 0;
        for segment in segments(template) {
            if segment == "*" {
                self.nodes[at].rest.set(verb, id);
                return;
            }
            at = if capture(segment).is_some() {
                let next = self.nodes[at].capture;
                next.unwrap_or_else(|| {
                    let new = self.grow();
                    self.nodes[at].capture = Some(new);
                    new
                })
            } else {
                let next = self.literal(at, segment);
                next.unwrap_or_else(|| {
                    let new = self.grow();
                    self.nodes[at].literals.push((segment, new));
                    new
                })
            };
        }
        self.nodes[at].ends.set(verb, id);
    }

    fn grow(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    fn literal(&self, at: usize, segment: &str) -> Option<usize> {
        self.nodes[at].literals.iter().find(|(name, _)| *name == segment).map(|(_, next)| *next)
    }

    /// The row whose template a path matches, and the captured segments.
    pub(super) fn find<'p>(&self, path: &[&'p str], verb: Verb) -> Option<(RowId, Values<'p>)> {
        let mut values = Values::default();
        self.walk(0, path, verb, &mut values).map(|id| (id, values))
    }

    fn walk<'p>(&self, at: usize, path: &[&'p str], verb: Verb, values: &mut Values<'p>) -> Option<RowId> {
        let node = &self.nodes[at];
        let Some((first, deeper)) = path.split_first() else {
            return node.ends.pick(verb).or_else(|| node.rest.pick(verb));
        };
        if let Some(next) = self.literal(at, first)
            && let Some(id) = self.walk(next, deeper, verb, values)
        {
            return Some(id);
        }
        if let Some(next) = node.capture {
            let before = values.len;
            if values.push(first)
                && let Some(id) = self.walk(next, deeper, verb, values)
            {
                return Some(id);
            }
            values.len = before;
        }
        node.rest.pick(verb)
    }

    /// The row for a path that matches no template.
    ///
    /// Only exact, lower-case standard namespaces pass, and not what a closed template covers in another version, in
    /// another case or further down: some servers are not strict about these.
    pub(super) fn unknown(&self, path: &[&str], verb: Verb) -> RowId {
        let ["eth", version, namespace, ..] = path else { return UNKNOWN_VENDOR };
        if !is_version(version) || !STANDARD.contains(namespace) {
            return UNKNOWN_VENDOR;
        }
        if let Some(id) = self.closed(path, verb) {
            return id;
        }
        match verb {
            Verb::Get => UNKNOWN_GET,
            Verb::Post => UNKNOWN_POST,
            Verb::Delete | Verb::Any => UNKNOWN_VENDOR,
        }
    }

    fn closed(&self, path: &[&str], verb: Verb) -> Option<RowId> {
        let covers = |template: &[&str]| {
            template.len() <= path.len()
                && template.iter().zip(path).enumerate().all(|(place, (wanted, given))| {
                    place == 1 || capture(wanted).is_some() || wanted.eq_ignore_ascii_case(given)
                })
        };
        let asks = |id: RowId| [Verb::Any, verb].contains(&row(id).verb);
        self.closed.iter().find(|(id, template)| asks(*id) && covers(template)).map(|(id, _)| *id)
    }

    /// The names of a row's captures.
    pub(super) fn names(&self, id: RowId) -> &[&'static str] {
        self.names.get(usize::from(id.0)).map_or(&[], Vec::as_slice)
    }
}
