//! Compose V2's reader: a port of `dotenv/parser.go` of compose-go v2.9.1.

use super::{DotenvError, DotenvReason, Variables};
use crate::compose::template::{Lookup, substitute};

pub(super) fn parse(
    text: &str,
    environment: &Lookup<'_>,
    known: &Variables,
) -> Result<Variables, DotenvError> {
    let mut variables = known.clone();
    let mut parser = Parser { line: 1 };
    let mut rest = text;
    loop {
        rest = parser.statement_start(rest);
        if rest.is_empty() {
            return Ok(variables);
        }
        let statement = parser.name(rest)?;
        if statement.name.contains(' ') {
            return Err(DotenvReason::SpaceInName.at(parser.line));
        }
        if statement.inherited {
            let value = environment(statement.name).or_else(|| variables.get(statement.name).cloned());
            if let Some(value) = value {
                variables.insert(statement.name.to_owned(), value);
            }
            rest = statement.rest;
            continue;
        }
        let lookup = |name: &str| environment(name).or_else(|| variables.get(name).cloned());
        let (value, behind) = parser.value(statement.rest, &lookup)?;
        variables.insert(statement.name.to_owned(), value);
        rest = behind;
    }
}

struct Parser {
    line: usize,
}

struct Statement<'a> {
    name: &'a str,
    /// The name stands alone on its line: its value is the environment's.
    inherited: bool,
    rest: &'a str,
}

impl Parser {
    /// Skips white space and comments.
    fn statement_start<'a>(&mut self, mut text: &'a str) -> &'a str {
        loop {
            let trimmed = text.trim_start_matches(char::is_whitespace);
            self.line += text[..text.len() - trimmed.len()].matches('\n').count();
            if !trimmed.starts_with('#') {
                return trimmed;
            }
            match trimmed.find('\n') {
                Some(end) => text = &trimmed[end..],
                None => return "",
            }
        }
    }

    fn name<'a>(&mut self, text: &'a str) -> Result<Statement<'a>, DotenvError> {
        let text = match text.strip_prefix("export") {
            // Go's `\s`.
            Some(behind) if behind.starts_with(['\t', '\n', '\x0c', '\r', ' ']) => {
                behind.trim_start_matches(is_blank)
            }
            Some(_) | None => text,
        };
        let mut found = None;
        for (at, letter) in text.char_indices() {
            match letter {
                _ if is_blank(letter) => {}
                '=' | ':' | '\n' => {
                    found = Some((at, letter == '\n'));
                    break;
                }
                '_' | '.' | '-' | '[' | ']' => {}
                _ if letter.is_alphabetic() || letter.is_numeric() => {}
                _ => return Err(DotenvReason::UnexpectedCharacter(letter).at(self.line)),
            }
        }
        if text.is_empty() {
            return Err(DotenvReason::NoName.at(self.line));
        }
        // A last line without an end is a value without a name, as compose-go has it.
        let Some((at, inherited)) = found else {
            return Ok(Statement { name: "", inherited: false, rest: text.trim_start_matches(is_blank) });
        };
        let name = &text[..at];
        if inherited && !name.contains(' ') {
            self.line += 1;
        }
        Ok(Statement {
            name: name.trim_end_matches(char::is_whitespace),
            inherited,
            rest: text[at + 1..].trim_start_matches(is_blank),
        })
    }

    fn value<'a>(&mut self, text: &'a str, lookup: &Lookup<'_>) -> Result<(String, &'a str), DotenvError> {
        if let Some(quote @ ('"' | '\'')) = text.chars().next() {
            return self.quoted(text, quote, lookup);
        }
        let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
        let value = line.split_once(" #").map_or(line, |(value, _)| value);
        let value = substitute(value.trim_end_matches(char::is_whitespace), lookup)
            .map_err(|error| DotenvReason::Template(error).at(self.line))?;
        self.line += 1;
        Ok((value, rest))
    }

    fn quoted<'a>(
        &mut self,
        text: &'a str,
        quote: char,
        lookup: &Lookup<'_>,
    ) -> Result<(String, &'a str), DotenvError> {
        let first = self.line;
        let mut value = String::new();
        let mut escaped = false;
        for (at, letter) in text.char_indices().skip(1) {
            if letter == '\n' {
                self.line += 1;
            }
            if letter == quote && !escaped {
                if quote == '"' {
                    value = substitute(&unescaped(&value), lookup)
                        .map_err(|error| DotenvReason::Template(error).at(first))?;
                }
                return Ok((value, &text[at + 1..]));
            }
            if letter == quote {
                escaped = false;
                value.push(letter);
            } else if letter == '\\' && !escaped {
                escaped = true;
            } else {
                if escaped {
                    escaped = false;
                    value.push('\\');
                }
                value.push(letter);
            }
        }
        Err(DotenvReason::Unterminated.at(first))
    }
}

/// White space other than the end of a line.
fn is_blank(letter: char) -> bool {
    matches!(letter, '\t' | '\x0b' | '\x0c' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// The escape sequences of a double-quoted value. `\$` becomes `$$`, which the template reads as a `$`.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let simple = match behind.as_bytes().first() {
            Some(b'a') => Some("\x07"),
            Some(b'b') => Some("\x08"),
            // No escape sequence of Go: it stays as it is.
            Some(b'c') => Some("\\c"),
            Some(b'f') => Some("\x0c"),
            Some(b'n') => Some("\n"),
            Some(b'r') => Some("\r"),
            Some(b't') => Some("\t"),
            Some(b'v') => Some("\x0b"),
            Some(b'$') => Some("$$"),
            Some(b'"') => Some("\""),
            Some(b'\\') => Some("\\"),
            Some(_) | None => None,
        };
        if let Some(simple) = simple {
            out.push_str(simple);
            rest = &behind[1..];
        } else if let Some(octal) = behind.strip_prefix('0') {
            let digits = octal.bytes().take(3).take_while(u8::is_ascii_digit).count();
            let (digits, more) = octal.split_at(digits);
            match u8::from_str_radix(digits, 8) {
                Ok(byte) if digits.len() == 3 => out.push(char::from(byte)),
                Ok(_) | Err(_) => {
                    out.push('\\');
                    out.push_str(digits);
                }
            }
            rest = more;
        } else {
            out.push('\\');
            rest = behind;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, DotenvError> {
        let environment = |name: &str| (name == "HOST").then(|| "h".to_owned());
        Ok(parse(text, &environment, &Variables::new())?.into_iter().collect())
    }

    fn one(text: &str) -> String {
        let mut all = read(text).expect("sound");
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0).1
    }

    #[test]
    fn values_are_read_as_compose_reads_them() {
        for (text, expected) in [
            ("A=b", "b"),
            ("A: b", "b"),
            ("export A = b # why", "b"),
            ("A=b#c", "b#c"),
            ("A='$HOST \\' x'", "$HOST ' x"),
            ("A=\"$HOST\\n\\$x \\\"y\\\"\"", "h\n$x \"y\""),
            ("A=${HOST:-x}/${NONE:-y}", "h/y"),
            ("A=\"two\nlines\"", "two\nlines"),
            ("A=\"\\0123\\012\"", "S\\12"),
            ("# c\n\nA=", ""),
            ("A=x\r\n", "x"),
        ] {
            assert_eq!(one(text), expected, "{text:?}");
        }
    }

    #[test]
    fn later_lines_see_earlier_ones_and_the_environment_wins() {
        let all = read("A=1\nB=$A$HOST\nHOST=file\nC=$HOST\nHOST\n").expect("sound");
        let value = |name: &str| all.iter().find(|(known, _)| known == name).expect("there").1.as_str();
        assert_eq!((value("B"), value("C"), value("HOST")), ("1h", "h", "h"));
    }

    #[test]
    fn what_compose_rejects_is_an_error() {
        for text in ["A B=1", "A$=1", "A='x\n\n", "A=${}\nB=1", "A=\"\n${}\"", "A=${B?no}", "export ", "+=1"]
        {
            assert_eq!(read(text).map_err(|error| error.line), Err(1), "{text:?}");
            assert_eq!(
                read(&format!("\n# c\nX='\n'\n{text}")).map_err(|error| error.line),
                Err(5),
                "{text:?}"
            );
        }
    }
}
