//! Asks a server where its writes stand: see [`crate::backup::fingerprint::database_position`].

use std::collections::BTreeMap;

use serde::Deserialize;

use super::client::{self, CONTROL, literal};
use super::server;
use crate::backup::driver::DriverTarget;
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
        let now = Self::ask(target).await?;
        if now.transactions != self.transactions {
            return None;
        }
        position(target, now.transactions, &self.lsn, databases).await
    }
}

/// Whether a server stands exactly where it stood.
pub(super) async fn is_still_at(target: DriverTarget<'_>, then: &WalPosition) -> anyhow::Result<bool> {
    let Some(now) = WrittenUntil::ask(target).await else { return Ok(false) };
    if now.transactions != then.transactions {
        return Ok(false);
    }
    let databases = server::databases(target).await?;
    let names = databases.iter().map(|database| database.name.as_str());
    Ok(position(target, now.transactions, &then.lsn, names).await.as_ref() == Some(then))
}

/// The position with the bytes of the log before `lsn`. `None` if they are not on disk, or not any more.
async fn position<'a>(
    target: DriverTarget<'_>,
    transactions: Transactions,
    lsn: &str,
    databases: impl Iterator<Item = &'a str>,
) -> Option<WalPosition> {
    let log = log_before(target, lsn).await?;
    let mut sequences = BTreeMap::new();
    for database in databases {
        let values = client::query::<String>(target, database, SEQUENCES).await.ok()?;
        sequences.insert(database.to_owned(), values.into_iter().next()?);
    }
    Some(WalPosition { transactions, lsn: lsn.to_owned(), log, sequences })
}

async fn log_before(target: DriverTarget<'_>, lsn: &str) -> Option<String> {
    let lsn = literal(lsn);
    let statement = format!(
        "SELECT to_json(encode(sha256(pg_read_binary_file('pg_wal/' || pg_walfile_name({lsn}), at - length, length, true)), 'hex'))
FROM (SELECT at, least(at, {COMPARED}) AS length FROM
  (SELECT mod({lsn}::pg_lsn - '0/0'::pg_lsn, pg_size_bytes(current_setting('wal_segment_size')))::bigint AS at) p) q
WHERE at >= {LEAST} AND pg_current_wal_flush_lsn() >= {lsn}::pg_lsn;
"
    );
    client::query::<Option<String>>(target, CONTROL, &statement).await.ok()?.into_iter().next()?
}

const SEQUENCES: &str = "SELECT to_json(encode(sha256(convert_to(coalesce(
  string_agg(format('%I.%I=%s', schemaname, sequencename, last_value), ',' ORDER BY schemaname, sequencename), ''),
  'UTF8')), 'hex')) FROM pg_sequences;
";
