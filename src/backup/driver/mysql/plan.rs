//! Plans a restore.

use anyhow::ensure;

use super::server;
use crate::backup::driver::{Action, DriverTarget, RestoreOptions, RestorePlan, Step, databases};
use crate::backup::store::Backup;

/// A table of this name marks a database that is being restored.
pub(super) const UNFINISHED: &str = "safe_compose_unfinished_restore";

pub(super) async fn plan(
    target: DriverTarget<'_>,
    from: &Backup,
    options: &RestoreOptions,
) -> anyhow::Result<RestorePlan> {
    let recorded = databases::recorded(from)?;
    let chosen = databases::choose(from, options)?;
    let server = server::ask(target).await?;
    ensure!(
        server.is_mariadb() == server::is_mariadb(&recorded.version),
        "the server is version {}, and the backup is of version {}: MySQL and MariaDB do not read each other's dumps in every case",
        server.version,
        recorded.version
    );
    if let (Some(made), Some(now)) = (server::release(&recorded.version), server::release(&server.version)) {
        ensure!(
            now >= made,
            "the server has version {}, and the backup is of version {}: a dump can be restored into the same or a newer version",
            server.version,
            recorded.version
        );
    }
    let there = server::databases(target).await?;
    let mut plan = RestorePlan::default();
    for (name, database) in chosen {
        let to = options.rename.as_ref().unwrap_or(name);
        let action = if there.iter().all(|one| one.name != *to) {
            Action::Create
        } else if options.skip_existing || database.objects == 0 || databases::is_set_aside(name, options) {
            Action::Keep
        } else if server::tables(target, to).await?.iter().any(|table| table.name == UNFINISHED) {
            Action::Finish
        } else if server::objects(target, to).await? == 0 {
            Action::Create
        } else {
            if !options.dry_run {
                plan.written.insert(to.clone(), server::checksum(target, to).await?);
            }
            Action::Replace
        };
        plan.steps.push(Step { from: name.clone(), to: to.clone(), action, count: Some(database.rows()) });
    }
    Ok(plan)
}
