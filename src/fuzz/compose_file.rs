//! Compose files, as `lint` reads them: every rule runs, and its fixes are applied.

use crate::lint::{self, LintReport, LintTarget};

pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = lint::decode(bytes.to_vec()) else { return };
    let report = check(&text);
    let lines = text.split(['\n', '\r']).count();
    for found in report.findings() {
        let place = &found.location;
        assert!(place.line >= 1 && place.column >= 1, "{place:?}");
        assert!((place.line, place.column) <= (place.end_line, place.end_column), "{place:?}");
        assert!(place.file.as_os_str() != "-" || place.end_line <= lines + 1, "{place:?} of {lines} lines");
    }
    for (_, old, new) in report.fixed() {
        assert_ne!(*old, *new, "a fix changes something");
        check(&new);
    }
}

fn check(text: &str) -> LintReport {
    let target = LintTarget {
        files: vec!["-".into()],
        env_files: Vec::new(),
        directory: "/nowhere/project".into(),
        stdin: Some(text.to_owned()),
        complete: true,
    };
    lint::check(&target, &|name| (name == "HOST").then(|| "value".to_owned()))
}
