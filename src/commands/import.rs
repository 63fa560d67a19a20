//! `safe-compose restore FILE.json`: puts a portable file back.

use std::path::{Path, PathBuf};

use super::context::{CommandContext, ProjectContext};
use super::restore_run::{Telling, adopt, announce, clear, report};
use super::{context, format};
use crate::backup::driver::RestoreOptions;
use crate::backup::export::{ExportContents, ExportFormat, scan};
use crate::backup::store::{BackupRoot, Name};
use crate::cli::RestoreArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};
use crate::progress::{Progress as _, Unit};

/// The export that is meant, where the words name one: by its path, or by its name alone.
pub(super) fn named(root: &BackupRoot, text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    ExportFormat::of(path)?;
    if path.is_file() || text.contains('/') {
        return Some(path.to_owned());
    }
    let stem = text.split('.').next()?;
    let store = Name::parse(stem)?.store().to_owned();
    Some(root.of_store(&store).ok()?.join(text))
}

pub(super) async fn run(cx: &ProjectContext<'_>, args: &RestoreArgs, file: &Path) -> Result<Exit, Failure> {
    let command = cx.command;
    let contents = read(command, file).map_err(|failure| failure.say("Nothing was restored."))?;
    let store = store_for(cx, &contents, args)?.clone();
    let request = RestoreOptions {
        collections: args.collections.clone(),
        rename: args.rename.clone(),
        schema_only: args.schema_only,
        skip_existing: args.skip_existing,
    };
    if !store.is_running() {
        return Err(Failure::new(
            Exit::Unavailable,
            format!("`{}` is not running, so nothing can be put into it", store.service),
        )
        .run("To start it", cx.suggest().up(&store.service)));
    }
    let failed = |error: anyhow::Error| {
        Failure::new(Exit::BackupFailed, format!("`{}` could not be restored", format::short_path(file)))
            .because(error)
    };
    let meter = cx.ui().meter();
    let target = cx.target(&store, &meter);
    let driver = store.kind.driver();
    let portable = driver.portable().ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("`{}` contains plain files, and an export cannot be restored into them", store.service),
        )
    })?;
    driver.wait_ready(target, command.ready_timeout()).await.map_err(failed)?;
    let plan = portable.plan_import(target, &contents, &request).await.map_err(failed)?;
    let telling = Telling { name: format::short_path(file), age: None, kind: store.kind };
    announce(cx, &store, &telling, &plan);
    if !contents.has_digest {
        cx.ui()
            .warn("the file has no digest, so that a change in it would not show; its points are counted.");
    }
    let clearance = clear(cx, &store, &plan).await?;
    let restored = super::interruptible(async {
        portable.import(target, &contents, &plan, &request, &clearance).await.map_err(failed)
    })
    .await?;
    report(cx, &store, &restored, args.format);
    if request.rename.is_none() {
        adopt(cx, &store, &restored).await;
    }
    Ok(Exit::Success)
}

/// Reads the file to its end before anything is asked of a server.
pub(super) fn read(command: &CommandContext, file: &Path) -> Result<ExportContents, Failure> {
    let length = file.metadata().ok().map(|meta| meta.len());
    let meter = command.ui.meter();
    let task = meter.begin(&format!("checking `{}`", format::short_path(file)), Unit::Bytes, length);
    scan(file, &mut |read| task.advance(read)).map_err(|flaw| {
        Failure::new(Exit::BackupFailed, format!("`{}` cannot be used", format::short_path(file)))
            .because(flaw)
            .run("To see the backups", command.suggest.backups())
    })
}

/// The service that was named, else the one the file is from, else the only Qdrant.
fn store_for<'a>(
    cx: &'a ProjectContext<'_>,
    contents: &ExportContents,
    args: &RestoreArgs,
) -> Result<&'a Store, Failure> {
    let stores = &cx.inventory.stores;
    let named = |service: &str| stores.iter().find(|store| store.service == service || store.id == service);
    let none = |service: &str| {
        Failure::new(Exit::Usage, format!("no service `{service}` holds data in this project"))
            .say(format!("Services that do: {}.", format::services(&cx.inventory)))
            .say("--service restores into another one.")
    };
    if let Some(service) = &args.service {
        return named(service).ok_or_else(|| none(service));
    }
    if let Some(store) = contents.service.as_deref().and_then(named) {
        return Ok(store);
    }
    let mut servers = stores.iter().filter(|store| store.kind == StoreKind::Qdrant);
    match (servers.next(), servers.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(none(contents.service.as_deref().unwrap_or("?"))),
    }
}

/// `verify FILE.json`: whether it is whole.
pub(super) fn verify(command: &CommandContext, text: &str) -> Option<Result<ExportContents, Failure>> {
    ExportFormat::of(Path::new(text))?;
    let root = match command.project() {
        Ok(project) => context::settings(&project).map(|settings| context::backup_root(&project, &settings)),
        // A file by its path needs no project.
        Err(_) if Path::new(text).is_file() => return Some(read(command, Path::new(text))),
        Err(error) => Err(context::unreadable(command, error)),
    };
    Some(match root {
        Ok(root) => read(command, &named(&root, text)?),
        Err(failure) => Err(failure),
    })
}
