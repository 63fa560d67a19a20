//! `safe-compose restore`: restore a backup. What it replaces is backed up first.

use super::context::{CommandContext, ProjectContext};
use super::dry_run::PlannedChange;
use super::mode::Mode;
use super::restore_run::{self, Destination, PlannedRestore, RestoreOrigin};
use super::{backups, baselines, format, import_data};
use crate::backup::driver::RestoreOptions;
use crate::backup::manifest::{ArtifactContents, BackupRole};
use crate::backup::set;
use crate::backup::store::{Backup, Latest};
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
    if let Some(set) = set::named(&cx.root, &args.backup) {
        let backups = set::read(&cx.root, &set).map_err(|error| {
            Failure::new(Exit::Usage, format!("backup set `{}` cannot be used", args.backup))
                .because(error)
                .run("To list the backups", cx.suggest().backups())
        })?;
        return restore(&cx, args, backups, (mode, output)).await;
    }
    // The old spelling of `import-data`.
    if let Some(file) = import_data::find(&cx.root, &args.backup) {
        return import_data::import(&cx, &args.target, &file, (mode, output)).await;
    }
    let backups = if args.all { latest_of_all(&cx)? } else { vec![choose(&cx, args)?] };
    restore(&cx, args, backups, (mode, output)).await
}

/// Restores backups, each into its store, after one question. Every backup is verified before anything is changed.
async fn restore(
    cx: &ProjectContext<'_>,
    args: &RestoreArgs,
    backups: Vec<Backup>,
    (mode, output): (Mode, Format),
) -> Result<Exit, Failure> {
    let request = RestoreOptions {
        collections: args.target.collections.clone(),
        rename: args.target.rename.clone(),
        schema_only: args.target.schema_only,
        skip_existing: args.target.skip_existing,
    };
    let mut chosen: Vec<(Store, Backup)> = Vec::new();
    for backup in backups {
        let store = store_for(cx, &backup, &args.target)?.clone();
        if !request.schema_only {
            check(cx, &backup)?;
        }
        running(cx, &store, backup.manifest.kind)?;
        chosen.push((store, backup));
    }
    let mut files: Vec<PlannedChange> = Vec::new();
    let mut planned: Vec<PlannedRestore<'_>> = Vec::new();
    for (store, backup) in &chosen {
        let to = Destination { cx, store };
        match (mode, backup.manifest.kind) {
            (Mode::DryRun, StoreKind::Volume) => files.extend(plan_files(to, backup)),
            (Mode::Apply(_), _) | (Mode::DryRun, StoreKind::Qdrant) => {
                planned.push(plan(to, backup, &request).await?);
            }
        }
    }
    let apply = match mode {
        Mode::Apply(apply) => apply,
        Mode::DryRun => {
            let mut shown = restore_run::dry_run("restore", cx, &planned);
            shown.changes.extend(files);
            return Ok(shown.show(cx.ui(), output));
        }
    };
    for (one, (_, backup)) in planned.iter().zip(&chosen) {
        restore_run::announce(one);
        warn_of_failed_test(cx, backup);
    }
    let clearance = restore_run::clear(cx, apply, &planned).await?;
    let mut done: Vec<String> = Vec::new();
    for (one, (store, backup)) in planned.iter().zip(&chosen) {
        let meter = cx.ui().meter();
        let target = cx.target(store, &meter);
        let driver = backup.manifest.kind.driver();
        let restored = super::interruptible(async {
            let work = driver.restore(target, backup, &one.plan, &request, &clearance);
            work.await.map_err(|error| failed(backup, error))
        })
        .await
        .map_err(|failure| match done.as_slice() {
            [] => failure,
            done => failure.say(format!("Restored before that, and kept: {}.", done.join(", "))),
        })?;
        done.push(format!("`{}`", store.service));
        restore_run::report(one.to, &restored, output);
        if request.rename.is_none() {
            restore_run::adopt(one.to, apply, &restored).await;
        }
    }
    Ok(Exit::Success)
}

fn check(cx: &ProjectContext<'_>, backup: &Backup) -> Result<(), Failure> {
    backup.check().map(drop).map_err(|damage| {
        Failure::new(Exit::BackupFailed, format!("`{}` is damaged, so nothing was restored", backup.name()))
            .because(damage)
            .run("To list the other backups", cx.suggest().backups())
    })
}

async fn plan<'a>(
    to: Destination<'a>,
    backup: &Backup,
    request: &RestoreOptions,
) -> Result<PlannedRestore<'a>, Failure> {
    let cx = to.cx;
    let meter = cx.ui().meter();
    let target = cx.target(to.store, &meter);
    let driver = backup.manifest.kind.driver();
    let failed = |error| failed(backup, error);
    let unplanned = |error| failed(error).say("Nothing was changed.");
    driver.wait_ready(target, cx.command.ready_timeout()).await.map_err(unplanned)?;
    let plan = driver.plan_restore(target, backup, request).await.map_err(unplanned)?;
    if plan.steps.is_empty() {
        return Err(Failure::new(Exit::BackupFailed, format!("`{}` contains no data", backup.name()))
            .say("Nothing was restored, and nothing was changed.")
            .run("To list the other backups", cx.suggest().backups()));
    }
    let source = RestoreOrigin {
        name: backup.name(),
        age: Some(format::ago(backup.manifest.created)),
        kind: backup.manifest.kind,
        foreign: foreign(cx, backup),
    };
    Ok(PlannedRestore { to, source, plan })
}

fn failed(backup: &Backup, error: anyhow::Error) -> Failure {
    Failure::new(Exit::BackupFailed, format!("`{}` could not be restored", backup.name())).because(error)
}

/// Whose backup it is, if it is not the project's own.
fn foreign(cx: &ProjectContext<'_>, backup: &Backup) -> Option<String> {
    let project = &backup.manifest.project;
    cx.root.is_foreign(backup).then(|| {
        if *project == cx.project.name {
            format!("project `{project}` on another engine")
        } else {
            format!("project `{project}`")
        }
    })
}

fn warn_of_failed_test(cx: &ProjectContext<'_>, backup: &Backup) {
    if let Some(TestRestoreOutcome::Failed { reasons }) =
        backup.test_restore.as_ref().map(|record| &record.outcome)
    {
        let reasons = reasons.join("; ");
        cx.ui().warn(format!("the last test restore of this backup failed: {reasons}."));
    }
}

/// A dry run for files. Comparing them with what is there takes a helper container, which a dry run must not create.
fn plan_files(to: Destination<'_>, backup: &Backup) -> Vec<PlannedChange> {
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
    changes.collect()
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
    let latest = choose_latest(cx, &service)?;
    match latest.backup {
        Some(backup) => {
            mention_the_rest(cx, args, &backup);
            Ok(backup)
        }
        None if args.target.schema_only => recorded(cx, &service),
        None => Err(no_backup(cx, &service, latest.skipped.as_ref())),
    }
}

/// The latest backup of every store that has one; the nodes of a cluster share one.
fn latest_of_all(cx: &ProjectContext<'_>) -> Result<Vec<Backup>, Failure> {
    let mut backups: Vec<Backup> = Vec::new();
    for store in &cx.inventory.stores {
        match choose_latest(cx, &store.id)?.backup {
            Some(backup) if backups.iter().any(|known| known.directory == backup.directory) => {}
            Some(backup) => backups.push(backup),
            None => cx.ui().warn(format!("`{}` has no backup, so it is not restored.", store.id)),
        }
    }
    if backups.is_empty() {
        return Err(Failure::new(Exit::Usage, "no service of this project has a backup")
            .run("To list the backups of other projects", cx.suggest().backups_of_all()));
    }
    Ok(backups)
}

/// The latest backup of a service. What is newer and was skipped is named in one line.
fn choose_latest(cx: &ProjectContext<'_>, service: &str) -> Result<Latest, Failure> {
    let latest = cx
        .root
        .choose_latest(service)
        .map_err(|error| Failure::new(Exit::BackupFailed, "the backups cannot be listed").because(error))?;
    if let (Some(_), Some(skipped)) = (&latest.backup, &latest.skipped) {
        cx.ui().say(format!("Skipped the newer `{}`: {}.", skipped.name(), why_skipped(skipped)));
    }
    Ok(latest)
}

fn why_skipped(backup: &Backup) -> &'static str {
    match backup.manifest.role {
        BackupRole::SafetyCopy => "it contains what a restore has replaced",
        BackupRole::AfterLoss => "it was made after data was lost",
        BackupRole::Normal => "it is not the latest",
    }
}

fn no_backup(cx: &ProjectContext<'_>, service: &str, skipped: Option<&Backup>) -> Failure {
    let failure = Failure::new(Exit::Usage, format!("there is no backup of `{service}`"));
    match skipped {
        Some(backup) => failure
            .say(format!("`{}` is no candidate for `latest`: {}.", backup.name(), why_skipped(backup)))
            .run("To restore it anyway", cx.suggest().restore(&backup.name())),
        None if has_foreign(cx, service) => failure
            .say("Other projects or engines have backups of a service of that name.")
            .run("To list them", cx.suggest().backups_of_all()),
        None => {
            match cx.inventory.stores.iter().find(|store| store.service == service || store.id == service) {
                Some(store) if store.is_server() => failure.say("Nothing was changed.").run(
                    "To create the collections of its baseline without their points",
                    cx.suggest().restore_schema(service),
                ),
                Some(_) => {
                    failure.say("Nothing was changed.").run("To list all backups", cx.suggest().backups())
                }
                None => failure
                    .say(format!("Services that hold data: {}.", format::services(&cx.inventory)))
                    .run("To list all backups", cx.suggest().backups()),
            }
        }
    }
}

fn has_foreign(cx: &ProjectContext<'_>, service: &str) -> bool {
    cx.root.list(Some(service)).is_ok_and(|listing| !listing.others.is_empty())
}

/// Without a name, one service is restored; the user may have meant all.
fn mention_the_rest(cx: &ProjectContext<'_>, args: &RestoreArgs, backup: &Backup) {
    let is_restored =
        |id: &String| *id == backup.manifest.service || backup.manifest.cluster.iter().any(|node| node == id);
    let has_backup = |id: &str| cx.root.latest(id).ok().flatten().is_some();
    let rest: Vec<&str> = cx
        .inventory
        .stores
        .iter()
        .filter(|store| !is_restored(&store.service) && !is_restored(&store.id) && has_backup(&store.id))
        .map(|store| store.id.as_str())
        .collect();
    if args.target.service.is_none() && !rest.is_empty() {
        cx.ui().say(format!("Only `{}` is restored, not {}.", backup.manifest.service, rest.join(", ")));
        cx.ui().suggest("To restore everything", cx.suggest().restore_all());
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
            .say(format!("Select one with `--service`: {}.", several.join(", ")))
            .run("To restore all of them", cx.suggest().restore_all())),
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
