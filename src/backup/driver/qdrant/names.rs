//! Names of collections, as parts of URLs and as names of files.

use std::fmt::Write as _;

use crate::fs::Digest;

/// The part of a URL, safe inside single quotes of a shell too.
pub(super) fn in_url(name: &str) -> String {
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
pub(super) fn in_file(name: &str) -> String {
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

/// A name for a collection that takes the place of `name` for a moment.
pub(super) fn temporary(name: &str, time: jiff::Timestamp) -> String {
    let stamp = time.strftime("%Y%m%d%H%M%S");
    let mut end = name.len().min(LONGEST_TEMPORARY);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}__restore_{stamp}", &name[..end])
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
        let time: jiff::Timestamp = "2026-11-24T03:04:05Z".parse().expect("a time");
        assert_eq!(temporary("receitas", time), "receitas__restore_20261124030405");
        assert!(temporary(&"ç".repeat(120), time).len() < 200);
    }
}
