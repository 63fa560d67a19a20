//! Plans a restore: what each database of a backup meets on the server.

use anyhow::ensure;

use super::{count, server};
use crate::backup::driver::{Action, DriverTarget, RestoreOptions, RestorePlan, Step, databases};
use crate::backup::store::Backup;

pub(super) async fn plan(
    target: DriverTarget<'_>,
    from: &Backup,
    options: &RestoreOptions,
) -> anyhow::Result<RestorePlan> {
    let recorded = databases::recorded(from)?;
    let chosen = databases::choose(from, options)?;
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
            Some(_) if databases::is_set_aside(name, options) => Action::Keep,
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
