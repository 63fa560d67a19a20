//! YAML text to [`Node`]s: anchors, aliases and `<<` resolved, duplicate keys refused.
//!
//! Whatever the text, memory stays in proportion to it: aliases may add [`MAX_COPIED`] nodes, nothing may be deeper
//! than [`MAX_DEPTH`], and copies share their text.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span as Stretch, Tag};

use super::files::{FileId, Point, Span};
use super::load::Problem;
use super::node::{Directive, Entry, Node, Text, Value};

/// How many nodes the aliases of one file may stand for.
const MAX_COPIED: usize = 100_000;
/// How deep collections may nest, aliases included.
const MAX_DEPTH: usize = 200;

/// The documents of a file and its comments.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) documents: Vec<Node>,
    pub(super) comments: Vec<(Span, String)>,
    pub(super) problems: Vec<Problem>,
}

/// Reads a file to its end or to its first error of syntax.
pub(super) fn parse(file: FileId, text: &str) -> Parsed {
    let options = granit_parser::options! {
        max_buffered_comment_events: 1_000_000,
        block_nesting_limit: MAX_DEPTH,
        flow_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder { file, ..Builder::new(file) };
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((event, stretch)) => {
                if let Err(problem) = builder.take(event, stretch) {
                    builder.parsed.problems.push(problem);
                    break;
                }
            }
            Err(error) => {
                let start = point(error.marker());
                let span = Span { file, start, end: start };
                builder.parsed.problems.push(Problem::yaml(span, error.info()));
                break;
            }
        }
    }
    builder.parsed
}

/// A collection that is still being read.
struct Open {
    span: Span,
    directive: Option<Directive>,
    anchor: usize,
    kind: Kind,
    /// How deep what it holds is.
    depth: usize,
    nodes: usize,
}

enum Kind {
    List(Vec<Node>),
    /// With the key whose value comes next.
    Map(Vec<Entry>, Option<Text>),
}

struct Anchored {
    node: Node,
    depth: usize,
    nodes: usize,
}

struct Builder {
    file: FileId,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    copied: usize,
    parsed: Parsed,
}

impl Builder {
    fn new(file: FileId) -> Self {
        Self { file, open: Vec::new(), anchors: HashMap::new(), copied: 0, parsed: Parsed::default() }
    }

    fn take(&mut self, event: Event<'_>, stretch: Stretch) -> Result<(), Problem> {
        let span = self.span(stretch);
        match event {
            Event::Comment(text, _) => self.parsed.comments.push((span, text.into_owned())),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let empty = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if empty {
                    Value::Null
                } else {
                    Value::Scalar(Text { text: Arc::from(&*text), span, plain, doubt: None })
                };
                let node = Node { span, value, directive: directive(tag.as_deref()) };
                self.place(node, anchor, 0, 1)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(span, Kind::List(Vec::new()), anchor, tag.as_deref())?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.begin(span, Kind::Map(Vec::new(), None), anchor, tag.as_deref())?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
            Event::Alias(anchor) => self.alias(span, anchor)?,
            Event::DocumentEnd => self.anchors.clear(),
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, span: Span, kind: Kind, anchor: usize, tag: Option<&Tag>) -> Result<(), Problem> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Problem::yaml(span, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.open.push(Open { span, directive: directive(tag), anchor, kind, depth: 0, nodes: 1 });
        Ok(())
    }

    fn end(&mut self, at: Span) -> Result<(), Problem> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let (value, last) = match open.kind {
            Kind::List(items) => {
                let last = items.last().map(|node| node.span);
                (Value::List(items), last)
            }
            Kind::Map(entries, _) => {
                let last = entries.last().map(|entry| entry.value.span);
                (Value::Map(merge_keys(entries)?), last)
            }
        };
        // The parser ends a block only where the next token begins, lines later.
        let end = if at.start == at.end {
            last.filter(|last| last.end > open.span.start).map_or(open.span.end, |last| last.end)
        } else {
            at.end
        };
        let span = Span { end: end.max(open.span.start), ..open.span };
        let node = Node { span, value, directive: open.directive };
        self.place(node, open.anchor, open.depth + 1, open.nodes)
    }

    fn alias(&mut self, span: Span, anchor: usize) -> Result<(), Problem> {
        let Some(found) = self.anchors.get(&anchor) else {
            return Err(Problem::yaml(span, "an anchor that contains itself"));
        };
        let (node, depth, nodes) = (found.node.clone(), found.depth, found.nodes);
        self.copied += nodes;
        if self.copied > MAX_COPIED {
            return Err(Problem::yaml(span, format!("aliases that stand for more than {MAX_COPIED} nodes")));
        }
        self.place(node, 0, depth, nodes)
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node, anchor: usize, depth: usize, nodes: usize) -> Result<(), Problem> {
        if self.open.len() + depth > MAX_DEPTH {
            return Err(Problem::yaml(node.span, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), depth, nodes });
        }
        let Some(open) = self.open.last_mut() else {
            self.parsed.documents.push(node);
            return Ok(());
        };
        open.depth = open.depth.max(depth);
        open.nodes += nodes;
        match &mut open.kind {
            Kind::List(items) => items.push(node),
            Kind::Map(entries, key) => match key.take() {
                Some(key) => entries.push(Entry { key, value: node }),
                None => *key = Some(as_key(node)?),
            },
        }
        Ok(())
    }

    fn span(&self, stretch: Stretch) -> Span {
        Span { file: self.file, start: point(&stretch.start), end: point(&stretch.end) }
    }
}

fn point(marker: &Marker) -> Point {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Point {
        line: number(marker.line().max(1)),
        column: number(marker.col() + 1),
        byte: number(marker.byte_offset().unwrap_or(0)),
    }
}

fn directive(tag: Option<&Tag>) -> Option<Directive> {
    match (tag?.handle(), tag?.suffix()) {
        ("!", "reset") => Some(Directive::Reset),
        ("!", "override") => Some(Directive::Override),
        _ => None,
    }
}

fn as_key(node: Node) -> Result<Text, Problem> {
    match node.value {
        Value::Scalar(text) => Ok(text),
        Value::Null => Ok(Text { text: "".into(), span: node.span, plain: true, doubt: None }),
        Value::List(_) | Value::Map(_) => Err(Problem::yaml(node.span, "a key that is not a word")),
    }
}

/// Resolves `<<`: what a mapping says itself counts before what it takes over, and of that the first.
fn merge_keys(entries: Vec<Entry>) -> Result<Vec<Entry>, Problem> {
    let mut own: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut seen: HashMap<Arc<str>, u32> = HashMap::with_capacity(entries.len());
    let mut taken = Vec::new();
    for entry in entries {
        if entry.key.as_str() == "<<" && entry.key.plain {
            match entry.value.value {
                Value::Map(more) => taken.extend(more),
                Value::List(maps) => {
                    taken.extend(maps.into_iter().flat_map(|map| match map.value {
                        Value::Map(more) => more,
                        Value::Null | Value::Scalar(_) | Value::List(_) => Vec::new(),
                    }));
                }
                Value::Null => {}
                Value::Scalar(_) => {
                    return Err(Problem::yaml(
                        entry.value.span,
                        "`<<` takes a mapping or a list of mappings",
                    ));
                }
            }
            continue;
        }
        if let Some(line) = seen.insert(entry.key.text.clone(), entry.key.span.start.line) {
            let message = format!("the key `{}` is in line {line} already", entry.key.as_str());
            return Err(Problem::yaml(entry.key.span, message));
        }
        own.push(entry);
    }
    for entry in taken {
        if let std::collections::hash_map::Entry::Vacant(place) = seen.entry(entry.key.text.clone()) {
            place.insert(entry.key.span.start.line);
            own.push(entry);
        }
    }
    Ok(own)
}
