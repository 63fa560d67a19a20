//! The variables of make, and their expansion in recipes.

use std::collections::HashMap;

use crate::lint::scripts::mapped_text::{MappedText, UNKNOWN};

/// The deepest nesting of references that is followed.
const MAX_DEPTH: usize = 8;

/// The longest expansion of a recipe, and the most references that are followed for it.
const MAX_LENGTH: usize = 65_536;
const MAX_REFERENCES: usize = 10_000;

/// A recipe that is being expanded.
struct Expansion {
    script: MappedText,
    references: usize,
}

#[derive(Debug, Default)]
pub(super) struct MakeVariables {
    values: HashMap<String, String>,
}

impl MakeVariables {
    /// Reads a line. `false` if it is not an assignment.
    pub(super) fn assign(&mut self, line: &str) -> bool {
        let Some(equals) = line.find('=') else { return false };
        let (left, value) = (&line[..equals], line[equals + 1..].trim());
        let operator_at = left.trim_end_matches([':', '?', '+', '!']).len();
        let operator = &left[operator_at..];
        let name = left[..operator_at].split_whitespace().next_back().unwrap_or_default();
        let words = left[..operator_at].split_whitespace().count();
        let modifiers = left[..operator_at].split_whitespace().take(words.saturating_sub(1));
        let plain =
            modifiers.into_iter().all(|word| matches!(word, "export" | "override" | "private" | "unexport"));
        if name.is_empty() || !plain || name.contains([':', '$', '#']) {
            return false;
        }
        // A continued line counts as a blank.
        let value = value.replace("\\\r\n", " ").replace("\\\n", " ");
        match operator {
            "?" if self.values.contains_key(name) => {}
            "+" => {
                let all = self.values.entry(name.to_owned()).or_default();
                if all.len() + value.len() < MAX_LENGTH {
                    *all = format!("{all} {value}");
                }
            }
            "!" => {
                self.values.insert(name.to_owned(), format!("$(shell {value})"));
            }
            _ => {
                // `A := $(A) more` uses the value so far, and must not refer to itself.
                let old = self.values.get(name).cloned().unwrap_or_default();
                let value = value.replace(&format!("$({name})"), &old).replace(&format!("${{{name}}}"), &old);
                if value.len() < MAX_LENGTH {
                    self.values.insert(name.to_owned(), value);
                }
            }
        }
        true
    }

    /// Sets a value of several lines, from `define`.
    pub(super) fn set_lines(&mut self, name: &str, lines: &str) {
        self.values.insert(name.to_owned(), lines.trim_end_matches('\n').to_owned());
    }

    /// The recipe as the shell gets it.
    pub(super) fn expand(&self, recipe: &MappedText) -> MappedText {
        let mut expansion = Expansion { script: MappedText::default(), references: 0 };
        self.put(recipe, &[], 0, &mut expansion);
        expansion.script
    }

    fn put(&self, text: &MappedText, given: &[String], depth: usize, expansion: &mut Expansion) {
        let bytes = text.text().as_bytes();
        let mut at = 0;
        while let Some(dollar) = memchr::memchr(b'$', &bytes[at..]).map(|dollar| at + dollar) {
            expansion.script.push_part(text, at..dollar);
            expansion.references += 1;
            if expansion.script.len() > MAX_LENGTH || expansion.references > MAX_REFERENCES {
                return;
            }
            let (end, inner) = match bytes.get(dollar + 1) {
                None => (bytes.len(), ""),
                Some(open @ (b'(' | b'{')) => {
                    let end = closing(bytes, dollar + 1, *open);
                    (end, text.text().get(dollar + 2..end - 1).unwrap_or_default())
                }
                Some(_) => {
                    let length = text.text()[dollar + 1..].chars().next().map_or(1, char::len_utf8);
                    (dollar + 1 + length, &text.text()[dollar + 1..dollar + 1 + length])
                }
            };
            let (from, to) = (text.from(dollar), text.to(end));
            if bytes.get(dollar + 1) == Some(&b'$') {
                expansion.script.push_for("$", from, to);
            } else {
                self.reference(inner, given, depth, (from, to), expansion);
            }
            at = end;
        }
        expansion.script.push_part(text, at..bytes.len());
    }

    fn reference(
        &self,
        inner: &str,
        given: &[String],
        depth: usize,
        (from, to): (usize, usize),
        expansion: &mut Expansion,
    ) {
        let expand = |text: &str, given: &[String], expansion: &mut Expansion| {
            let mut mapped = MappedText::default();
            mapped.push_for(text, from, to);
            self.put(&mapped, given, depth + 1, expansion);
        };
        let function = inner.split_once([' ', '\t']);
        let argument = inner.parse::<usize>().ok().and_then(|number| given.get(number.checked_sub(1)?));
        if depth >= MAX_DEPTH {
            expansion.script.push_for(UNKNOWN.encode_utf8(&mut [0; 4]), from, to);
        } else if let Some(text) = argument {
            expand(text, &[], expansion);
        } else if let Some(("call", rest)) = function {
            let mut parts = rest.split(',').map(|part| part.trim().to_owned());
            let name = parts.next().unwrap_or_default();
            let given: Vec<String> = parts.collect();
            match self.values.get(&name) {
                Some(value) => expand(value, &given, expansion),
                None => expansion.script.push_for(UNKNOWN.encode_utf8(&mut [0; 4]), from, to),
            }
        } else if let Some(("shell", command)) = function {
            expansion.script.push_for("$(", from, to);
            expand(command, given, expansion);
            expansion.script.push_for(")", from, to);
        } else if let Some(value) = self.values.get(inner).filter(|value| !value.contains("$(shell ")) {
            expand(value, &[], expansion);
        } else if !inner.is_empty()
            && !inner.as_bytes()[0].is_ascii_digit()
            && inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            // Its value is not known, but its name may tell the program.
            expansion.script.push_for(&format!("${{{inner}}}"), from, to);
        } else {
            expansion.script.push_for(UNKNOWN.encode_utf8(&mut [0; 4]), from, to);
        }
    }
}

/// The offset after the bracket that closes the one at `open_at`, or the end.
fn closing(bytes: &[u8], open_at: usize, open: u8) -> usize {
    let close = if open == b'(' { b')' } else { b'}' };
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate().skip(open_at) {
        if *byte == open {
            depth += 1;
        } else if *byte == close {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        }
    }
    bytes.len()
}
