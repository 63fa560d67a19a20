//! `safe-compose restore`: put a backup back, and lose nothing by it.

use super::context::{CommandContext, ProjectContext};
use super::{backups, baselines, format, import, restore_run};
use crate::backup::driver::RestoreOptions;
use crate::backup::store::Backup;
use crate::backup::test_restore::TestRestoreOutcome;
use crate::cli::RestoreArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};

pub(super) async fn run(command: &CommandContext, args: &RestoreArgs) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    if let Some(file) = import::named(&cx.root, &args.backup) {
        return import::run(&cx, args, &file).await;
    }
    let backup = choose(&cx, args)?;
    let store = store_for(&cx, &backup, args)?.clone();
    let request = RestoreOptions {
        collections: args.collections.clone(),
        rename: args.rename.clone(),
        schema_only: args.schema_only,
        skip_existing: args.skip_existing,
    };
    if !request.schema_only {
        backup.check().map_err(|damage| {
            Failure::new(
                Exit::BackupFailed,
                format!("`{}` is damaged, so nothing was restored", backup.name()),
            )
            .because(damage)
            .run("To see the others", command.suggest.backups())
        })?;
    }
    running(&cx, &store, backup.manifest.kind)?;
    let meter = command.ui.meter();
    let target = cx.target(&store, &meter);
    let driver = backup.manifest.kind.driver();
    let failed = |error: anyhow::Error| {
        Failure::new(Exit::BackupFailed, format!("`{}` could not be restored", backup.name())).because(error)
    };
    driver.wait_ready(target, command.ready_timeout()).await.map_err(failed)?;
    let plan = driver.plan_restore(target, &backup, &request).await.map_err(failed)?;
    let age = Some(format::ago(backup.manifest.created));
    restore_run::announce(
        &cx,
        &store,
        &restore_run::Telling { name: backup.name(), age, kind: backup.manifest.kind },
        &plan,
    );
    if let Some(TestRestoreOutcome::Failed { reasons }) =
        backup.test_restore.as_ref().map(|record| &record.outcome)
    {
        let reasons = reasons.join("; ");
        cx.ui().warn(format!("this backup was tried out, and could not be put back: {reasons}"));
    }

    let clearance = restore_run::clear(&cx, &store, &plan).await?;
    let restored = super::interruptible(async {
        driver.restore(target, &backup, &plan, &request, &clearance).await.map_err(failed)
    })
    .await?;
    restore_run::report(&cx, &store, &restored, args.format);
    if request.rename.is_none() {
        restore_run::adopt(&cx, &store, &restored).await;
    }
    Ok(Exit::Success)
}

/// The backup that was asked for. Without one, `--schema-only` takes what the record of the last stop says.
fn choose(cx: &ProjectContext<'_>, args: &RestoreArgs) -> Result<Backup, Failure> {
    let list = cx.suggest().backups();
    if args.backup != "latest" {
        return backups::find(&cx.root, &args.backup, &list);
    }
    let service = match &args.service {
        Some(service) => service.clone(),
        None => only_service(cx)?,
    };
    let newest = cx
        .root
        .latest(&service)
        .map_err(|error| Failure::new(Exit::BackupFailed, "the backups cannot be listed").because(error))?;
    match newest {
        Some(backup) => Ok(backup),
        None if args.schema_only => recorded(cx, &service),
        None => Err(Failure::new(Exit::Usage, format!("there is no backup of `{service}`"))
            .run("To re-create the recorded collections empty", cx.suggest().restore_schema(&service))),
    }
}

/// The service to restore, where there is only one that could be meant: the only server, else the only one with data.
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
        [] => Err(Failure::new(Exit::Usage, "no service of this project holds data that could be restored")
            .say("Name the backup itself.")),
        several => {
            Err(Failure::new(Exit::Usage, "several services have data, so `latest` could be any of theirs")
                .say(format!("Name one with --service: {}.", several.join(", "))))
        }
    }
}

/// Whether the newest backup of all of them is one and the same: they are the nodes of a cluster.
fn share_their_newest(cx: &ProjectContext<'_>, services: &[&str]) -> bool {
    let newest = |service: &&str| Some(cx.root.latest(service).ok()??.directory);
    let mut all = services.iter().map(newest);
    let first = all.next().flatten();
    first.is_some() && all.all(|other| other == first)
}

/// A backup without data: only what the record says about the collections.
fn recorded(cx: &ProjectContext<'_>, service: &str) -> Result<Backup, Failure> {
    let store = cx.inventory.stores.iter().find(|store| store.service == service).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("no service `{service}` holds data in this project"))
    })?;
    let fingerprint = baselines::read(cx, store)?.and_then(|record| record.fingerprint).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("nothing was ever recorded of `{service}`, and there is no backup"))
    })?;
    Ok(Backup::from_baseline(&cx.root, &cx.project.name, &store.id, store.kind, fingerprint))
}

fn store_for<'a>(
    cx: &'a ProjectContext<'_>,
    backup: &Backup,
    args: &RestoreArgs,
) -> Result<&'a Store, Failure> {
    let service = args.service.as_ref().unwrap_or(&backup.manifest.service);
    cx.inventory.stores.iter().find(|store| store.service == *service || store.id == *service).ok_or_else(
        || {
            Failure::new(Exit::Usage, format!("no service `{service}` holds data in this project"))
                .say(format!("Services that do: {}.", format::services(&cx.inventory)))
                .say("--service restores into another one.")
        },
    )
}

/// A server takes data while it runs; plain files are put back into a container that does not.
fn running(cx: &ProjectContext<'_>, store: &Store, kind: StoreKind) -> Result<(), Failure> {
    match kind {
        StoreKind::Qdrant if !store.is_running() => Err(Failure::new(
            Exit::Unavailable,
            format!("`{}` is not running, so nothing can be put into it", store.service),
        )
        .run("To start it", cx.suggest().up(&store.service))),
        StoreKind::Volume if store.is_running() => Err(Failure::new(
            Exit::Usage,
            format!("`{}` runs, and its files can only be put back while it does not", store.service),
        )
        .run("To stop it", cx.suggest().stop(&store.service))),
        StoreKind::Qdrant | StoreKind::Volume => Ok(()),
    }
}
