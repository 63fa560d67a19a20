//! Replaces the contents of a place by renames.
//!
//! A volume cannot be renamed. So the backup is unpacked into a hidden directory at the top of the place, on the same file
//! system, and read back from there. Only then is the list of renames written that moves what is there into the hidden
//! directory, and what was unpacked out of it: until its last byte is on disk, the data of the service is untouched, and
//! from then on an interrupted switch can always be finished. What was replaced stays until [`Switch::finish`].

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::host_restore::HostDirectory;
use super::mover::{self, MoverContainer};
use super::tar_summary::{self, STAGING, TarSummary};
use super::{archives, helper_container, pipe, tree};
use crate::backup::driver::DriverTarget;
use crate::backup::file_attributes::FileAttributes;
use crate::engine::own_image::{MoveList, Operation};
use crate::inventory::DataLocation;
use crate::policy::Clearance;
use crate::progress::{Silent, Unit};

/// Where the backup is unpacked, below the staging directory.
const NEW: &str = "new";

/// Where what is replaced is kept, below the staging directory.
const OLD: &str = "old";

/// Where what is taken back goes, below the staging directory: the directory is that of [`NEW`], which is empty then.
const UNDONE: &str = NEW;

/// A file system check keeps its finds there. It belongs to the file system, not to the service.
const LOST_AND_FOUND: &str = "lost+found";

/// The names at the top of a place.
pub(super) type Names = BTreeSet<OsString>;

/// An archive to put into a place.
#[derive(Clone, Copy)]
pub(super) struct Replacement<'a> {
    pub file: &'a Path,
    pub bytes: u64,
    pub expected: &'a TarSummary,
    /// The names at the top of the archive.
    pub names: &'a Names,
    pub attributes: Option<FileAttributes>,
}

/// Who unpacked an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnpackedBy {
    /// The engine, which leaves some attributes out.
    Engine,
    /// The engine and this process, which has completed what the engine left out, but for the extended attributes of so many
    /// files: the file system does not support them.
    Host { without_attributes: u64 },
}

/// The switch of one place.
pub(super) struct Switch<'a> {
    target: DriverTarget<'a>,
    place: &'a DataLocation,
    mover: MoverContainer,
}

impl<'a> Switch<'a> {
    /// `None` where nothing can be renamed.
    pub(super) async fn open(
        target: DriverTarget<'a>,
        place: &'a DataLocation,
    ) -> anyhow::Result<Option<Self>> {
        Ok(MoverContainer::open(target, place).await?.map(|mover| Self { target, place, mover }))
    }

    pub(super) async fn close<T>(self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        self.mover.close(result).await
    }

    /// Removes what was replaced, after finishing a switch that was interrupted.
    pub(super) async fn finish(&self, proof: &Clearance) -> anyhow::Result<bool> {
        let finished = self.mover.settle(proof).await;
        finished.with_context(|| format!("`{}` could not be cleaned up", self.place.target.display()))
    }

    /// What the place contains now, and the names at its top.
    pub(super) async fn look(&self) -> anyhow::Result<(TarSummary, Names)> {
        let looked = self.summary(mover::root(), "comparing", None).await?;
        Ok(looked.unwrap_or_default())
    }

    /// Replaces the contents of the place. On an error they are what they were.
    pub(super) async fn replace(
        &self,
        new: Replacement<'_>,
        proof: &Clearance,
    ) -> anyhow::Result<UnpackedBy> {
        let shown = self.place.target.display();
        let unpacked = match self.stage(new, proof).await {
            Ok(unpacked) => unpacked,
            Err(error) => {
                // The first error is the useful one. What stays behind is no data, and the next restore removes it.
                let _ = self.mover.settle(proof).await;
                return Err(error.context(format!("`{shown}` was not changed")));
            }
        };
        let (_, names) = self.look().await?;
        if let Some(user) = helper_container::running(self.target, &[self.place]).await?.first() {
            let _ = self.mover.settle(proof).await;
            anyhow::bail!("`{}` was started meanwhile, so `{shown}` was not changed", user.name);
        }
        let renames = renames(new.expected.top.as_deref().unwrap_or_default(), &names, new.names);
        let switched = self.swap(new, &renames, proof).await;
        let Err(error) = switched else { return Ok(unpacked) };
        self.mover.carry_out(list(&back(&renames)), proof).await.with_context(|| {
            format!("{error:#}; `{shown}` is incomplete now, and restoring again finishes it")
        })?;
        Err(error.context(format!("`{shown}` has its former contents again")))
    }

    /// Takes back a switch that was not finished: what it replaced is in its place again, and what was there instead is
    /// removed. `copy` is an archive of what it replaced. Returns `false` if there is none, or if it was not complete.
    pub(super) async fn revert(&self, copy: &Path, proof: &Clearance) -> anyhow::Result<bool> {
        let reverted = self.try_revert(copy, proof).await;
        reverted.with_context(|| format!("`{}` could not be reverted", self.place.target.display()))
    }

    async fn try_revert(&self, copy: &Path, proof: &Clearance) -> anyhow::Result<bool> {
        let old = self.mover.read(&mover::staging().join(OLD)).await?;
        let Some(old) = old else { return Ok(false) };
        let (_, old) = pipe::consume(old, &Silent, take_with_names).await??;
        if old.is_empty() {
            return Ok(false);
        }
        let (_, now) = self.look().await?;
        self.mover.carry_out(list(&reversal(&now, &old)), proof).await?;
        let (copy, root) = (copy.to_owned(), mover::root());
        let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let top = pipe::blocking(move || archives::top_directory(&copy, &name)).await?;
        self.mover.write_bytes(root.parent().unwrap_or(root), top, proof).await?;
        self.mover.settle(proof).await
    }

    /// The directory that the archive is unpacked into, where the rest can be done on the host.
    async fn on_host(&self) -> Option<HostDirectory> {
        let roots = tree::roots(self.target, &[self.place]).await?;
        let (_, on_host) = roots.into_iter().find(|(target, _)| *target == self.place.target)?;
        HostDirectory::open(&on_host.join(STAGING).join(NEW))
    }

    async fn stage(&self, new: Replacement<'_>, proof: &Clearance) -> anyhow::Result<UnpackedBy> {
        let staging = Path::new(STAGING);
        let made = archives::directories(&[staging, &staging.join(OLD), &staging.join(NEW)])?;
        self.mover.write_bytes(mover::root(), made, proof).await?;
        let title = format!("restoring {}", self.place.target.display());
        let task = self.target.progress.begin(&title, Unit::Bytes, Some(new.bytes));
        let host = match new.attributes {
            Some(FileAttributes::All) => self.on_host().await,
            Some(FileAttributes::Basic) | None => None,
        };
        let tar = match host {
            Some(_) => pipe::stream_without_holes(new.file, task).await?,
            None => pipe::stream(new.file, task).await?,
        };
        let into = mover::staging().join(NEW);
        self.mover.write(&into, tar, proof).await?;
        let by = match host {
            Some(host) => {
                let file = new.file.to_owned();
                let without_attributes = pipe::blocking(move || host.complete(&file)).await?;
                UnpackedBy::Host { without_attributes }
            }
            None => UnpackedBy::Engine,
        };
        let top = new.expected.top.as_deref().unwrap_or_default();
        let unpacked = self.summary(&into.join(top), "verifying", Some(new.expected.space())).await?;
        let (unpacked, _) = unpacked.unwrap_or_default();
        ensure!(
            unpacked.same_tree(new.expected) || (unpacked.is_empty() && new.expected.is_empty()),
            "what was unpacked does not match the backup"
        );
        Ok(by)
    }

    async fn swap(
        &self,
        new: Replacement<'_>,
        renames: &[(PathBuf, PathBuf)],
        proof: &Clearance,
    ) -> anyhow::Result<()> {
        self.mover.carry_out(list(renames), proof).await?;
        let (file, root) = (new.file.to_owned(), mover::root());
        let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let top = pipe::blocking(move || archives::top_directory(&file, &name)).await?;
        self.mover.write_bytes(root.parent().unwrap_or(root), top, proof).await?;
        let (now, _) = self.look().await?;
        ensure!(now.same_tree(new.expected), "what was restored does not match the backup");
        Ok(())
    }

    /// `total` is the size of the archive that the engine makes, if it is known.
    async fn summary(
        &self,
        path: &Path,
        doing: &str,
        total: Option<u64>,
    ) -> anyhow::Result<Option<(TarSummary, Names)>> {
        let Some(stream) = self.mover.read(path).await? else { return Ok(None) };
        let title = format!("{doing} {}", self.place.target.display());
        let task = self.target.progress.begin(&title, Unit::Bytes, total);
        let summary = pipe::consume(stream, task.as_ref(), take_with_names).await?;
        let shown = self.place.target.display();
        summary.map(Some).with_context(|| format!("`{shown}` cannot be read"))
    }
}

/// Counts, and keeps the names at the top.
pub(super) fn take_with_names(
    archive: impl std::io::Read,
) -> Result<(TarSummary, Names), tar_summary::TarError> {
    let mut names = Names::new();
    let summary = tar_summary::take(archive, |item| {
        if let Some(first) = item.path.components().next() {
            names.insert(first.as_os_str().to_owned());
        }
    })?;
    Ok((summary, names))
}

/// Moves what is there away, and then what was unpacked into its place.
fn renames(top: &OsStr, now: &Names, new: &Names) -> Vec<(PathBuf, PathBuf)> {
    let (root, staging) = (mover::root(), mover::staging());
    let is_data = |name: &&OsString| *name != LOST_AND_FOUND;
    let away = now.iter().filter(is_data).map(|name| (root.join(name), staging.join(OLD).join(name)));
    let from = staging.join(NEW).join(top);
    let into = new.iter().filter(is_data).map(|name| (from.join(name), root.join(name)));
    away.chain(into).collect()
}

/// The way back after a server has run on what was unpacked: everything that is there now goes back, also what the server has
/// made, and then what was replaced.
fn reversal(now: &Names, old: &Names) -> Vec<(PathBuf, PathBuf)> {
    let (root, staging) = (mover::root(), mover::staging());
    let is_data = |name: &&OsString| *name != LOST_AND_FOUND && *name != STAGING;
    let away = now.iter().filter(is_data).map(|name| (root.join(name), staging.join(UNDONE).join(name)));
    let back = old.iter().map(|name| (staging.join(OLD).join(name), root.join(name)));
    away.chain(back).collect()
}

/// The way back, from any point: what was not moved is passed over, because its former path exists.
fn back(renames: &[(PathBuf, PathBuf)]) -> Vec<(PathBuf, PathBuf)> {
    renames.iter().rev().map(|(from, to)| (to.clone(), from.clone())).collect()
}

fn list(renames: &[(PathBuf, PathBuf)]) -> MoveList {
    let mut list = MoveList::default();
    for (from, to) in renames {
        list.push(Operation::Rename { from, to });
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is at each path; what a mover does, see its program.
    type Files = std::collections::BTreeMap<PathBuf, &'static str>;

    fn carry_out(files: &mut Files, renames: &[(PathBuf, PathBuf)]) {
        for (from, to) in renames {
            if !files.contains_key(to)
                && let Some(file) = files.remove(from)
            {
                files.insert(to.clone(), file);
            }
        }
    }

    #[test]
    fn a_switch_is_taken_back_after_a_server_has_run() {
        let names = |names: &[&str]| names.iter().map(OsString::from).collect::<Names>();
        let at = |below: &str| mover::root().join(below);
        let staged = |below: &str| mover::staging().join(below);
        let mut files: Files = [
            (at("both"), "new both"),
            (at("made"), "made by the server"),
            (at("lost+found"), "found"),
            (staged("old/both"), "old both"),
            (staged("old/gone"), "old gone"),
        ]
        .into();
        let now = names(&["both", "made", "lost+found", STAGING]);
        carry_out(&mut files, &reversal(&now, &names(&["both", "gone"])));
        let there: Vec<_> = files.iter().filter(|(path, _)| !path.starts_with(mover::staging())).collect();
        assert_eq!(
            there,
            [(&at("both"), &"old both"), (&at("gone"), &"old gone"), (&at("lost+found"), &"found")]
        );
        let again = files.clone();
        carry_out(&mut files, &reversal(&now, &names(&["both", "gone"])));
        assert_eq!(files, again, "it can be carried out again");
    }

    #[test]
    fn from_any_point_a_switch_can_be_finished_and_undone() {
        let names = |names: &[&str]| names.iter().map(OsString::from).collect::<Names>();
        let (now, new) = (names(&["both", "gone", "lost+found"]), names(&["both", "fresh"]));
        let renames = renames(OsStr::new("data"), &now, &new);
        assert_eq!(renames.len(), 4);
        let at = |below: &str| mover::root().join(below);
        let unpacked = |name: &str| mover::staging().join("new/data").join(name);
        let before: Files = [
            (at("both"), "old both"),
            (at("gone"), "old gone"),
            (at("lost+found"), "found"),
            (unpacked("both"), "new both"),
            (unpacked("fresh"), "new fresh"),
        ]
        .into();
        let mut after = before.clone();
        carry_out(&mut after, &renames);
        assert_eq!((after[&at("both")], after[&at("fresh")]), ("new both", "new fresh"));
        assert!(after.contains_key(&at("lost+found")) && !after.contains_key(&at("gone")));
        for done in 0..=renames.len() {
            let mut finished = before.clone();
            carry_out(&mut finished, &renames[..done]);
            let mut undone = finished.clone();
            carry_out(&mut finished, &renames);
            assert_eq!(finished, after, "{done}");
            carry_out(&mut undone, &back(&renames));
            assert_eq!(undone, before, "{done}");
        }
    }
}
