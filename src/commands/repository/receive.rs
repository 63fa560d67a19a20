//! `safe-compose restore --from`: brings backups from a repository into the backup directory, where `restore` finds them.

use std::sync::Arc;

use super::access::{self, BytesRead};
use crate::backup::repository::{IndexedRepository, RepositorySnapshot};
use crate::backup::set;
use crate::backup::store::Verified;
use crate::cli::RestoreArgs;
use crate::commands::context::ProjectContext;
use crate::commands::dry_run::{DryRun, PlannedChange};
use crate::commands::mode::{Apply, Mode};
use crate::error::Failure;
use crate::exit::Exit;
use crate::progress::{Progress as _, Silent, Unit};
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
    let chosen = choose(&all, args).ok_or_else(|| {
        let wanted = args.backup.as_deref().unwrap_or("latest");
        Failure::new(Exit::Usage, format!("{name} has no backup `{wanted}` of project `{}`", cx.project.name))
            .run("To list the backups in the repository of the settings", cx.suggest().repository_backups())
    })?;
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
    let repository = access::blocking(move || repository.indexed()).await.map_err(unreadable)?;
    let repository = Arc::new(repository);
    let mut here = Vec::new();
    for one in chosen {
        here.push(one_backup(cx, &repository, one, apply).await?);
    }
    match (here.as_slice(), &args.backup) {
        ([only], Some(named)) if *named == only.name() => Ok(Received::Here(only.name())),
        ([only], _) if args.target.service.is_some() => Ok(Received::Here(only.name())),
        // What was not named alone is the project.
        (all, _) => {
            let members: Vec<&Verified> = all.iter().collect();
            let (file, _) = set::write(&cx.root, &cx.project.name, &members, Vec::new())
                .map_err(|error| super::failed("the backup set could not be recorded", error.into()))?;
            Ok(Received::Here(set::name(&file)))
        }
    }
}

/// The backups that were asked for; `None` if there are none.
fn choose(all: &[RepositorySnapshot], args: &RestoreArgs) -> Option<Vec<RepositorySnapshot>> {
    let wanted = args.backup.as_deref().filter(|name| *name != "latest");
    let of_service = |one: &&RepositorySnapshot| {
        args.target.service.as_ref().is_none_or(|service| one.stored.store == *service)
    };
    let mut chosen: Vec<RepositorySnapshot> = Vec::new();
    for one in all.iter().rev().filter(of_service) {
        let is_meant = match wanted {
            Some(name) => one.stored.name == name || one.stored.set.as_deref() == Some(name),
            None => one.stored.can_be_latest(),
        };
        if is_meant && chosen.iter().all(|known| known.stored.store != one.stored.store) {
            chosen.push(one.clone());
        }
    }
    (!chosen.is_empty()).then_some(chosen)
}

async fn one_backup(
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
    let work = move |advance: BytesRead| repository.receive(&one, &root, &|bytes| advance.by(bytes), &Silent);
    let received = access::blocking_showing(task.as_ref(), work).await;
    drop(task);
    let verified = received.map_err(|error| {
        super::failed(&format!("`{name}` could not be copied from the repository"), error)
    })?;
    cx.ui().good(format!("copied `{name}` from the repository ({}, verified)", Bytes(verified.bytes())));
    Ok(verified)
}
