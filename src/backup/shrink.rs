//! Whether a backup has far less than the one before it, which may be the first sign of a loss.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;

/// Fewer entries than this may come and go.
const FEW: u64 = 100;
/// Fewer bytes than this may come and go: 10 MiB.
const SMALL: u64 = 10 << 20;

/// A backup that has less than half of what the last good one had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shrinkage {
    /// The good one.
    pub since: String,
    pub created: Timestamp,
    /// What that one had: files, points or rows.
    pub entries: u64,
    /// Its bytes; `None` for a server, whose files say little about its contents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// The last good backup.
#[derive(Debug, Clone, Copy)]
pub struct Good<'a> {
    pub name: &'a str,
    pub created: Timestamp,
    pub contents: &'a Fingerprint,
}

impl Shrinkage {
    /// Compares what was just backed up with the last good backup: less than half of its entries, if it had at least a
    /// hundred, or less than half of its bytes, if it had at least 10 MiB.
    pub fn between(good: Good<'_>, now: &Fingerprint) -> Option<Self> {
        let ((entries, bytes), (entries_now, bytes_now)) = match (good.contents, now) {
            (one @ Fingerprint::Qdrant(_), now @ Fingerprint::Qdrant(_))
            | (one @ Fingerprint::Volume { .. }, now @ Fingerprint::Volume { .. })
            | (one @ Fingerprint::Databases(_), now @ Fingerprint::Databases(_)) => {
                (measure(one), measure(now))
            }
            // What was counted differs.
            (Fingerprint::Qdrant(_) | Fingerprint::Volume { .. } | Fingerprint::Databases(_), _) => {
                return None;
            }
        };
        let halved = |before: u64, now: u64, least: u64| before >= least && now < before.div_ceil(2);
        let shrank = halved(entries, entries_now, FEW)
            || halved(bytes.unwrap_or_default(), bytes_now.unwrap_or_default(), SMALL);
        shrank.then(|| Self { since: good.name.to_owned(), created: good.created, entries, bytes })
    }
}

/// Entries and bytes.
fn measure(contents: &Fingerprint) -> (u64, Option<u64>) {
    match contents {
        Fingerprint::Volume { entries, bytes } => (*entries, Some(*bytes)),
        Fingerprint::Databases(databases) => (databases.rows(), None),
        Fingerprint::Qdrant(qdrant) => {
            (qdrant.collections.values().filter_map(|collection| collection.points).sum(), None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_half_of_much_has_shrunk() {
        let volume = |entries, bytes| Fingerprint::Volume { entries, bytes };
        let shrank = |good: &Fingerprint, entries, bytes| {
            let good =
                Good { name: "db_backup_20260801_100000", created: Timestamp::UNIX_EPOCH, contents: good };
            Shrinkage::between(good, &volume(entries, bytes)).is_some()
        };
        let many = volume(1000, 50 << 20);
        assert!(!shrank(&many, 500, 25 << 20));
        assert!(shrank(&many, 499, 50 << 20));
        assert!(shrank(&many, 1000, (25 << 20) - 1));
        assert!(!shrank(&volume(99, (10 << 20) - 1), 0, 0), "so little may come and go");
    }
}
