//! `safe-compose restore --from`: brings backups from a repository into the backup directory, where `restore` finds them.

use std::sync::Arc;

use super::access::{self, BytesRead};
use super::choose::{Wanted, choose};
use crate::backup::repository::{IndexedRepository, RepositorySnapshot};
use crate::backup::set;
use crate::backup::store::Verified;
use crate::cli::{RestoreArgs, RestoreTarget};
use crate::commands::context::ProjectContext;
use crate::commands::dry_run::{DryRun, PlannedChange};
use crate::commands::interruptible;
use crate::commands::mode::{Apply, Mode};
use crate::error::Failure;
use crate::exit::Exit;
use crate::progress::{Progress as _, Silent, Unit};
use crate::store_kind::StoreKind;
use crate::suggest::Suggest;
use crate::units::Bytes;

/// The word for the repository of the settings.
const OF_SETTINGS: &str = "repository";

/// What has to be restored after that.
pub(in crate::commands) enum Received {
    /// A backup or a backup set, by name.
    Here(String),
    /// A dry run shows only this.
    Planned(DryRun),
}

/// Brings the backups that were asked for: one, a set, or the newest of each store.
pub(in crate::commands) async fn receive(
    cx: &ProjectContext<'_>,
    from: &str,
    args: &RestoreArgs,
    mode: Mode,
) -> Result<Received, Failure> {
    let of_project = (&cx.project, &cx.settings);
    let access = if from == OF_SETTINGS {
        access::of_settings(cx.command, of_project, cx.suggest())?
    } else {
        access::named(cx.command, of_project, from)?
    };
    let name = access.location.to_string();
    let unreadable = |error| super::failed("the repository could not be read", error);
    let (repository, mut all) = access::open(access).await.map_err(unreadable)?;
    all.retain(|one| one.stored.manifest.project == cx.project.name);
    let wanted = Wanted { name: args.backup.as_deref(), store: args.target.service.as_deref() };
    let chosen = choose(&all, wanted);
    if chosen.is_empty() {
        return Err(none(&name, &cx.project.name, args.backup.as_deref(), cx.suggest()));
    }
    let chosen = with_parts(chosen, &args.target)?;
    let apply = match mode {
        Mode::Apply(apply) => apply,
        Mode::DryRun => {
            let change = |one: &RepositorySnapshot| {
                PlannedChange::new("copy", format!("backup `{}`", one.stored.name))
                    .with(format!("from {name} of {}, and restore it", one.host))
            };
            let changes = chosen.iter().map(change).collect();
            return Ok(Received::Planned(DryRun::new("restore", changes)));
        }
    };
    if args.target.is_narrowed() {
        cx.ui().say("A backup is copied completely, and only the requested part of it is restored.");
    }
    let repository = access::blocking(move || repository.indexed()).await.map_err(unreadable)?;
    let repository = Arc::new(repository);
    let mut here = Vec::new();
    for one in chosen {
        here.push(interruptible(one_backup(cx, &repository, one, apply)).await?);
    }
    match (here.as_slice(), &args.backup) {
        ([only], Some(named)) if *named == only.name() => Ok(Received::Here(only.name())),
        ([only], _) if args.target.service.is_some() || args.target.is_narrowed() => {
            Ok(Received::Here(only.name()))
        }
        // What was not named alone is the project.
        (all, _) => {
            let members: Vec<&Verified> = all.iter().collect();
            let (file, _) = set::write(&cx.root, &cx.project.name, &members, Vec::new())
                .map_err(|error| super::failed("the backup set could not be recorded", error.into()))?;
            Ok(Received::Here(set::name(&file)))
        }
    }
}

/// Those that can have what was asked for of a backup. Parts are restored from one backup only.
fn with_parts(
    mut chosen: Vec<RepositorySnapshot>,
    target: &RestoreTarget,
) -> Result<Vec<RepositorySnapshot>, Failure> {
    if !target.is_narrowed() {
        return Ok(chosen);
    }
    let can_have = |one: &RepositorySnapshot| match one.stored.manifest.kind {
        StoreKind::Qdrant => target.databases.is_empty(),
        StoreKind::Sql(_) => target.collections.is_empty(),
        StoreKind::Volume => target.collections.is_empty() && target.databases.is_empty(),
    };
    chosen.retain(can_have);
    match chosen.len() {
        0 => {
            return Err(Failure::new(
                Exit::Usage,
                "the repository has no such backup from which a collection or a database alone can be restored",
            )
            .say("Nothing was changed. Without `--collection` and `--database`, everything in a backup is restored."));
        }
        1 => return Ok(chosen),
        _ => {}
    }
    let stores: Vec<&str> = chosen.iter().map(|one| one.stored.store.as_str()).collect();
    Err(Failure::new(Exit::Usage, "it is not clear which backup is meant: several have such data")
        .say(format!("Nothing was changed. Select one with `--service`: {}.", stores.join(", "))))
}

/// What was asked for is not there.
pub(super) fn none(repository: &str, project: &str, wanted: Option<&str>, suggest: &Suggest) -> Failure {
    let wanted = wanted.unwrap_or("latest");
    Failure::new(Exit::Usage, format!("{repository} has no backup `{wanted}` of project `{project}`"))
        .run("To list the backups in the repository of the settings", suggest.repository_backups())
}

pub(super) async fn one_backup(
    cx: &ProjectContext<'_>,
    repository: &Arc<IndexedRepository>,
    one: RepositorySnapshot,
    apply: Apply,
) -> Result<Verified, Failure> {
    let name = one.stored.name.clone();
    if let Ok(here) = cx.root.find(&one.stored.store, &name)
        && one.stored.is_same(&here.manifest)
        && let Ok(verified) = here.check_showing(&cx.ui().meter())
    {
        return Ok(verified);
    }
    cx.command.record.will(format!("copies backup {name} from {}", repository.name()));
    cx.command.record.begin(apply);
    let total = one.stored.bytes();
    let task = cx.command.ui.meter().begin(&format!("reading {name}"), Unit::Bytes, Some(total));
    let (repository, root) = (Arc::clone(repository), cx.root.clone());
    let work =
        move |advance: BytesRead| repository.receive(&one, &root, &move |bytes| advance.by(bytes), &Silent);
    let received = access::blocking_showing(task.as_ref(), work).await;
    drop(task);
    let verified = received.map_err(|error| {
        super::failed(&format!("`{name}` could not be copied from the repository"), error)
    })?;
    cx.ui().good(format!("copied `{name}` from the repository ({}, verified)", Bytes(verified.bytes())));
    Ok(verified)
}
