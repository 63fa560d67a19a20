//! Restores archives, and verifies what was written.
//!
//! A volume or a directory of the host is replaced by renames (`switch`). Where nothing can be renamed, files are only added
//! (`direct`). Everything is checked before the first byte is written.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};

use super::helper_container::HelperContainer;
use super::planned_archive::{PlannedArchive, planned};
use super::switch::{self, Names, Replacement, Switch, UnpackedBy};
use super::tar_summary::TarSummary;
use super::{archive_file, direct, helper_container, pipe, unpacked};
use crate::backup::driver::{Action, DriverTarget, RestoreOptions, RestorePlan, Restored, Step};
use crate::backup::fingerprint::Fingerprint;
use crate::backup::manifest::ArtifactContents;
use crate::backup::store::Backup;
use crate::error::Failure;
use crate::exit::Exit;
use crate::fs::sha256_of;
use crate::inventory::{DataLocation, LocationSource, Store, StoreKind};
use crate::policy::Clearance;
use crate::units::Bytes;

/// What to restore, as planned.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub from: &'a Backup,
    pub plan: &'a RestorePlan,
    pub options: &'a RestoreOptions,
}

pub(super) async fn plan(
    target: DriverTarget<'_>,
    from: &Backup,
    options: &RestoreOptions,
) -> anyhow::Result<RestorePlan> {
    let archives = archives(target, from, options)?;
    let all: Vec<&PlannedArchive<'_>> = archives.iter().collect();
    let compare = async |helper: &HelperContainer| {
        let mut steps = Vec::new();
        for archive in &archives {
            let compared = direct::compare(target, helper, archive).await?;
            let name = archive.place.target.display().to_string();
            steps.push(Step {
                from: name.clone(),
                to: name,
                action: compared.action(options),
                count: Some(compared.backup.entries),
            });
        }
        Ok(steps)
    };
    let steps = if options.dry_run {
        direct::read_places(target, &all, compare).await?
    } else {
        direct::on_places(target, &all, compare).await?
    };
    Ok(RestorePlan { steps, ..RestorePlan::default() })
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
    let (mut switches, mut directly) = (Vec::new(), Vec::new());
    for archive in todo {
        check_intact(archive).await?;
        let read = read(archive).await?;
        archive.ensure_usable(&read.0)?;
        ensure_plausible(job.from, archive, &read.0)?;
        let switch = if read.0.has_setuid_link { None } else { Switch::open(target, archive.place).await? };
        match switch {
            Some(switch) => switches.push((switch, archive, read)),
            None => directly.push(archive),
        }
    }
    // First what may be refused.
    if !directly.is_empty() {
        direct::write_all(target, job.plan, &directly, proof).await?;
    }
    let mut remarks = Vec::new();
    for archive in &directly {
        remarks.extend(unpacked::remarks(archive, UnpackedBy::Engine).await?);
    }
    for (switch, archive, (expected, names)) in switches {
        let new = Replacement {
            file: &archive.file,
            bytes: archive.artifact.bytes,
            expected: &expected,
            names: &names,
            attributes: unpacked::attributes(archive),
        };
        let replaced = replace(&switch, archive, planned(job.plan, archive), new, proof).await;
        let by = switch.close(replaced).await?;
        remarks.extend(unpacked::remarks(archive, by).await?);
    }
    Ok(Restored { steps: job.plan.steps.clone(), aliases: Vec::new(), remarks })
}

/// Removes what the renames of a restore have replaced, and finishes one that was interrupted.
pub(super) async fn finish(target: DriverTarget<'_>, from: &Backup, proof: &Clearance) -> anyhow::Result<()> {
    for archive in archives(target, from, &RestoreOptions::default())? {
        if let Some(switch) = Switch::open(target, archive.place).await? {
            let finished = switch.finish(proof).await;
            switch.close(finished).await?;
        }
    }
    Ok(())
}

/// Takes back what the renames of a restore have replaced.
pub(super) async fn revert(
    target: DriverTarget<'_>,
    copy: &Backup,
    proof: &Clearance,
) -> anyhow::Result<bool> {
    let mut is_reverted = false;
    for archive in archives(target, copy, &RestoreOptions::default())? {
        if let Some(switch) = Switch::open(target, archive.place).await? {
            let reverted = switch.revert(&archive.file, proof).await;
            is_reverted |= switch.close(reverted).await?;
        }
    }
    Ok(is_reverted)
}

/// How many bytes more than its backup says an archive may have.
const SLACK: u64 = 64 * 1024 * 1024;

/// Refuses an archive that would fill the disk with what its backup does not know of.
fn ensure_plausible(from: &Backup, archive: &PlannedArchive<'_>, found: &TarSummary) -> anyhow::Result<()> {
    if let Fingerprint::Volume { bytes, .. } = from.manifest.fingerprint {
        ensure!(
            found.bytes <= bytes.saturating_add(SLACK),
            "`{}` contains {}, but its backup has {}",
            archive.file.display(),
            Bytes(found.bytes),
            Bytes(bytes)
        );
    }
    Ok(())
}

/// What an archive contains, and the names at its top.
async fn read(archive: &PlannedArchive<'_>) -> anyhow::Result<(TarSummary, Names)> {
    let file = archive.file.clone();
    pipe::blocking(move || {
        switch::take_with_names(archive_file::open(&file)?)
            .with_context(|| format!("`{}` cannot be used", file.display()))
    })
    .await
}

/// Replaces the contents of a place by renames.
async fn replace(
    switch: &Switch<'_>,
    archive: &PlannedArchive<'_>,
    planned: Action,
    new: Replacement<'_>,
    proof: &Clearance,
) -> anyhow::Result<UnpackedBy> {
    switch.finish(proof).await?;
    if planned == Action::Create {
        let (now, _) = switch.look().await?;
        archive.ensure_still_empty(&now)?;
    }
    switch.replace(new, proof).await
}

/// Checks that the service keeps data at each path that a backup of files contains.
pub(super) fn ensure_places(store: &Store, from: &Backup) -> anyhow::Result<()> {
    for artifact in &from.manifest.artifacts {
        if let ArtifactContents::Files { target, .. } = &artifact.contents {
            place_of(store, target)?;
        }
    }
    Ok(())
}

/// Where a service keeps the data of a path of its container.
fn place_of<'a>(store: &'a Store, path: &str) -> anyhow::Result<&'a DataLocation> {
    let place = store.locations.iter().find(|place| place.target == Path::new(path));
    let place = place.with_context(|| {
        let known: Vec<String> =
            store.locations.iter().map(|place| format!("`{}`", place.target.display())).collect();
        format!(
            "the backup contains `{path}`, where `{}` does not keep data now (it keeps data at {})",
            store.service,
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
    Ok(place)
}

/// Finds the directory for each archive: the one at the same path in the container.
fn archives<'a>(
    target: DriverTarget<'a>,
    from: &'a Backup,
    options: &RestoreOptions,
) -> anyhow::Result<Vec<PlannedArchive<'a>>> {
    match from.manifest.kind {
        StoreKind::Volume => {}
        StoreKind::Qdrant | StoreKind::Sql(_) => bail!("`{}` is not a backup of plain files", from.name()),
    }
    options.ensure_no_databases(&from.name())?;
    ensure!(
        options.collections.is_empty() && options.rename.is_none() && !options.schema_only,
        "`{}` contains plain files, so collections cannot be selected",
        from.name()
    );
    let mut archives = Vec::new();
    for artifact in &from.manifest.artifacts {
        let ArtifactContents::Files { target: path, .. } = &artifact.contents else { continue };
        let place = place_of(target.store, path)?;
        archives.push(PlannedArchive { artifact, file: from.directory.join(&artifact.path), place });
    }
    ensure!(!archives.is_empty(), "`{}` contains no files", from.name());
    Ok(archives)
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
