//! Which backups a restore is of.

use super::loose;
use crate::backup::manifest::BackupRole;
use crate::backup::set::{self, BackupSetError, SetMember};
use crate::backup::store::{Backup, Latest};
use crate::cli::RestoreArgs;
use crate::commands::context::ProjectContext;
use crate::commands::{backups, baselines, format};
use crate::error::Failure;
use crate::exit::Exit;

/// What is restored.
pub(super) struct Selected {
    pub(super) backups: Vec<Backup>,
    /// The set that they were made in.
    pub(super) set: Option<String>,
    /// Whether this is the project, and not one of its stores.
    pub(super) is_project: bool,
}

impl Selected {
    fn one(backup: Backup) -> Self {
        Self { backups: vec![backup], set: None, is_project: false }
    }
}

/// The backups that were asked for. Without a name or a service, those of all services.
pub(super) fn select(cx: &ProjectContext<'_>, args: &RestoreArgs) -> Result<Selected, Failure> {
    let Some(name) = &args.backup else {
        if args.all {
            return Ok(Selected { backups: latest_of_all(cx)?, set: None, is_project: true });
        }
        return if args.target.service.is_some() || args.target.is_narrowed() {
            choose(cx, args, "latest").map(Selected::one)
        } else {
            newest(cx, args)
        };
    };
    let Some(file) = set::named(&cx.root, name) else { return choose(cx, args, name).map(Selected::one) };
    let backups = set::read(&cx.root, &file).map_err(|error| unusable_set(cx, name, error))?;
    Ok(Selected { backups, set: Some(set::name(&file)), is_project: true })
}

fn unusable_set(cx: &ProjectContext<'_>, name: &str, error: BackupSetError) -> Failure {
    Failure::new(Exit::Usage, format!("backup set `{name}` cannot be used"))
        .because(error)
        .run("To list the backups", cx.suggest().backups())
}

/// The latest backup of each store, whether or not one set has all of them: a command makes no new backup of what is unchanged.
fn newest(cx: &ProjectContext<'_>, args: &RestoreArgs) -> Result<Selected, Failure> {
    if let [_] | [] = cx.inventory.stores.as_slice() {
        // A message about the only store says more than one about all of them.
        let latest = choose(cx, args, "latest")?;
        let beside = loose::missing_beside(cx, std::slice::from_ref(&latest));
        return Ok(Selected { backups: [vec![latest], beside].concat(), set: None, is_project: true });
    }
    let latest = latest_of_all(cx)?;
    let has_all =
        |set: &[Backup]| latest.iter().all(|one| set.iter().any(|other| other.directory == one.directory));
    for (file, _) in set::list(&cx.root) {
        let Ok(backups) = set::read(&cx.root, &file) else { continue };
        if has_all(&backups) {
            return Ok(Selected { backups, set: Some(set::name(&file)), is_project: true });
        }
    }
    Ok(Selected { backups: latest, set: None, is_project: true })
}

fn has_backup(cx: &ProjectContext<'_>, store: &str) -> bool {
    cx.root.latest(store).ok().flatten().is_some()
}

/// The backup that was asked for. Without one, `--schema-only` uses the baseline.
fn choose(cx: &ProjectContext<'_>, args: &RestoreArgs, name: &str) -> Result<Backup, Failure> {
    if name != "latest" {
        return backups::find(&cx.root, name, &cx.suggest().backups());
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
    let mut returning: Vec<String> = Vec::new();
    for store in &cx.inventory.stores {
        let latest = choose_latest(cx, &store.id)?;
        match latest.backup {
            Some(backup) if backups.iter().any(|known| known.directory == backup.directory) => {}
            Some(backup) => {
                if latest.skipped.is_some_and(|newer| newer.manifest.role == BackupRole::AfterLoss) {
                    returning.push(backup.name());
                }
                backups.push(backup);
            }
            None => cx.ui().warn(format!("`{}` has no backup, so it is not restored.", store.id)),
        }
    }
    if backups.is_empty() {
        return Err(Failure::new(Exit::Usage, "no service of this project has a backup")
            .run("To list the backups of other projects", cx.suggest().backups_of_all()));
    }
    let backups = of_same_moment(cx, backups, &returning);
    let beside = loose::missing_beside(cx, &backups);
    Ok([backups, beside].concat())
}

/// A store that returns to before a loss takes along the stores that were backed up at the same moment, because their data
/// belongs together.
fn of_same_moment(cx: &ProjectContext<'_>, backups: Vec<Backup>, returning: &[String]) -> Vec<Backup> {
    let sets = set::list(&cx.root);
    let same: Vec<&SetMember> =
        sets.iter().flat_map(|(_, set)| returning.iter().flat_map(|name| set.of_same_moment(name))).collect();
    let replace = |latest: Backup| {
        let member = same.iter().find(|member| latest.is_of(&member.store));
        let known = member.and_then(|member| cx.root.find(&member.store, &member.name).ok());
        match known.filter(Backup::can_be_latest) {
            Some(earlier) if earlier.directory != latest.directory => {
                cx.ui().say(format!(
                    "`{}` is restored from `{}`, which is of the same moment as the backups before the loss.",
                    latest.store(),
                    earlier.name()
                ));
                earlier
            }
            _ => latest,
        }
    };
    backups.into_iter().map(replace).collect()
}

/// The latest backup of a service. What is newer and was skipped is named in one line.
fn choose_latest(cx: &ProjectContext<'_>, service: &str) -> Result<Latest, Failure> {
    let latest = cx
        .root
        .choose_latest(service)
        .map_err(|error| Failure::new(Exit::BackupFailed, "the backups cannot be listed").because(error))
        .map_err(|failure| cx.with_repair(failure))?;
    if let (Some(_), Some(skipped)) = (&latest.backup, &latest.skipped) {
        cx.ui().say(format!("Skipped the newer `{}`: {}.", skipped.name(), why_skipped(skipped)));
    }
    Ok(latest)
}

fn why_skipped(backup: &Backup) -> &'static str {
    match backup.manifest.role {
        BackupRole::SafetyCopy => "it contains what a restore has replaced",
        BackupRole::AfterLoss => "it was made after data was lost",
        BackupRole::Normal => "its test restore failed",
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
    let rest: Vec<&str> = cx
        .inventory
        .stores
        .iter()
        .filter(|store| !is_restored(&store.service) && !is_restored(&store.id) && has_backup(cx, &store.id))
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
