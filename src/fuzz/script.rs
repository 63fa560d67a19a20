//! Scripts, as `lint` reads them, in every kind of file that contains some.

use std::path::Path;

use crate::lint::scripts::{DataDirectories, ScriptKind, check};

const NAMES: [&str; 7] = [
    "x.sh",
    "Makefile",
    "justfile",
    "package.json",
    ".github/workflows/x.yml",
    ".gitlab-ci.yml",
    "Taskfile.yml",
];

pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = ScriptKind::of_text(text);
    let lines = text.lines().count();
    for name in NAMES {
        let path = Path::new(name);
        let kind = ScriptKind::of_path(path).expect("a name that tells the kind");
        for found in check(path, kind, text, &DataDirectories::default()).findings() {
            let place = &found.location;
            assert!((place.line, place.column) <= (place.end_line, place.end_column), "{place:?}");
            assert!(place.end_line <= lines + 1, "{place:?} of {lines} lines");
        }
    }
}
