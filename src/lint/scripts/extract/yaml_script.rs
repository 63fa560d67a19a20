//! Scripts in YAML and JSON files: scalars whose every byte maps back to the file.

use granit_parser::ScalarStyle;

use crate::lint::scripts::mapped_text::{MappedText, char_boundary};
use crate::lint::span::FileId;
use crate::lint::yaml::{Conformance, YamlNode, YamlScalar, parse};

/// The first document of a file; `None` if the text is not YAML.
pub(in crate::lint::scripts) fn read(text: &str) -> Option<YamlNode> {
    parse(FileId::default(), text, Conformance::Lenient).documents.into_iter().next()
}

/// A scalar as text that maps back to the file; `None` for anything else.
pub(super) fn mapped(text: &str, node: &YamlNode) -> Option<MappedText> {
    node.as_scalar().map(|scalar| map_scalar(text, scalar))
}

/// Finds every character of a scalar's value in its source.
fn map_scalar(text: &str, scalar: &YamlScalar) -> MappedText {
    let raw = scalar.span.start.byte as usize..scalar.span.end.byte as usize;
    let style = scalar.style;
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
    let mut mapped = MappedText::default();
    for letter in scalar.as_str().chars() {
        let mut buffer = [0; 4];
        let letter_text = letter.encode_utf8(&mut buffer);
        if style == ScalarStyle::DoubleQuoted {
            at = skip_joined(text, at, raw.end);
            if text[at..raw.end].starts_with('\\') {
                let end = escape_end(&text[..raw.end], at);
                mapped.push_for(letter_text, at, end);
                at = end;
                continue;
            }
        }
        if letter.is_whitespace() {
            let found = text[at..raw.end].chars().next().filter(|next| next.is_whitespace());
            let end = at + found.map_or(0, char::len_utf8);
            mapped.push_for(letter_text, at, end);
            at = end;
            continue;
        }
        let rest = &text[at..raw.end];
        at += rest.len() - rest.trim_start().len();
        if text[at..raw.end].starts_with(letter) {
            mapped.push_from(letter_text, at);
            at += letter.len_utf8();
            if style == ScalarStyle::SingleQuoted && letter == '\'' && text[at..raw.end].starts_with('\'') {
                at += 1;
            }
        } else {
            mapped.push_for(letter_text, at, at);
        }
    }
    mapped
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

    /// The text of the file that `needle` in the value of `key` maps back to.
    fn at<'a>(yaml: &'a str, needle: &str) -> &'a str {
        let node = read(yaml).expect("a document");
        let value = mapped(yaml, node.get("key").expect("a key")).expect("a scalar");
        let found = value.text().find(needle).unwrap_or_else(|| panic!("{:?}", value.text()));
        &yaml[value.from(found)..value.to(found + needle.len())]
    }

    #[test]
    fn every_style_maps_back_to_the_file() {
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
        assert_eq!(job.get("script").expect("merged").items().len(), 2);
        assert_eq!(job.get("other").expect("an alias").get("script").expect("its key").items().len(), 2);
    }

    #[test]
    fn text_that_is_not_yaml_has_no_document() {
        assert!(read("a: [").is_none());
        assert!(read("\t- x: {").is_none());
        assert!(read("").is_none());
    }
}
