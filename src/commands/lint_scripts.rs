//! `safe-compose lint --scripts`: does a script lose data?

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lint_texts::{Texts, read_stdin};
use crate::error::Failure;
use crate::exit::Exit;
use crate::lint::Finding;
use crate::lint::scripts::{self, Directories, Kind};
use crate::ui::Ui;

/// The findings in every script below these paths, with the text of the scripts that have some.
pub(super) fn look(ui: &Ui, paths: &[PathBuf]) -> Result<(Vec<Finding>, Texts), Failure> {
    let (streams, paths): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.iter().cloned().partition(|path| path == Path::new("-"));
    if let Some(missing) = paths.iter().find(|path| !path.exists()) {
        return Err(Failure::new(Exit::Usage, format!("there is no `{}`", missing.display()))
            .say("Nothing was read."));
    }
    let mut found = Vec::new();
    let mut texts = Texts::new();
    let mut keep = |path: PathBuf, text: String, findings: Vec<Finding>| {
        if !findings.is_empty() {
            texts.insert(path, Arc::from(text));
            found.extend(findings);
        }
    };
    if !streams.is_empty() {
        let text = read_stdin()?;
        let kind = Kind::of_text(&text).unwrap_or(Kind::Shell);
        let path = PathBuf::from("-");
        let findings = scripts::look(&path, kind, &text, &Directories::around(&path));
        keep(path, text, findings);
    }
    let files = if paths.is_empty() && !streams.is_empty() { Vec::new() } else { scripts::find(&paths) };
    let mut directories: HashMap<PathBuf, Directories> = HashMap::new();
    for (path, kind) in files {
        let Ok(bytes) = fs::read(&path) else {
            ui.warn(format!("`{}` cannot be read, and was left out.", path.display()));
            continue;
        };
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let around = directories.entry(folder).or_insert_with(|| Directories::around(&path));
        let findings = scripts::look(&path, kind, &text, around);
        keep(path, text, findings);
    }
    Ok((found, texts))
}
