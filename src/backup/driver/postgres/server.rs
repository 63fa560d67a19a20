//! What a server is, which databases it has, and how it would create them again.

use serde::Deserialize;

use super::client::{self, CONTROL, literal};
use crate::backup::driver::tool::ToolFailed;
use crate::backup::driver::{DriverTarget, database_names};

/// A server that answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct PostgresServer {
    pub(super) version: String,
    /// `150018`.
    number: u32,
    is_superuser: bool,
    in_recovery: bool,
    /// False for the server that the image's entry point runs while it initializes the data directory.
    is_final: bool,
}

impl PostgresServer {
    pub(super) fn major(&self) -> u32 {
        self.number / 10000
    }
}

/// A database that can hold data: no template.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct PostgresDatabase {
    pub(super) name: String,
    connectable: bool,
    /// The tuples that were ever written, by the server's counters.
    pub(super) written: u64,
}

/// The major version in `15.18 (Debian 15.18-0+deb12u1)`.
pub(super) fn major(version: &str) -> Option<u32> {
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The entry point of the image is the first process until it hands over to the server.
const ASK: &str = "\\set first `cat /proc/1/comm 2>/dev/null`
SELECT json_build_object('version', current_setting('server_version'),
  'number', current_setting('server_version_num')::int,
  'is_superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
  'in_recovery', pg_is_in_recovery(),
  'is_final', current_setting('listen_addresses') <> '' OR :'first' = 'postgres');
";

/// Asks the server; an error if it does not answer or is not the one that stays.
pub(super) async fn ask(target: DriverTarget<'_>) -> anyhow::Result<PostgresServer> {
    let answer = client::query::<PostgresServer>(target, CONTROL, ASK).await?.into_iter().next();
    let server = answer.ok_or_else(|| ToolFailed::new("the server does not say its version"))?;
    if !server.is_final {
        return Err(ToolFailed::new("the server is being initialized").into());
    }
    if !server.is_superuser {
        return Err(ToolFailed::new("the user of `POSTGRES_USER` is not a superuser").into());
    }
    Ok(server)
}

/// Asks a server that can be written to.
pub(super) async fn ask_writable(target: DriverTarget<'_>) -> anyhow::Result<PostgresServer> {
    let server = ask(target).await?;
    anyhow::ensure!(!server.in_recovery, "the server is a standby, which cannot be written to");
    Ok(server)
}

/// The databases, without those that an interrupted restore has left.
pub(super) async fn databases(target: DriverTarget<'_>) -> anyhow::Result<Vec<PostgresDatabase>> {
    let databases: Vec<PostgresDatabase> = client::query(
        target,
        CONTROL,
        "SELECT json_build_object('name', d.datname, 'connectable', d.datallowconn,
           'written', coalesce(s.tup_inserted + s.tup_updated + s.tup_deleted, 0))
         FROM pg_database d LEFT JOIN pg_stat_database s ON s.datid = d.oid
         WHERE NOT d.datistemplate ORDER BY d.datname;\n",
    )
    .await?;
    Ok(databases.into_iter().filter(|database| !database_names::is_staging(&database.name)).collect())
}

impl PostgresDatabase {
    pub(super) fn ensure_connectable(&self) -> Result<(), ToolFailed> {
        if self.connectable {
            return Ok(());
        }
        Err(ToolFailed::new(format!(
            "database `{}` accepts no connections, so it cannot be dumped",
            self.name
        )))
    }
}

/// The statement that creates a database, for `psql` with the variable `database`.
pub(super) async fn definition(target: DriverTarget<'_>, database: &str) -> anyhow::Result<String> {
    // Not every version has every column.
    let statement = format!(
        "SELECT to_json('CREATE DATABASE :\"database\" TEMPLATE template0 ENCODING ' || quote_literal(pg_encoding_to_char(encoding))
           || ' LC_COLLATE ' || quote_literal(datcollate) || ' LC_CTYPE ' || quote_literal(datctype)
           || CASE to_jsonb(d)->>'datlocprovider'
                WHEN 'i' THEN ' LOCALE_PROVIDER icu ICU_LOCALE '
                  || quote_literal(coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale'))
                WHEN 'b' THEN ' LOCALE_PROVIDER builtin BUILTIN_LOCALE ' || quote_literal(to_jsonb(d)->>'datlocale')
                ELSE '' END || ';')
         FROM pg_database d WHERE datname = {};\n",
        literal(database)
    );
    let mut lines = client::query::<String>(target, CONTROL, &statement).await?;
    let definition = lines.pop().ok_or_else(|| ToolFailed::new(format!("database `{database}` is gone")))?;
    Ok(definition + "\n")
}

/// The statements for what belongs to the database itself and is not in its dump: owner, limits, settings, privileges,
/// comment. For `psql` with the variable `database`.
pub(super) async fn properties(target: DriverTarget<'_>, database: &str) -> anyhow::Result<String> {
    let name = literal(database);
    // The settings that are lists are stored quoted already.
    let statements = format!(
        r#"SELECT to_json(format('ALTER DATABASE :"database" OWNER TO %I;', pg_get_userbyid(datdba)))
  FROM pg_database WHERE datname = {name};
SELECT to_json(format('ALTER DATABASE :"database" CONNECTION LIMIT %s;', datconnlimit))
  FROM pg_database WHERE datname = {name} AND datconnlimit <> -1;
SELECT to_json(format('COMMENT ON DATABASE :"database" IS %L;', shobj_description(oid, 'pg_database')))
  FROM pg_database WHERE datname = {name} AND shobj_description(oid, 'pg_database') IS NOT NULL;
SELECT to_json('REVOKE ALL ON DATABASE :"database" FROM PUBLIC;'::text)
  FROM pg_database WHERE datname = {name} AND datacl IS NOT NULL;
SELECT to_json(format('GRANT %s ON DATABASE :"database" TO %s%s;', a.privilege_type,
    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
    CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END))
  FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = {name} AND a.grantee <> d.datdba;
SELECT to_json(CASE s.setrole WHEN 0 THEN 'ALTER DATABASE :"database"'
      ELSE format('ALTER ROLE %I IN DATABASE :"database"', pg_get_userbyid(s.setrole)) END
    || format(' SET %I TO ', split_part(c, '=', 1))
    || CASE WHEN split_part(c, '=', 1) IN ('search_path', 'session_preload_libraries', 'local_preload_libraries', 'temp_tablespaces')
      THEN substr(c, strpos(c, '=') + 1) ELSE quote_literal(substr(c, strpos(c, '=') + 1)) END || ';')
  FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) c
  WHERE d.datname = {name};
"#
    );
    let lines = client::query::<String>(target, CONTROL, &statements).await?;
    Ok(lines.into_iter().map(|line| line + "\n").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major("17beta1"), Some(17));
        assert_eq!(major("unknown"), None);
    }
}
