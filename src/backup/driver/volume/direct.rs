//! Restores archives where nothing can be renamed.
//!
//! The engine can add files to a stopped container, and replace them, but cannot remove any. So a directory is written only
//! if it contains nothing that the backup does not contain: afterwards it contains the backup and nothing else.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use futures_util::StreamExt as _;

use super::helper_container::HelperContainer;
use super::planned_archive::{PlannedArchive, planned};
use super::tar_summary::{self, Paths, TarSummary};
use super::{archive_file, pipe, source};
use crate::backup::driver::{Action, DriverTarget, RestoreOptions, RestorePlan};
use crate::engine::EngineError;
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{DataLocation, LocationSource};
use crate::policy::Clearance;
use crate::progress::Unit;
use crate::units::count;

/// What an archive contains, and what the directory contains now.
pub(super) struct Compared {
    pub backup: TarSummary,
    now: TarSummary,
    /// The first few paths that are not in the backup, and how many there are in total.
    others: Vec<PathBuf>,
    other_count: u64,
}

impl Compared {
    pub(super) fn action(&self, options: &RestoreOptions) -> Action {
        if self.backup.same_tree(&self.now) {
            Action::Keep
        } else if self.now.is_empty() {
            Action::Create
        } else if options.skip_existing {
            Action::Keep
        } else {
            Action::Replace
        }
    }
}

/// Writes archives into places where nothing can be renamed.
pub(super) async fn write_all(
    target: DriverTarget<'_>,
    plan: &RestorePlan,
    archives: &[&PlannedArchive<'_>],
    proof: &Clearance,
) -> anyhow::Result<()> {
    on_places(target, archives, async |helper| {
        let mut expected = Vec::new();
        for archive in archives {
            let compared = compare(target, helper, archive).await?;
            may_write(target, archive, planned(plan, archive), &compared)?;
            expected.push(compared.backup);
        }
        for (archive, expected) in archives.iter().zip(&expected) {
            write(target, helper, archive, proof).await?;
            let now = compare(target, helper, archive).await?.now;
            ensure!(
                now.same_tree(expected),
                "`{}` was written, but does not match the backup: {} instead of {}",
                archive.place.target.display(),
                count(now.entries, "file"),
                count(expected.entries, "file"),
            );
        }
        Ok(())
    })
    .await
}

/// Reads through the store's container, or through a temporary one if it has none.
pub(super) async fn read_places<T>(
    target: DriverTarget<'_>,
    archives: &[&PlannedArchive<'_>],
    work: impl AsyncFnOnce(&HelperContainer) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    ensure_accessible(target, &places(archives)).await?;
    let helper = HelperContainer::to_read(target).await?;
    let result = work(&helper).await;
    helper.close(result).await
}

/// Writes through the store's container, or through a temporary one.
pub(super) async fn on_places<T>(
    target: DriverTarget<'_>,
    archives: &[&PlannedArchive<'_>],
    work: impl AsyncFnOnce(&HelperContainer) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let places = places(archives);
    ensure_accessible(target, &places).await?;
    let helper = HelperContainer::to_write(target, &places).await?;
    let result = work(&helper).await;
    helper.close(result).await
}

fn places<'a>(archives: &[&PlannedArchive<'a>]) -> Vec<&'a DataLocation> {
    archives.iter().map(|archive| archive.place).collect()
}

/// Without a container, only volumes that exist can be accessed.
async fn ensure_accessible(target: DriverTarget<'_>, places: &[&DataLocation]) -> anyhow::Result<()> {
    if target.store.container.is_none() {
        for place in places {
            if let LocationSource::Volume { name: Some(name), .. } = &place.source {
                ensure!(
                    target.engine.volume(name).await?.is_some(),
                    "volume `{name}` does not exist: `create {}` creates it and its container",
                    target.store.service
                );
            } else {
                bail!(
                    "`{}` cannot be accessed without a container: `create {}` creates one",
                    place.target.display(),
                    target.store.service
                );
            }
        }
    }
    Ok(())
}

pub(super) async fn compare(
    target: DriverTarget<'_>,
    helper: &HelperContainer,
    archive: &PlannedArchive<'_>,
) -> anyhow::Result<Compared> {
    let file = archive.file.clone();
    let (backup, paths): (TarSummary, Paths) = pipe::blocking(move || {
        tar_summary::take_with_paths(archive_file::open(&file)?)
            .with_context(|| format!("`{}` cannot be used", file.display()))
    })
    .await?;
    let Some(stream) = source::open(target, helper, archive.place).await? else {
        return Ok(Compared { backup, now: TarSummary::default(), others: Vec::new(), other_count: 0 });
    };
    let title = format!("comparing {}", archive.place.target.display());
    let task = target.progress.begin(&title, Unit::Bytes, None);
    let (now, others, other_count) = pipe::consume(stream, task.as_ref(), move |archives| {
        let (mut others, mut other_count) = (Vec::new(), 0);
        let now = tar_summary::take(archives, |item| {
            if !paths.contains(&item.key) {
                other_count += 1;
                if others.len() < 3 {
                    others.push(item.path.to_owned());
                }
            }
        })?;
        Ok::<_, tar_summary::TarError>((now, others, other_count))
    })
    .await?
    .with_context(|| format!("`{}` cannot be read", archive.place.target.display()))?;
    Ok(Compared { backup, now, others, other_count })
}

/// Whether the directory would contain the backup and nothing else after writing.
fn may_write(
    target: DriverTarget<'_>,
    archive: &PlannedArchive<'_>,
    planned: Action,
    compared: &Compared,
) -> anyhow::Result<()> {
    let path = archive.place.target.display();
    archive.ensure_usable(&compared.backup)?;
    if planned == Action::Create {
        archive.ensure_still_empty(&compared.now)?;
    }
    if compared.other_count == 0 {
        return Ok(());
    }
    let others: Vec<String> = compared.others.iter().map(|other| format!("`{}`", other.display())).collect();
    let more = if compared.other_count > others.len() as u64 { ", …" } else { "" };
    let way_out = match &archive.place.source {
        LocationSource::Volume { name, .. } => format!(
            "Back that up, remove the container (`rm -sf {0}`) and the volume (`docker volume rm {1}`), create both again (`create {0}`), and restore again.",
            target.store.service,
            name.as_deref().unwrap_or("NAME"),
        ),
        LocationSource::Bind { path } => {
            format!("Move the contents of `{}` on the host elsewhere, and restore again.", path.display())
        }
        LocationSource::Layer | LocationSource::Tmpfs => format!(
            "Back that up, give the service a new container (`rm -sf {0}`, then `create {0}`), and restore again.",
            target.store.service
        ),
    };
    Err(Failure::new(
        Exit::Refused,
        format!(
            "`{path}` has {} that the backup does not contain ({}{more}), and a restore never merges the two",
            count(compared.other_count, "file"),
            others.join(", ")
        ),
    )
    .say("Nothing was changed: the engine can write files into a stopped container, but cannot remove any.")
    .say(way_out)
    .into())
}

/// Unpacks into the parent directory, so that owner and mode of the directory itself are restored, too.
async fn write(
    target: DriverTarget<'_>,
    helper: &HelperContainer,
    archive: &PlannedArchive<'_>,
    proof: &Clearance,
) -> anyhow::Result<()> {
    let path = &archive.place.target;
    let title = format!("restoring {}", path.display());
    let task = target.progress.begin(&title, Unit::Bytes, Some(archive.artifact.bytes));
    let tar = pipe::stream(&archive.file, task).await?;
    let parent = path.parent().unwrap_or(Path::new("/"));
    if archive.place.source == LocationSource::Layer {
        create_parents(target, helper, parent, proof).await?;
    }
    target.engine.write_archive(&helper.container, parent, tar, proof).await.with_context(|| {
        format!(
            "`{}` could not be written completely, and may now contain part of the backup",
            path.display()
        )
    })
}

/// Creates what is missing of the directories that lead to a place in a container's layer: a program may have created them
/// when it first started.
async fn create_parents(
    target: DriverTarget<'_>,
    helper: &HelperContainer,
    parent: &Path,
    proof: &Clearance,
) -> anyhow::Result<()> {
    let mut missing: Vec<&Path> = Vec::new();
    let mut existing = Path::new("/");
    for directory in parent.ancestors() {
        match target.engine.read_archive(&helper.container, directory).await {
            Ok(_) => {
                existing = directory;
                break;
            }
            Err(EngineError::NotFound { .. }) => missing.push(directory),
            Err(error) => return Err(error.into()),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let mut tar = tar::Builder::new(Vec::new());
    for directory in missing.iter().rev() {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        let below = directory.strip_prefix(existing).unwrap_or(directory);
        tar.append_data(&mut header, below, std::io::empty())?;
    }
    let bytes = tar.into_inner()?;
    let stream = futures_util::stream::once(async { Ok(bytes) }).boxed();
    let created = target.engine.write_archive(&helper.container, existing, stream, proof).await;
    created.with_context(|| format!("`{}` cannot be created", parent.display()))
}
