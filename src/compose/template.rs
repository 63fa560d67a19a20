//! `${VARIABLES}` in text, exactly as Compose V2 replaces them.
//!
//! A port of `template/template.go` of compose-go v2.9.1, which Compose 2.40.3 uses. Its edge cases are kept on purpose:
//! a value that reads differently here points the guard at another project.

/// Where values come from. `None` means that the variable is not set.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Why Compose rejects a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The text is not named, because it may be a secret.
    #[error("`${{` does not start a variable")]
    Invalid,
    #[error("required variable {name} is missing a value: {reason}")]
    Required { name: String, reason: String },
    #[error("variables are nested too deeply")]
    TooDeep,
}

/// Go's stack holds more; no sound file comes near.
const MAX_DEPTH: usize = 64;

/// Replaces the variables of a text. A variable without a value and without a default becomes empty.
pub fn substitute(text: &str, lookup: &Lookup<'_>) -> Result<String, TemplateError> {
    at_depth(text, lookup, 0)
}

fn at_depth(text: &str, lookup: &Lookup<'_>, depth: usize) -> Result<String, TemplateError> {
    if depth > MAX_DEPTH {
        return Err(TemplateError::TooDeep);
    }
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        replaced.push_str(&rest[..dollar]);
        let behind = &rest[dollar + 1..];
        let name = name_length(behind);
        if let Some(more) = behind.strip_prefix('$') {
            replaced.push('$');
            rest = more;
        } else if name > 0 {
            replaced.push_str(&lookup(&behind[..name]).unwrap_or_default());
            rest = &behind[name..];
        } else if let Some(inside) = behind.strip_prefix('{') {
            let matched = matched_length(inside).ok_or(TemplateError::Invalid)?;
            replaced.push_str(&braced(&inside[..matched], lookup, depth)?);
            rest = &inside[matched..];
        } else {
            replaced.push('$');
            rest = behind;
        }
    }
    replaced.push_str(rest);
    Ok(replaced)
}

/// How much of the text behind `${` the regular expression of compose-go takes: up to the `}` right behind a plain name,
/// or, behind an operator, up to the last `}` of the line.
fn matched_length(inside: &str) -> Option<usize> {
    let name = name_length(inside);
    if name == 0 {
        return None;
    }
    let behind = &inside[name..];
    let operator = behind.strip_prefix(':').unwrap_or(behind);
    if operator.starts_with(['-', '+', '?']) {
        let line = inside.split('\n').next().unwrap_or(inside);
        let from = inside.len() - operator.len() + 1;
        if let Some(close) = line.get(from..).and_then(|line| line.rfind('}')) {
            return Some(from + close + 1);
        }
    }
    behind.starts_with('}').then_some(name + 1)
}

/// The value of what was matched behind `${`, its last `}` included. The match is greedy, so more may follow the brace
/// that really closes.
fn braced(matched: &str, lookup: &Lookup<'_>, depth: usize) -> Result<String, TemplateError> {
    let (inside, rest) = match closing(matched) {
        Some(close) => (&matched[..close], &matched[close + 1..]),
        None => (&matched[..matched.len() - 1], ""),
    };
    let (name, operator) = inside.split_at(name_length(inside));
    let nested = |text: &str| at_depth(text, lookup, depth + 1);
    let value = lookup(name);
    let applied = match Operator::parse(operator) {
        None => return Ok(value.unwrap_or_default()),
        Some((Operator::Default { empty_counts_as_unset }, word)) => {
            let word = nested(word)?;
            match value {
                Some(value) if !(empty_counts_as_unset && value.is_empty()) => value,
                Some(_) | None => word,
            }
        }
        Some((Operator::Alternative { empty_counts_as_unset }, word)) => {
            let word = nested(word)?;
            match value {
                Some(value) if !(empty_counts_as_unset && value.is_empty()) => word,
                value => value.unwrap_or_default(),
            }
        }
        Some((Operator::Required { empty_counts_as_unset }, word)) => {
            let reason = nested(word)?;
            match value {
                Some(value) if !(empty_counts_as_unset && value.is_empty()) => value,
                Some(_) | None => return Err(TemplateError::Required { name: name.to_owned(), reason }),
            }
        }
    };
    Ok(applied + &nested(rest)?)
}

/// What stands between the name and the word: `:-`, `-`, `:+`, `+`, `:?` or `?`.
enum Operator {
    Default { empty_counts_as_unset: bool },
    Alternative { empty_counts_as_unset: bool },
    Required { empty_counts_as_unset: bool },
}

impl Operator {
    /// The operator, and the word behind it.
    fn parse(text: &str) -> Option<(Self, &str)> {
        let (empty_counts_as_unset, behind) = match text.strip_prefix(':') {
            Some(behind) => (true, behind),
            None => (false, text),
        };
        let word = behind.get(1..)?;
        match behind.as_bytes()[0] {
            b'-' => Some((Self::Default { empty_counts_as_unset }, word)),
            b'+' => Some((Self::Alternative { empty_counts_as_unset }, word)),
            b'?' => Some((Self::Required { empty_counts_as_unset }, word)),
            _ => None,
        }
    }
}

/// Where the brace closes, as `getFirstBraceClosingIndex` counts: the character behind a `{` is skipped, so that `{}`
/// within a default hides its own `}`.
fn closing(matched: &str) -> Option<usize> {
    let bytes = matched.as_bytes();
    // The `{` of `${` and the character behind it are before the text or its first byte.
    let (mut open, mut at) = (1_usize, 1);
    while at < bytes.len() {
        match bytes[at] {
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            b'{' => {
                open += 1;
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The length of the name that a text begins with. The letters that fold to `k` and `s` belong to Go's
/// case-insensitive `[a-z]`.
fn name_length(text: &str) -> usize {
    let letter = |one: char| one.is_ascii_alphabetic() || matches!(one, '_' | '\u{17f}' | '\u{212a}');
    if !text.chars().next().is_some_and(letter) {
        return 0;
    }
    text.find(|one: char| !letter(one) && !one.is_ascii_digit()).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<String, TemplateError> {
        substitute(text, &|name| match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn every_form_has_its_value() {
        for (text, expected) in [
            ("$A/${A}", "a/a"),
            ("$$A", "$A"),
            ("$B.${B}", "."),
            ("${B:-x}", "x"),
            ("${B-x}", "x"),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY-x}", ""),
            ("${A:+yes}${B:+no}", "yes"),
            ("${EMPTY+yes}${EMPTY:+no}", "yes"),
            ("${B:-${C:-${A}}}", "a"),
            ("${B:-}", ""),
            ("${A:?must}", "a"),
            ("${B:-x} and ${A}", "x and a"),
            ("${B:-a:-b}", "a:-b"),
            ("$", "$"),
            ("a $ b $1 $(date)", "a $ b $1 $(date)"),
        ] {
            assert_eq!(value(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_compose_rejects_is_an_error() {
        for text in ["${}", "${A", "${1}", "${A!b}", "${B:?must}", "${B:-${}", "${B?x}"] {
            assert!(value(text).is_err(), "{text}");
        }
        let deep = "${B:-".repeat(100) + &"}".repeat(100);
        assert_eq!(value(&deep), Err(TemplateError::TooDeep));
    }
}
