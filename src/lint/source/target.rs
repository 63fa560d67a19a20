//! What is to be read for the words that were typed.

use std::path::{Path, PathBuf};

use crate::compose::project::with_override;

/// The files of one project, in the order in which they are merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub files: Vec<PathBuf>,
    /// Where relative paths start.
    pub directory: PathBuf,
    /// What is read in place of `.env`, or that.
    pub env_files: Vec<PathBuf>,
    /// What was read from standard input, for the file `-`.
    pub stdin: Option<String>,
    /// The files are the whole project by the user's word, and not perhaps a part that is meant for `-f`.
    pub whole: bool,
}

/// Each named file is a project of its own, together with the override file beside it; a directory stands for the
/// files that Compose would find in it. An override file stands for its project.
pub fn targets(named: &[PathBuf]) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for path in named {
        let files = with_override(path);
        if targets.iter().any(|target| target.files == files) {
            continue;
        }
        let directory = directory_of(&files[0]);
        let whole = files.len() > 1 || path.is_dir();
        targets.push(Target {
            env_files: vec![directory.join(".env")],
            directory,
            files,
            stdin: None,
            whole,
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
