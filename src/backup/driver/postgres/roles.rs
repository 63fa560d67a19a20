//! The statements of `pg_dumpall --globals-only` that create what a server lacks. A role that exists keeps its password and
//! its attributes: they may be newer than the backup.

use std::collections::BTreeSet;

/// The statements for roles that are not among `existing`. Tablespaces are directories of the old server and left out.
pub(super) fn missing(globals: &str, existing: &BTreeSet<String>) -> Vec<String> {
    let is_missing = |role: &Option<String>| role.as_ref().is_some_and(|role| !existing.contains(role));
    let mut kept = Vec::new();
    for statement in statements(globals) {
        let words = words(statement);
        let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
        let role = |at: usize| words.get(at).cloned();
        match (word(0), word(1)) {
            // Settings for one database follow with that database.
            ("ALTER", "ROLE") if word(3) == "IN" => {}
            ("CREATE" | "ALTER", "ROLE") if is_missing(&role(2)) => kept.push(statement.to_owned()),
            ("COMMENT", "ON") if word(2) == "ROLE" && is_missing(&role(3)) => kept.push(statement.to_owned()),
            ("GRANT", _) if word(2) == "TO" && (is_missing(&role(1)) || is_missing(&role(3))) => {
                // Another server has another grantor.
                kept.push(statement.split(" GRANTED BY ").next().unwrap_or(statement).to_owned());
            }
            _ => {}
        }
    }
    kept
}

/// The statements that give the roles among `existing` the passwords, attributes and memberships that they had: for a server
/// whose roles are only those that it was initialized with.
pub(super) fn of_existing(globals: &str, existing: &BTreeSet<String>) -> Vec<String> {
    let exists = |role: Option<&String>| role.is_some_and(|role| existing.contains(role));
    let mut kept = Vec::new();
    for statement in statements(globals) {
        let words = words(statement);
        let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
        match (word(0), word(1)) {
            ("ALTER", "ROLE") if word(3) == "IN" => {}
            ("ALTER", "ROLE") if exists(words.get(2)) => kept.push(statement.to_owned()),
            ("COMMENT", "ON") if word(2) == "ROLE" && exists(words.get(3)) => kept.push(statement.to_owned()),
            ("GRANT", _) if word(2) == "TO" && exists(words.get(1)) && exists(words.get(3)) => {
                kept.push(statement.split(" GRANTED BY ").next().unwrap_or(statement).to_owned());
            }
            _ => {}
        }
    }
    kept
}

/// The roles that the statements create.
pub(super) fn created(statements: &[String]) -> Vec<String> {
    let created = statements.iter().filter(|statement| statement.starts_with("CREATE ROLE "));
    created.filter_map(|statement| words(statement).into_iter().nth(2)).collect()
}

/// The names of the tablespaces that it creates.
pub(super) fn tablespaces(globals: &str) -> Vec<String> {
    let all = statements(globals).into_iter().map(words);
    all.filter(|words| words.len() > 2 && words[..2] == ["CREATE", "TABLESPACE"])
        .map(|words| words[2].clone())
        .collect()
}

/// The statements without their semicolons, comments and the commands of `psql`.
fn statements(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut quote, mut escapes) = (0, None, false);
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        match quote {
            Some(b'\'') if escapes && byte == b'\\' => at += 1,
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None => match byte {
                b'\'' | b'"' => {
                    quote = Some(byte);
                    escapes = byte == b'\'' && at > 0 && bytes[at - 1].eq_ignore_ascii_case(&b'E');
                }
                b';' => {
                    found.push(text[start..at].trim());
                    start = at + 1;
                }
                b'-' | b'\\' if text[start..at].trim().is_empty() && is_line_start(bytes, at) => {
                    at += bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at);
                    start = at;
                    continue;
                }
                _ => {}
            },
        }
        at += 1;
    }
    found.retain(|statement| !statement.is_empty());
    found
}

fn is_line_start(bytes: &[u8], at: usize) -> bool {
    at == 0 || bytes[at - 1] == b'\n'
}

/// The first words, with quoted identifiers as they are meant.
fn words(statement: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = statement.trim_start();
    while !rest.is_empty() && words.len() < 4 {
        let word;
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut letters = quoted.char_indices().peekable();
            let mut end = quoted.len();
            while let Some((at, letter)) = letters.next() {
                if letter == '"' {
                    if letters.peek().is_some_and(|(_, next)| *next == '"') {
                        letters.next();
                    } else {
                        end = at + 1;
                        break;
                    }
                }
                name.push(letter);
            }
            (word, rest) = (name, &quoted[end.min(quoted.len())..]);
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            (word, rest) = (rest[..end].to_owned(), &rest[end..]);
        }
        words.push(word);
        rest = rest.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLOBALS: &str = r#"--
-- Roles; not a statement
\restrict abc;
CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER PASSWORD 'SCRAM-SHA-256$4096:old';
CREATE ROLE "my ""app";
ALTER ROLE "my ""app" WITH LOGIN PASSWORD 'a;b''c';
COMMENT ON ROLE "my ""app" IS E'it\'s; mine';
ALTER ROLE "my ""app" IN DATABASE shop SET work_mem TO '1MB';
CREATE ROLE readers;
GRANT readers TO "my ""app" WITH INHERIT TRUE GRANTED BY postgres;
GRANT pg_monitor TO postgres GRANTED BY postgres;
CREATE TABLESPACE fast OWNER postgres LOCATION '/fast';
"#;

    #[test]
    fn only_what_is_missing_is_created() {
        let existing: BTreeSet<String> =
            ["postgres", "pg_monitor", "readers"].map(str::to_owned).into_iter().collect();
        let kept = missing(GLOBALS, &existing);
        assert_eq!(
            kept,
            [
                r#"CREATE ROLE "my ""app""#,
                r#"ALTER ROLE "my ""app" WITH LOGIN PASSWORD 'a;b''c'"#,
                r#"COMMENT ON ROLE "my ""app" IS E'it\'s; mine'"#,
                r#"GRANT readers TO "my ""app" WITH INHERIT TRUE"#,
            ]
        );
        assert_eq!(created(&kept), ["my \"app"]);
        assert_eq!(tablespaces(GLOBALS), ["fast"]);
    }

    #[test]
    fn existing_roles_become_what_they_were() {
        let existing: BTreeSet<String> = ["postgres", "pg_monitor"].map(str::to_owned).into_iter().collect();
        assert_eq!(
            of_existing(GLOBALS, &existing),
            [
                "ALTER ROLE postgres WITH SUPERUSER PASSWORD 'SCRAM-SHA-256$4096:old'",
                "GRANT pg_monitor TO postgres",
            ]
        );
        assert_eq!(of_existing(GLOBALS, &BTreeSet::new()), Vec::<String>::new());
    }

    #[test]
    fn everything_is_created_on_a_server_that_has_nothing() {
        assert_eq!(created(&missing(GLOBALS, &BTreeSet::new())), ["postgres", "my \"app", "readers"]);
    }
}
