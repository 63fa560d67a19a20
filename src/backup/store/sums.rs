//! `SHA256SUMS`, in the format of GNU `sha256sum`: `sha256sum -c SHA256SUMS` verifies a backup without this program.
//!
//! A name with a backslash or a line break is escaped, and its line starts with a backslash.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Damage;
use crate::backup::manifest::Artifact;

pub(super) const FILE_NAME: &str = "SHA256SUMS";

pub(crate) fn write(artifacts: &[Artifact]) -> String {
    let mut text = String::new();
    for Artifact { path, sha256, .. } in artifacts {
        let escaped = path.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        let mark = if escaped == *path { "" } else { "\\" };
        let _ = writeln!(text, "{mark}{sha256}  {escaped}");
    }
    text
}

/// Path to digest.
pub(crate) fn read(text: &str) -> Result<BTreeMap<String, String>, Damage> {
    text.split_terminator('\n')
        .enumerate()
        .map(|(at, line)| read_line(line).ok_or(Damage::BadSums { line: at + 1 }))
        .collect()
}

fn read_line(line: &str) -> Option<(String, String)> {
    let (escaped, line) = match line.strip_prefix('\\') {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (digest, rest) = line.split_at_checked(64)?;
    let name = rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *"))?;
    let sound = digest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let name = if escaped { unescape(name)? } else { name.to_owned() };
    (sound && !name.is_empty()).then(|| (name, digest.to_owned()))
}

fn unescape(name: &str) -> Option<String> {
    let mut plain = String::with_capacity(name.len());
    let mut letters = name.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::backup::manifest::ArtifactContents;

    fn artifact(path: &str) -> Artifact {
        Artifact { path: path.into(), bytes: 0, sha256: "ab".repeat(32), contents: ArtifactContents::Note }
    }

    #[test]
    fn a_strange_name_is_escaped_as_sha256sum_does() {
        let digest = "ab".repeat(32);
        assert_eq!(write(&[artifact("a b.tar")]), format!("{digest}  a b.tar\n"));
        assert_eq!(write(&[artifact("a\\b\nc")]), format!("\\{digest}  a\\\\b\\nc\n"));
    }

    #[test]
    fn a_damaged_line_is_named() {
        let good = write(&[artifact("a")]);
        for bad in ["zz  a\n", &good.replace("  ", " "), &good.to_uppercase(), &good[..60], "\\\n", "\n"] {
            let text = format!("{good}{bad}");
            assert!(matches!(read(&text), Err(Damage::BadSums { line: 2 })), "{bad:?}");
        }
        assert!(read("").expect("nothing listed").is_empty());
    }

    proptest! {
        #[test]
        fn every_name_is_read_as_it_was_written(names in proptest::collection::btree_set("[^\0]{1,20}", 0..5)) {
            let artifacts: Vec<Artifact> = names.iter().map(|name| artifact(name)).collect();
            let read = read(&write(&artifacts)).expect("sound");
            prop_assert_eq!(read.into_keys().collect::<std::collections::BTreeSet<_>>(), names);
        }
    }
}
