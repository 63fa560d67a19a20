//! `safe-compose restore`: restore a backup. What it replaces is backed up first.

use super::context::{CommandContext, ProjectContext};
use super::dry_run::{DryRun, PlannedChange};
use super::mode::Mode;
use super::restore_run::{self, Destination, RestoreSource};
use super::{backups, baselines, format, import_data};
use crate::backup::driver::RestoreOptions;
use crate::backup::manifest::ArtifactContents;
use crate::backup::store::Backup;
use crate::backup::test_restore::TestRestoreOutcome;
use crate::cli::{Format, RestoreArgs, RestoreTarget};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};

pub(super) async fn run(
    command: &CommandContext,
    args: &RestoreArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    // The old spelling of `import-data`.
    if let Some(file) = import_data::find(&cx.root, &args.backup) {
        return import_data::import(&cx, &args.target, &file, (mode, output)).await;
    }
    let backup = choose(&cx, args)?;
    let store = store_for(&cx, &backup, &args.target)?.clone();
    let request = RestoreOptions {
        collections: args.target.collections.clone(),
        rename: args.target.rename.clone(),
        schema_only: args.target.schema_only,
        skip_existing: args.target.skip_existing,
    };
    if !request.schema_only {
        backup.check().map_err(|damage| {
            Failure::new(
                Exit::BackupFailed,
                format!("`{}` is damaged, so nothing was restored", backup.name()),
            )
            .because(damage)
            .run("To list the other backups", command.suggest.backups())
        })?;
    }
    running(&cx, &store, backup.manifest.kind)?;
    let to = Destination { cx: &cx, store: &store };
    let apply = match (mode, backup.manifest.kind) {
        (Mode::Apply(apply), _) => Some(apply),
        (Mode::DryRun, StoreKind::Qdrant) => None,
        (Mode::DryRun, StoreKind::Volume) => return Ok(plan_files(to, &backup).show(cx.ui(), output)),
    };
    let meter = command.ui.meter();
    let target = cx.target(&store, &meter);
    let driver = backup.manifest.kind.driver();
    let failed = |error: anyhow::Error| {
        Failure::new(Exit::BackupFailed, format!("`{}` could not be restored", backup.name())).because(error)
    };
    let unplanned = |error| failed(error).say("Nothing was changed.");
    driver.wait_ready(target, command.ready_timeout()).await.map_err(unplanned)?;
    let plan = driver.plan_restore(target, &backup, &request).await.map_err(unplanned)?;
    let Some(apply) = apply else {
        return Ok(restore_run::dry_run("restore", to, &plan).show(cx.ui(), output));
    };
    let age = Some(format::ago(backup.manifest.created));
    restore_run::announce(to, &RestoreSource { name: backup.name(), age, kind: backup.manifest.kind }, &plan);
    if let Some(TestRestoreOutcome::Failed { reasons }) =
        backup.test_restore.as_ref().map(|record| &record.outcome)
    {
        let reasons = reasons.join("; ");
        cx.ui().warn(format!("the last test restore of this backup failed: {reasons}."));
    }

    let clearance = restore_run::clear(to, apply, &plan).await?;
    let restored = super::interruptible(async {
        driver.restore(target, &backup, &plan, &request, &clearance).await.map_err(failed)
    })
    .await?;
    restore_run::report(to, &restored, output);
    if request.rename.is_none() {
        restore_run::adopt(to, apply, &restored).await;
    }
    Ok(Exit::Success)
}

/// A dry run for files. Comparing them with what is there takes a helper container, which a dry run must not create.
fn plan_files(to: Destination<'_>, backup: &Backup) -> DryRun {
    let changes = backup.manifest.artifacts.iter().filter_map(|artifact| match &artifact.contents {
        ArtifactContents::Files { target, .. } => Some(
            PlannedChange::new("restore", format!("`{target}` of `{}`", to.store.service))
                .with(format!("from `{}`; files that differ are backed up first", backup.name())),
        ),
        ArtifactContents::CollectionSnapshot { .. }
        | ArtifactContents::CollectionIncrement { .. }
        | ArtifactContents::ShardSnapshot { .. }
        | ArtifactContents::SegmentVersions { .. }
        | ArtifactContents::Note => None,
    });
    DryRun::new("restore", changes.collect())
}

/// The backup that was asked for. Without one, `--schema-only` uses the baseline.
fn choose(cx: &ProjectContext<'_>, args: &RestoreArgs) -> Result<Backup, Failure> {
    let list = cx.suggest().backups();
    if args.backup != "latest" {
        return backups::find(&cx.root, &args.backup, &list);
    }
    let service = match &args.target.service {
        Some(service) => service.clone(),
        None => only_service(cx)?,
    };
    let newest = cx
        .root
        .latest(&service)
        .map_err(|error| Failure::new(Exit::BackupFailed, "the backups cannot be listed").because(error))?;
    match newest {
        Some(backup) => Ok(backup),
        None if args.target.schema_only => recorded(cx, &service),
        None => Err(no_backup(cx, &service)),
    }
}

fn no_backup(cx: &ProjectContext<'_>, service: &str) -> Failure {
    let failure = Failure::new(Exit::Usage, format!("there is no backup of `{service}`"));
    match cx.inventory.stores.iter().find(|store| store.service == service || store.id == service) {
        Some(store) if store.is_server() => failure.say("Nothing was changed.").run(
            "To create the collections of its baseline without their points",
            cx.suggest().restore_schema(service),
        ),
        Some(_) => failure.say("Nothing was changed.").run("To list all backups", cx.suggest().backups()),
        None => failure
            .say(format!("Services that hold data: {}.", format::services(&cx.inventory)))
            .run("To list all backups", cx.suggest().backups()),
    }
}

/// The service to restore, where it is unambiguous: the only server, else the only service that holds data.
fn only_service(cx: &ProjectContext<'_>) -> Result<String, Failure> {
    let stores = || cx.inventory.stores.iter();
    let mut known: Vec<&str> =
        stores().filter(|store| store.is_server()).map(|store| store.service.as_str()).collect();
    if known.is_empty() {
        known = stores().map(|store| store.id.as_str()).collect();
    }
    known.dedup();
    match known.as_slice() {
        [only] => Ok((*only).to_owned()),
        [first, ..] if share_their_newest(cx, &known) => Ok((*first).to_owned()),
        [] => Err(Failure::new(Exit::Usage, "no service of this project holds data")
            .run("To list the backups of other services", cx.suggest().backups())),
        several => Err(Failure::new(Exit::Usage, "`latest` is ambiguous: several services hold data")
            .say(format!("Select one with `--service`: {}.", several.join(", ")))),
    }
}

/// Whether all of them have the same newest backup: they are nodes of a cluster.
fn share_their_newest(cx: &ProjectContext<'_>, services: &[&str]) -> bool {
    let newest = |service: &&str| Some(cx.root.latest(service).ok()??.directory);
    let mut all = services.iter().map(newest);
    let first = all.next().flatten();
    first.is_some() && all.all(|other| other == first)
}

/// A backup without data: only the collections of the baseline.
fn recorded(cx: &ProjectContext<'_>, service: &str) -> Result<Backup, Failure> {
    let store = cx.inventory.stores.iter().find(|store| store.service == service).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("no service `{service}` holds data in this project"))
            .say(format!("Select one with `--service`: {}.", format::services(&cx.inventory)))
    })?;
    let fingerprint = baselines::read(cx, store)?.and_then(|record| record.fingerprint).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`{service}` has neither a baseline nor a backup"))
            .say("Nothing was changed.")
    })?;
    Ok(Backup::from_baseline(&cx.root, &cx.project.name, &store.id, store.kind, fingerprint))
}

fn store_for<'a>(
    cx: &'a ProjectContext<'_>,
    backup: &Backup,
    target: &RestoreTarget,
) -> Result<&'a Store, Failure> {
    let service = target.service.as_ref().unwrap_or(&backup.manifest.service);
    cx.inventory.stores.iter().find(|store| store.service == *service || store.id == *service).ok_or_else(
        || {
            Failure::new(Exit::Usage, format!("no service `{service}` holds data in this project"))
                .say(format!("Select one with `--service`: {}.", format::services(&cx.inventory)))
        },
    )
}

/// A server accepts data while it runs; files are restored while the service is stopped.
fn running(cx: &ProjectContext<'_>, store: &Store, kind: StoreKind) -> Result<(), Failure> {
    match kind {
        StoreKind::Qdrant if !store.is_running() => Err(Failure::new(
            Exit::Unavailable,
            format!("`{}` is not running, so nothing can be restored into it", store.service),
        )
        .run("To start it", cx.suggest().up(&store.service))),
        StoreKind::Volume if store.is_running() => Err(Failure::new(
            Exit::Usage,
            format!("`{}` is running, and its files can only be restored while it is stopped", store.service),
        )
        .say("Nothing was changed.")
        .run("To stop it", cx.suggest().stop(&store.service))),
        StoreKind::Qdrant | StoreKind::Volume => Ok(()),
    }
}
