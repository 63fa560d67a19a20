//! `safe-compose restore`: restore a backup. What it replaces is backed up first.

mod apply;
mod assume;
mod loose;
mod plan;
mod select;
mod services;

use std::collections::BTreeMap;

use super::context::{CommandContext, ProjectContext};
use super::dry_run::{DryRun, PlannedChange};
use super::mode::Mode;
use super::repository::{self, Received};
use super::restore_run::{self, Destination, PlannedRestore};
use super::{exposed, format, import_data, prune_run, versions};
use crate::backup::driver::{RestoreOptions, volume};
use crate::backup::set;
use crate::backup::store::Backup;
use crate::cli::{Format, RestoreArgs, RestoreTarget};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{LocationSource, Store, StoreKind};

pub(super) use services::{ServiceStates, create, return_to, uses};

pub(super) async fn run(
    command: &CommandContext,
    args: &RestoreArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    exposed::warn(&command.ui, &cx.root);
    let received;
    let args = match &args.from {
        None => args,
        Some(from) => match repository::receive(&cx, from, args, mode).await? {
            Received::Planned(plan) => return Ok(plan.show(cx.ui(), output)),
            Received::Here(name) => {
                received = RestoreArgs { backup: Some(name), ..args.clone() };
                &received
            }
        },
    };
    // The old spelling of `import-data`.
    if let Some(name) = args.backup.as_ref().filter(|name| set::named(&cx.root, name).is_none())
        && let Some(file) = import_data::find(&cx.root, name)
    {
        return import_data::import(&cx, &args.target, &file, (mode, output)).await;
    }
    let selected = select::select(&cx, args)?;
    match carry_out(&cx, selected, args, &BTreeMap::new(), (mode, output)).await? {
        Some(shown) => Ok(shown.show(cx.ui(), output)),
        None => Ok(Exit::Success),
    }
}

/// Restores backups of the project's services, as one set, and leaves the project's containers as they are afterwards, but with
/// these images, which the file does not name. Returns what a dry run would do.
pub(super) async fn restore(
    cx: &ProjectContext<'_>,
    backups: Vec<Backup>,
    images: &BTreeMap<String, String>,
    mode: Mode,
    output: Format,
) -> Result<Option<DryRun>, Failure> {
    let selected = select::Selected { backups, set: None, is_project: false };
    Box::pin(carry_out(cx, selected, &RestoreArgs::default(), images, (mode, output))).await
}

/// Restores backups into containers that were just created for it. Where nothing but such a container has the place, what
/// is there came with the image, and is nobody's data.
pub(super) async fn restore_into_new(
    cx: &ProjectContext<'_>,
    backups: Vec<Backup>,
    mode: Mode,
    output: Format,
) -> Result<(), Failure> {
    let selected = select::Selected { backups, set: None, is_project: false };
    let args = RestoreArgs::default();
    let images = BTreeMap::new();
    let restored = carry_out_with(cx, selected, &args, &images, (mode, output), is_only_of_its_container);
    Box::pin(restored).await.map(drop)
}

fn is_only_of_its_container(store: &Store) -> bool {
    store.locations.iter().all(|place| match place.source {
        LocationSource::Volume { anonymous, .. } => anonymous,
        LocationSource::Layer | LocationSource::Tmpfs => true,
        LocationSource::Bind { .. } => false,
    })
}

/// Why a backup cannot be restored as things are.
pub(super) enum NoDestination {
    /// No service of that name holds data.
    Service,
    /// The service does not have that many containers.
    Replica,
    /// The service does not keep data where the backup has it.
    Place(anyhow::Error),
}

/// Whether the project has the places that a backup is of.
pub(super) fn ensure_destination(cx: &ProjectContext<'_>, backup: &Backup) -> Result<(), NoDestination> {
    match store_for(cx, backup, &RestoreTarget::default()) {
        Ok(store) if backup.manifest.kind == StoreKind::Volume => {
            volume::ensure_places(&store, backup).map_err(NoDestination::Place)
        }
        Ok(_) => Ok(()),
        Err(_) if backup.replica().is_some() => Err(NoDestination::Replica),
        Err(_) => Err(NoDestination::Service),
    }
}

/// Shows the plan of a restore, or carries it out. Returns what a dry run would do.
///
/// Volumes that belong to no store come last: the server that uses one has to run to be restored, and has to be stopped for
/// the files of the volume.
async fn carry_out(
    cx: &ProjectContext<'_>,
    selected: select::Selected,
    args: &RestoreArgs,
    images: &BTreeMap<String, String>,
    how: (Mode, Format),
) -> Result<Option<DryRun>, Failure> {
    let (loose, backups): (Vec<Backup>, Vec<Backup>) =
        selected.backups.into_iter().partition(|backup| loose::is_of_volume(cx, backup));
    if loose.is_empty() || backups.is_empty() {
        let selected = select::Selected { backups: [loose, backups].concat(), ..selected };
        return carry_out_with(cx, selected, args, images, how, |_| false).await;
    }
    let existed = |store: &Store| store.locations.iter().all(|place| assume::exists_now(cx, place));
    let set = selected.set.clone();
    let shown =
        carry_out_with(cx, select::Selected { backups, ..selected }, args, images, how, |_| false).await?;
    let now = ProjectContext::gather(cx.command).await?;
    let selected = select::Selected { backups: loose, set, is_project: false };
    // What is in a volume that was created just now came with its service, and is nobody's data.
    let is_new = |store: &Store| !existed(store);
    let others = Box::pin(carry_out_with(&now, selected, args, images, how, is_new)).await?;
    Ok(match (shown, others) {
        (Some(mut shown), Some(others)) => {
            shown.changes.extend(others.changes);
            Some(shown)
        }
        (shown, others) => shown.or(others),
    })
}

/// As [`carry_out`]. `is_new` says of which stores no data is there that anybody needs.
async fn carry_out_with(
    cx: &ProjectContext<'_>,
    mut selected: select::Selected,
    args: &RestoreArgs,
    images: &BTreeMap<String, String>,
    (mode, output): (Mode, Format),
    is_new: impl Fn(&Store) -> bool,
) -> Result<Option<DryRun>, Failure> {
    let request = RestoreOptions {
        collections: args.target.collections.clone(),
        databases: args.target.databases.clone(),
        rename: args.target.rename.clone(),
        schema_only: args.target.schema_only,
        skip_existing: args.target.skip_existing,
        dry_run: matches!(mode, Mode::DryRun),
    };
    let mut copied = Vec::new();
    match mode {
        Mode::Apply(apply) => selected.backups = repository::bring_back(cx, selected.backups, apply).await?,
        // What they would replace is known when they are here.
        Mode::DryRun => selected.backups.retain(|backup| {
            if backup.is_offloaded {
                copied.push(
                    PlannedChange::new("copy", format!("backup `{}`", backup.name()))
                        .with("its files are only in the repository; then it is restored"),
                );
            }
            !backup.is_offloaded
        }),
    }
    let mut chosen: Vec<(Store, Backup)> = Vec::new();
    for backup in selected.backups {
        let store = as_backed_up(&store_for(cx, &backup, &args.target)?, &backup);
        if !request.schema_only {
            plan::check(cx, &backup)?;
            versions::check_restore(cx, &store, &backup, images.get(&store.service)).await?;
        }
        chosen.push((store, backup));
    }
    let mut planned: Vec<PlannedRestore<'_>> = Vec::new();
    for (store, backup) in &chosen {
        let to = Destination { cx, store };
        // Without a container, files are compared through a temporary one, which a dry run must not create.
        let may_compare = match (mode, backup.manifest.kind) {
            (Mode::Apply(_), _) | (Mode::DryRun, StoreKind::Qdrant | StoreKind::Sql(_)) => true,
            (Mode::DryRun, StoreKind::Volume) => store.container.is_some(),
        };
        let one = if may_compare && assume::is_comparable(cx, store, backup) {
            plan::exact(to, backup, &request).await?
        } else {
            plan::assumed(to, backup, &request)?
        };
        planned.push(PlannedRestore { is_new: is_new(store), ..one });
    }
    let apply = match mode {
        Mode::Apply(apply) => apply,
        Mode::DryRun => {
            let mut shown = restore_run::dry_run("restore", cx, &planned);
            shown.changes.splice(0..0, copied);
            return Ok(Some(shown));
        }
    };
    if let Some(set) = &selected.set {
        cx.ui().say(format!("Restoring the backup set `{set}`."));
    }
    for (one, (_, backup)) in planned.iter().zip(&chosen) {
        restore_run::announce(one);
        plan::warn_of_failed_test(cx, backup);
    }
    let job = apply::RestoreRun {
        chosen: &chosen,
        planned: &planned,
        request: &request,
        starts: selected.is_project && !args.no_start,
        images,
        output,
    };
    Box::pin(job.run(cx, apply)).await?;
    if planned.iter().any(PlannedRestore::replaces) {
        prune_run::after_backups(cx, apply, &[]);
    }
    Ok(None)
}

/// Where databases are restored from a dump, what they replace is dumped too; where files are, files are copied.
fn as_backed_up(store: &Store, backup: &Backup) -> Store {
    let kind = match backup.manifest.kind {
        kind @ (StoreKind::Sql(_) | StoreKind::Volume) => kind,
        StoreKind::Qdrant => store.kind,
    };
    Store { kind, ..store.clone() }
}

fn store_for(cx: &ProjectContext<'_>, backup: &Backup, target: &RestoreTarget) -> Result<Store, Failure> {
    let stores = || cx.inventory.stores.iter();
    let service = match &target.service {
        Some(service) => service.as_str(),
        // A replica.
        None if stores().any(|store| store.id == backup.store()) => backup.store(),
        None => &backup.manifest.service,
    };
    let found = stores()
        .find(|store| store.id == service)
        .or_else(|| stores().find(|store| store.service == service));
    // The data of another replica is not what this backup replaces.
    if let (None, Some(number), Some(other)) = (&target.service, backup.replica(), found)
        && other.id != backup.store()
    {
        let name = &backup.manifest.service;
        return Err(Failure::new(
            Exit::Usage,
            format!("`{}` is of replica {number} of `{name}`, which does not exist", backup.name()),
        )
        .say(format!("Nothing was changed. `--service {name}` restores it into the first replica."))
        .run("To create the replica", cx.suggest().scale(name, number)));
    }
    let loose = || loose::store_for(cx, backup).filter(|_| target.service.is_none());
    found.cloned().or_else(loose).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("no service `{service}` holds data in this project"))
            .say(format!("Select one with `--service`: {}.", format::services(&cx.inventory)))
    })
}
