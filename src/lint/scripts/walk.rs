//! Finds the scripts below a directory, except those that git ignores.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ::ignore::WalkBuilder;

use super::kind::ScriptKind;

/// Every script below some paths, in order. A named file that is not a script is skipped, because hooks name every file.
pub fn find(paths: &[PathBuf]) -> Vec<(PathBuf, ScriptKind)> {
    let mut found = Vec::new();
    let here = [PathBuf::from(".")];
    for path in if paths.is_empty() { &here[..] } else { paths } {
        if path.is_dir() {
            found.extend(below(path));
        } else {
            found.extend(kind_of(path).map(|kind| (path.clone(), kind)));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found.dedup();
    found
}

fn below(directory: &Path) -> Vec<(PathBuf, ScriptKind)> {
    // Workflows and hooks are in hidden directories.
    let walk = WalkBuilder::new(directory)
        .hidden(false)
        .require_git(false)
        .filter_entry(|entry| !matches!(entry.file_name().to_str(), Some(".git" | "node_modules" | ".venv")))
        .build();
    let files = walk.flatten().filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
    files
        .filter_map(|entry| {
            let path = entry.path();
            let path = path.strip_prefix("./").unwrap_or(path);
            Some((path.to_owned(), kind_of(path)?))
        })
        .collect()
}

fn kind_of(path: &Path) -> Option<ScriptKind> {
    ScriptKind::of_path(path).or_else(|| {
        if !ScriptKind::has_no_extension(path) {
            return None;
        }
        let mut file = File::open(path).ok()?;
        let mut first = [0; 128];
        let length = file.read(&mut first).ok()?;
        ScriptKind::of_text(&String::from_utf8_lossy(&first[..length]))
    })
}
