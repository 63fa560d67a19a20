//! Finds the scripts of a folder: what git ignores is left out.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ::ignore::WalkBuilder;

use super::kind::Kind;

/// Every script below some paths, in order. A file that is named and is none is left out: hooks name every file.
pub fn find(paths: &[PathBuf]) -> Vec<(PathBuf, Kind)> {
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

fn below(folder: &Path) -> Vec<(PathBuf, Kind)> {
    // Workflows and hooks stand in hidden folders.
    let walk = WalkBuilder::new(folder)
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

fn kind_of(path: &Path) -> Option<Kind> {
    Kind::of_path(path).or_else(|| {
        if !Kind::is_open(path) {
            return None;
        }
        let mut file = File::open(path).ok()?;
        let mut first = [0; 128];
        let length = file.read(&mut first).ok()?;
        Kind::of_text(&String::from_utf8_lossy(&first[..length]))
    })
}
