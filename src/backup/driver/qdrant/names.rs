//! Names of collections, as parts of URLs and as names of files.

use std::fmt::Write as _;

use crate::fs::Digest;

/// The part of a URL, safe inside single quotes of a shell too.
pub(crate) fn in_url(name: &str) -> String {
    escape(name, |byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
}

/// Percent-encodes what is not `plain`; a name of dots only would lead somewhere else, and is encoded too.
fn escape(name: &str, plain: impl Fn(u8) -> bool) -> String {
    let only_dots = name.bytes().all(|byte| byte == b'.');
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if plain(byte) && !only_dots {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a string takes everything");
        }
    }
    text
}

/// The longest name that leaves room for our endings in the 255 bytes that file systems allow.
const LONGEST: usize = 200;

/// The name of a collection's snapshot in a backup, without its ending.
///
/// Two names never become one, not even on a file system that takes capitals for small letters: capitals are encoded
/// like everything else that is not plain (`%41` is `A`). Nothing begins with a dot. `%` decodes it again, except where
/// a name is so long that a digest stands for its end; the manifest has the name itself.
pub(crate) fn in_file(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let mut text = escape(name, |byte| plain(byte) || byte == b'.').to_lowercase();
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

/// The longest name of a temporary collection: the server makes file names of it, with endings of its own.
const LONGEST_TEMPORARY: usize = 150;

/// What stands between the name of a collection and the digest in the name of one that is to take its place.
const TEMPORARY: &str = "__restore_";

/// The name of the collection that is to become `name`, made of what its data is: the same each time for the same parts.
pub(crate) fn temporary(name: &str, parts: &[&str]) -> String {
    let digest = Digest::of(parts.join("\0").as_bytes()).to_string();
    format!("{}{TEMPORARY}{}", beginning(name), &digest[..12])
}

/// Whether a collection is one that was to become `name`.
pub(crate) fn is_temporary(collection: &str, name: &str) -> bool {
    let digest = collection.strip_prefix(beginning(name)).and_then(|rest| rest.strip_prefix(TEMPORARY));
    digest.is_some_and(|digest| digest.len() == 12 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn beginning(name: &str) -> &str {
    let mut end = name.len().min(LONGEST_TEMPORARY);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// The alias that says of a temporary collection: what it was to replace is gone already.
pub(crate) fn mark(temporary: &str) -> String {
    format!("{temporary}__unfinished")
}

/// The name that the snapshot of a temporary collection has on the server when it is sent back there.
pub(crate) fn carried(temporary: &str) -> String {
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
        assert!(mark(&name).len() < 200 && is_temporary(&name, &long), "{name}");
        assert_ne!(name, temporary(&format!("{long}x"), &[&format!("{long}x")]));
        for other in
            ["receitas", "receitas__restore_", "receitas__restore_20261124030405", "x__restore_0123456789ab"]
        {
            assert!(!is_temporary(other, "receitas"), "{other}");
        }
    }
}
