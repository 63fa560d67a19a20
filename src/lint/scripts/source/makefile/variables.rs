//! Variables of make, and what a recipe becomes when they are put in.

use std::collections::HashMap;

use crate::lint::scripts::snippet::{Snippet, UNKNOWN};

/// References within references are followed this far.
const DEEPEST: usize = 8;

/// What references may make of one recipe, and how many are followed for it.
const LONGEST: usize = 65_536;
const MOST: usize = 10_000;

/// A recipe in the making.
struct Filled {
    script: Snippet,
    references: usize,
}

#[derive(Debug, Default)]
pub(super) struct Variables {
    values: HashMap<String, String>,
}

impl Variables {
    /// Takes in a line, if it is an assignment.
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
        // A value goes on behind a backslash as if there were a blank.
        let value = value.replace("\\\r\n", " ").replace("\\\n", " ");
        match operator {
            "?" if self.values.contains_key(name) => {}
            "+" => {
                let all = self.values.entry(name.to_owned()).or_default();
                if all.len() + value.len() < LONGEST {
                    *all = format!("{all} {value}");
                }
            }
            "!" => {
                self.values.insert(name.to_owned(), format!("$(shell {value})"));
            }
            _ => {
                // `A := $(A) more` is the value until now, and must not be followed in a circle.
                let old = self.values.get(name).cloned().unwrap_or_default();
                let value = value.replace(&format!("$({name})"), &old).replace(&format!("${{{name}}}"), &old);
                if value.len() < LONGEST {
                    self.values.insert(name.to_owned(), value);
                }
            }
        }
        true
    }

    /// A value of several lines: `define`.
    pub(super) fn set_lines(&mut self, name: &str, lines: &str) {
        self.values.insert(name.to_owned(), lines.trim_end_matches('\n').to_owned());
    }

    /// What the shell gets.
    pub(super) fn expand(&self, recipe: &Snippet) -> Snippet {
        let mut filled = Filled { script: Snippet::default(), references: 0 };
        self.put(recipe, &[], 0, &mut filled);
        filled.script
    }

    fn put(&self, text: &Snippet, given: &[String], depth: usize, filled: &mut Filled) {
        let bytes = text.text().as_bytes();
        let mut at = 0;
        while let Some(dollar) = memchr::memchr(b'$', &bytes[at..]).map(|dollar| at + dollar) {
            filled.script.push_part(text, at..dollar);
            filled.references += 1;
            if filled.script.len() > LONGEST || filled.references > MOST {
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
                filled.script.push_for("$", from, to);
            } else {
                self.reference(inner, given, depth, (from, to), filled);
            }
            at = end;
        }
        filled.script.push_part(text, at..bytes.len());
    }

    fn reference(
        &self,
        inner: &str,
        given: &[String],
        depth: usize,
        (from, to): (usize, usize),
        filled: &mut Filled,
    ) {
        let whole = |text: &str, given: &[String], filled: &mut Filled| {
            let mut snippet = Snippet::default();
            snippet.push_for(text, from, to);
            self.put(&snippet, given, depth + 1, filled);
        };
        let function = inner.split_once([' ', '\t']);
        let argument = inner.parse::<usize>().ok().and_then(|number| given.get(number.checked_sub(1)?));
        if depth >= DEEPEST {
            filled.script.push_for(UNKNOWN.encode_utf8(&mut [0; 4]), from, to);
        } else if let Some(text) = argument {
            whole(text, &[], filled);
        } else if let Some(("call", rest)) = function {
            let mut parts = rest.split(',').map(|part| part.trim().to_owned());
            let name = parts.next().unwrap_or_default();
            let given: Vec<String> = parts.collect();
            match self.values.get(&name) {
                Some(value) => whole(value, &given, filled),
                None => filled.script.push_for(UNKNOWN.encode_utf8(&mut [0; 4]), from, to),
            }
        } else if let Some(("shell", command)) = function {
            filled.script.push_for("$(", from, to);
            whole(command, given, filled);
            filled.script.push_for(")", from, to);
        } else if let Some(value) = self.values.get(inner).filter(|value| !value.contains("$(shell ")) {
            whole(value, &[], filled);
        } else if !inner.is_empty()
            && !inner.as_bytes()[0].is_ascii_digit()
            && inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            // The shell does not know it either, but its name may say what it stands for.
            filled.script.push_for(&format!("${{{inner}}}"), from, to);
        } else {
            filled.script.push_for(UNKNOWN.encode_utf8(&mut [0; 4]), from, to);
        }
    }
}

/// Behind the bracket that closes the one at `open_at`, or the end.
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
