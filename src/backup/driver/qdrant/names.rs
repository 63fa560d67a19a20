//! Names of collections, in URLs and as names of files.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::fs::Digest;

/// The name as part of a URL; safe inside single quotes of a shell.
pub(crate) fn in_url(name: &str) -> String {
    escape(name, &IN_URL)
}

/// Everything but the unreserved letters of RFC 3986.
const IN_URL: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Capitals too: some file systems do not tell them apart from small letters.
const IN_FILE: AsciiSet = {
    let mut set = IN_URL.add(b'~');
    let mut capital = b'A';
    while capital <= b'Z' {
        set = set.add(capital);
        capital += 1;
    }
    set
};

/// Percent-encodes a name. One that consists of dots only would be a relative path, so its dots are encoded too.
fn escape(name: &str, encoded: &'static AsciiSet) -> String {
    if name.bytes().all(|byte| byte == b'.') {
        return utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
    }
    utf8_percent_encode(name, encoded).to_string()
}

/// The longest name that leaves room for extensions in the 255 bytes that file systems allow.
const LONGEST: usize = 200;

/// The name of a collection's snapshot in a backup, without its extension.
///
/// The result is unique, even on a case-insensitive file system: capitals are encoded, too (`%41` is `A`). It never
/// starts with a dot. Percent-decoding gives the name again, unless it is so long that a digest replaces its end; the
/// manifest contains the name itself.
pub(crate) fn in_file(name: &str) -> String {
    let mut text = escape(name, &IN_FILE).to_lowercase();
    if let Some(rest) = text.strip_prefix('.') {
        text = format!("%2e{rest}");
    }
    if text.is_empty() || text.len() > LONGEST {
        let digest = Digest::of(name.as_bytes()).to_string();
        text.truncate(LONGEST - 17);
        text = format!("{text}~{}", &digest[..16]);
    }
    text
}

/// The longest name of a temporary collection: the server derives file names from it.
const LONGEST_TEMPORARY: usize = 150;

/// Separates the name of a collection and the digest in the name of its temporary copy.
const TEMPORARY: &str = "__restore_";

/// The name of the temporary copy that will become `name`: always the same for the same parts.
pub(crate) fn temporary(name: &str, parts: &[&str]) -> String {
    let digest = Digest::of(parts.join("\0").as_bytes()).to_string();
    format!("{}{TEMPORARY}{}", prefix(name), &digest[..12])
}

/// Whether a collection is a temporary copy for `name`.
pub(crate) fn is_temporary(collection: &str, name: &str) -> bool {
    let digest = collection.strip_prefix(prefix(name)).and_then(|rest| rest.strip_prefix(TEMPORARY));
    digest.is_some_and(|digest| digest.len() == 12 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn prefix(name: &str) -> &str {
    let mut end = name.len().min(LONGEST_TEMPORARY);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// The alias that marks a temporary collection whose original is already deleted.
pub(crate) fn unfinished_alias(temporary: &str) -> String {
    format!("{temporary}__unfinished")
}

/// The name of the snapshot of a temporary collection when it is sent to the server.
pub(crate) fn transfer_name(temporary: &str) -> String {
    let digest = Digest::of(temporary.as_bytes()).to_string();
    format!("safe-compose-{}-moved.snapshot", &digest[..16])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_url_has_nothing_but_plain_letters() {
        assert_eq!(in_url("receitas"), "receitas");
        assert_eq!(in_url("Ação 1/2?#'%"), "A%C3%A7%C3%A3o%201%2F2%3F%23%27%25");
        assert_eq!(in_url(".."), "%2E%2E");
    }

    #[test]
    fn a_file_has_one_collection() {
        assert_eq!(in_file("receitas-2_v1.0"), "receitas-2_v1.0");
        assert_eq!(in_file("Receitas"), "%52eceitas");
        assert_eq!(in_file("a/b c"), "a%2fb%20c");
        assert_eq!(in_file("%41"), "%2541");
        let long = "ç".repeat(120);
        let names = [
            "a",
            "A",
            "%41",
            "%2541",
            "a.",
            ".a",
            "..",
            ".",
            "",
            "ä",
            "a/b",
            "a\\b",
            "a b",
            "~",
            "CON",
            &long,
            &format!("{long}x"),
        ];
        let files: BTreeSet<String> = names.iter().map(|name| in_file(name)).collect();
        assert_eq!(files.len(), names.len(), "{files:?}");
        for file in &files {
            assert!(!file.is_empty() && !file.starts_with('.') && file.len() <= LONGEST, "{file}");
            assert!(!file.contains(['/', '\\', '\0', ' ']) && *file == file.to_lowercase(), "{file}");
        }
    }

    #[test]
    fn a_temporary_name_is_near_its_own_and_not_too_long() {
        let name = temporary("receitas", &["receitas", "ab"]);
        assert!(name.starts_with("receitas__restore_") && is_temporary(&name, "receitas"), "{name}");
        assert_eq!(name, temporary("receitas", &["receitas", "ab"]));
        assert_ne!(name, temporary("receitas", &["receita", "sab"]));
        let long = "ç".repeat(120);
        let name = temporary(&long, &[&long]);
        assert!(unfinished_alias(&name).len() < 200 && is_temporary(&name, &long), "{name}");
        assert_ne!(name, temporary(&format!("{long}x"), &[&format!("{long}x")]));
        for other in
            ["receitas", "receitas__restore_", "receitas__restore_20261124030405", "x__restore_0123456789ab"]
        {
            assert!(!is_temporary(other, "receitas"), "{other}");
        }
    }
}
