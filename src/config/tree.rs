//! YAML text as a tree in which every node knows its place.
//!
//! Owns what is true of any file: syntax, duplicate keys, aliases, merge keys, bounds. Never knows a key of the fleet
//! file and never guesses a type: a plain scalar stays text until a reader asks for a number, so `no` is never `false`
//! by accident. What stops the parser is one problem; all else is collected.

use std::collections::HashMap;

use serde_yaml::granit_parser::{
    self, ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput,
};

use super::problem::{At, Complaint, Found};

/// Deepest nesting; the fleet file itself needs six.
const MAX_DEPTH: usize = 32;
/// Most nodes, aliases expanded; a fleet of a hundred beacons has some two thousand.
const MAX_NODES: usize = 50_000;

/// One node and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its place; that of the first key for a mapping.
    pub at: At,
    /// What it holds.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A scalar as written.
    Scalar {
        /// Text after YAML's own escapes.
        text: String,
        /// Whether it stands without quotes.
        plain: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in order, keys unique.
    Map(Vec<Entry>),
}

/// One key of a mapping and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Place of the key.
    pub at: At,
    /// The value.
    pub value: Node,
}

/// Reads one document. The tree is there unless the syntax is broken or there is nothing in the file.
pub fn parse(text: &str) -> (Option<Node>, Vec<Found>) {
    if text.starts_with('\u{feff}') {
        let complaint =
            Complaint::new("the file begins with a byte order mark", "save it as UTF-8 without one");
        return (None, vec![Found::new(At::START, complaint)]);
    }
    let options = granit_parser::options! { emit_comments: false };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { text, parser, anchors: HashMap::new(), nodes: 0, found: Vec::new() };
    match builder.document() {
        Ok(root) => (root, builder.found),
        Err(stop) => {
            builder.found.push(stop);
            (None, builder.found)
        }
    }
}

struct Builder<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    found: Vec<Found>,
}

impl<'a> Builder<'a> {
    fn document(&mut self) -> Result<Option<Node>, Found> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_some() => {
                    let complaint = Complaint::new(
                        "a second document begins here",
                        "a fleet file holds one: remove `---`",
                    );
                    return Err(Found::new(place(span), complaint));
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        if root.as_ref().is_none_or(|node| matches!(node.value, Value::Null)) {
            let complaint = Complaint::new(
                "the file is empty",
                "the smallest valid file has `fleet`, `listen` and `beacons` with `name` and `url`",
            );
            return Err(Found::new(At::START, complaint));
        }
        Ok(root)
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Found> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn syntax(&self, error: &ScanError) -> Found {
        let at = point(*error.marker());
        let line = self.text.lines().nth(at.line - 1).unwrap_or_default();
        if let Some(tab) = line.chars().take_while(|c| c.is_whitespace()).position(|c| c == '\t') {
            let at = At { column: tab + 1, width: 1, ..at };
            return Found::new(
                at,
                Complaint::new("a tab in the indentation", "YAML is indented with spaces only"),
            );
        }
        if matches!(error.kind(), ErrorKind::UnknownAnchor) {
            let hint = "no value above is marked with `&` and this name; quote the text if it is none";
            return Found::new(at, Complaint::new("an alias without its anchor", hint));
        }
        let hint =
            "not valid YAML; look for a missing quote, colon, bracket or indentation here or one line above";
        Found::new(at, Complaint::new(error.info(), hint))
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Found> {
        let at = place(span);
        if depth > MAX_DEPTH {
            return Err(Found::new(
                at,
                Complaint::new("nested too deeply", "a fleet file is at most six levels deep"),
            ));
        }
        self.count(1, at)?;
        if event.tag().is_some() {
            let complaint =
                Complaint::new("a YAML tag (`!…`) means nothing here", "remove it, or quote the text");
            self.found.push(Found::new(at, complaint));
        }
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, _) => (anchor, scalar(text.into_owned(), style, at)),
            Event::SequenceStart(_, anchor, _) => (anchor, self.sequence(at, depth)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.mapping(at, depth)?),
            Event::Alias(id) => (0, self.alias(id, at, depth)?),
            _ => return Err(Found::new(at, Complaint::new("unexpected YAML", "write a value here"))),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn count(&mut self, more: usize, at: At) -> Result<(), Found> {
        self.nodes += more;
        if self.nodes > MAX_NODES {
            let hint = "aliases are expanded where they are used; use fewer";
            return Err(Found::new(at, Complaint::new("too many values in one file", hint)));
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, at: At, depth: usize) -> Result<Node, Found> {
        let Some(node) = self.anchors.get(&id).cloned() else {
            return Err(Found::new(
                at,
                Complaint::new("an alias inside the value it names", "write the value out"),
            ));
        };
        let (nodes, levels) = node.extent();
        self.count(nodes, at)?;
        if depth + levels > MAX_DEPTH {
            return Err(Found::new(at, Complaint::new("nested too deeply", "write the value out")));
        }
        Ok(node)
    }

    fn sequence(&mut self, at: At, depth: usize) -> Result<Node, Found> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Node { at, value: Value::List(items) }),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, at: At, depth: usize) -> Result<Node, Found> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => break,
                (event, span) => self.node(event, span, depth + 1)?,
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            let Value::Scalar { text, plain } = key.value else {
                let complaint = Complaint::new("a key must be a word", "write `key: value`");
                self.found.push(Found::new(key.at, complaint));
                continue;
            };
            if plain && text == "<<" {
                merged.push((key.at, value));
            } else if let Some(first) = entries.iter().find(|entry| entry.key == text) {
                let complaint = Complaint::new(
                    format!("`{text}` is given twice"),
                    format!("first given at line {}; keep one", first.at.line),
                );
                self.found.push(Found::new(key.at, complaint));
            } else {
                entries.push(Entry { key: text, at: key.at, value });
            }
        }
        for (key, value) in merged {
            self.merge(key, value, &mut entries);
        }
        let at = entries.first().map_or(at, |entry| entry.at);
        Ok(Node { at, value: Value::Map(entries) })
    }

    /// `<<: *other`: what `other` says and this mapping does not.
    fn merge(&mut self, key: At, value: Node, entries: &mut Vec<Entry>) {
        match value.value {
            Value::Map(more) => {
                for entry in more {
                    if !entries.iter().any(|own| own.key == entry.key) {
                        entries.push(entry);
                    }
                }
            }
            Value::List(several) => several.into_iter().for_each(|one| self.merge(key, one, entries)),
            Value::Null | Value::Scalar { .. } => {
                let complaint =
                    Complaint::new("`<<` takes a mapping", "write `<<: *name` of an anchored mapping");
                self.found.push(Found::new(key, complaint));
            }
        }
    }
}

impl Node {
    /// Nodes in it and levels below it.
    fn extent(&self) -> (usize, usize) {
        let add = |(nodes, levels): (usize, usize), node: &Node| {
            let (more, deep) = node.extent();
            (nodes + more, levels.max(deep + 1))
        };
        match &self.value {
            Value::Null | Value::Scalar { .. } => (1, 0),
            Value::List(items) => items.iter().fold((1, 0), add),
            Value::Map(entries) => entries.iter().map(|entry| &entry.value).fold((1, 0), add),
        }
    }
}

fn scalar(text: String, style: ScalarStyle, at: At) -> Node {
    let plain = style == ScalarStyle::Plain;
    if plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        return Node { at, value: Value::Null };
    }
    Node { at, value: Value::Scalar { text, plain } }
}

fn point(mark: Marker) -> At {
    At { line: mark.line().max(1), column: mark.col() + 1, width: 1 }
}

fn place(span: Span) -> At {
    let width = if span.start.line() == span.end.line() {
        span.end.col().saturating_sub(span.start.col())
    } else {
        1
    };
    At { width: width.max(1), ..point(span.start) }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn messages(text: &str) -> Vec<String> {
        parse(text)
            .1
            .into_iter()
            .map(|found| format!("{}:{} {}", found.at.line, found.at.column, found.complaint.message))
            .collect()
    }

    #[test]
    fn scalars_keep_their_text_and_place() {
        let (root, found) = parse("a: no\nb: \"x\"\nc:\n");
        assert!(found.is_empty());
        let Some(Value::Map(entries)) = root.map(|node| node.value) else { panic!("a mapping") };
        assert!(matches!(&entries[0].value.value, Value::Scalar { text, plain: true } if text == "no"));
        assert_eq!(entries[1].value.at, At { line: 2, column: 4, width: 3 });
        assert!(matches!(&entries[1].value.value, Value::Scalar { plain: false, .. }));
        assert!(matches!(&entries[2].value.value, Value::Null));
    }

    #[test]
    fn aliases_expand_and_merges_do_not_override() {
        let (root, found) = parse("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc: *x\n");
        assert!(found.is_empty(), "{found:?}");
        let text = format!("{root:?}");
        assert_eq!(text.matches("\"p\"").count(), 3);
        assert_eq!(text.matches("\"3\"").count(), 1);
        assert_eq!(text.matches("\"2\"").count(), 2);
    }

    #[test]
    fn what_is_wrong_with_any_file_is_collected() {
        assert_eq!(messages("a: 1\na: 2\nb: !x 3\n[c]: 1\n").len(), 3);
        assert_eq!(messages("a: 1\n---\nb: 2\n"), ["2:1 a second document begins here"]);
        assert_eq!(messages(""), ["1:1 the file is empty"]);
        assert_eq!(messages("# only\n"), ["1:1 the file is empty"]);
        assert_eq!(messages("\u{feff}a: 1\n"), ["1:1 the file begins with a byte order mark"]);
        assert_eq!(messages("a:\n\tb: 1\n"), ["2:1 a tab in the indentation"]);
    }

    #[test]
    fn aliases_cannot_fill_memory_or_the_stack() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let before = level - 1;
            let items = vec![format!("*a{before}"); 10].join(", ");
            writeln!(bomb, "a{level}: &a{level} [{items}]").unwrap();
        }
        assert!(messages(&bomb)[0].ends_with("too many values in one file"), "{:?}", messages(&bomb));
        let deep = format!("{}x{}", "[".repeat(200), "]".repeat(200));
        assert!(messages(&deep)[0].ends_with("nested too deeply"), "{:?}", messages(&deep));
        let mut chain = String::from("a0: &a0 [x]\n");
        for level in 1..100 {
            writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
        }
        assert!(messages(&chain)[0].ends_with("nested too deeply"), "{:?}", messages(&chain));
    }
}
