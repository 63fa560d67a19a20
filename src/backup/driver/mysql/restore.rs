//! Restores databases that the server lacks, and compares them with the backup. Until then a table marks each of them.

use anyhow::{Context as _, ensure};

use super::client::{self, identifier};
use super::plan::UNFINISHED;
use super::{server, users};
use crate::backup::driver::{Action, DriverTarget, RestorePlan, Restored, Step, databases};
use crate::backup::manifest::ArtifactContents;
use crate::backup::store::Backup;
use crate::policy::Clearance;
use crate::progress::Unit;
use crate::units::count as counted;

pub(super) async fn restore(
    target: DriverTarget<'_>,
    from: &Backup,
    plan: &RestorePlan,
    proof: &Clearance,
) -> anyhow::Result<Restored> {
    let mut remarks = Vec::new();
    for step in plan.steps.iter().filter(|step| step.action != Action::Keep) {
        restore_one(target, from, step, proof).await.with_context(|| format!("database `{}`", step.from))?;
    }
    // Privileges on a database are granted when it exists.
    remarks.extend(create_users(target, from).await?);
    Ok(Restored { steps: plan.steps.clone(), aliases: Vec::new(), remarks })
}

async fn create_users(target: DriverTarget<'_>, from: &Backup) -> anyhow::Result<Option<String>> {
    let path = databases::file(from, &ArtifactContents::ServerGlobals)?;
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let server = server::ask(target).await?;
    let (missing, statements) = users::missing(&text, &server::accounts(target, &server).await?);
    if missing.is_empty() {
        return Ok(None);
    }
    client::client(&[]).output(target, &statements).await.context("the users of the backup")?;
    let created = counted(missing.len() as u64, "user");
    Ok(Some(format!("created {created}: {}", missing.join(", "))))
}

async fn restore_one(
    target: DriverTarget<'_>,
    from: &Backup,
    step: &Step,
    proof: &Clearance,
) -> anyhow::Result<()> {
    let name = || step.from.clone();
    let dump = databases::file(from, &ArtifactContents::DatabaseDump { database: name() })?;
    let create = databases::file(from, &ArtifactContents::DatabaseDefinition { database: name() })?;
    let create =
        std::fs::read_to_string(&create).with_context(|| format!("cannot read `{}`", create.display()))?;
    let create = create.replacen(&identifier(&step.from), &identifier(&step.to), 1);
    drop_unfinished(target, &step.to, proof).await?;
    // An existing one is empty.
    let mark = format!(
        "DROP DATABASE IF EXISTS {to};\n{create}CREATE TABLE {to}.{UNFINISHED} (n int);\n",
        to = identifier(&step.to)
    );
    ensure!(
        server::databases(target).await?.iter().all(|one| one.name != step.to)
            || server::objects(target, &step.to).await? == 0,
        "it is not empty any more"
    );
    client::lines(target, &mark).await?;
    let bytes = dump.metadata().map(|meta| meta.len()).ok();
    let task = target.progress.begin(&format!("restoring {}", step.from), Unit::Bytes, bytes);
    client::client(&["--", step.to.as_str()]).feed(target, &dump, task.as_ref()).await?;
    let recorded =
        databases::recorded(from)?.databases.get(&step.from).context("it is not in the manifest")?;
    let now = server::rows(target, &step.to).await?;
    for (table, rows) in &recorded.tables {
        let found = now.get(table).copied();
        ensure!(
            found == Some(*rows),
            "what was restored is not what was backed up: table `{table}` has {} rows instead of {rows}",
            found.map_or_else(|| "no".to_owned(), |found| found.to_string())
        );
    }
    client::lines(target, &format!("DROP TABLE {}.{UNFINISHED};\n", identifier(&step.to))).await?;
    task.finish(&format!(
        "restored {}: {} in {}, compared with the backup",
        step.from,
        counted(recorded.rows(), "row"),
        counted(recorded.tables.len() as u64, "table")
    ));
    Ok(())
}

/// Removes what an interrupted or failed restore has left.
pub(super) async fn finish(target: DriverTarget<'_>, proof: &Clearance) -> anyhow::Result<()> {
    for database in server::databases(target).await? {
        drop_unfinished(target, &database.name, proof).await?;
    }
    Ok(())
}

async fn drop_unfinished(target: DriverTarget<'_>, database: &str, _: &Clearance) -> anyhow::Result<()> {
    if server::tables(target, database).await?.iter().any(|table| table.name == UNFINISHED) {
        client::lines(target, &format!("DROP DATABASE {};\n", identifier(database))).await?;
    }
    Ok(())
}
