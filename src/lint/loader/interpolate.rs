//! Interpolates `${VARIABLES}` like compose-go's `template`: defaults, required variables, alternatives, nesting, `$$`.

use std::sync::Arc;

use granit_parser::ScalarStyle;

use super::problem::LoadProblem;
use crate::lint::span::Span;
use crate::lint::yaml::{UnknownReason, YamlNode, YamlScalar, YamlValue};

/// Where the values of variables come from.
pub(super) type VariableLookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The deepest nesting of variables in defaults.
const MAX_NESTING: usize = 32;

/// Replaces the variables in every scalar below a node, but like Compose not in keys.
pub(super) fn interpolate(
    node: &mut YamlNode,
    source: &str,
    lookup: &VariableLookup<'_>,
    problems: &mut Vec<LoadProblem>,
) {
    match &mut node.value {
        YamlValue::Null => {}
        YamlValue::Scalar(text) => scalar(text, source, lookup, problems),
        YamlValue::List(items) => {
            for item in items {
                interpolate(item, source, lookup, problems);
            }
        }
        YamlValue::Map(entries) => {
            for entry in entries {
                interpolate(&mut entry.value, source, lookup, problems);
            }
        }
    }
}

fn scalar(text: &mut YamlScalar, source: &str, lookup: &VariableLookup<'_>, problems: &mut Vec<LoadProblem>) {
    if !text.text.contains('$') {
        return;
    }
    let mut template =
        Template { lookup, span: text.span, written: written(text, source), unknown: None, nesting: 0 };
    match template.fill(&text.text, 0) {
        Ok(replaced) => {
            text.unknown = template.unknown;
            text.text = Arc::from(replaced);
            // What a variable gives is a string, even if it looks like a number.
            text.style = ScalarStyle::DoubleQuoted;
        }
        Err(Invalid(at)) => problems.push(LoadProblem::compose(
            template.part(&text.text, at, at + 1),
            "`${` is not followed by a variable, so Compose refuses the file",
            "Write `$$` for a literal `$`.",
        )),
    }
}

/// The offset of the value in its span, where the file has the value literally.
fn written(text: &YamlScalar, source: &str) -> Option<usize> {
    let raw = source.get(text.span.start.byte as usize..text.span.end.byte as usize)?;
    raw.find(&*text.text).filter(|_| text.span.start.line == text.span.end.line)
}

/// The `$` at this byte is not the start of a variable.
struct Invalid(usize);

struct Template<'a> {
    lookup: &'a VariableLookup<'a>,
    span: Span,
    /// How many bytes of the span come before the text: 1 for a quote.
    written: Option<usize>,
    unknown: Option<UnknownReason>,
    nesting: usize,
}

impl Template<'_> {
    /// The span of a part of the text.
    fn part(&self, text: &str, from: usize, to: usize) -> Span {
        match self.written {
            Some(before) => {
                let quote = " ".repeat(before);
                self.span.part(&format!("{quote}{text}"), before + from, before + to)
            }
            None => self.span,
        }
    }

    /// `offset` is where `text` starts in the scalar.
    fn fill(&mut self, text: &str, offset: usize) -> Result<String, Invalid> {
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            replaced.push_str(&rest[..dollar]);
            let at = offset + (text.len() - rest.len()) + dollar;
            let after = &rest[dollar + 1..];
            if let Some(more) = after.strip_prefix('$') {
                replaced.push('$');
                rest = more;
            } else if let Some(inside) = after.strip_prefix('{') {
                let end = closing(inside).ok_or(Invalid(at))?;
                self.braced(&inside[..end], at, &mut replaced)?;
                rest = &inside[end + 1..];
            } else {
                let length = name_length(after);
                if length == 0 {
                    // Compose V2 keeps it (measured with 2.40); only `${` has to start a variable.
                    replaced.push('$');
                    rest = after;
                    continue;
                }
                self.plain(&after[..length], at, length + 1, &mut replaced);
                rest = &after[length..];
            }
        }
        replaced.push_str(rest);
        Ok(replaced)
    }

    fn plain(&mut self, name: &str, at: usize, length: usize, into: &mut String) {
        if let Some(value) = (self.lookup)(name) {
            into.push_str(&value);
            return;
        }
        into.push_str(&format!("${{{name}}}"));
        if self.unknown.is_none() {
            let place = match self.written {
                // A span inside a default would need the text around it.
                Some(before) if self.nesting == 0 => {
                    let from = before + at;
                    self.span.part(&" ".repeat(from + length), from, from + length)
                }
                Some(_) | None => self.span,
            };
            self.unknown = Some(UnknownReason::Unset(name.into(), place));
        }
    }

    fn braced(&mut self, inside: &str, at: usize, into: &mut String) -> Result<(), Invalid> {
        let length = name_length(inside);
        let (name, after) = inside.split_at(length);
        if length == 0 {
            return Err(Invalid(at));
        }
        if after.is_empty() {
            self.plain(name, at, inside.len() + 3, into);
            return Ok(());
        }
        let (empty_counts, after) = match after.strip_prefix(':') {
            Some(after) => (false, after),
            None => (true, after),
        };
        let word = after.get(1..).unwrap_or_default();
        let set = (self.lookup)(name).filter(|value| empty_counts || !value.is_empty());
        match (after.chars().next(), set) {
            (Some('-' | '?'), Some(value)) => into.push_str(&value),
            (Some('-'), None) | (Some('+'), Some(_)) => into.push_str(&self.nested(word, at)?),
            (Some('?'), None) => {
                into.push_str(&format!("${{{name}}}"));
                self.unknown.get_or_insert(UnknownReason::Required);
            }
            (Some('+'), None) => {}
            _ => return Err(Invalid(at)),
        }
        Ok(())
    }

    fn nested(&mut self, text: &str, at: usize) -> Result<String, Invalid> {
        if self.nesting >= MAX_NESTING {
            return Err(Invalid(at));
        }
        self.nesting += 1;
        let value = self.fill(text, at);
        self.nesting -= 1;
        value
    }
}

/// The `}` that ends the variable.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn name_length(text: &str) -> usize {
    let first = text.bytes().next();
    if !first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
        return 0;
    }
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::span::FileId;

    fn read(text: &str) -> (Option<String>, Option<UnknownReason>) {
        let lookup = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let span = Span::start_of(FileId::default());
        let mut template = Template { lookup: &lookup, span, written: None, unknown: None, nesting: 0 };
        let value = template.fill(text, 0).ok();
        (value, template.unknown)
    }

    fn value(text: &str) -> Option<String> {
        read(text).0
    }

    #[test]
    fn every_form_that_compose_knows() {
        for (text, expected) in [
            ("$A/${A}", "a/a"),
            ("$$A", "$A"),
            ("${B:-x}", "x"),
            ("${B-x}", "x"),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY-x}", ""),
            ("${A:+yes}${B:+no}", "yes"),
            ("${EMPTY+yes}${EMPTY:+no}", "yes"),
            ("${B:-${C:-${A}}}", "a"),
            ("${B:-}", ""),
            ("${A:?must}", "a"),
        ] {
            assert_eq!(value(text).as_deref(), Some(expected), "{text}");
            assert_eq!(read(text).1, None, "{text}");
        }
    }

    #[test]
    fn an_unset_variable_stays_in_the_text_and_is_marked() {
        assert!(matches!(read("$B/pg"), (Some(text), Some(UnknownReason::Unset(..))) if text == "${B}/pg"));
        assert!(matches!(read("${B:?x}"), (Some(_), Some(UnknownReason::Required))));
    }

    #[test]
    fn a_brace_without_a_variable_is_refused_and_a_lone_dollar_is_not() {
        for text in ["${}", "${A", "${1}", "${A!b}"] {
            assert_eq!(value(text), None, "{text}");
        }
        for text in ["$", "a $ b", "$1", "$(date)"] {
            assert_eq!(value(text).as_deref(), Some(text));
        }
    }
}
