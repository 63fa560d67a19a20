//! Compose V1's reader: a port of `parser.py` and `variables.py` of python-dotenv 0.21, which Compose 1.29.2 uses.
//!
//! A statement that it does not understand is skipped up to the end of its line.

use super::Variables;
use crate::compose::template::Lookup;

pub(super) fn parse(text: &str, environment: &Lookup<'_>) -> Variables {
    // A name without `=` has no value, and hides the environment's in what follows.
    let mut values: Vec<(String, Option<String>)> = Vec::new();
    // Python opens the file with universal newlines.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut cursor = Cursor { rest: &text };
    while !cursor.rest.is_empty() {
        let Some((name, value)) = cursor.binding() else { continue };
        let value = value.map(|value| {
            resolve(&value, &|name| match values.iter().rfind(|(known, _)| known == name) {
                Some((_, value)) => Some(value.clone().unwrap_or_default()),
                None => environment(name),
            })
        });
        values.retain(|(known, _)| *known != name);
        values.push((name, value));
    }
    values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Python's `\s`.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\x1c'..='\x1f')
}

fn is_line_end(letter: char) -> bool {
    letter == '\n'
}

fn is_blank(letter: char) -> bool {
    is_space(letter) && !is_line_end(letter)
}

/// A variable, and its value if it has one.
type Binding = (String, Option<String>);

/// A line that is no statement.
struct Malformed;

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// The next statement; `None` for a comment, the end, or what is no statement.
    fn binding(&mut self) -> Option<Binding> {
        if let Ok(binding) = self.statement() {
            return binding;
        }
        self.take_while(|letter| !is_line_end(letter));
        self.rest = self.rest.strip_prefix('\n').unwrap_or(self.rest);
        None
    }

    /// The next statement; `None` for a comment and the end.
    fn statement(&mut self) -> Result<Option<Binding>, Malformed> {
        self.take_while(is_space);
        if self.rest.is_empty() {
            return Ok(None);
        }
        if let Some(behind) = self.rest.strip_prefix("export")
            && behind.starts_with(is_blank)
        {
            self.rest = behind.trim_start_matches(is_blank);
        }
        let name = match self.rest.chars().next() {
            Some('#') => None,
            Some('\'') => {
                let (name, behind) = self.rest[1..].split_once('\'').ok_or(Malformed)?;
                if name.is_empty() {
                    return Err(Malformed);
                }
                self.rest = behind;
                Some(name)
            }
            Some(_) | None => {
                let name = self.take_while(|letter| !matches!(letter, '=' | '#') && !is_space(letter));
                if name.is_empty() {
                    return Err(Malformed);
                }
                Some(name)
            }
        };
        self.take_while(is_blank);
        let value = match self.rest.strip_prefix('=') {
            Some(behind) => {
                self.rest = behind.trim_start_matches(is_blank);
                Some(self.value().ok_or(Malformed)?)
            }
            None => None,
        };
        self.comment();
        self.take_while(is_blank);
        self.end_of_line().ok_or(Malformed)?;
        Ok(name.map(|name| (name.to_owned(), value)))
    }

    fn value(&mut self) -> Option<String> {
        match self.rest.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let (raw, behind) = quoted(self.rest, quote)?;
                self.rest = behind;
                Some(unescaped(raw, quote))
            }
            None | Some('\n') => Some(String::new()),
            Some(_) => Some(without_comment(self.take_while(|letter| !is_line_end(letter))).to_owned()),
        }
    }

    fn comment(&mut self) {
        let behind = self.rest.trim_start_matches(is_blank);
        if behind.starts_with('#') {
            self.rest = behind.trim_start_matches(|letter| !is_line_end(letter));
        }
    }

    fn end_of_line(&mut self) -> Option<()> {
        if let Some(behind) = self.rest.strip_prefix('\n') {
            self.rest = behind;
            return Some(());
        }
        self.rest.is_empty().then_some(())
    }

    fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }
}

/// The inside of a quoted value and what follows it: `'((?:\\'|[^'])*)'`. The last quote that leaves the rest to match
/// is never needed: the expression is greedy only over what is not a quote, or an escaped one.
fn quoted(text: &str, quote: char) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let quote = u8::try_from(quote).ok()?;
    let mut at = 1;
    // Where an escaped quote could also be the end, which Python falls back to when no later one comes.
    let mut fallback = None;
    while at < bytes.len() {
        if bytes[at] == b'\\' && bytes.get(at + 1) == Some(&quote) {
            fallback = Some(at + 1);
            at += 2;
        } else if bytes[at] == quote {
            return Some((&text[1..at], &text[at + 1..]));
        } else {
            at += 1;
        }
    }
    fallback.map(|end| (&text[1..end], &text[end + 1..]))
}

fn unescaped(raw: &str, quote: char) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut letters = raw.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        let decoded = letters.peek().and_then(|next| match (quote, next) {
            (_, '\\') => Some('\\'),
            (_, '\'') => Some('\''),
            ('"', '"') => Some('"'),
            ('"', 'a') => Some('\x07'),
            ('"', 'b') => Some('\x08'),
            ('"', 'f') => Some('\x0c'),
            ('"', 'n') => Some('\n'),
            ('"', 'r') => Some('\r'),
            ('"', 't') => Some('\t'),
            ('"', 'v') => Some('\x0b'),
            _ => None,
        });
        match decoded {
            Some(decoded) => {
                out.push(decoded);
                letters.next();
            }
            None => out.push('\\'),
        }
    }
    out
}

/// `re.sub(r"\s+#.*", "", part).rstrip()`: `.` does not cross the end of a line, of which there is none here.
fn without_comment(part: &str) -> &str {
    let mut previous_is_space = false;
    for (at, letter) in part.char_indices() {
        if letter == '#' && previous_is_space {
            return part[..at].trim_end_matches(is_space);
        }
        previous_is_space = is_space(letter);
    }
    part.trim_end_matches(is_space)
}

/// `${NAME}` and `${NAME:-default}`, the only forms that python-dotenv knows.
fn resolve(value: &str, lookup: &Lookup<'_>) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        let inside = &rest[at + 2..];
        let end = inside.find(['}', ':']).unwrap_or(inside.len());
        let (name, behind) = inside.split_at(end);
        let (default, behind) = match behind.strip_prefix(":-").and_then(|word| word.split_once('}')) {
            Some((default, behind)) => (default, Some(behind)),
            None => ("", behind.strip_prefix('}')),
        };
        if let Some(behind) = behind {
            out.push_str(&lookup(name).unwrap_or_else(|| default.to_owned()));
            rest = behind;
        } else {
            out.push_str("${");
            rest = inside;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let environment = |name: &str| (name == "HOST").then(|| "h".to_owned());
        parse(text, &environment).into_iter().collect()
    }

    #[test]
    fn values_are_read_as_python_dotenv_reads_them() {
        for (text, expected) in [
            ("A=b", "b"),
            ("export A = b  # why", "b"),
            ("A=b#c", "b#c"),
            ("A='${HOST} \\' x'", "h ' x"),
            ("A=\"${HOST}\\n$x\"", "h\n$x"),
            ("A=${HOST:-x}/${NONE:-y}", "h/y"),
            ("A=", ""),
            ("'A'=x\r\n", "x"),
            ("A=$HOST", "$HOST"),
        ] {
            assert_eq!(read(text), [("A".to_owned(), expected.to_owned())], "{text:?}");
        }
    }

    #[test]
    fn a_bad_line_is_skipped_and_the_file_wins_over_the_environment() {
        assert_eq!(
            read("=x\nA='open\nHOST=f\nB=${HOST}\nC\n"),
            [("B".to_owned(), "f".to_owned()), ("HOST".to_owned(), "f".to_owned())]
        );
    }
}
