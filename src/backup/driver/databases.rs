//! What the drivers of SQL servers share: what a backup has of each database, which of them are restored, and the wait for a
//! server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::time::{Instant, sleep};

use super::tool::ToolFailed;
use super::{RestoreOptions, database_names};
use crate::backup::fingerprint::{DatabaseFingerprint, DatabasesFingerprint, Fingerprint};
use crate::backup::manifest::ArtifactContents;
use crate::backup::store::Backup;

/// How long to wait before a server is asked again.
const PAUSE: Duration = Duration::from_millis(300);

/// The fingerprint in the backup.
pub(super) fn recorded(from: &Backup) -> anyhow::Result<&DatabasesFingerprint> {
    match &from.manifest.fingerprint {
        Fingerprint::Databases(recorded) => Ok(recorded),
        Fingerprint::Qdrant(_) | Fingerprint::Volume { .. } => {
            bail!("`{}` is not a backup of databases", from.name())
        }
    }
}

/// The databases of a backup that are to be restored, by name. Fails if the options do not fit them.
pub(super) fn choose<'a>(
    from: &'a Backup,
    options: &RestoreOptions,
) -> anyhow::Result<Vec<(&'a String, &'a DatabaseFingerprint)>> {
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
    Ok(chosen)
}

/// Whether an earlier restore has put a database aside that this one was not asked for. It is not replaced: what was put aside
/// later would be lost from sight.
pub(super) fn is_set_aside(name: &str, options: &RestoreOptions) -> bool {
    options.databases.is_empty() && database_names::is_replaced(name)
}

/// The path of the file with these contents.
pub(super) fn file(from: &Backup, contents: &ArtifactContents) -> anyhow::Result<PathBuf> {
    let artifact = from.manifest.artifacts.iter().find(|artifact| artifact.contents == *contents);
    let artifact = artifact.with_context(|| format!("`{}` lacks a file that it needs", from.name()))?;
    Ok(from.directory.join(&artifact.path))
}

/// Asks a server until it answers. Fails at once with what is no failure of a tool.
pub(super) async fn wait_until<T, A>(limit: Duration, ask: impl Fn() -> A) -> anyhow::Result<()>
where
    A: Future<Output = anyhow::Result<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        match ask().await {
            Ok(_) => return Ok(()),
            Err(error) if !error.is::<ToolFailed>() || Instant::now() >= deadline => return Err(error),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// What a restored database lacks or has too much, compared with the backup. Other versions of extensions are none of it.
pub(super) fn difference(recorded: &DatabaseFingerprint, now: &DatabaseFingerprint) -> Option<String> {
    for (table, rows) in &recorded.tables {
        match now.tables.get(table) {
            Some(found) if found == rows => {}
            Some(found) => return Some(format!("table `{table}` has {found} rows instead of {rows}")),
            None => return Some(format!("table `{table}` is missing")),
        }
    }
    if recorded.large_objects != now.large_objects {
        return Some(format!(
            "it has {} large objects instead of {}",
            now.large_objects, recorded.large_objects
        ));
    }
    let missing = recorded.extensions.keys().find(|name| !now.extensions.contains_key(*name));
    missing.map(|name| format!("extension `{name}` is missing"))
}
