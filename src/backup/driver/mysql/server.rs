//! What a server is, which databases and users it has, and what is in them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::client::{self, identifier, literal};
use crate::backup::driver::tool::ToolFailed;
use crate::backup::driver::{DriverTarget, database_names};

/// The databases of the server itself.
const OWN: &str = "('mysql', 'information_schema', 'performance_schema', 'sys')";

/// A server that answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct MySqlServer {
    /// `10.11.18-MariaDB-deb12u1`, `8.4.2`.
    pub(super) version: String,
    /// 0 for the server that the image's entry point runs while it initializes the data directory.
    is_final: u8,
}

impl MySqlServer {
    pub(super) fn is_mariadb(&self) -> bool {
        is_mariadb(&self.version)
    }
}

pub(super) fn is_mariadb(version: &str) -> bool {
    version.contains("MariaDB")
}

/// The numbers of a version that count for dumps: major and minor.
pub(super) fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(|letter: char| !letter.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

pub(super) async fn ask(target: DriverTarget<'_>) -> anyhow::Result<MySqlServer> {
    let statement = "SELECT JSON_OBJECT('version', @@version, 'is_final', IF(@@skip_networking, 0, 1));\n";
    let server = client::query::<MySqlServer>(target, statement).await?.into_iter().next();
    let server = server.ok_or_else(|| ToolFailed::new("the server does not say its version"))?;
    if server.is_final == 0 {
        return Err(
            ToolFailed::new("the server is being initialized, or accepts no connections by network").into()
        );
    }
    Ok(server)
}

/// A database of users.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct MySqlDatabase {
    pub(super) name: String,
    charset: String,
    collation: String,
}

impl MySqlDatabase {
    pub(super) fn definition(&self) -> String {
        let Self { name, charset, collation } = self;
        format!("CREATE DATABASE {} CHARACTER SET {charset} COLLATE {collation};\n", identifier(name))
    }
}

pub(super) async fn databases(target: DriverTarget<'_>) -> anyhow::Result<Vec<MySqlDatabase>> {
    let is_own = |one: &MySqlDatabase| database_names::is_staging(&one.name);
    Ok(all_databases(target).await?.into_iter().filter(|one| !is_own(one)).collect())
}

/// The databases in which restores are tried.
pub(super) async fn staging(target: DriverTarget<'_>) -> anyhow::Result<Vec<String>> {
    let names = all_databases(target).await?.into_iter().map(|one| one.name);
    Ok(names.filter(|name| database_names::is_staging(name)).collect())
}

async fn all_databases(target: DriverTarget<'_>) -> anyhow::Result<Vec<MySqlDatabase>> {
    let statement = format!(
        "SELECT JSON_OBJECT('name', schema_name, 'charset', default_character_set_name, 'collation', default_collation_name)
         FROM information_schema.schemata WHERE schema_name NOT IN {OWN} ORDER BY schema_name;\n"
    );
    client::query(target, &statement).await
}

/// A table or a view.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct MySqlTable {
    pub(super) name: String,
    kind: String,
    engine: Option<String>,
}

impl MySqlTable {
    pub(super) fn has_rows(&self) -> bool {
        self.kind == "BASE TABLE"
    }

    /// Whether it can be moved to another database: a view or a sequence has no data of its own.
    pub(super) fn is_movable(&self) -> bool {
        self.has_rows() || self.kind == "SYSTEM VERSIONED"
    }

    /// Whether a transaction reads it as it was when the transaction began.
    pub(super) fn is_transactional(&self) -> bool {
        !self.has_rows()
            || self.engine.as_deref().is_some_and(|engine| ["InnoDB", "ROCKSDB", "RocksDB"].contains(&engine))
    }

    /// Whether every change of it is in InnoDB's redo log: a view, which has no engine, has only a definition.
    pub(super) fn is_in_redo_log(&self) -> bool {
        self.engine.as_deref().is_none_or(|engine| engine == "InnoDB")
    }
}

pub(super) async fn tables(target: DriverTarget<'_>, database: &str) -> anyhow::Result<Vec<MySqlTable>> {
    let statement = format!(
        "SELECT JSON_OBJECT('name', table_name, 'kind', table_type, 'engine', engine)
         FROM information_schema.tables WHERE table_schema = {} ORDER BY table_name;\n",
        literal(database)
    );
    client::query(target, &statement).await
}

/// The number of tables, views, routines, triggers and events.
pub(super) async fn objects(target: DriverTarget<'_>, database: &str) -> anyhow::Result<u64> {
    let name = literal(database);
    let statement = format!(
        "SELECT (SELECT count(*) FROM information_schema.tables WHERE table_schema = {name})
          + (SELECT count(*) FROM information_schema.routines WHERE routine_schema = {name})
          + (SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = {name})
          + (SELECT count(*) FROM information_schema.events WHERE event_schema = {name});\n"
    );
    let counted = client::query::<u64>(target, &statement).await?.into_iter().next();
    counted.ok_or_else(|| ToolFailed::new("the server does not count").into())
}

/// Counts the rows of every table.
pub(super) async fn rows(target: DriverTarget<'_>, database: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let tables = tables(target, database).await?;
    let count = |table: &MySqlTable| {
        let place = format!("{}.{}", identifier(database), identifier(&table.name));
        format!("SELECT JSON_ARRAY({}, count(*)) FROM {place};\n", literal(&table.name))
    };
    let statements: String = tables.iter().filter(|table| table.has_rows()).map(count).collect();
    Ok(client::query::<(String, u64)>(target, &statements).await?.into_iter().collect())
}

/// A digest of the names and the contents of all tables. Reads all of them.
pub(super) async fn checksum(target: DriverTarget<'_>, database: &str) -> anyhow::Result<u64> {
    let tables = tables(target, database).await?;
    let mut digest = Sha256::new();
    for table in tables.iter().filter(|table| table.is_movable()) {
        let place = format!("{}.{}", identifier(database), identifier(&table.name));
        let printed = client::lines(target, &format!("CHECKSUM TABLE {place} EXTENDED;\n")).await?;
        // The name of the table, which may contain anything, and the checksum.
        let checksum = printed.last().and_then(|line| line.rsplit_once('\t')).map(|(_, checksum)| checksum);
        let checksum = checksum.filter(|checksum| checksum.parse::<u64>().is_ok());
        let checksum = checksum.with_context(|| format!("table `{}` has no checksum", table.name))?;
        digest.update(format!("{}\0{checksum}\0", table.name));
    }
    let digest: [u8; 32] = digest.finalize().into();
    Ok(u64::from_le_bytes(digest[..8].try_into().expect("eight bytes")))
}

/// The names of the triggers.
pub(super) async fn triggers(target: DriverTarget<'_>, database: &str) -> anyhow::Result<Vec<String>> {
    let statement = format!(
        "SELECT JSON_QUOTE(trigger_name) FROM information_schema.triggers WHERE trigger_schema = {};\n",
        literal(database)
    );
    client::query(target, &statement).await
}

/// The accounts and roles, as `'name'@'host'`; roles of MariaDB without a host.
pub(super) async fn accounts(
    target: DriverTarget<'_>,
    server: &MySqlServer,
) -> anyhow::Result<BTreeSet<String>> {
    let role = if server.is_mariadb() { "IF(is_role = 'Y', QUOTE(user), NULL)" } else { "NULL" };
    let statement = format!(
        "SELECT JSON_QUOTE(COALESCE({role}, CONCAT(QUOTE(user), '@', QUOTE(host)))) FROM mysql.user
         WHERE user NOT LIKE 'mysql.%' AND user NOT IN ('mariadb.sys', 'PUBLIC');\n"
    );
    Ok(client::query::<String>(target, &statement).await?.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(release("10.11.18-MariaDB-0+deb12u1"), Some((10, 11)));
        assert_eq!(release("8.4.2"), Some((8, 4)));
        assert_eq!(release("new"), None);
    }

    #[test]
    fn a_definition_is_quoted() {
        let database =
            MySqlDatabase { name: "a`b".into(), charset: "utf8mb4".into(), collation: "utf8mb4_bin".into() };
        assert_eq!(
            database.definition(),
            "CREATE DATABASE `a``b` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;\n"
        );
    }
}
