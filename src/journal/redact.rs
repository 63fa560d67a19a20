//! Removes secrets from a command before it is written to the journal.
//!
//! In doubt, too much is removed: the journal shows which command was run and is not meant for running it again.

use crate::compose::grammar::Grammar;

/// The replacement for a removed value.
const REDACTED: &str = "…";

/// Parts of option names whose values are secrets.
const SECRET_NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api-key",
    "api_key",
    "accesskey",
    "access-key",
    "access_key",
    "private",
    "credential",
    "auth",
    "cookie",
    "session",
    "safe-allow",
];

/// Removes the values of `--safe-allow`, of environment variables and of options with names of secrets, passwords in URLs,
/// words that look like a key, and all arguments of the program that `run` or `exec` starts, because the meaning of its
/// options is unknown.
pub fn redact(words: &[String]) -> Vec<String> {
    let mut cleaned = Vec::with_capacity(words.len());
    let mut next = NextWord::Plain;
    let mut position = Position::Compose;
    for word in words {
        if position == Position::Program {
            if cleaned.last().map(String::as_str) != Some(REDACTED) {
                cleaned.push(REDACTED.to_owned());
            }
            continue;
        }
        cleaned.push(match next {
            NextWord::Secret => REDACTED.to_owned(),
            NextWord::Variable => redact_variable(word),
            NextWord::Value | NextWord::Plain => redact_word(word),
        });
        let value_of_option = next != NextWord::Plain;
        next = if value_of_option { NextWord::Plain } else { next_word(word) };
        position = position.after(word, value_of_option);
    }
    cleaned
}

/// The meaning of the next word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextWord {
    Plain,
    /// The value of an option that is not a secret.
    Value,
    Secret,
    /// `NAME=value`.
    Variable,
}

/// Whose arguments the current word belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Arguments of Compose.
    Compose,
    /// After `run` or `exec`, before the service.
    Service,
    /// Arguments of the program in the container.
    Program,
}

impl Position {
    fn after(self, word: &str, value_of_option: bool) -> Self {
        if value_of_option || (word.starts_with('-') && word != "--") {
            return self;
        }
        match self {
            Self::Compose if runs_a_program(word) => Self::Service,
            Self::Service if word != "--" => Self::Program,
            Self::Compose | Self::Service | Self::Program => self,
        }
    }
}

/// Whether the operands of a subcommand belong to another program: `run` and `exec`.
fn runs_a_program(word: &str) -> bool {
    Grammar::V2.command(word).is_some_and(|command| command.stops_at_operand)
}

/// Options of Compose, including those of `run` and `exec`, that take the next word as value.
const TAKES_VALUE: &[&str] = &[
    "-f",
    "--file",
    "-p",
    "--project-name",
    "--project-directory",
    "--profile",
    "--env-file",
    "--parallel",
    "--progress",
    "--ansi",
    "-H",
    "--host",
    "-c",
    "--context",
    "-t",
    "--timeout",
    "--name",
    "-u",
    "--user",
    "-w",
    "--workdir",
    "-v",
    "--volume",
    "--publish",
    "--entrypoint",
    "-l",
    "--label",
    "--index",
    "--cap-add",
    "--cap-drop",
    "--pull",
    "--env-from-file",
];

fn next_word(word: &str) -> NextWord {
    match word {
        "-e" | "--env" | "--build-arg" => NextWord::Variable,
        _ if word.contains('=') || !word.starts_with("--") && !TAKES_VALUE.contains(&word) => NextWord::Plain,
        _ if word.starts_with("--") && is_secret_name(word) => NextWord::Secret,
        // `-v` of `down` has no value, unlike `-v` of `run`. The word after it is redacted as a plain word either way.
        _ if TAKES_VALUE.contains(&word) => NextWord::Value,
        _ => NextWord::Plain,
    }
}

fn redact_word(word: &str) -> String {
    if let Some(rest) = word.strip_prefix("-e").filter(|rest| rest.contains('=') && !rest.starts_with('-')) {
        return format!("-e{}", redact_variable(rest));
    }
    if let Some((name, value)) = word.split_once('=') {
        if matches!(name, "--env" | "--build-arg") {
            return format!("{name}={}", redact_variable(value));
        }
        if is_secret_name(name) {
            return format!("{name}={REDACTED}");
        }
        return format!("{name}={}", redact_value(value));
    }
    redact_value(word)
}

/// Keeps the name of `NAME=value`; a bare `NAME` takes its value from the environment.
fn redact_variable(word: &str) -> String {
    word.split_once('=').map_or_else(|| word.to_owned(), |(name, _)| format!("{name}={REDACTED}"))
}

fn redact_value(word: &str) -> String {
    if let Some((scheme, rest)) = word.split_once("://") {
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        if let Some((user, host)) = authority.rsplit_once('@') {
            let user = user.split_once(':').map_or(user.to_owned(), |(user, _)| format!("{user}:{REDACTED}"));
            return format!("{scheme}://{user}@{host}{path}");
        }
    }
    if looks_like_a_key(word) { REDACTED.to_owned() } else { word.to_owned() }
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// A long sequence of letters and digits with at least three of each; names that people choose have separators.
fn looks_like_a_key(word: &str) -> bool {
    word.split(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '_' | '+'))).any(|run| {
        run.len() >= 20
            && run.bytes().filter(u8::is_ascii_digit).count() >= 3
            && run.bytes().filter(u8::is_ascii_alphabetic).count() >= 3
            && !run.contains("_backup_")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        redact(&shell_words::split(line).expect("a line")).join(" ")
    }

    #[test]
    fn other_words_are_kept() {
        for line in [
            "down -v",
            "-f docker-compose.yml -p shop --profile extra down --volumes db",
            "up -d --scale web=3 --no-deps",
            "rm -fsv db",
            "restore qdrant_backup_20260801_103005 --service qdrant",
            "--env-file prod.env down -t 30",
            "run --rm web",
        ] {
            assert_eq!(shown(line), line);
        }
    }

    #[test]
    fn secrets_are_removed() {
        for (typed, written) in [
            ("--safe-allow=1a2b3c4d5e6f down -v", "--safe-allow=… down -v"),
            ("--safe-allow 1a2b3c4d5e6f down -v", "--safe-allow … down -v"),
            ("run -e PGPASSWORD=hunter2 db", "run -e PGPASSWORD=… db"),
            ("run -ePGPASSWORD=hunter2 db", "run -ePGPASSWORD=… db"),
            ("run --env=A=hunter2 --env B=hunter2 db", "run --env=A=… --env B=… db"),
            ("build --build-arg NPM=hunter2", "build --build-arg NPM=…"),
            ("restore latest --api-key hunter2", "restore latest --api-key …"),
            ("restore latest --API_KEY=hunter2", "restore latest --API_KEY=…"),
            ("-H tcp://me:hunter2@host:2376/x down", "-H tcp://me:…@host:2376/x down"),
            ("up eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x", "up …"),
            ("exec db psql -c 'alter user a password hunter2'", "exec db …"),
            ("exec -T -u root db redis-cli -a hunter2", "exec -T -u root db …"),
            ("run --rm -- db sh -c hunter2", "run --rm -- db …"),
        ] {
            assert_eq!(shown(typed), written);
        }
    }
}
