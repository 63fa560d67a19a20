//! Dumps every database with `mysqldump` or `mariadb-dump` while the server runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::client;
use super::redo;
use super::rows::RowCounter;
use super::server::{self, MySqlDatabase, MySqlServer};
use super::users;
use crate::backup::consistency::Consistency;
use crate::backup::driver::tool::ToolFailed;
use crate::backup::driver::{DriverTarget, Dump, names};
use crate::backup::fingerprint::database_position::DatabasePosition;
use crate::backup::fingerprint::{DatabaseFingerprint, DatabasesFingerprint, Fingerprint};
use crate::backup::manifest::{Artifact, ArtifactContents, Proof};
use crate::backup::store::Staging;
use crate::progress::Unit;
use crate::units::{Bytes, count};

/// The last line of a complete dump begins with this.
const END: &[u8] = b"\n-- Dump completed";

/// How much of the end of a dump is looked at.
const TAIL: usize = 256;

pub(super) async fn dump(target: DriverTarget<'_>, into: &mut Staging) -> anyhow::Result<Dump> {
    let server = server::ask(target).await?;
    let start = redo::lsn(target).await;
    let accounts = server::accounts(target, &server).await?;
    let users = users::dump(target, &server, &accounts).await?;
    let mut artifacts = vec![into.write("users.sql", users.as_bytes(), ArtifactContents::ServerGlobals)?];
    let (mut found, mut remarks) = (BTreeMap::new(), Vec::new());
    for database in server::databases(target).await? {
        let (fingerprint, files, remark) = dump_one(target, &server, &database, into).await?;
        found.insert(database.name, fingerprint);
        artifacts.extend(files);
        remarks.extend(remark);
    }
    let position = match start {
        Some(lsn) => redo::if_still_at(target, &server, lsn).await?,
        None => None,
    };
    Ok(Dump {
        server: Some(server.version.clone()),
        manual_restore: manual_restore(target, &artifacts)?,
        fingerprint: Fingerprint::Databases(DatabasesFingerprint {
            version: server.version,
            databases: found,
            position: position.map(|one| Box::new(DatabasePosition::MySql(one))),
        }),
        artifacts,
        proof: Proof::Readable,
        consistency: Consistency::Dumped,
        tree: None,
        sqlite: Vec::new(),
        remarks,
    })
}

/// The end of a dump, and the rows in it.
#[derive(Default)]
struct Seen {
    counter: RowCounter,
    tail: Vec<u8>,
}

async fn dump_one(
    target: DriverTarget<'_>,
    server: &MySqlServer,
    database: &MySqlDatabase,
    into: &Staging,
) -> anyhow::Result<(DatabaseFingerprint, Vec<Artifact>, Option<String>)> {
    let directory = names::directory(&database.name);
    let name = || database.name.clone();
    let contents = ArtifactContents::DatabaseDefinition { database: name() };
    let definition =
        into.write(&format!("{directory}/create.sql"), database.definition().as_bytes(), contents)?;
    let tables = server::tables(target, &database.name).await?;
    let locked: Vec<&str> =
        tables.iter().filter(|table| !table.is_transactional()).map(|table| table.name.as_str()).collect();
    let objects = server::objects(target, &database.name).await?;
    let mut args = vec!["--quick", "--routines", "--triggers", "--events", "--hex-blob"];
    args.push(if locked.is_empty() { "--single-transaction" } else { "--lock-tables" });
    if !server.is_mariadb() {
        args.push("--set-gtid-purged=OFF");
    }
    args.extend(["--", database.name.as_str()]);
    let path = format!("{directory}/database.sql");
    let task = target.progress.begin(&format!("dumping {}", database.name), Unit::Bytes, None);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let look = Arc::clone(&seen);
    let tool = client::dump(&args);
    let saved = tool.save(target, into.create(&path)?, task.as_ref(), move |chunk: &[u8]| {
        let mut seen = look.lock().unwrap_or_else(PoisonError::into_inner);
        seen.counter.read(chunk);
        seen.tail.extend_from_slice(chunk);
        let excess = seen.tail.len().saturating_sub(TAIL);
        seen.tail.drain(..excess);
    });
    let (bytes, digest) = saved.await?;
    let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    if !seen.tail.windows(END.len()).any(|end| end == END) {
        return Err(ToolFailed::new(format!("the dump of `{}` has no end", database.name)).into());
    }
    let mut counted = DatabaseFingerprint { objects, ..DatabaseFingerprint::default() };
    for table in tables.iter().filter(|table| table.has_rows()) {
        counted.tables.insert(table.name.clone(), 0);
    }
    counted.tables.extend(seen.counter.rows);
    task.finish(&format!(
        "dumped {}: {} in {}, {}",
        database.name,
        count(counted.rows(), "row"),
        count(counted.tables.len() as u64, "table"),
        Bytes(bytes)
    ));
    let contents = ArtifactContents::DatabaseDump { database: name() };
    let dumped = Artifact { path, bytes, sha256: digest.to_string(), contents };
    let remark = (!locked.is_empty()).then(|| {
        format!(
            "the tables of `{}` were locked against writing during the dump, because of tables without transactions: {}",
            database.name,
            locked.join(", ")
        )
    });
    Ok((counted, vec![definition, dumped], remark))
}

fn manual_restore(target: DriverTarget<'_>, artifacts: &[Artifact]) -> anyhow::Result<Vec<String>> {
    let container = shell_words::quote(&target.container()?.name).into_owned();
    let mut lines = vec![
        "Into a server of the same or a newer version, with the password of `root` in MYSQL_PWD; `mysql` or `mariadb`:"
            .to_owned(),
    ];
    for artifact in artifacts {
        let database = match &artifact.contents {
            ArtifactContents::DatabaseDump { database } => shell_words::quote(database).into_owned(),
            ArtifactContents::DatabaseDefinition { .. } | ArtifactContents::ServerGlobals => String::new(),
            _ => continue,
        };
        let path = shell_words::quote(&artifact.path);
        lines.push(format!("docker exec -i -e MYSQL_PWD {container} mysql -uroot {database} < {path}"));
    }
    Ok(lines)
}
