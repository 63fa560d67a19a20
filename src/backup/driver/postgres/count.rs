//! What a database contains, counted exactly.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::client;
use crate::backup::driver::DriverTarget;
use crate::backup::fingerprint::DatabaseFingerprint;

/// One JSON object for the database.
const OBJECTS: &str = r"SELECT json_build_object(
  'objects', (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid >= 16384 AND n.nspname !~ '^pg_')
    + (SELECT count(*) FROM pg_proc WHERE oid >= 16384)
    + (SELECT count(*) FROM pg_type WHERE oid >= 16384 AND typtype = 'e')
    + (SELECT count(*) FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_')
    + (SELECT count(*) FROM pg_extension WHERE oid >= 16384)
    + (SELECT count(*) FROM pg_largeobject_metadata),
  'large_objects', (SELECT count(*) FROM pg_largeobject_metadata),
  'extensions', (SELECT json_object_agg(extname, extversion) FROM pg_extension));
";

/// One JSON object for each table. An extension's own tables have the rows that its version has.
const TABLES: &str = r"SELECT format('SELECT json_build_object(''table'', %L::text, ''rows'', count(*)) FROM ONLY %I.%I;',
    n.nspname || '.' || c.relname, n.nspname, c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_depend d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ORDER BY n.nspname, c.relname
\gexec
";

/// The statements that count everything.
pub(super) fn statements() -> String {
    format!("{OBJECTS}{TABLES}")
}

/// A line of the answer.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Counted {
    Table { table: String, rows: u64 },
    Database { objects: u64, large_objects: u64, extensions: Option<BTreeMap<String, String>> },
}

/// Combines the lines of the answer.
pub(super) fn collect(lines: impl IntoIterator<Item = Counted>) -> DatabaseFingerprint {
    let mut found = DatabaseFingerprint::default();
    for line in lines {
        match line {
            Counted::Table { table, rows } => {
                found.tables.insert(table, rows);
            }
            Counted::Database { objects, large_objects, extensions } => {
                found.objects = objects;
                found.large_objects = large_objects;
                found.extensions = extensions.unwrap_or_default();
            }
        }
    }
    found
}

/// Counts everything in a database.
pub(super) async fn everything(
    target: DriverTarget<'_>,
    database: &str,
) -> anyhow::Result<DatabaseFingerprint> {
    Ok(collect(client::query(target, database, &statements()).await?))
}

/// The number of objects that users have created in a database.
pub(super) async fn objects(target: DriverTarget<'_>, database: &str) -> anyhow::Result<u64> {
    Ok(collect(client::query(target, database, OBJECTS).await?).objects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::driver::databases::difference;

    #[test]
    fn lines_are_read_and_compared() {
        let lines = [
            r#"{"objects" : 3, "large_objects" : 1, "extensions" : {"plpgsql": "1.0"}}"#,
            r#"{"table" : "public.t", "rows" : 7}"#,
        ];
        let read = || collect(lines.iter().map(|line| serde_json::from_str(line).expect("a line")));
        let recorded = read();
        assert_eq!((recorded.objects, recorded.large_objects, recorded.rows()), (3, 1, 7));
        assert_eq!(difference(&recorded, &read()), None);
        let mut fewer = read();
        fewer.tables.insert("public.t".into(), 6);
        let shown = difference(&recorded, &fewer);
        assert_eq!(shown.as_deref(), Some("table `public.t` has 6 rows instead of 7"));
        let empty = difference(&recorded, &DatabaseFingerprint::default());
        assert_eq!(empty.as_deref(), Some("table `public.t` is missing"));
    }
}
