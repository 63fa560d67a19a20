//! YAML text to [`YamlNode`]s, with anchors, aliases and `<<` resolved.
//!
//! Memory stays in proportion to the text, whatever it says: aliases may add [`MAX_COPIED`] nodes, nothing may be
//! nested deeper than [`MAX_DEPTH`], and copies share their text.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span as ParserSpan, Tag};

use super::node::{MergeDirective, YamlEntry, YamlNode, YamlScalar, YamlValue};
use crate::lint::span::{FileId, Span, TextPosition};

/// The most nodes that the aliases of one file may add.
const MAX_COPIED: usize = 100_000;
/// The deepest nesting of collections, aliases included.
const MAX_DEPTH: usize = 200;

/// How strictly a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lint) enum Conformance {
    /// As Compose reads it: a duplicate key or a key that is not a scalar is an error.
    Compose,
    /// As programs that run scripts read it: duplicate keys are kept, keys that are not scalars are left out.
    Lenient,
}

/// Why a text is not YAML, or not YAML that Compose accepts.
#[derive(Debug)]
pub(in crate::lint) struct YamlError {
    pub(in crate::lint) span: Span,
    pub(in crate::lint) message: String,
}

impl YamlError {
    fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }
}

/// The documents and comments of a file, up to its first error.
#[derive(Debug, Default)]
pub(in crate::lint) struct ParsedYaml {
    pub(in crate::lint) documents: Vec<YamlNode>,
    pub(in crate::lint) comments: Vec<(Span, String)>,
    pub(in crate::lint) error: Option<YamlError>,
}

/// Reads a file up to its end or its first error.
pub(in crate::lint) fn parse(file: FileId, text: &str, conformance: Conformance) -> ParsedYaml {
    let options = granit_parser::options! {
        max_buffered_comment_events: 1_000_000,
        block_nesting_limit: MAX_DEPTH,
        flow_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder::new(file, conformance);
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((event, parser_span)) => {
                if let Err(error) = builder.take(event, parser_span) {
                    builder.parsed.error = Some(error);
                    break;
                }
            }
            Err(error) => {
                let start = point(error.marker());
                let span = Span { file, start, end: start };
                builder.parsed.error = Some(YamlError::new(span, error.info()));
                break;
            }
        }
    }
    builder.parsed
}

/// A collection whose end has not been read yet.
struct OpenCollection {
    span: Span,
    directive: Option<MergeDirective>,
    anchor: usize,
    kind: CollectionKind,
    /// The depth of its deepest node.
    depth: usize,
    nodes: usize,
}

enum CollectionKind {
    List(Vec<YamlNode>),
    /// With the key whose value comes next.
    Map(Vec<YamlEntry>, PendingKey),
}

/// What the next node of a mapping is.
enum PendingKey {
    /// The next node is a key.
    None,
    /// The next node is the value of this key.
    Key(YamlScalar),
    /// The next node is the value of a key that is left out.
    Skipped,
}

struct Anchored {
    node: YamlNode,
    depth: usize,
    nodes: usize,
}

struct Builder {
    file: FileId,
    conformance: Conformance,
    open: Vec<OpenCollection>,
    anchors: HashMap<usize, Anchored>,
    copied: usize,
    parsed: ParsedYaml,
}

impl Builder {
    fn new(file: FileId, conformance: Conformance) -> Self {
        Self {
            file,
            conformance,
            open: Vec::new(),
            anchors: HashMap::new(),
            copied: 0,
            parsed: ParsedYaml::default(),
        }
    }

    fn take(&mut self, event: Event<'_>, parser_span: ParserSpan) -> Result<(), YamlError> {
        let span = self.span(parser_span);
        match event {
            Event::Comment(text, _) => self.parsed.comments.push((span, text.into_owned())),
            Event::Scalar(text, style, anchor, tag) => {
                let empty =
                    style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if empty {
                    YamlValue::Null
                } else {
                    YamlValue::Scalar(YamlScalar { text: Arc::from(&*text), span, style, unknown: None })
                };
                let node = YamlNode { span, value, directive: directive(tag.as_deref()) };
                self.place(node, anchor, 0, 1)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(span, CollectionKind::List(Vec::new()), anchor, tag.as_deref())?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.begin(span, CollectionKind::Map(Vec::new(), PendingKey::None), anchor, tag.as_deref())?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
            Event::Alias(anchor) => self.alias(span, anchor)?,
            Event::DocumentEnd => self.anchors.clear(),
            _ => {}
        }
        Ok(())
    }

    fn begin(
        &mut self,
        span: Span,
        kind: CollectionKind,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(YamlError::new(span, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.open.push(OpenCollection { span, directive: directive(tag), anchor, kind, depth: 0, nodes: 1 });
        Ok(())
    }

    fn end(&mut self, at: Span) -> Result<(), YamlError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let (value, last) = match open.kind {
            CollectionKind::List(items) => {
                let last = items.last().map(|node| node.span);
                (YamlValue::List(items), last)
            }
            CollectionKind::Map(entries, _) => {
                let last = entries.last().map(|entry| entry.value.span);
                (YamlValue::Map(merge_keys(entries, self.conformance)?), last)
            }
        };
        // The parser ends a block only where the next token starts, which may be lines later.
        let end = if at.start == at.end {
            last.filter(|last| last.end > open.span.start).map_or(open.span.end, |last| last.end)
        } else {
            at.end
        };
        let span = Span { end: end.max(open.span.start), ..open.span };
        let node = YamlNode { span, value, directive: open.directive };
        self.place(node, open.anchor, open.depth + 1, open.nodes)
    }

    fn alias(&mut self, span: Span, anchor: usize) -> Result<(), YamlError> {
        let Some(found) = self.anchors.get(&anchor) else {
            return Err(YamlError::new(span, "an anchor contains itself"));
        };
        let (node, depth, nodes) = (found.node.clone(), found.depth, found.nodes);
        self.copied += nodes;
        if self.copied > MAX_COPIED {
            return Err(YamlError::new(span, format!("the aliases expand to more than {MAX_COPIED} nodes")));
        }
        self.place(node, 0, depth, nodes)
    }

    /// Adds a finished node to the collection that is open, or to the documents.
    fn place(&mut self, node: YamlNode, anchor: usize, depth: usize, nodes: usize) -> Result<(), YamlError> {
        if self.open.len() + depth > MAX_DEPTH {
            return Err(YamlError::new(node.span, format!("nested deeper than {MAX_DEPTH} levels")));
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
            CollectionKind::List(items) => items.push(node),
            CollectionKind::Map(entries, pending) => match std::mem::replace(pending, PendingKey::None) {
                PendingKey::None => {
                    *pending = match (as_key(node), self.conformance) {
                        (Ok(key), _) => PendingKey::Key(key),
                        (Err(_), Conformance::Lenient) => PendingKey::Skipped,
                        (Err(error), Conformance::Compose) => return Err(error),
                    };
                }
                PendingKey::Key(key) => entries.push(YamlEntry { key, value: node }),
                PendingKey::Skipped => {}
            },
        }
        Ok(())
    }

    fn span(&self, parser_span: ParserSpan) -> Span {
        Span { file: self.file, start: point(&parser_span.start), end: point(&parser_span.end) }
    }
}

fn point(marker: &Marker) -> TextPosition {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    TextPosition {
        line: number(marker.line().max(1)),
        column: number(marker.col() + 1),
        byte: number(marker.byte_offset().unwrap_or(0)),
    }
}

fn directive(tag: Option<&Tag>) -> Option<MergeDirective> {
    match (tag?.handle(), tag?.suffix()) {
        ("!", "reset") => Some(MergeDirective::Reset),
        ("!", "override") => Some(MergeDirective::Override),
        _ => None,
    }
}

fn as_key(node: YamlNode) -> Result<YamlScalar, YamlError> {
    match node.value {
        YamlValue::Scalar(text) => Ok(text),
        YamlValue::Null => {
            Ok(YamlScalar { text: "".into(), span: node.span, style: ScalarStyle::Plain, unknown: None })
        }
        YamlValue::List(_) | YamlValue::Map(_) => Err(YamlError::new(node.span, "a key must be a scalar")),
    }
}

/// Resolves `<<`: a mapping's own keys override the merged ones, and of those the first counts.
fn merge_keys(entries: Vec<YamlEntry>, conformance: Conformance) -> Result<Vec<YamlEntry>, YamlError> {
    let mut own: Vec<YamlEntry> = Vec::with_capacity(entries.len());
    let mut seen: HashMap<Arc<str>, u32> = HashMap::with_capacity(entries.len());
    let mut taken = Vec::new();
    let mut merged = None;
    for entry in entries {
        if entry.key.as_str() == "<<" && entry.key.style == ScalarStyle::Plain {
            match entry.value.value {
                YamlValue::Map(more) => taken.extend(more),
                YamlValue::List(maps) => {
                    for map in maps {
                        match map.value {
                            YamlValue::Map(more) => taken.extend(more),
                            _ if conformance == Conformance::Lenient => {}
                            _ => return Err(not_mergeable(map.span)),
                        }
                    }
                }
                YamlValue::Null | YamlValue::Scalar(_) if conformance == Conformance::Lenient => {}
                YamlValue::Null | YamlValue::Scalar(_) => return Err(not_mergeable(entry.value.span)),
            }
            if let Some(line) = merged.replace(entry.key.span.start.line)
                && conformance == Conformance::Compose
            {
                return Err(used_twice(&entry.key, line));
            }
            continue;
        }
        if let Some(line) = seen.insert(entry.key.text.clone(), entry.key.span.start.line)
            && conformance == Conformance::Compose
        {
            return Err(used_twice(&entry.key, line));
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

fn not_mergeable(span: Span) -> YamlError {
    YamlError::new(span, "`<<` takes a mapping or a list of mappings")
}

fn used_twice(key: &YamlScalar, line: u32) -> YamlError {
    YamlError::new(key.span, format!("the key `{}` is already used in line {line}", key.as_str()))
}
