//! The version of an image, according to its tag.

use crate::compose::image::Reference;
use crate::lint::yaml::YamlScalar;

/// The version that a tag names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImageVersion {
    Major(u32),
    /// No tag, or `latest`.
    Newest,
    /// A tag without a number, or one that a variable decides.
    Unknown,
}

impl ImageVersion {
    pub(super) fn of(image: &YamlScalar) -> Self {
        let reference = Reference::parse(image.as_str());
        match reference.tag {
            None if reference.digest.is_some() => Self::Unknown,
            None | Some("latest") => Self::Newest,
            Some(tag) => major(tag).map_or(Self::Unknown, Self::Major),
        }
    }
}

/// The major version in a tag: the number after `pg`, which is that of PostgreSQL, or the number that it starts with.
fn major(tag: &str) -> Option<u32> {
    let after = tag.rsplit_once("pg").map(|(_, after)| after);
    let number = |text: &str| {
        let text = text.trim_start_matches('v');
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        text[..digits].parse::<u32>().ok().filter(|number| *number < 1000)
    };
    after.and_then(number).or_else(|| number(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_versions_of_tags() {
        for (tag, expected) in [
            ("17-alpine", Some(17)),
            ("v1.19.0", Some(1)),
            ("latest-pg16", Some(16)),
            ("pg18", Some(18)),
            ("0.8.1-pg17", Some(17)),
            ("alpine", None),
            ("RELEASE.2024-01-01", None),
        ] {
            assert_eq!(major(tag), expected, "{tag}");
        }
    }
}
