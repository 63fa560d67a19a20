//! Asks a server where its writes stand: see [`crate::backup::fingerprint::database_position`].

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use serde::Deserialize;

use super::client::{self, CONTROL, literal};
use crate::backup::driver::{DriverTarget, database_names};
use crate::backup::fingerprint::database_position::{Transactions, WalPosition};

/// How many bytes of the log are compared.
const COMPARED: u32 = 8192;

/// A position closer to the beginning of a file of the log has too little before it to be compared, in bytes.
const LEAST: u32 = 256;

/// Where the writes of a server stood.
#[derive(Debug, Deserialize)]
pub(super) struct WrittenUntil {
    #[serde(flatten)]
    transactions: Transactions,
    /// Not what is on disk, but what was written: everything that was committed is before it.
    lsn: String,
}

const ASK: &str = "SELECT json_build_object('system', s.system_identifier::text, 'timeline', c.timeline_id,
  'snapshot', txid_current_snapshot()::text, 'lsn', pg_current_wal_insert_lsn()::text)
FROM pg_control_system() s, pg_control_checkpoint() c WHERE NOT pg_is_in_recovery();
";

impl WrittenUntil {
    /// `None` for a server that does not say it: a standby, a version before 10.
    pub(super) async fn ask(target: DriverTarget<'_>) -> Option<Self> {
        client::query(target, CONTROL, ASK).await.ok()?.into_iter().next()
    }

    /// The position, if no transaction has begun to write or has ended its writes until now.
    pub(super) async fn if_still<'a>(
        self,
        target: DriverTarget<'_>,
        databases: impl Iterator<Item = &'a str>,
    ) -> Option<WalPosition> {
        let now = position(target, &self.lsn, &databases.collect()).await?;
        (now.transactions == self.transactions).then_some(now)
    }
}

/// Whether a server stands exactly where it stood.
pub(super) async fn is_still_at(target: DriverTarget<'_>, then: &WalPosition) -> bool {
    let databases = then.sequences.keys().map(String::as_str).collect();
    position(target, &then.lsn, &databases).await.as_ref() == Some(then)
}

/// Where a server stands now.
#[derive(Debug, Deserialize)]
struct Standing {
    #[serde(flatten)]
    transactions: Transactions,
    /// SHA-256 of the bytes of the log before a position.
    log: Option<String>,
    databases: BTreeSet<String>,
    /// Of the database that was asked.
    sequences: String,
}

/// The position with the bytes of the log before `lsn`. `None` if they are not on disk, or not any more, or if the server has
/// other databases than these.
///
/// To start a program in a container takes much longer than the question, so each database is asked only once.
async fn position(target: DriverTarget<'_>, lsn: &str, databases: &BTreeSet<&str>) -> Option<WalPosition> {
    let mut names = databases.iter().copied();
    let first = names.next();
    let answers = client::query::<Standing>(target, first.unwrap_or(CONTROL), &standing(lsn)).await.ok()?;
    let Standing { transactions, log, databases: found, sequences } = answers.into_iter().next()?;
    let found = found.iter().map(String::as_str).filter(|name| !database_names::is_staging(name));
    if !found.eq(databases.iter().copied()) {
        return None;
    }
    let others = try_join_all(names.map(async |name| {
        let values =
            client::query::<String>(target, name, &format!("SELECT to_json({SEQUENCES});\n")).await?;
        anyhow::Ok((name.to_owned(), values.into_iter().next().unwrap_or_default()))
    }));
    let others = others.await.ok()?;
    let first = first.map(|name| (name.to_owned(), sequences));
    let sequences = first.into_iter().chain(others).collect();
    Some(WalPosition { transactions, lsn: lsn.to_owned(), log: log?, sequences })
}

/// Asks for a [`Standing`].
fn standing(lsn: &str) -> String {
    let lsn = literal(lsn);
    format!(
        "SELECT json_build_object('system', s.system_identifier::text, 'timeline', c.timeline_id,
  'snapshot', txid_current_snapshot()::text,
  'databases', (SELECT coalesce(json_agg(datname), '[]') FROM pg_database WHERE NOT datistemplate),
  'log', (SELECT encode(sha256(pg_read_binary_file('pg_wal/' || pg_walfile_name({lsn}), at - length, length, true)), 'hex')
    FROM (SELECT at, least(at, {COMPARED}) AS length FROM
      (SELECT mod({lsn}::pg_lsn - '0/0'::pg_lsn, pg_size_bytes(current_setting('wal_segment_size')))::bigint AS at) p) q
    WHERE at >= {LEAST} AND pg_current_wal_flush_lsn() >= {lsn}::pg_lsn),
  'sequences', {SEQUENCES})
FROM pg_control_system() s, pg_control_checkpoint() c WHERE NOT pg_is_in_recovery();
"
    )
}

/// SHA-256 of the values of the sequences of a database.
const SEQUENCES: &str = "(SELECT encode(sha256(convert_to(coalesce(
  string_agg(format('%I.%I=%s', schemaname, sequencename, last_value), ',' ORDER BY schemaname, sequencename), ''),
  'UTF8')), 'hex') FROM pg_sequences)";
