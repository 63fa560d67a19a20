//! `${VARIABLES}`, by compose-go's `template`: defaults, required ones, alternatives, nesting, and `$$`.

use std::sync::Arc;

use super::files::Span;
use super::load::Problem;
use super::node::{Doubt, Node, Text, Value};

/// Where values come from.
pub(super) type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// How deep defaults may hold variables.
const MAX_NESTING: usize = 32;

/// Replaces the variables in every scalar below a node; keys are left alone, as Compose does.
pub(super) fn interpolate(node: &mut Node, source: &str, lookup: &Lookup<'_>, problems: &mut Vec<Problem>) {
    match &mut node.value {
        Value::Null => {}
        Value::Scalar(text) => scalar(text, source, lookup, problems),
        Value::List(items) => {
            for item in items {
                interpolate(item, source, lookup, problems);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                interpolate(&mut entry.value, source, lookup, problems);
            }
        }
    }
}

fn scalar(text: &mut Text, source: &str, lookup: &Lookup<'_>, problems: &mut Vec<Problem>) {
    if !text.text.contains('$') {
        return;
    }
    let mut reader =
        Reader { lookup, span: text.span, written: written(text, source), doubt: None, nesting: 0 };
    match reader.template(&text.text, 0) {
        Ok(replaced) => {
            text.doubt = reader.doubt;
            text.text = Arc::from(replaced);
        }
        Err(Invalid(at)) => problems.push(Problem::compose(
            reader.place(&text.text, at, at + 1),
            "a `${` that begins no variable: Compose refuses the file",
            "Write `$$` for a `$` that is meant as itself.",
        )),
    }
}

/// The text as it stands in the file, where that is the same as its value.
fn written(text: &Text, source: &str) -> Option<usize> {
    let raw = source.get(text.span.start.byte as usize..text.span.end.byte as usize)?;
    raw.find(&*text.text).filter(|_| text.span.start.line == text.span.end.line)
}

/// A `$` at this byte makes no sense.
struct Invalid(usize);

struct Reader<'a> {
    lookup: &'a Lookup<'a>,
    span: Span,
    /// How many bytes of the span come before the text: 1 for a quote.
    written: Option<usize>,
    doubt: Option<Doubt>,
    nesting: usize,
}

impl Reader<'_> {
    /// A part of the text as a place in the file.
    fn place(&self, text: &str, from: usize, to: usize) -> Span {
        match self.written {
            Some(before) => {
                let quote = " ".repeat(before);
                self.span.part(&format!("{quote}{text}"), before + from, before + to)
            }
            None => self.span,
        }
    }

    /// `offset` is where `text` begins in the whole scalar.
    fn template(&mut self, text: &str, offset: usize) -> Result<String, Invalid> {
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            replaced.push_str(&rest[..dollar]);
            let at = offset + (text.len() - rest.len()) + dollar;
            let behind = &rest[dollar + 1..];
            if let Some(more) = behind.strip_prefix('$') {
                replaced.push('$');
                rest = more;
            } else if let Some(inside) = behind.strip_prefix('{') {
                let end = closing(inside).ok_or(Invalid(at))?;
                self.braced(&inside[..end], at, &mut replaced)?;
                rest = &inside[end + 1..];
            } else {
                let length = name_length(behind);
                if length == 0 {
                    // Compose V2 leaves it as it is (measured with 2.40); only `${` has to be a variable.
                    replaced.push('$');
                    rest = behind;
                    continue;
                }
                self.plain(&behind[..length], at, length + 1, &mut replaced);
                rest = &behind[length..];
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
        if self.doubt.is_none() {
            let place = match self.written {
                // Places within a default would need the text around it.
                Some(before) if self.nesting == 0 => {
                    let from = before + at;
                    self.span.part(&" ".repeat(from + length), from, from + length)
                }
                Some(_) | None => self.span,
            };
            self.doubt = Some(Doubt::Unset(name.into(), place));
        }
    }

    fn braced(&mut self, inside: &str, at: usize, into: &mut String) -> Result<(), Invalid> {
        let length = name_length(inside);
        let (name, behind) = inside.split_at(length);
        if length == 0 {
            return Err(Invalid(at));
        }
        if behind.is_empty() {
            self.plain(name, at, inside.len() + 3, into);
            return Ok(());
        }
        let (empty_counts, behind) = match behind.strip_prefix(':') {
            Some(behind) => (false, behind),
            None => (true, behind),
        };
        let word = behind.get(1..).unwrap_or_default();
        let set = (self.lookup)(name).filter(|value| empty_counts || !value.is_empty());
        match (behind.chars().next(), set) {
            (Some('-' | '?'), Some(value)) => into.push_str(&value),
            (Some('-'), None) | (Some('+'), Some(_)) => into.push_str(&self.nested(word, at)?),
            (Some('?'), None) => {
                into.push_str(&format!("${{{name}}}"));
                self.doubt.get_or_insert(Doubt::Required);
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
        let value = self.template(text, at);
        self.nesting -= 1;
        value
    }
}

/// Where the `}` is that closes what stands before it.
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

    fn read(text: &str) -> (Option<String>, Option<Doubt>) {
        let lookup = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let span = Span::start_of(super::super::files::FileId::default());
        let mut reader = Reader { lookup: &lookup, span, written: None, doubt: None, nesting: 0 };
        let value = reader.template(text, 0).ok();
        (value, reader.doubt)
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
    fn what_has_no_value_stays_and_is_doubted() {
        assert!(matches!(read("$B/pg"), (Some(text), Some(Doubt::Unset(..))) if text == "${B}/pg"));
        assert!(matches!(read("${B:?x}"), (Some(_), Some(Doubt::Required))));
    }

    #[test]
    fn a_brace_that_begins_no_variable_is_refused_and_a_lone_dollar_is_not() {
        for text in ["${}", "${A", "${1}", "${A!b}"] {
            assert_eq!(value(text), None, "{text}");
        }
        for text in ["$", "a $ b", "$1", "$(date)"] {
            assert_eq!(value(text).as_deref(), Some(text));
        }
    }
}
