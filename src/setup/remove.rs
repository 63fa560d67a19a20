//! Undoes an installation.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::apply::write_crontab;
use super::block;
use super::record::{RecordedStep, SetupRecord};
use super::scope::SetupPlaces;
use super::step::{crontab, is_there, systemctl};
use crate::fs::{remove_empty_dir, remove_file, rename_new, write_atomically};
use crate::process::{Capture, capture};

/// What became of the steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetupRemoval {
    /// What was undone: ``removed `…` ``.
    pub done: Vec<String>,
    /// What was left as it is, and why.
    pub left: Vec<String>,
}

/// Undoes every step of the record, the last one first, and removes the record. What is missing is no error, so that a
/// removal that was interrupted can be repeated.
pub fn remove(places: &SetupPlaces, record: &SetupRecord) -> Result<SetupRemoval> {
    let mut removal = SetupRemoval::default();
    for step in record.steps.iter().rev() {
        undo(step, &mut removal)?;
    }
    if is_there(&places.record()) {
        remove_file(&places.record())?;
    }
    for step in record.steps.iter().rev() {
        if let RecordedStep::Directory { path } = step
            && path.is_dir()
            && !remove_empty_dir(path)?
            // What others keep in a directory that they share is no trace of this program.
            && path.starts_with(places.base())
        {
            removal.left.push(format!("`{}` is not empty", path.display()));
        }
    }
    Ok(removal)
}

fn undo(step: &RecordedStep, removal: &mut SetupRemoval) -> Result<()> {
    match step {
        // After everything that is in it.
        RecordedStep::Directory { .. } => {}
        RecordedStep::Program { path } => {
            if is_there(path) {
                remove_file(path)?;
                removal.done.push(format!("removed `{}`", path.display()));
            }
        }
        RecordedStep::Link { path, target, kept } => {
            let is_ours = fs::read_link(path).is_ok_and(|to| to == *target);
            put_back(path, is_ours, kept.as_deref(), removal)?;
        }
        RecordedStep::File { path, text, kept } => {
            let is_ours = fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes());
            put_back(path, is_ours, kept.as_deref(), removal)?;
        }
        RecordedStep::Block { path, text, created } => take_out(path, text, *created, removal)?,
        RecordedStep::Crontab { program, text } => {
            if let Some(lines) = crontab(program)
                && let Some(without) = block::take_out(&lines, text)
            {
                if without.is_empty() {
                    let args = [OsString::from("-r")];
                    capture(&Capture { program, args: &args, env_remove: &[], stdin: None })?;
                } else {
                    write_crontab(program, &without)?;
                }
                removal.done.push("took the lines out of the crontab".to_owned());
            }
        }
        RecordedStep::Enable { program, arguments, unit } => {
            systemctl(program, arguments, &["disable", "--now", unit]);
            removal.done.push(format!("disabled `{unit}`"));
        }
    }
    Ok(())
}

/// Removes a file of ours, and puts the one that was in its place back.
fn put_back(path: &Path, is_ours: bool, kept: Option<&Path>, removal: &mut SetupRemoval) -> Result<()> {
    let kept = kept.filter(|kept| is_there(kept));
    if is_ours {
        remove_file(path)?;
    } else if is_there(path) {
        let file = path.display();
        match kept {
            Some(kept) => {
                removal.left.push(format!(
                    "`{file}` was replaced since; what was there before is `{}`",
                    kept.display()
                ));
            }
            None => removal.left.push(format!("`{file}` was replaced since")),
        }
        return Ok(());
    }
    match kept {
        Some(kept) => {
            rename_new(kept, path)?;
            removal.done.push(format!("put `{}` back", path.display()));
        }
        None if is_ours => removal.done.push(format!("removed `{}`", path.display())),
        None => {}
    }
    Ok(())
}

fn take_out(path: &Path, text: &str, created: bool, removal: &mut SetupRemoval) -> Result<()> {
    let content = match fs::read_to_string(path) {
        Ok(content) => content,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    };
    let Some(without) = block::take_out(&content, text) else {
        removal.left.push(format!("the lines in `{}` were removed already", path.display()));
        return Ok(());
    };
    if created && without.is_empty() {
        remove_file(path)?;
        removal.done.push(format!("removed `{}`", path.display()));
        return Ok(());
    }
    let mode = fs::metadata(path)?.permissions().mode() & 0o7777;
    write_atomically(path, without.as_bytes(), mode)?;
    removal.done.push(format!("took the lines out of `{}`", path.display()));
    Ok(())
}
