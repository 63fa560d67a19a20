//! Makes the steps of an installation.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::record::{RecordedStep, SetupRecord};
use super::scope::SetupPlaces;
use super::step::{SetupStep, crontab, is_there, systemctl};
use super::{block, step::BlockPlace};
use crate::compose::binary::kept;
use crate::fs::{
    copy_program, create_shared_dir, make_link, remove_file, rename_new, write_atomically, write_new,
};
use crate::process::{Capture, capture};

/// Makes steps, in their order. Each is in the record before it is made.
pub fn apply(places: &SetupPlaces, steps: &[SetupStep]) -> Result<()> {
    let mut installer = Installer { record: SetupRecord::read(&places.record())?, path: places.record() };
    installer.make_directories(places.base())?;
    steps.iter().try_for_each(|step| installer.make(step))
}

struct Installer {
    record: SetupRecord,
    path: PathBuf,
}

impl Installer {
    fn note(&mut self, step: RecordedStep) -> Result<()> {
        self.record.push(step);
        Ok(self.record.write(&self.path)?)
    }

    /// The directory and those above it that do not exist.
    fn make_directories(&mut self, directory: &Path) -> Result<()> {
        let missing: Vec<&Path> = directory.ancestors().take_while(|path| !path.exists()).collect();
        for path in missing.into_iter().rev() {
            self.record.push(RecordedStep::Directory { path: path.to_owned() });
            // The record is in the innermost of the first directories, and cannot be written before them.
            if self.path.parent().is_some_and(Path::is_dir) {
                self.record.write(&self.path)?;
            }
            create_shared_dir(path)?;
        }
        Ok(())
    }

    fn make_parent(&mut self, path: &Path) -> Result<()> {
        self.make_directories(path.parent().unwrap_or(Path::new("/")))
    }

    fn make(&mut self, step: &SetupStep) -> Result<()> {
        if step.is_done() {
            return Ok(());
        }
        match step {
            SetupStep::Program { from, to } => {
                self.make_parent(to)?;
                self.note(RecordedStep::Program { path: to.clone() })?;
                Ok(copy_program(from, to)?)
            }
            SetupStep::Link { at, target } => self.link(at, target),
            SetupStep::File { path, text } => self.file(path, text),
            SetupStep::Block { path, text, begin, place } => self.block(path, text, (begin, *place)),
            SetupStep::Crontab { program, text } => {
                self.note(RecordedStep::Crontab { program: program.clone(), text: text.clone() })?;
                let lines = crontab(program).unwrap_or_default();
                let (lines, _) =
                    block::insert(&lines, text, BlockPlace::End).context("no place for a line")?;
                write_crontab(program, &lines)
            }
            SetupStep::Enable { program, arguments, unit } => {
                self.note(RecordedStep::Enable {
                    program: program.clone(),
                    arguments: arguments.clone(),
                    unit: unit.clone(),
                })?;
                systemctl(program, arguments, &["daemon-reload"]);
                if !systemctl(program, arguments, &["enable", "--now", unit]) {
                    bail!("`systemctl {} enable --now {unit}` failed", arguments.join(" "));
                }
                Ok(())
            }
        }
    }

    fn link(&mut self, at: &Path, target: &Path) -> Result<()> {
        self.make_parent(at)?;
        let ours = |step: &RecordedStep| {
            matches!(step, RecordedStep::Link { path, target, .. }
            if path == at && fs::read_link(at).is_ok_and(|to| to == *target))
        };
        let is_ours = self.record.steps.iter().any(ours);
        let kept = self.keep_unless(at, is_ours)?;
        self.note(RecordedStep::Link { path: at.to_owned(), target: target.to_owned(), kept: kept.clone() })?;
        if is_ours {
            remove_file(at)?;
        }
        move_aside(at, kept.as_deref())?;
        make_link(target, at).inspect_err(|_| {
            // A broken step must not leave a command missing.
            if let Some(kept) = &kept {
                let _ = rename_new(kept, at);
            }
        })?;
        Ok(())
    }

    fn file(&mut self, path: &Path, text: &str) -> Result<()> {
        self.make_parent(path)?;
        let ours = |step: &RecordedStep| {
            matches!(step, RecordedStep::File { path: recorded, text, .. }
                if recorded == path && fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes()))
        };
        let is_ours = self.record.steps.iter().any(ours);
        let kept = self.keep_unless(path, is_ours)?;
        self.note(RecordedStep::File { path: path.to_owned(), text: text.to_owned(), kept: kept.clone() })?;
        move_aside(path, kept.as_deref())?;
        if is_ours {
            write_atomically(path, text.as_bytes(), 0o644)?;
        } else {
            write_new(path, text.as_bytes(), 0o644)?;
        }
        Ok(())
    }

    /// Where the file at a path is to be kept, if there is one that is not this program's.
    fn keep_unless(&mut self, path: &Path, is_ours: bool) -> Result<Option<PathBuf>> {
        if is_ours || !is_there(path) {
            return Ok(None);
        }
        let kept = kept(path);
        if is_there(&kept) {
            bail!("`{}` cannot be kept, because `{}` is in use", path.display(), kept.display());
        }
        self.make_parent(&kept)?;
        Ok(Some(kept))
    }

    fn block(&mut self, path: &Path, text: &str, (begin, place): (&str, BlockPlace)) -> Result<()> {
        self.make_parent(path)?;
        // A link, as managers of settings make them, stays one.
        let file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let (content, mode, created) = match fs::read(&file) {
            Ok(bytes) => {
                let mode =
                    fs::metadata(&file).map_or(0o644, |metadata| metadata.permissions().mode() & 0o7777);
                (
                    String::from_utf8(bytes).with_context(|| format!("`{}` is no text", file.display()))?,
                    mode,
                    false,
                )
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (String::new(), 0o644, true),
            Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", file.display())),
        };
        // An older version of the block makes room for this one.
        let old = self.record.steps.iter().position(|step| {
            matches!(step, RecordedStep::Block { path, text, .. } if *path == file && text.contains(begin))
        });
        let (content, created) = match old.map(|at| self.record.steps.remove(at)) {
            Some(RecordedStep::Block { text, created, .. }) => {
                (block::take_out(&content, &text).unwrap_or(content), created)
            }
            Some(_) | None => (content, created),
        };
        let Some((with, inserted)) = block::insert(&content, text, place) else {
            bail!("`{}` has no list `repos:` to add to", file.display());
        };
        self.note(RecordedStep::Block { path: file.clone(), text: inserted, created })?;
        Ok(write_atomically(&file, with.as_bytes(), mode)?)
    }
}

fn move_aside(path: &Path, kept: Option<&Path>) -> Result<()> {
    match kept {
        Some(kept) => Ok(rename_new(path, kept)?),
        None => Ok(()),
    }
}

/// Replaces the user's crontab.
pub(super) fn write_crontab(program: &Path, lines: &str) -> Result<()> {
    let args = [OsString::from("-")];
    let output = capture(&Capture { program, args: &args, env_remove: &[], stdin: Some(lines.as_bytes()) })
        .with_context(|| format!("cannot run `{}`", program.display()))?;
    if output.code != 0 {
        bail!("`crontab -` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
