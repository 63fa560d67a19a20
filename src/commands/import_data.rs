//! `safe-compose import-data`: load a portable file into a Qdrant.

use std::path::{Path, PathBuf};

use super::context::{CommandContext, ProjectContext};
use super::mode::Mode;
use super::restore_run::{
    Destination, PlannedRestore, RestoreOrigin, adopt, announce, clear, dry_run, report,
};
use super::{context, format, prune_run};
use crate::backup::driver::RestoreOptions;
use crate::backup::export::{ExportContents, ExportFormat, scan};
use crate::backup::store::{BackupRoot, Name};
use crate::cli::{Format, ImportDataArgs, RestoreTarget};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};
use crate::progress::{Progress as _, Unit};

pub(super) async fn run(
    command: &CommandContext,
    args: &ImportDataArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    let text = args.file.to_string_lossy();
    let file = find(&cx.root, &text).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`{text}` is not a portable file"))
            .because(anyhow::anyhow!("its name ends in none of `.json`, `.jsonl` and `.jsonl.zst`"))
            .say("Nothing was changed. `restore` takes the name of a backup.")
    })?;
    import(&cx, &args.target, &file, (mode, output)).await
}

/// The portable file that a word names, by its path or by its name alone. `None` where the word names no such file.
pub(super) fn find(root: &BackupRoot, text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    ExportFormat::of(path)?;
    if path.is_file() || text.contains('/') {
        return Some(path.to_owned());
    }
    let stem = text.split('.').next()?;
    let by_name = Name::parse(stem).and_then(|name| Some(root.of_store(name.store()).ok()?.join(text)));
    Some(by_name.unwrap_or_else(|| path.to_owned()))
}

/// Loads a file into a service, or shows what that would do.
pub(super) async fn import(
    cx: &ProjectContext<'_>,
    target: &RestoreTarget,
    file: &Path,
    (mode, output): (Mode, Format),
) -> Result<Exit, Failure> {
    let command = cx.command;
    let contents = read(command, file).map_err(|failure| failure.say("Nothing was changed."))?;
    let store = store_for(cx, &contents, target)?.clone();
    let request = RestoreOptions {
        collections: target.collections.clone(),
        databases: target.databases.clone(),
        rename: target.rename.clone(),
        schema_only: target.schema_only,
        skip_existing: target.skip_existing,
        ..RestoreOptions::default()
    };
    if !store.is_running() {
        return Err(Failure::new(
            Exit::Unavailable,
            format!("`{}` is not running, so nothing can be loaded into it", store.service),
        )
        .run("To start it", cx.suggest().up(&store.service)));
    }
    let failed = |error: anyhow::Error| {
        Failure::new(Exit::BackupFailed, format!("`{}` could not be imported", format::short_path(file)))
            .because(error)
    };
    let meter = cx.ui().meter();
    let driver_target = cx.target(&store, &meter);
    let driver = store.kind.driver();
    let portable = driver.portable().ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("`{}` contains plain files, and an export cannot be imported into them", store.service),
        )
    })?;
    let unplanned = |error| failed(error).say("Nothing was changed.");
    driver.wait_ready(driver_target, command.ready_timeout()).await.map_err(unplanned)?;
    let plan = portable.plan_import(driver_target, &contents, &request).await.map_err(unplanned)?;
    let source = RestoreOrigin { name: format::short_path(file), age: None, kind: store.kind, foreign: None };
    let to = Destination { cx, store: &store };
    let planned = [PlannedRestore { to, source, plan, is_new: false }];
    if !contents.has_digest {
        cx.ui()
            .warn("the file has no checksum, so changes in it cannot be detected; its points are counted.");
    }
    let apply = match mode {
        Mode::DryRun => return Ok(dry_run("import-data", cx, &planned).show(cx.ui(), output)),
        Mode::Apply(apply) => apply,
    };
    let [only] = &planned;
    announce(only);
    let clearance = clear(cx, apply, &planned).await?;
    let restored = super::interruptible(async {
        portable.import(driver_target, &contents, &only.plan, &request, &clearance).await.map_err(failed)
    })
    .await?;
    report(to, &restored, output);
    if request.rename.is_none() {
        adopt(to, apply, &restored).await;
    }
    if only.replaces() {
        prune_run::after_backups(cx, apply, &[]);
    }
    Ok(Exit::Success)
}

/// Reads the file to its end before anything is sent to a server.
pub(super) fn read(command: &CommandContext, file: &Path) -> Result<ExportContents, Failure> {
    let length = file.metadata().ok().map(|meta| meta.len());
    let meter = command.ui.meter();
    let task = meter.begin(&format!("checking `{}`", format::short_path(file)), Unit::Bytes, length);
    scan(file, &mut |read| task.advance(read)).map_err(|flaw| {
        Failure::new(Exit::BackupFailed, format!("`{}` cannot be used", format::short_path(file)))
            .because(flaw)
            .run("To list the backups", command.suggest.backups())
    })
}

/// The service that was named, else the one the file is from, else the only Qdrant.
fn store_for<'a>(
    cx: &'a ProjectContext<'_>,
    contents: &ExportContents,
    target: &RestoreTarget,
) -> Result<&'a Store, Failure> {
    let stores = &cx.inventory.stores;
    let named = |service: &str| stores.iter().find(|store| store.service == service || store.id == service);
    let none = |service: &str| {
        Failure::new(Exit::Usage, format!("no service `{service}` holds data in this project"))
            .say(format!("Select one with `--service`: {}.", format::services(&cx.inventory)))
    };
    if let Some(service) = &target.service {
        return named(service).ok_or_else(|| none(service));
    }
    if let Some(store) = contents.service.as_deref().and_then(named) {
        return Ok(store);
    }
    let mut servers = stores.iter().filter(|store| store.kind == StoreKind::Qdrant);
    match (servers.next(), servers.next()) {
        (Some(only), None) => Ok(only),
        _ => match contents.service.as_deref() {
            Some(service) => Err(none(service)),
            None => Err(Failure::new(Exit::Usage, "the file does not name the service it is from")
                .say(format!("Select one with `--service`: {}.", format::services(&cx.inventory)))),
        },
    }
}

/// Reads a portable file for `verify`. `None` where the word names none.
pub(super) async fn verify(command: &CommandContext, text: &str) -> Option<Result<ExportContents, Failure>> {
    ExportFormat::of(Path::new(text))?;
    // A file by its path needs no project.
    if Path::new(text).is_file() {
        return Some(read(command, Path::new(text)));
    }
    Some(match context::own_backups(command).await {
        Ok(own) => read(command, &find(&own.root, text)?),
        Err(failure) => Err(failure),
    })
}
