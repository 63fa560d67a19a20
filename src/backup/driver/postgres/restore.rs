//! Restores databases beside those that exist, compares them with the backup, and switches all of them in one transaction.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use tokio::time::sleep;

use super::client::{self, CONTROL, identifier, literal};
use super::{count, roles, server};
use crate::backup::driver::volume::archive_file;
use crate::backup::driver::{Action, DriverTarget, RestorePlan, Restored, Step, database_names, databases};
use crate::backup::manifest::ArtifactContents;
use crate::backup::store::Backup;
use crate::policy::Clearance;
use crate::progress::Unit;
use crate::units::count as counted;

/// How often the sessions of a database that is being renamed are ended.
const PAUSE: Duration = Duration::from_millis(200);

/// How often a switch is tried: programs connect again while it waits for them.
const TRIES: u32 = 5;

/// The first version whose counters of written tuples are exact when a session has ended: before, they were sent in packets
/// that may be lost. <https://www.postgresql.org/docs/15/release-15.html>
const EXACT_COUNTERS: u32 = 15;

/// The comment of a replaced database whose data is in a backup for certain: it may be removed.
const IN_BACKUP: &str =
    "safe-compose: replaced by a restore, and contained in the backup that was made before it";

/// A database that was restored under another name.
struct Staged<'a> {
    step: &'a Step,
    staging: String,
    /// The name that the database which it replaces gets.
    replaced: Option<String>,
}

pub(super) async fn restore(
    target: DriverTarget<'_>,
    from: &Backup,
    plan: &RestorePlan,
    proof: &Clearance,
) -> anyhow::Result<Restored> {
    let server = server::ask_writable(target).await?;
    let mut remarks = create_roles(target, from).await?;
    let spaces = missing_tablespaces(target, from).await?;
    if !spaces.is_empty() {
        remarks.push(format!(
            "the server has no tablespace {}: everything was restored into the default one",
            spaces.join(", ")
        ));
    }
    let there: BTreeSet<String> =
        server::databases(target).await?.into_iter().map(|database| database.name).collect();
    let time = Timestamp::now();
    let mut staged = Vec::new();
    for (number, step) in plan.steps.iter().filter(|step| step.action != Action::Keep).enumerate() {
        let staging = database_names::staging(number);
        stage(target, from, step, &staging, spaces.is_empty())
            .await
            .with_context(|| format!("database `{}`", step.from))?;
        let replaced = there.contains(&step.to).then(|| {
            let is_planned =
                |name: &str| staged.iter().any(|one: &Staged<'_>| one.replaced.as_deref() == Some(name));
            database_names::replaced(&step.to, time, |name| there.contains(name) || is_planned(name))
        });
        staged.push(Staged { step, staging, replaced });
    }
    switch(target, &staged, proof).await?;
    for one in &staged {
        let Some(replaced) = &one.replaced else { continue };
        let before = plan.written.get(&one.step.to).copied();
        if is_in_backup(target, replaced, before, server.major()).await? {
            let comment = format!("COMMENT ON DATABASE {} IS {};", identifier(replaced), literal(IN_BACKUP));
            client::run(target, CONTROL, &comment).await?;
        } else {
            remarks.push(format!(
                "`{}` may have been written to since its backup: what it was before the restore is kept as database `{replaced}`",
                one.step.to
            ));
        }
    }
    Ok(Restored { steps: plan.steps.clone(), aliases: Vec::new(), remarks })
}

/// Restores every database of a backup under another name, and compares it with the manifest: a test on a server that has
/// nothing else.
pub(super) async fn into_empty_server(target: DriverTarget<'_>, from: &Backup) -> anyhow::Result<()> {
    create_roles(target, from).await?;
    let spaces = missing_tablespaces(target, from).await?;
    for (number, name) in databases::recorded(from)?.databases.keys().enumerate() {
        let step = Step { from: name.clone(), to: name.clone(), action: Action::Create, count: None };
        stage(target, from, &step, &database_names::staging(number), spaces.is_empty())
            .await
            .with_context(|| format!("database `{name}`"))?;
    }
    Ok(())
}

/// Restores everything in a backup into a server that was just initialized: the databases under their own names, compared with
/// the manifest, and all roles as they were, those of the server included.
pub(super) async fn into_new_server(
    target: DriverTarget<'_>,
    from: &Backup,
    proof: &Clearance,
) -> anyhow::Result<()> {
    let query = "SELECT to_json(rolname::text) FROM pg_roles;\n";
    let own: BTreeSet<String> = client::query::<String>(target, CONTROL, query).await?.into_iter().collect();
    create_roles(target, from).await?;
    let there: BTreeSet<String> =
        server::databases(target).await?.into_iter().map(|database| database.name).collect();
    let steps: Vec<Step> = databases::recorded(from)?
        .databases
        .keys()
        .map(|name| Step { from: name.clone(), to: name.clone(), action: Action::Create, count: None })
        .collect();
    let time = Timestamp::now();
    let mut staged = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let staging = database_names::staging(number);
        stage(target, from, step, &staging, false)
            .await
            .with_context(|| format!("database `{}`", step.from))?;
        let replaced = there
            .contains(&step.to)
            .then(|| database_names::replaced(&step.to, time, |name| there.contains(name)));
        staged.push(Staged { step, staging, replaced });
    }
    switch(target, &staged, proof).await?;
    // They are as the server has made them.
    for replaced in staged.iter().filter_map(|one| one.replaced.as_ref()) {
        drop_database(target, replaced).await?;
    }
    for name in there.iter().filter(|name| steps.iter().all(|step| step.to != **name)) {
        drop_database(target, name).await?;
    }
    // Last, because the password of this connection may change with them.
    let statements = roles::of_existing(&globals(from)?, &own);
    let statements: String = statements.iter().map(|statement| format!("{statement};\n")).collect();
    client::run(target, CONTROL, &format!("BEGIN;\n{statements}COMMIT;\n"))
        .await
        .context("the roles of the backup")
}

/// The tablespaces of the server that a backup is of, besides its own ones.
pub(super) fn tablespaces(from: &Path) -> anyhow::Result<Vec<String>> {
    let globals =
        std::fs::read_to_string(from).with_context(|| format!("cannot read `{}`", from.display()))?;
    Ok(roles::tablespaces(&globals))
}

/// Creates the roles that the server lacks.
async fn create_roles(target: DriverTarget<'_>, from: &Backup) -> anyhow::Result<Vec<String>> {
    let globals = globals(from)?;
    let existing =
        client::query::<String>(target, CONTROL, "SELECT to_json(rolname::text) FROM pg_roles;\n").await?;
    let missing = roles::missing(&globals, &existing.into_iter().collect());
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let statements: String = missing.iter().map(|statement| format!("{statement};\n")).collect();
    client::run(target, CONTROL, &format!("BEGIN;\n{statements}COMMIT;\n"))
        .await
        .context("the roles of the backup")?;
    let created = roles::created(&missing);
    Ok(if created.is_empty() {
        Vec::new()
    } else {
        vec![format!("created {}: {}", counted(created.len() as u64, "role"), created.join(", "))]
    })
}

async fn missing_tablespaces(target: DriverTarget<'_>, from: &Backup) -> anyhow::Result<Vec<String>> {
    let mut wanted = roles::tablespaces(&globals(from)?);
    if !wanted.is_empty() {
        let query = "SELECT to_json(spcname::text) FROM pg_tablespace;\n";
        let existing = client::query::<String>(target, CONTROL, query).await?;
        wanted.retain(|name| !existing.contains(name));
    }
    Ok(wanted)
}

fn globals(from: &Backup) -> anyhow::Result<String> {
    let path = databases::file(from, &ArtifactContents::ServerGlobals)?;
    std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Restores a database under a name that nobody uses, and compares it with the backup.
async fn stage(
    target: DriverTarget<'_>,
    from: &Backup,
    step: &Step,
    staging: &str,
    with_tablespaces: bool,
) -> anyhow::Result<()> {
    let name = || step.from.clone();
    let create = databases::file(from, &ArtifactContents::DatabaseDefinition { database: name() })?;
    let dump = databases::file(from, &ArtifactContents::DatabaseDump { database: name() })?;
    let properties = databases::file(from, &ArtifactContents::DatabaseProperties { database: name() })?;
    drop_database(target, staging).await?;
    let psql = client::psql(CONTROL, &[&format!("database={staging}")]);
    let bytes = dump.metadata().map(|meta| meta.len()).ok().filter(|_| !archive_file::is_compressed(&dump));
    let task = target.progress.begin(&format!("restoring {}", step.from), Unit::Bytes, bytes);
    psql.feed(target, &create, &crate::progress::Silent).await?;
    let into = format!("--dbname={staging}");
    let mut args = vec!["--exit-on-error", into.as_str()];
    if !with_tablespaces {
        args.push("--no-tablespaces");
    }
    client::tool(staging, "pg_restore", &args).feed(target, &dump, task.as_ref()).await?;
    psql.feed(target, &properties, &crate::progress::Silent).await?;
    let recorded =
        databases::recorded(from)?.databases.get(&step.from).context("it is not in the manifest")?;
    let now = count::everything(target, staging).await?;
    let difference = databases::difference(recorded, &now);
    ensure!(
        difference.is_none(),
        "what was restored is not what was backed up: {}",
        difference.unwrap_or_default()
    );
    task.finish(&format!(
        "restored {}: {} in {}, compared with the backup",
        step.from,
        counted(now.rows(), "row"),
        counted(now.tables.len() as u64, "table")
    ));
    Ok(())
}

/// Renames all databases in one transaction. Nobody can connect to a database that is being renamed, and whoever is
/// connected is disconnected.
async fn switch(target: DriverTarget<'_>, staged: &[Staged<'_>], _: &Clearance) -> anyhow::Result<()> {
    let mut statements = String::from("BEGIN;\n");
    let mut connected = Vec::new();
    for one in staged {
        let (to, staging) = (identifier(&one.step.to), identifier(&one.staging));
        if let Some(replaced) = &one.replaced {
            statements.push_str(&format!("ALTER DATABASE {to} RENAME TO {};\n", identifier(replaced)));
            connected.push(literal(&one.step.to));
        }
        statements.push_str(&format!("ALTER DATABASE {staging} RENAME TO {to};\n"));
        connected.push(literal(&one.staging));
    }
    statements.push_str("COMMIT;\n");
    let disconnect = disconnect(&connected.join(", "));
    let mut tries = 0;
    loop {
        client::run(target, CONTROL, &disconnect).await?;
        // The rename waits for sessions for a few seconds, and keeps new ones out meanwhile.
        let renamed = tokio::select! {
            renamed = client::run(target, CONTROL, &statements) => renamed,
            error = keep_disconnecting(target, &disconnect) => Err(error),
        };
        tries += 1;
        match renamed {
            Ok(()) => return Ok(()),
            Err(error) if tries < TRIES && error.to_string().contains("being accessed by other users") => {}
            Err(error) => return Err(error.context("the databases could not be switched")),
        }
    }
}

fn disconnect(databases: &str) -> String {
    format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ({databases}) AND pid <> pg_backend_pid();\n"
    )
}

async fn keep_disconnecting(target: DriverTarget<'_>, disconnect: &str) -> anyhow::Error {
    loop {
        sleep(PAUSE).await;
        if let Err(error) = client::run(target, CONTROL, disconnect).await {
            return error;
        }
    }
}

/// Whether a replaced database is exactly what was backed up: nothing was written to it since the plan was made, or there
/// is nothing in it.
async fn is_in_backup(
    target: DriverTarget<'_>,
    replaced: &str,
    before: Option<u64>,
    major: u32,
) -> anyhow::Result<bool> {
    if major >= EXACT_COUNTERS {
        let now = server::databases(target).await?.into_iter().find(|database| database.name == replaced);
        if now.is_some_and(|now| before == Some(now.written)) {
            return Ok(true);
        }
    }
    Ok(count::objects(target, replaced).await? == 0)
}

/// Removes what an interrupted restore has left, and the replaced databases that are in a backup.
pub(super) async fn finish(target: DriverTarget<'_>, _: &Clearance) -> anyhow::Result<()> {
    let query = format!(
        "SELECT to_json(datname::text) FROM pg_database WHERE shobj_description(oid, 'pg_database') = {}
           OR datname LIKE {};\n",
        literal(IN_BACKUP),
        literal(&format!("{}%", database_names::STAGING.replace('_', "\\_"))),
    );
    for name in client::query::<String>(target, CONTROL, &query).await? {
        drop_database(target, &name).await?;
    }
    Ok(())
}

/// Drops a database that nobody uses, if it exists.
async fn drop_database(target: DriverTarget<'_>, name: &str) -> anyhow::Result<()> {
    let statements = format!("{}DROP DATABASE IF EXISTS {};\n", disconnect(&literal(name)), identifier(name));
    client::run(target, CONTROL, &statements).await
}
