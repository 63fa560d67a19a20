//! Plans a restore: what each database of a backup meets on the server.

use anyhow::{bail, ensure};

use super::{count, server};
use crate::backup::driver::{Action, DriverTarget, RestoreOptions, RestorePlan, Step};
use crate::backup::fingerprint::{DatabasesFingerprint, Fingerprint};
use crate::backup::store::Backup;

/// The fingerprint in the backup.
pub(super) fn recorded(from: &Backup) -> anyhow::Result<&DatabasesFingerprint> {
    match &from.manifest.fingerprint {
        Fingerprint::Databases(recorded) => Ok(recorded),
        Fingerprint::Qdrant(_) | Fingerprint::Volume { .. } => {
            bail!("`{}` is not a backup of databases", from.name())
        }
    }
}

pub(super) async fn plan(
    target: DriverTarget<'_>,
    from: &Backup,
    options: &RestoreOptions,
) -> anyhow::Result<RestorePlan> {
    let recorded = recorded(from)?;
    ensure!(
        options.collections.is_empty() && !options.schema_only,
        "`{}` contains databases: `--database` selects one of them",
        from.name()
    );
    let known: Vec<&str> = recorded.databases.keys().map(String::as_str).collect();
    options.ensure_known_databases(&from.name(), &known)?;
    let is_chosen =
        |name: &str| options.databases.is_empty() || options.databases.iter().any(|one| one == name);
    let chosen: Vec<_> = recorded.databases.iter().filter(|(name, _)| is_chosen(name)).collect();
    options.ensure_nameable(chosen.len())?;
    let server = server::ask_writable(target).await?;
    if let Some(made) = server::major(&recorded.version) {
        ensure!(
            server.major() >= made,
            "the server has version {}, and the backup is of version {made}: a dump can be restored into the same or a newer version",
            server.major()
        );
    }
    let there = server::databases(target).await?;
    let mut plan = RestorePlan::default();
    for (name, database) in chosen {
        let to = options.rename.as_ref().unwrap_or(name);
        ensure!(!["template0", "template1"].contains(&to.as_str()), "`{to}` is a template of the server");
        let existing = there.iter().find(|one| one.name == *to);
        let action = match existing {
            None => Action::Create,
            Some(_) if options.skip_existing || database.objects == 0 => Action::Keep,
            Some(existing) if count::objects(target, &existing.name).await? == 0 => Action::Create,
            Some(_) => Action::Replace,
        };
        if let Some(existing) = existing {
            plan.written.insert(to.clone(), existing.written);
        }
        plan.steps.push(Step { from: name.clone(), to: to.clone(), action, count: Some(database.rows()) });
    }
    Ok(plan)
}
