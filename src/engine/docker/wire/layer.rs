//! Responses about the layer of a container.

use std::path::PathBuf;

use serde::Deserialize;

/// A path that differs from the image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::engine::docker) struct FileChange {
    path: PathBuf,
    kind: u8,
}

/// The `Kind` of a path that was deleted; the others are changed and added.
const DELETED: u8 = 2;

impl FileChange {
    /// The path, if it is still there.
    pub(in crate::engine::docker) fn written(self) -> Option<PathBuf> {
        (self.kind != DELETED).then_some(self.path)
    }
}

/// The part of `docker inspect --size` that is not in a plain one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::engine::docker) struct ContainerSize {
    size_rw: Option<i64>,
}

impl ContainerSize {
    /// `None` if the engine does not know; some drivers report -1.
    pub(in crate::engine::docker) fn bytes(&self) -> Option<u64> {
        self.size_rw.and_then(|bytes| u64::try_from(bytes).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_deleted_is_not_written() {
        let text = r#"[{"Path":"/app","Kind":0},{"Path":"/app/x.db","Kind":1},{"Path":"/old","Kind":2}]"#;
        let changes: Vec<FileChange> = serde_json::from_str(text).expect("readable");
        let written: Vec<PathBuf> = changes.into_iter().filter_map(FileChange::written).collect();
        assert_eq!(written, [PathBuf::from("/app"), PathBuf::from("/app/x.db")]);
        assert!(serde_json::from_str::<Option<Vec<FileChange>>>("null").expect("readable").is_none());
    }

    #[test]
    fn a_size_may_be_unknown() {
        let bytes = |text: &str| serde_json::from_str::<ContainerSize>(text).expect("readable").bytes();
        assert_eq!(bytes(r#"{"SizeRw":12,"Id":"x"}"#), Some(12));
        assert_eq!(bytes(r#"{"SizeRw":-1}"#), None);
        assert_eq!(bytes("{}"), None);
    }
}
