//! Restores archives, and verifies what was written.
//!
//! The engine can add files to a stopped container, and replace them, but cannot remove any. So a directory is written
//! only if it contains nothing that the backup does not contain: afterwards it contains the backup and nothing else.
//! Everything is checked before the first byte is written.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use super::helper_container::{self, HelperContainer};
use super::tar_summary::{self, Paths, TarSummary};
use super::{pipe, source};
use crate::backup::driver::{Action, DriverTarget, RestoreOptions, RestorePlan, Restored, Step};
use crate::backup::manifest::{Artifact, ArtifactContents};
use crate::backup::store::Backup;
use crate::error::Failure;
use crate::exit::Exit;
use crate::fs::sha256_of;
use crate::inventory::{DataLocation, LocationSource, StoreKind};
use crate::policy::Clearance;
use crate::progress::Unit;
use crate::units::count;

/// What to restore, as planned.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub from: &'a Backup,
    pub plan: &'a RestorePlan,
    pub options: &'a RestoreOptions,
}

/// One archive, and the directory to restore it into.
struct PlannedArchive<'a> {
    artifact: &'a Artifact,
    file: PathBuf,
    place: &'a DataLocation,
}

/// What an archive contains, and what the directory contains now.
struct Compared {
    backup: TarSummary,
    now: TarSummary,
    /// The first few paths that are not in the backup, and how many there are in total.
    others: Vec<PathBuf>,
    other_count: u64,
}

pub(super) async fn plan(
    target: DriverTarget<'_>,
    from: &Backup,
    options: &RestoreOptions,
) -> anyhow::Result<RestorePlan> {
    let archives = archives(target, from, options)?;
    let steps = on_places(target, &archives, async |helper| {
        let mut steps = Vec::new();
        for archive in &archives {
            let compared = compare(target, helper, archive).await?;
            let name = archive.place.target.display().to_string();
            steps.push(Step {
                from: name.clone(),
                to: name,
                action: compared.action(options),
                count: Some(compared.backup.entries),
            });
        }
        Ok(steps)
    })
    .await?;
    Ok(RestorePlan { steps })
}

impl Compared {
    fn action(&self, options: &RestoreOptions) -> Action {
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

pub(super) async fn restore(
    target: DriverTarget<'_>,
    job: Job<'_>,
    proof: &Clearance,
) -> anyhow::Result<Restored> {
    let archives = archives(target, job.from, job.options)?;
    let todo: Vec<&PlannedArchive<'_>> =
        archives.iter().filter(|archive| planned(job.plan, archive) != Action::Keep).collect();
    refuse_while_running(target, &todo).await?;
    on_places(target, &archives, async |helper| {
        let mut expected = Vec::new();
        for archive in &todo {
            check_intact(archive).await?;
            let compared = compare(target, helper, archive).await?;
            may_write(target, archive, planned(job.plan, archive), &compared)?;
            expected.push(compared.backup);
        }
        for (archive, expected) in todo.iter().zip(&expected) {
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
    .await?;
    Ok(Restored { steps: job.plan.steps.clone(), aliases: Vec::new(), remarks: Vec::new() })
}

fn planned(plan: &RestorePlan, archive: &PlannedArchive<'_>) -> Action {
    let name = archive.place.target.display().to_string();
    plan.steps.iter().find(|step| step.to == name).map_or(Action::Keep, |step| step.action)
}

/// Finds the directory for each archive: the one at the same path in the container.
fn archives<'a>(
    target: DriverTarget<'a>,
    from: &'a Backup,
    options: &RestoreOptions,
) -> anyhow::Result<Vec<PlannedArchive<'a>>> {
    match from.manifest.kind {
        StoreKind::Volume => {}
        StoreKind::Qdrant => bail!("`{}` is not a backup of plain files", from.name()),
    }
    ensure!(
        options.collections.is_empty() && options.rename.is_none() && !options.schema_only,
        "`{}` contains plain files, so collections cannot be selected",
        from.name()
    );
    let mut archives = Vec::new();
    for artifact in &from.manifest.artifacts {
        let ArtifactContents::Files { target: path, .. } = &artifact.contents else { continue };
        let place = target.store.locations.iter().find(|place| place.target == Path::new(path));
        let place = place.with_context(|| {
            let known: Vec<String> =
                target.store.locations.iter().map(|place| format!("`{}`", place.target.display())).collect();
            format!(
                "the backup contains `{path}`, where `{}` does not keep data now (it keeps data at {})",
                target.store.service,
                if known.is_empty() { "no path".to_owned() } else { known.join(", ") }
            )
        })?;
        match &place.source {
            LocationSource::Tmpfs => {
                bail!("`{path}` is a tmpfs now, so the data would be lost at the next stop")
            }
            LocationSource::Volume { .. } | LocationSource::Bind { .. } | LocationSource::Layer => {}
        }
        ensure!(
            !(place.read_only && matches!(place.source, LocationSource::Bind { .. })),
            "`{path}` is mounted read-only now"
        );
        archives.push(PlannedArchive { artifact, file: from.directory.join(&artifact.path), place });
    }
    ensure!(!archives.is_empty(), "`{}` contains no files", from.name());
    Ok(archives)
}

/// Runs through the store's container, or through a temporary one.
async fn on_places<T>(
    target: DriverTarget<'_>,
    archives: &[PlannedArchive<'_>],
    work: impl AsyncFnOnce(&HelperContainer) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let places: Vec<&DataLocation> = archives.iter().map(|archive| archive.place).collect();
    if target.store.container.is_none() {
        for place in &places {
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
    let helper = HelperContainer::to_write(target, &places).await?;
    let result = work(&helper).await;
    helper.close(target, result).await
}

async fn refuse_while_running(target: DriverTarget<'_>, todo: &[&PlannedArchive<'_>]) -> anyhow::Result<()> {
    let places: Vec<&DataLocation> = todo.iter().map(|archive| archive.place).collect();
    match helper_container::running(target, &places).await?.first() {
        Some(container) => Err(Failure::new(
            Exit::Refused,
            format!("`{}` is running, and its files cannot be replaced while it is", container.name),
        )
        .say(format!(
            "Stop it first (`stop {}`), restore, and start it again.",
            container.service().unwrap_or(&container.name)
        ))
        .into()),
        None => Ok(()),
    }
}

/// Verifies that the archive is intact.
async fn check_intact(archive: &PlannedArchive<'_>) -> anyhow::Result<()> {
    let file = archive.file.clone();
    let (_, digest) = pipe::blocking(move || Ok(sha256_of(&file)?)).await?;
    ensure!(
        digest.to_string() == archive.artifact.sha256,
        "`{}` is damaged, so nothing was restored",
        archive.file.display()
    );
    Ok(())
}

async fn compare(
    target: DriverTarget<'_>,
    helper: &HelperContainer,
    archive: &PlannedArchive<'_>,
) -> anyhow::Result<Compared> {
    let file = archive.file.clone();
    let (backup, paths): (TarSummary, Paths) = pipe::blocking(move || {
        let open = File::open(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let reader = BufReader::with_capacity(256 * 1024, open);
        tar_summary::take_with_paths(reader).with_context(|| format!("`{}` cannot be used", file.display()))
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
    let expected = archive.place.target.file_name();
    ensure!(
        compared.backup.top.as_deref() == expected && expected.is_some(),
        "`{}` is not an archive of `{path}`",
        archive.file.display()
    );
    ensure!(
        !compared.backup.is_file,
        "`{path}` is a single file of the host, which the engine cannot replace; extract it from `{}` manually",
        archive.file.display()
    );
    ensure!(
        planned == Action::Replace || compared.now.is_empty(),
        "`{path}` was empty when the restore was planned, and no longer is"
    );
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
    target.engine.write_archive(&helper.container, parent, tar, proof).await.with_context(|| {
        format!(
            "`{}` could not be written completely, and may now contain part of the backup",
            path.display()
        )
    })
}
