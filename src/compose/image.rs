//! Image references.

/// `registry/path/name:tag@digest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Everything before the tag: `registry.example/team/postgres`.
    pub repository: &'a str,
    pub tag: Option<&'a str>,
    pub digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    pub fn parse(text: &'a str) -> Self {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let last_slash = rest.rfind('/').map_or(0, |at| at + 1);
        match rest[last_slash..].rfind(':') {
            Some(colon) => Self {
                repository: &rest[..last_slash + colon],
                tag: Some(&rest[last_slash + colon + 1..]),
                digest,
            },
            None => Self { repository: rest, tag: None, digest },
        }
    }

    /// The last part of the repository: `postgres`.
    pub fn name(&self) -> &'a str {
        self.repository.rsplit('/').next().unwrap_or(self.repository)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_the_registry_is_not_a_tag() {
        let reference = Reference::parse("host:5000/team/qdrant");
        assert_eq!(
            (reference.repository, reference.tag, reference.name()),
            ("host:5000/team/qdrant", None, "qdrant")
        );
        let reference = Reference::parse("qdrant/qdrant:v1.19.0@sha256:abc");
        assert_eq!(reference.repository, "qdrant/qdrant");
        assert_eq!((reference.tag, reference.digest), (Some("v1.19.0"), Some("sha256:abc")));
    }
}
