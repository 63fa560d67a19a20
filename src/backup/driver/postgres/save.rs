//! Dumps every database with `pg_dump`, and the roles with `pg_dumpall`, while the server runs.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use futures_util::future::try_join_all;
use tokio::sync::mpsc;

use super::client::{self, CONTROL, literal};
use super::server;
use super::snapshot::DumpTransaction;
use super::wal;
use crate::backup::consistency::Consistency;
use crate::backup::driver::tool::ToolFailed;
use crate::backup::driver::volume::archive_file;
use crate::backup::driver::volume::pipe::{self, PIECES};
use crate::backup::driver::{DriverTarget, Dump, names};
use crate::backup::fingerprint::database_position::DatabasePosition;
use crate::backup::fingerprint::{DatabaseFingerprint, DatabasesFingerprint, Fingerprint};
use crate::backup::manifest::{Artifact, ArtifactContents, Proof};
use crate::backup::store::Staging;
use crate::progress::Unit;
use crate::units::{Bytes, count};

/// Its tables cannot be restored by `pg_restore` alone.
/// <https://docs.timescale.com/self-hosted/latest/backup-and-restore/logical-backup/>
const NEEDS_MORE: &str = "timescaledb";

pub(super) async fn dump(target: DriverTarget<'_>, into: &mut Staging) -> anyhow::Result<Dump> {
    // Starting a program in a container takes longer than what is asked.
    let (server, databases, start) =
        tokio::join!(server::ask(target), server::databases(target), wal::WrittenUntil::ask(target));
    let (server, databases) = (server?, databases?);
    for database in &databases {
        database.ensure_connectable()?;
    }
    try_join_all(databases.iter().map(|database| ensure_restorable(target, &database.name))).await?;
    let mut artifacts = vec![globals(target, into).await?];
    let mut found = BTreeMap::new();
    for database in &databases {
        let (fingerprint, files) = dump_one(target, &database.name, into).await?;
        found.insert(database.name.clone(), fingerprint);
        artifacts.extend(files);
    }
    let names = databases.iter().map(|database| database.name.as_str());
    let position = match start {
        Some(start) => start.if_still(target, names).await,
        None => None,
    };
    Ok(Dump {
        server: Some(server.version.clone()),
        manual_restore: manual_restore(target, &artifacts)?,
        fingerprint: Fingerprint::Databases(DatabasesFingerprint {
            version: server.version,
            databases: found,
            position: position.map(|one| Box::new(DatabasePosition::PostgreSql(one))),
        }),
        artifacts,
        proof: Proof::Readable,
        consistency: Consistency::Dumped,
        tree: None,
        sqlite: Vec::new(),
        remarks: Vec::new(),
    })
}

async fn globals(target: DriverTarget<'_>, into: &Staging) -> anyhow::Result<Artifact> {
    let path = "globals.sql";
    let task = target.progress.begin("dumping roles", Unit::Bytes, None);
    let tool = client::tool(CONTROL, "pg_dumpall", &["--globals-only"]);
    let (bytes, digest) = tool.save(target, into.create(path)?, task.as_ref(), |_: &[u8]| {}).await?;
    let contents = ArtifactContents::ServerGlobals;
    Ok(Artifact { path: path.to_owned(), bytes, sha256: digest.to_string(), contents })
}

/// Fails before anything is dumped, which may take hours.
async fn ensure_restorable(target: DriverTarget<'_>, database: &str) -> anyhow::Result<()> {
    let query =
        format!("SELECT to_json(extname::text) FROM pg_extension WHERE extname = {};\n", literal(NEEDS_MORE));
    let Some(name) = client::query::<String>(target, database, &query).await?.pop() else { return Ok(()) };
    let reason = format!("database `{database}` uses {name}, which `pg_restore` alone cannot restore");
    Err(ToolFailed::new(reason).into())
}

/// Dumps and counts one database in the same snapshot, at the same time. `pg_restore` reads what `pg_dump` writes to its end, as it
/// would to restore it; that the file on disk has the same bytes is verified when the backup is finished.
async fn dump_one(
    target: DriverTarget<'_>,
    database: &str,
    into: &Staging,
) -> anyhow::Result<(DatabaseFingerprint, Vec<Artifact>)> {
    let directory = names::directory(database);
    let name = || database.to_owned();
    let (definition, properties, mut snapshot) = tokio::try_join!(
        server::definition(target, database),
        server::properties(target, database),
        DumpTransaction::take(target, database)
    )?;
    let definition = into.write(
        &format!("{directory}/create.sql"),
        definition.as_bytes(),
        ArtifactContents::DatabaseDefinition { database: name() },
    )?;
    let properties = into.write(
        &format!("{directory}/properties.sql"),
        properties.as_bytes(),
        ArtifactContents::DatabaseProperties { database: name() },
    )?;
    let path = format!("{directory}/database.dump");
    let mut args = vec!["--format=custom".to_owned()];
    let path = if into.is_for_repository() {
        args.push("--compress=0".to_owned());
        archive_file::name(path, into.compression())
    } else {
        path
    };
    let task = target.progress.begin(&format!("dumping {database}"), Unit::Bytes, None);
    args.push(format!("--snapshot={}", snapshot.id));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let tool = client::tool(database, "pg_dump", &args);
    let file = into.create(&path)?;
    let (sender, receiver) = mpsc::channel(PIECES);
    let pass_on = move |piece: &[u8]| {
        // A reader that has ended early says why.
        let _ = sender.blocking_send(Ok(piece.to_vec()));
    };
    let reader = client::tool(CONTROL, "pg_restore", &["--file=/dev/null"]);
    let (saved, read, counted) = tokio::join!(
        tool.save(target, file, task.as_ref(), pass_on),
        reader.feed_from(target, pipe::received(receiver)),
        snapshot.count()
    );
    let (bytes, digest) = saved?;
    read.with_context(|| format!("the dump of `{database}` cannot be read back"))?;
    let counted = counted?;
    snapshot.finish().await?;
    task.finish(&format!(
        "dumped {database}: {} in {}, {}",
        count(counted.rows(), "row"),
        count(counted.tables.len() as u64, "table"),
        Bytes(bytes)
    ));
    let contents = ArtifactContents::DatabaseDump { database: name() };
    let dumped = Artifact { path, bytes, sha256: digest.to_string(), contents };
    Ok((counted, vec![definition, dumped, properties]))
}

fn manual_restore(target: DriverTarget<'_>, artifacts: &[Artifact]) -> anyhow::Result<Vec<String>> {
    let container = &target.container()?.name;
    let exec = |program: &str, path: &str| {
        let (container, path) = (shell_words::quote(container), shell_words::quote(path));
        if archive_file::is_compressed(Path::new(path.as_ref())) {
            format!("zstd -dc {path} | docker exec -i {container} {program}")
        } else {
            format!("docker exec -i {container} {program} < {path}")
        }
    };
    let mut lines =
        vec!["Into a server of the same or a newer version, as its superuser (here `postgres`):".to_owned()];
    for artifact in artifacts {
        let path = &artifact.path;
        let line = match &artifact.contents {
            ArtifactContents::DatabaseDefinition { database }
            | ArtifactContents::DatabaseProperties { database } => {
                let variable = format!("database={database}");
                exec(&format!("psql -X -U postgres -d template1 -v {}", shell_words::quote(&variable)), path)
            }
            ArtifactContents::DatabaseDump { database } => exec(
                &format!("pg_restore -U postgres --exit-on-error -d {}", shell_words::quote(database)),
                path,
            ),
            ArtifactContents::ServerGlobals => {
                lines.push(
                    "Roles that exist already are reported as errors, and keep what they own.".to_owned(),
                );
                exec("psql -X -U postgres -d template1", path)
            }
            _ => continue,
        };
        lines.push(line);
    }
    Ok(lines)
}
