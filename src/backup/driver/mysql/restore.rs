//! Restores databases, and compares them with the backup. Until then a table marks each of them.
//!
//! These servers cannot rename a database. One that is replaced is restored under another name first, to see that it can be,
//! and its tables are moved to another database, where they stay until everything else is done.

use anyhow::{Context as _, ensure};
use jiff::Timestamp;

use super::client::{self, identifier};
use super::plan::UNFINISHED;
use super::{server, users};
use crate::backup::driver::{Action, DriverTarget, RestorePlan, Restored, Step, database_names, databases};
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
    remove_staging(target, proof).await?;
    for (number, step) in plan.steps.iter().enumerate() {
        let restored = match step.action {
            Action::Keep => continue,
            Action::Create | Action::Finish => load(target, from, step, &step.to, proof).await.map(|()| None),
            Action::Replace => replace(target, from, plan, (number, step), proof).await,
        };
        remarks.extend(restored.with_context(|| format!("database `{}`", step.from))?);
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
    client::lines(target, &statements).await.context("the users of the backup")?;
    let created = counted(missing.len() as u64, "user");
    Ok(Some(format!("created {created}: {}", missing.join(", "))))
}

/// Restores every database of a backup, and compares it with the manifest: a test on a server that has nothing else.
pub(super) async fn into_empty_server(
    target: DriverTarget<'_>,
    from: &Backup,
    proof: &Clearance,
) -> anyhow::Result<()> {
    for name in databases::recorded(from)?.databases.keys() {
        let step = Step { from: name.clone(), to: name.clone(), action: Action::Create, count: None };
        load(target, from, &step, name, proof).await.with_context(|| format!("database `{name}`"))?;
    }
    create_users(target, from).await.map(drop)
}

/// Replaces a database. Returns what has to be known of the old one.
async fn replace(
    target: DriverTarget<'_>,
    from: &Backup,
    plan: &RestorePlan,
    (number, step): (usize, &Step),
    proof: &Clearance,
) -> anyhow::Result<Option<String>> {
    let trial = database_names::staging(number);
    load(target, from, step, &trial, proof).await?;
    let there = server::databases(target).await?;
    let is_taken = |name: &str| there.iter().any(|one| one.name == name);
    let old = database_names::replaced(&step.to, Timestamp::now(), is_taken);
    set_aside(target, &step.to, &old, proof).await?;
    let replaced = async {
        load(target, from, step, &step.to, proof).await?;
        drop_database(target, &trial, proof).await?;
        server::checksum(target, &old).await
    };
    let left = || format!("the tables that `{}` had are in the database `{old}`", step.to);
    let checksum = replaced.await.with_context(left)?;
    // What was there when the backup before the restore began is in that backup.
    if plan.written.get(&step.to) == Some(&checksum) {
        drop_database(target, &old, proof).await?;
        return Ok(None);
    }
    Ok(Some(format!("`{}` was written to after it was backed up, so {}", step.to, left())))
}

/// Moves all tables to a new database at once. Triggers have to be removed before; they, and the views, routines and events
/// that stay behind, are in the backup that was made before the restore.
async fn set_aside(target: DriverTarget<'_>, database: &str, old: &str, _: &Clearance) -> anyhow::Result<()> {
    let (from, to) = (identifier(database), identifier(old));
    let mut statements = format!("CREATE DATABASE {to};\n");
    for trigger in server::triggers(target, database).await? {
        statements.push_str(&format!("DROP TRIGGER {from}.{};\n", identifier(&trigger)));
    }
    let tables = server::tables(target, database).await?;
    let moves: Vec<String> = tables
        .iter()
        .filter(|table| table.is_movable())
        .map(|table| identifier(&table.name))
        .map(|table| format!("{from}.{table} TO {to}.{table}"))
        .collect();
    if !moves.is_empty() {
        statements.push_str(&format!("RENAME TABLE {};\n", moves.join(", ")));
    }
    client::lines(target, &statements).await.context("its tables could not be moved")?;
    Ok(())
}

/// Restores a database under a name that has no tables, and compares it with the backup.
async fn load(
    target: DriverTarget<'_>,
    from: &Backup,
    step: &Step,
    to: &str,
    proof: &Clearance,
) -> anyhow::Result<()> {
    let name = || step.from.clone();
    let dump = databases::file(from, &ArtifactContents::DatabaseDump { database: name() })?;
    let create = databases::file(from, &ArtifactContents::DatabaseDefinition { database: name() })?;
    let create =
        std::fs::read_to_string(&create).with_context(|| format!("cannot read `{}`", create.display()))?;
    let create = create.replacen(&identifier(&step.from), &identifier(to), 1);
    drop_unfinished(target, to, proof).await?;
    ensure!(
        server::tables(target, to).await?.iter().all(|table| !table.is_movable()),
        "`{to}` has tables that it did not have before"
    );
    // What is there has no tables.
    let mark = format!(
        "DROP DATABASE IF EXISTS {to};\n{create}CREATE TABLE {to}.{UNFINISHED} (n int);\n",
        to = identifier(to)
    );
    client::lines(target, &mark).await?;
    let bytes = dump.metadata().map(|meta| meta.len()).ok();
    let is_trial = database_names::is_staging(to);
    let verb = if is_trial { "trying to restore" } else { "restoring" };
    let task = target.progress.begin(&format!("{verb} {}", step.from), Unit::Bytes, bytes);
    client::client(&["--", to]).feed(target, &dump, task.as_ref()).await?;
    let recorded =
        databases::recorded(from)?.databases.get(&step.from).context("it is not in the manifest")?;
    let now = server::rows(target, to).await?;
    for (table, rows) in &recorded.tables {
        let found = now.get(table).copied();
        ensure!(
            found == Some(*rows),
            "what was restored is not what was backed up: table `{table}` has {} rows instead of {rows}",
            found.map_or_else(|| "no".to_owned(), |found| found.to_string())
        );
    }
    if is_trial {
        task.finish(&format!("{} can be restored", step.from));
        return Ok(());
    }
    client::lines(target, &format!("DROP TABLE {}.{UNFINISHED};\n", identifier(to))).await?;
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
    remove_staging(target, proof).await?;
    for database in server::databases(target).await? {
        drop_unfinished(target, &database.name, proof).await?;
    }
    Ok(())
}

/// Removes the databases in which restores are tried.
async fn remove_staging(target: DriverTarget<'_>, proof: &Clearance) -> anyhow::Result<()> {
    for database in server::staging(target).await? {
        drop_database(target, &database, proof).await?;
    }
    Ok(())
}

async fn drop_unfinished(target: DriverTarget<'_>, database: &str, proof: &Clearance) -> anyhow::Result<()> {
    if server::tables(target, database).await?.iter().any(|table| table.name == UNFINISHED) {
        drop_database(target, database, proof).await?;
    }
    Ok(())
}

async fn drop_database(target: DriverTarget<'_>, database: &str, _: &Clearance) -> anyhow::Result<()> {
    client::lines(target, &format!("DROP DATABASE {};\n", identifier(database))).await?;
    Ok(())
}
