//! YAML as a tree in which every scalar knows, byte by byte, where in the file it stands.

use std::collections::HashMap;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle};

use crate::lint::scripts::snippet::{Snippet, char_boundary};

/// An alias bomb must not grow beyond what a person would write.
const MOST_NODES: usize = 200_000;

/// Nor deeper: aliases can nest a flat file.
const DEEPEST: usize = 256;

/// What merges bring in besides what is written out.
const MOST_MERGED: usize = 1_000;

#[derive(Debug)]
pub(crate) enum Node {
    Scalar(Snippet),
    List(Vec<Rc<Node>>),
    Map(Vec<(Rc<Node>, Rc<Node>)>),
}

impl Node {
    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The keys of a map that are text, with their values.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Node)> {
        let entries = if let Self::Map(entries) = self { &entries[..] } else { &[] };
        entries.iter().filter_map(|(key, value)| Some((key.text()?, &**value)))
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = &Node> {
        let items = if let Self::List(items) = self { &items[..] } else { &[] };
        items.iter().map(|item| &**item)
    }

    pub(crate) fn scalar(&self) -> Option<&Snippet> {
        if let Self::Scalar(text) = self { Some(text) } else { None }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        self.scalar().map(Snippet::text)
    }
}

/// A list or a map whose end has not come.
#[derive(Default)]
struct Open {
    anchor: usize,
    /// Its items, or its keys and values in turn.
    nodes: Vec<Rc<Node>>,
    /// That of the deepest of them.
    height: usize,
    is_map: bool,
}

/// The first document; nothing, if the text is not YAML.
pub(super) fn read(text: &str) -> Option<Node> {
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, (Rc<Node>, usize)> = HashMap::new();
    let mut count = 0;
    for next in Parser::new_from_str(text) {
        let (event, span) = next.ok()?;
        let (node, height, anchor) = match event {
            Event::Scalar(value, style, anchor, _) => {
                let raw = span.start.byte_offset()?..span.end.byte_offset()?;
                (Rc::new(Node::Scalar(place(text, raw, &value, style))), 0, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                open.push(Open { anchor, ..Open::default() });
                continue;
            }
            Event::MappingStart(_, anchor, _) => {
                open.push(Open { anchor, is_map: true, ..Open::default() });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { anchor, nodes, height, is_map } = open.pop()?;
                (Rc::new(if is_map { map(&nodes) } else { Node::List(nodes) }), height + 1, anchor)
            }
            Event::Alias(anchor) => {
                let (node, height) = anchors.get(&anchor)?;
                (Rc::clone(node), *height, 0)
            }
            Event::DocumentEnd => return None,
            _ => continue,
        };
        count += 1;
        if count > MOST_NODES || height > DEEPEST {
            return None;
        }
        if anchor > 0 {
            anchors.insert(anchor, (Rc::clone(&node), height));
        }
        if let Some(parent) = open.last_mut() {
            parent.nodes.push(node);
            parent.height = parent.height.max(height);
        } else {
            anchors.clear();
            return Rc::try_unwrap(node).ok();
        }
    }
    None
}

/// A map out of its keys and values in turn; merges are followed one step, which is all that scripts are found through.
fn map(nodes: &[Rc<Node>]) -> Node {
    let mut entries: Vec<(Rc<Node>, Rc<Node>)> = Vec::new();
    let mut merged = Vec::new();
    for pair in nodes.chunks_exact(2) {
        if pair[0].text() != Some("<<") {
            entries.push((Rc::clone(&pair[0]), Rc::clone(&pair[1])));
            continue;
        }
        let one = std::slice::from_ref(&pair[1]);
        let sources = if let Node::List(items) = &*pair[1] { items } else { one };
        for source in sources {
            if let Node::Map(more) = &**source {
                merged.extend(more.iter().map(|(key, value)| (Rc::clone(key), Rc::clone(value))));
            }
        }
    }
    for (key, value) in merged.into_iter().take(MOST_MERGED) {
        if !entries.iter().any(|(known, _)| known.text() == key.text()) {
            entries.push((key, value));
        }
    }
    Node::Map(entries)
}

/// Finds every character of a scalar's value in its source.
fn place(text: &str, raw: std::ops::Range<usize>, value: &str, style: ScalarStyle) -> Snippet {
    let source = &text[raw.clone()];
    let mut at = raw.start;
    if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) && source.starts_with(['|', '>']) {
        at += source.find('\n').map_or(source.len(), |end| end + 1);
    }
    if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)
        && source.starts_with(['\'', '"'])
    {
        at += 1;
    }
    let mut snippet = Snippet::default();
    for letter in value.chars() {
        let mut buffer = [0; 4];
        let letter_text = letter.encode_utf8(&mut buffer);
        if style == ScalarStyle::DoubleQuoted {
            at = skip_joined(text, at, raw.end);
            if text[at..raw.end].starts_with('\\') {
                let end = escape_end(&text[..raw.end], at);
                snippet.push_for(letter_text, at, end);
                at = end;
                continue;
            }
        }
        if letter.is_whitespace() {
            let found = text[at..raw.end].chars().next().filter(|next| next.is_whitespace());
            let end = at + found.map_or(0, char::len_utf8);
            snippet.push_for(letter_text, at, end);
            at = end;
            continue;
        }
        let rest = &text[at..raw.end];
        at += rest.len() - rest.trim_start().len();
        if text[at..raw.end].starts_with(letter) {
            snippet.push_from(letter_text, at);
            at += letter.len_utf8();
            if style == ScalarStyle::SingleQuoted && letter == '\'' && text[at..raw.end].starts_with('\'') {
                at += 1;
            }
        } else {
            snippet.push_for(letter_text, at, at);
        }
    }
    snippet
}

/// A backslash at the end of a line joins it to the next, and is no character of the value.
fn skip_joined(text: &str, mut at: usize, end: usize) -> usize {
    while let Some(rest) = text[at..end].strip_prefix("\\\n").or_else(|| text[at..end].strip_prefix("\\\r\n"))
    {
        at = end - rest.trim_start_matches([' ', '\t']).len();
    }
    at
}

/// Where an escape ends; two halves of a surrogate pair are one.
fn escape_end(text: &str, at: usize) -> usize {
    let kind = text[at + 1..].chars().next();
    let length = match kind {
        Some('x') => 4,
        Some('u') if is_high_surrogate(&text[at..]) => 12,
        Some('u') => 6,
        Some('U') => 10,
        Some(letter) => 1 + letter.len_utf8(),
        None => 1,
    };
    char_boundary(text, at + length)
}

fn is_high_surrogate(escape: &str) -> bool {
    let digits = escape.get(2..6).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    digits.is_some_and(|value| (0xd800..0xdc00).contains(&value)) && escape.get(6..8) == Some("\\u")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the value of `key` has `needle`, by the text that stands there in the file.
    fn at<'a>(yaml: &'a str, needle: &str) -> &'a str {
        let node = read(yaml).expect("a document");
        let value = node.get("key").and_then(Node::scalar).expect("a scalar").clone();
        let found = value.text().find(needle).unwrap_or_else(|| panic!("{:?}", value.text()));
        &yaml[value.from(found)..value.to(found + needle.len())]
    }

    #[test]
    fn every_style_knows_its_place() {
        assert_eq!(at("key: docker x\n", "docker"), "docker");
        assert_eq!(at("key: 'it''s docker'\n", "s docker"), "s docker");
        assert_eq!(at("key: |\n    one\n      two\n    three\n", "three"), "three");
        assert_eq!(at("a: 1\nkey: |-\n\n  one\n\n  two\n", "two"), "two");
        assert_eq!(at("key: >\n  one\n  two\n\n  three\n", "two\nthree"), "two\n\n  three");
        assert_eq!(at("key: one\n  two three\n", "two three"), "two three");
        assert_eq!(
            at("{\"key\": \"a \\\"b\\\" \\u0026\\u0026 docker\"}", "&& docker"),
            "\\u0026\\u0026 docker"
        );
        assert_eq!(at("{\"key\": \"\\t\\\\ two\"}", "two"), "two");
        assert_eq!(at("key: \"one \\\n   two\"\n", "two"), "two");
        assert_eq!(at("{\n\t\"key\": \"é docker\"\n}\n", "docker"), "docker");
    }

    #[test]
    fn aliases_and_merges() {
        let node = read("base: &b {script: [one, two]}\njob:\n  <<: *b\n  other: *b\n").expect("a document");
        let job = node.get("job").expect("a job");
        assert_eq!(job.get("script").expect("merged").items().count(), 2);
        assert_eq!(job.get("other").expect("an alias").get("script").expect("its key").items().count(), 2);
    }

    #[test]
    fn what_is_no_yaml_is_nothing() {
        assert!(read("a: [").is_none());
        assert!(read("\t- x: {").is_none());
        assert!(read("").is_none());
    }
}
