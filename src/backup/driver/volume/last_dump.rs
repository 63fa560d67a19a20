//! Compares what a server finds in a copy of its files with the last dump that was made of it before.
//!
//! While files are copied, their server is stopped or paused, so it cannot count anything. If it proves that nothing was
//! written between the dump and the copy, the copy has the rows that were counted for the dump.

use crate::backup::driver::{DriverTarget, databases};
use crate::backup::fingerprint::DatabasesFingerprint;
use crate::backup::store::Backup;

/// The result of the comparison.
pub(super) enum Comparison {
    /// Nothing was written in between, and everything that was counted then is there.
    Equal,
    /// Nothing was written in between, and something differs.
    Different(String),
    /// Something may have been written in between, so a difference would prove nothing.
    NotPossible,
}

/// Compares what the server on the copy has counted with a dump.
pub(super) async fn compare(
    target: DriverTarget<'_>,
    dump: &Backup,
    now: &DatabasesFingerprint,
) -> Comparison {
    let Ok(recorded) = databases::recorded(dump) else { return Comparison::NotPossible };
    let is_unchanged = dump.manifest.kind.driver().is_unchanged_since(target, dump).await;
    // A server that does not say where its writes stand proves nothing about the copy.
    if !is_unchanged.unwrap_or(false) {
        return Comparison::NotPossible;
    }
    match difference(recorded, now) {
        None => Comparison::Equal,
        Some(difference) => {
            Comparison::Different(format!("nothing was written since `{}`, and {difference}", dump.name()))
        }
    }
}

fn difference(recorded: &DatabasesFingerprint, now: &DatabasesFingerprint) -> Option<String> {
    for (name, database) in &recorded.databases {
        let Some(found) = now.databases.get(name) else {
            return Some(format!("database `{name}` is missing"));
        };
        if let Some(difference) = databases::difference(database, found) {
            return Some(format!("database `{name}`: {difference}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::backup::fingerprint::DatabaseFingerprint;

    fn server(rows: &[(&str, u64)]) -> DatabasesFingerprint {
        let tables = rows.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect();
        let app = DatabaseFingerprint { tables, ..DatabaseFingerprint::default() };
        let databases = BTreeMap::from([("app".to_owned(), app)]);
        DatabasesFingerprint { version: "15.18".into(), databases, position: None }
    }

    #[test]
    fn every_database_of_the_dump_is_compared() {
        let recorded = server(&[("public.t", 7)]);
        assert_eq!(difference(&recorded, &recorded), None);
        let fewer = difference(&recorded, &server(&[("public.t", 6)])).expect("one row less");
        assert_eq!(fewer, "database `app`: table `public.t` has 6 rows instead of 7");
        let none = DatabasesFingerprint { databases: BTreeMap::new(), ..server(&[]) };
        assert_eq!(difference(&recorded, &none).expect("nothing"), "database `app` is missing");
    }
}
