//! `safe-compose backup`: back up now.

mod all;

use super::context::{CommandContext, ProjectContext};
use super::dry_run::{DryRun, PlannedChange};
use super::mode::{Apply, Mode};
use super::{
    backup_kind, backup_run, export_data, exposed, format, held_record, moment, prune_run, repository,
    services, test_restore,
};
use crate::backup::manifest::BackupRole;
use crate::backup::store::Verified;
use crate::cli::{BackupArgs, BackupFormat, DryRunArg, ExportDataArgs, FileFormat, Format};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{LocationSource, Store};
use crate::settings::RequiredProof;

pub(super) async fn run(
    command: &CommandContext,
    args: &BackupArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    if args.all {
        return all::run(command, args, mode, output).await;
    }
    match args.format {
        Some(BackupFormat::Jsonl) => {
            let export = ExportDataArgs {
                services: args.services.clone(),
                file_format: FileFormat::Jsonl,
                dry_run: DryRunArg::default(),
                format: None,
            };
            return export_data::run(command, &export, mode, output).await;
        }
        None | Some(BackupFormat::Text | BackupFormat::Json | BackupFormat::Snapshot) => {}
    }
    let mut cx = ProjectContext::gather(command).await?;
    if let Mode::Apply(apply) = mode
        && held_record::let_go(&cx, apply).await
    {
        cx = ProjectContext::gather(command).await?;
    }
    exposed::warn(&command.ui, &cx.root);
    let stores = chosen(&cx, &args.services)?;
    match mode {
        Mode::DryRun => Ok(plan(&cx, &stores, required(&cx, args)).show(cx.ui(), output)),
        Mode::Apply(apply) => {
            let exit = act(&cx, args, &stores, apply, output).await?;
            if args.format == Some(BackupFormat::Json) && stores.iter().any(Store::is_server) {
                command.ui.say("`backup --format json` prints its result as JSON.");
                command.ui.suggest("To write a portable file instead", command.suggest.export_data());
            }
            Ok(exit)
        }
    }
}

async fn act(
    cx: &ProjectContext<'_>,
    args: &BackupArgs,
    stores: &[Store],
    apply: Apply,
    output: Format,
) -> Result<Exit, Failure> {
    let purpose = backup_run::Purpose {
        reason: "on request",
        role: BackupRole::Normal,
        required: required(cx, args),
        replaces_data: false,
    };
    let (saved, failure) = backup_run::save_to(cx, apply, stores, purpose).await?.split(cx);
    if output == Format::Json && !(saved.is_empty() && failure.is_some()) {
        let mut backups: Vec<_> = saved.iter().map(|one| one.backup.backup()).collect();
        // The nodes of a cluster share one.
        backups.dedup_by_key(|backup| backup.name());
        let backups: Vec<_> = backups.into_iter().map(format::backup_json).collect();
        cx.ui().result(format::json(&backups));
    }
    let made: Vec<&Verified> = saved.iter().map(|one| &one.backup).collect();
    let copied = repository::after_backups(cx, apply, &made).await;
    if !made.is_empty() {
        prune_run::after_backups(cx, apply, &made);
        repository::offload(cx, apply).await;
    }
    warn_of_layers(cx, stores);
    match failure {
        None => copied.map(|()| Exit::Success),
        Some(failure) => Err(failure),
    }
}

fn plan(cx: &ProjectContext<'_>, stores: &[Store], required: RequiredProof) -> DryRun {
    let changes = stores.iter().flat_map(|store| {
        let directory = cx.root.directory().join(&store.id);
        let backup = PlannedChange::new("back up", format!("`{}`", store.service))
            .with(format!("to {}; the backup is read back and verified", format::short_path(&directory)));
        let is_tested = required >= RequiredProof::Restored && test_restore::is_possible(store);
        let test = is_tested.then(|| {
            PlannedChange::new(
                "test-restore",
                format!("the backup of `{}` into a temporary server", store.service),
            )
        });
        [backup].into_iter().chain(test)
    });
    let removed = prune_run::expected(cx, stores).into_iter().map(|name| {
        PlannedChange::new("remove", format!("backup `{name}`")).with("the retention settings do not keep it")
    });
    let held = moment::announced(&cx.settings.backup.together, stores).into_iter().map(|names| {
        PlannedChange::new("stop or pause", names)
            .with("until the data of all of them is backed up; servers that are dumped go on")
    });
    DryRun::new("backup", held.chain(changes).chain(removed).collect())
}

/// The stores to back up.
fn chosen(cx: &ProjectContext<'_>, named: &[String]) -> Result<Vec<Store>, Failure> {
    services::ensure_known(cx, named)?;
    let stores: Vec<Store> =
        cx.inventory.of_services(named).filter_map(|store| backup_kind::backed_up(cx, store)).collect();
    if stores.is_empty() {
        let failure = Failure::new(Exit::BackupFailed, "there is nothing to back up");
        return Err(if cx.inventory.stores.is_empty() {
            failure.because(anyhow::anyhow!("no service of project `{}` holds data", cx.project.name))
        } else {
            failure
                .because(anyhow::anyhow!("no service that holds data has a container or a volume"))
                .say(format!("Services that hold data: {}.", format::services(&cx.inventory)))
        });
    }
    Ok(stores)
}

/// The proof that the settings require, or the one that was asked for, whichever is stronger.
fn required(cx: &ProjectContext<'_>, args: &BackupArgs) -> RequiredProof {
    let command = if args.prove { RequiredProof::Restored } else { RequiredProof::default() };
    command.max(cx.settings.backup.proof)
}

/// Data inside the container itself can be backed up, and is still lost with the container.
fn warn_of_layers(cx: &ProjectContext<'_>, stores: &[Store]) {
    for store in stores {
        for place in &store.locations {
            if place.source == LocationSource::Layer {
                cx.ui().warn(format!(
                    "`{}` keeps its data inside the container: nothing is mounted at `{}`, and the next `down` deletes it.",
                    store.service,
                    place.target.display()
                ));
            }
        }
    }
}
