//! The projects to check for the files that were named.

use std::path::{Path, PathBuf};

use crate::compose::project::with_override;

/// The files of one project, in the order in which they are merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintTarget {
    pub files: Vec<PathBuf>,
    /// Where relative paths start.
    pub directory: PathBuf,
    /// `.env`, or the files that replace it.
    pub env_files: Vec<PathBuf>,
    /// The text of standard input, for the file `-`.
    pub stdin: Option<String>,
    /// The files are known to be the complete project, not a part that is used with `-f` after another file.
    pub complete: bool,
}

/// One project for each named file, together with the override file next to it. A directory means the files that Compose
/// would find in it, an override file its project.
pub fn targets(named: &[PathBuf]) -> Vec<LintTarget> {
    let mut targets: Vec<LintTarget> = Vec::new();
    for path in named {
        let files = with_override(path);
        if targets.iter().any(|target| target.files == files) {
            continue;
        }
        let directory = directory_of(&files[0]);
        let complete = files.len() > 1 || path.is_dir();
        targets.push(LintTarget {
            env_files: vec![directory.join(".env")],
            directory,
            files,
            stdin: None,
            complete,
        });
    }
    targets
}

/// The directory of a file, as a path that can be joined.
fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}
