//! What an unquoted scalar is for Compose: a text, or a value of another type.
//!
//! The rules are those of `yaml.v3` for Go, which reads a mixture of YAML 1.1 and 1.2.

/// The type of an unquoted scalar that is not empty and not null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lint) enum PlainType {
    Text,
    Boolean,
    Number,
    Timestamp,
}

impl PlainType {
    pub(in crate::lint) fn of(text: &str) -> Self {
        if matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") {
            return Self::Boolean;
        }
        if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
            return Self::Text;
        }
        if is_timestamp(text) {
            return Self::Timestamp;
        }
        let plain = text.replace('_', "");
        let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
        let special =
            matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN");
        if special || is_integer(unsigned) || is_decimal(unsigned) { Self::Number } else { Self::Text }
    }

    /// As part of a message.
    pub(in crate::lint) fn name(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::Timestamp => "a date",
        }
    }
}

fn is_integer(text: &str) -> bool {
    let (digits, radix) = match text.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (&text[2..], 16),
        Some("0o") => (&text[2..], 8),
        Some("0b") => (&text[2..], 2),
        _ => (text, 10),
    };
    !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
}

/// `1`, `1.5`, `.5`, `1.`, `1e3`.
fn is_decimal(text: &str) -> bool {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

/// `2026-1-31`, possibly with a time behind it.
fn is_timestamp(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let (day, time) = rest.split_at(end);
    let in_range = |digits: &str, most: u8| {
        (1..=2).contains(&digits.len()) && digits.parse().is_ok_and(|number: u8| (1..=most).contains(&number))
    };
    year.len() == 4
        && year.bytes().all(|byte| byte.is_ascii_digit())
        && in_range(month, 12)
        && in_range(day, 31)
        && (time.is_empty() || time.starts_with(['T', 't', ' ']) && time.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_that_compose_sees() {
        for (expected, texts) in [
            (PlainType::Boolean, &["true", "FALSE"][..]),
            (
                PlainType::Number,
                &["1", "-1", "+1.5", "0x1f", "017", "0o7", "08", "1_0", ".5", "1e3", ".inf", ".nan"],
            ),
            (PlainType::Timestamp, &["2020-01-01", "2020-1-1", "2020-01-01T10:00:00Z"]),
            (
                PlainType::Text,
                &["yes", "on", "n", "a", "1a", "0x", "1.2.3", "22:22", "-", ".", "2020-13-01", "2020-01"],
            ),
        ] {
            for text in texts {
                assert_eq!(PlainType::of(text), expected, "{text}");
            }
        }
    }
}
