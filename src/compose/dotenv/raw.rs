//! `env_file` with `format: raw`: `NAME=VALUE` lines, where nothing in a value has a meaning.
//!
//! It behaves like `kvfile` of the Docker CLI, which Compose V2 uses for it and `docker run --env-file` too.

use super::{DotenvError, DotenvReason, Variables};
use crate::compose::template::Lookup;

/// Reads one file's text. A name without a value takes that of the environment, if there is one.
pub fn parse(text: &str, environment: &Lookup<'_>) -> Result<Variables, DotenvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut variables = Variables::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (line, environment(line)),
        };
        if name.is_empty() {
            return Err(DotenvReason::NoName.at(number));
        }
        if name.contains([' ', '\t']) {
            return Err(DotenvReason::SpaceInName.at(number));
        }
        if let Some(value) = value {
            variables.insert(name.to_owned(), value);
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, DotenvError> {
        let environment = |name: &str| (name == "HOST").then(|| "h".to_owned());
        Ok(parse(text, &environment)?.into_iter().collect())
    }

    #[test]
    fn values_are_taken_as_they_are() {
        let text = "\u{feff}# c\n\n  A='$HOST' # c \r\nB=\"x\nHOST\nNONE\nC==\n";
        let expected = [("A", "'$HOST' # c "), ("B", "\"x"), ("C", "="), ("HOST", "h")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read(text), Ok(expected.to_vec()));
    }

    #[test]
    fn a_line_without_a_sound_name_is_an_error() {
        assert_eq!(read("A=1\n=x\n"), Err(DotenvReason::NoName.at(2)));
        assert_eq!(read("A B=1\n"), Err(DotenvReason::SpaceInName.at(1)));
        assert_eq!(read("export A\n"), Err(DotenvReason::SpaceInName.at(1)));
    }
}
