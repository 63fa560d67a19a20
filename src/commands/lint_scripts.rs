//! `safe-compose lint --scripts`: checks scripts for commands that lose data.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::lint_input::split_stdin;
use crate::error::Failure;
use crate::exit::Exit;
use crate::lint::LintReport;
use crate::lint::scripts::{self, DataDirectories, ScriptKind};
use crate::ui::Ui;

/// Checks every script below these paths. Scripts without findings have no report.
pub(super) fn check(ui: &Ui, paths: &[PathBuf]) -> Result<Vec<LintReport>, Failure> {
    if let Some(missing) = paths.iter().find(|path| *path != Path::new("-") && !path.exists()) {
        return Err(Failure::new(Exit::Usage, format!("`{}` does not exist", missing.display()))
            .say("Nothing was checked."));
    }
    let (paths, stdin) = split_stdin(paths)?;
    let mut reports = Vec::new();
    let only_stdin = paths.is_empty() && stdin.is_some();
    if let Some(text) = stdin {
        let path = Path::new("-");
        let kind = ScriptKind::of_text(&text).unwrap_or(ScriptKind::Shell);
        reports.push(scripts::check(path, kind, &text, &DataDirectories::around(path)));
    }
    let files = if only_stdin { Vec::new() } else { scripts::find(&paths) };
    let mut directories: HashMap<PathBuf, DataDirectories> = HashMap::new();
    for (path, kind) in files {
        let Ok(bytes) = fs::read(&path) else {
            ui.warn(format!("cannot read `{}`; it was skipped.", path.display()));
            continue;
        };
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        let directory = path.parent().map(Path::to_owned).unwrap_or_default();
        let around = directories.entry(directory).or_insert_with(|| DataDirectories::around(&path));
        reports.push(scripts::check(&path, kind, &text, around));
    }
    // The text of every script is kept in its report, so reports that are not shown are dropped.
    reports.retain(|report| !report.is_empty());
    Ok(reports)
}
