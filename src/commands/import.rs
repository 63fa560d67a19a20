//! `safe-compose restore FILE.json`: puts a portable file back.

use std::path::{Path, PathBuf};

use super::restoring::{Telling, adopt, announce, clear, report};
use super::stack::{Asked, Stack};
use super::{describe, stack};
use crate::backup::driver::Request;
use crate::backup::export::{Contents, Kind, scan};
use crate::backup::store::{BackupRoot, Name};
use crate::cli::Restore;
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};
use crate::progress::{Progress as _, Unit};

/// The export that is meant, where the words name one: by its path, or by its name alone.
pub(super) fn named(root: &BackupRoot, text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    Kind::of(path)?;
    if path.is_file() || text.contains('/') {
        return Some(path.to_owned());
    }
    let stem = text.split('.').next()?;
    let store = Name::parse(stem)?.store().to_owned();
    Some(root.of_store(&store).ok()?.join(text))
}

pub(super) async fn run(stack: &Stack<'_>, args: &Restore, file: &Path) -> Result<Exit, Failure> {
    let asked = stack.asked;
    let contents = read(asked, file).map_err(|failure| failure.say("Nothing was restored."))?;
    let store = store_for(stack, &contents, args)?.clone();
    let request = Request {
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
        .run("To start it", stack.suggest().up(&store.service)));
    }
    let failed = |error: anyhow::Error| {
        Failure::new(Exit::BackupFailed, format!("`{}` could not be restored", describe::short_path(file)))
            .because(error)
    };
    let meter = stack.ui().meter();
    let target = stack.target(&store, &meter);
    let driver = store.kind.driver();
    driver.wait_ready(target, asked.patience()).await.map_err(failed)?;
    let plan = driver.plan_import(target, &contents, &request).await.map_err(failed)?;
    let telling = Telling { name: describe::short_path(file), age: None, kind: store.kind };
    announce(stack, &store, &telling, &plan);
    if !contents.is_sealed {
        stack
            .ui()
            .warn("the file has no digest, so that a change in it would not show; its points are counted.");
    }
    let clearance = clear(stack, &store, &plan).await?;
    let restored = super::interruptible(async {
        driver.import(target, &contents, &plan, &request, &clearance).await.map_err(failed)
    })
    .await?;
    report(stack, &store, &restored, args.format);
    if request.rename.is_none() {
        adopt(stack, &store, &restored).await;
    }
    Ok(Exit::Success)
}

/// Reads the file to its end before anything is asked of a server.
pub(super) fn read(asked: &Asked, file: &Path) -> Result<Contents, Failure> {
    let length = file.metadata().ok().map(|meta| meta.len());
    let meter = asked.ui.meter();
    let task = meter.begin(&format!("checking `{}`", describe::short_path(file)), Unit::Bytes, length);
    scan(file, &mut |read| task.advance(read)).map_err(|flaw| {
        Failure::new(Exit::BackupFailed, format!("`{}` cannot be used", describe::short_path(file)))
            .because(flaw)
            .run("To see the backups", asked.suggest.backups())
    })
}

/// The service that was named, else the one the file is from, else the only Qdrant.
fn store_for<'a>(stack: &'a Stack<'_>, contents: &Contents, args: &Restore) -> Result<&'a Store, Failure> {
    let stores = &stack.inventory.stores;
    let named = |service: &str| stores.iter().find(|store| store.service == service || store.id == service);
    let none = |service: &str| {
        Failure::new(Exit::Usage, format!("no service `{service}` holds data in this project"))
            .say(format!("Services that do: {}.", describe::services(&stack.inventory)))
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
pub(super) fn verify(asked: &Asked, text: &str) -> Option<Result<Contents, Failure>> {
    Kind::of(Path::new(text))?;
    let root = match asked.project() {
        Ok(project) => stack::settings(&project).map(|settings| stack::backup_root(&project, &settings)),
        // A file by its path needs no project.
        Err(_) if Path::new(text).is_file() => return Some(read(asked, Path::new(text))),
        Err(error) => Err(stack::unreadable(asked, error)),
    };
    Some(match root {
        Ok(root) => read(asked, &named(&root, text)?),
        Err(failure) => Err(failure),
    })
}
