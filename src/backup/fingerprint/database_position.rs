//! Where the writes of a database server stood, so that a later look can prove that nothing was written since.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// See the head of this file. Two positions are equal only if nothing was written in between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "server", rename_all = "lowercase")]
pub enum DatabasePosition {
    PostgreSql(WalPosition),
    MySql(RedoPosition),
}

/// Of PostgreSQL.
///
/// Every transaction that writes is given the next transaction id, and keeps it until it has ended. So the same snapshot means
/// that none has begun to write and none has ended, as long as the history before is the same. Files that were put back by
/// somebody have the counters of their own time; the bytes of the write-ahead log, with the times of the commits in them,
/// tell such a history from this one. A sequence may be advanced without a transaction id, so sequences are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalPosition {
    #[serde(flatten)]
    pub transactions: Transactions,
    /// A position in the write-ahead log, after the last commit, and on disk.
    pub lsn: String,
    /// SHA-256 of the last bytes of the log before that position.
    pub log: String,
    /// SHA-256 of the values of all sequences, by database.
    pub sequences: BTreeMap<String, String>,
}

/// Which transactions a PostgreSQL server has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transactions {
    /// The identifier of the database cluster.
    pub system: String,
    pub timeline: u32,
    /// `xmin:xmax:xip,…`: the next transaction id, and the transactions under way.
    pub snapshot: String,
}

/// Of MySQL and MariaDB, where all tables are InnoDB's.
///
/// InnoDB writes to its redo log before it changes anything. Within one run of the server, nobody can put other files in the
/// place of its own. MariaDB keeps accounts, routines, views and triggers elsewhere, so they are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedoPosition {
    /// When the container was started, as the engine says.
    pub started: String,
    /// The number of bytes that were ever written to the redo log.
    pub lsn: u64,
    /// SHA-256 of the accounts and of the definitions of everything in the databases.
    pub definitions: String,
}
