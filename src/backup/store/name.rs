//! The name of a backup: `<store id>_backup_YYYYMMDD_HHMMSS`, in UTC.

use std::fmt;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::StoreError;

const BETWEEN: &str = "_backup_";
const FORMAT: &str = "%Y%m%d_%H%M%S";
const LENGTH: usize = "YYYYMMDD_HHMMSS".len();

/// Files that other modules keep in the backup directory.
pub(super) const TAKEN: &[&str] = &["journal.jsonl", crate::backup::repository::STATE_FILE];

/// The name of a backup set starts with this.
pub(in crate::backup) const SET_PREFIX: &str = "backup_set_";

/// The name of a backup set of format version 1 starts with this. No store has such a name.
const OLD_SET_PREFIX: &str = "stack_backup_";

/// The baseline beside the backups of a store.
pub(in crate::backup) const BASELINE: &str = "last_stop.json";

/// The baselines of other projects that use the same directory start with this.
pub(in crate::backup) const OTHER_BASELINE_PREFIX: &str = "last_stop-";

/// Whether a file beside the backups of a store is a baseline.
pub(in crate::backup) fn is_baseline(name: &str) -> bool {
    name == BASELINE
        || name
            .strip_prefix(OTHER_BASELINE_PREFIX)
            .and_then(|rest| rest.strip_suffix(".json"))
            .is_some_and(|digest| !digest.is_empty() && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The name of one backup; its time has no fraction of a second.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    store: String,
    time: Timestamp,
}

impl Name {
    pub fn new(store: &str, time: Timestamp) -> Result<Self, StoreError> {
        Ok(Self { store: valid_store(store)?.to_owned(), time: whole(time) })
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (store, time) = text.rsplit_once(BETWEEN)?;
        Some(Self { store: valid_store(store).ok()?.to_owned(), time: parse_stamp(time)? })
    }

    pub fn store(&self) -> &str {
        &self.store
    }

    pub fn time(&self) -> Timestamp {
        self.time
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{BETWEEN}{}", self.store, stamp(self.time))
    }
}

/// Whether a file in the backup directory has the name of a backup set.
pub(in crate::backup) fn is_set(name: &str) -> bool {
    [SET_PREFIX, OLD_SET_PREFIX].iter().any(|prefix| {
        name.strip_prefix(prefix)
            .and_then(|rest| rest.strip_suffix(".json"))
            .is_some_and(|time| parse_stamp(time).is_some())
    })
}

/// `YYYYMMDD_HHMMSS`, in UTC.
pub(in crate::backup) fn stamp(time: Timestamp) -> String {
    time.strftime(FORMAT).to_string()
}

pub(in crate::backup) fn parse_stamp(text: &str) -> Option<Timestamp> {
    let digits =
        text.bytes().enumerate().all(|(at, byte)| if at == 8 { byte == b'_' } else { byte.is_ascii_digit() });
    if text.len() != LENGTH || !digits {
        return None;
    }
    let time = DateTime::strptime(FORMAT, text).ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

/// Without the fraction of a second.
pub(in crate::backup) fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second() - i64::from(time.subsec_nanosecond() < 0)).unwrap_or(time)
}

/// Waits for the next second and returns it: a backup is never dated later than now.
pub(in crate::backup) fn next_second(time: Timestamp) -> Timestamp {
    let next = whole(time).saturating_add(SignedDuration::from_secs(1)).unwrap_or(time);
    let ahead = next.duration_since(Timestamp::now());
    std::thread::sleep(Duration::try_from(ahead).unwrap_or_default().min(Duration::from_secs(1)));
    next
}

/// Compose takes `[a-zA-Z0-9._-]+` as the name of a service. Of these, hidden names, names that leave the directory, and
/// names of other files in it are refused.
pub(super) fn valid_store(id: &str) -> Result<&str, StoreError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let sound = !id.is_empty()
        && id.len() <= 200
        && id.bytes().all(allowed)
        && !id.starts_with('.')
        && !TAKEN.contains(&id)
        && !id.starts_with(OLD_SET_PREFIX)
        && !is_set(id);
    if sound { Ok(id) } else { Err(StoreError::BadStoreId(id.to_owned())) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_shows_its_time_in_utc() {
        let name = Name::new("db", "2026-08-01T12:30:05.7+02:00".parse().expect("a time")).expect("a store");
        assert_eq!(name.to_string(), "db_backup_20260801_103005");
    }

    #[test]
    fn what_is_no_name_is_not_read_as_one() {
        for text in [
            "db_backup_20260801_1030",
            "db_backup_20261301_103005",
            "db_backup_20260801-103005",
            "db_backup_+0260801_103005",
            "_backup_20260801_103005",
            ".._backup_20260801_103005",
            "db_20260801_103005",
            "a/b_backup_20260801_103005",
        ] {
            assert_eq!(Name::parse(text), None, "{text}");
        }
        let nested = Name::parse("db_backup_20260101_000000_backup_20260801_103005").expect("a name");
        assert_eq!(nested.store(), "db_backup_20260101_000000");
    }

    #[test]
    fn a_store_that_would_climb_hide_or_meet_a_file_of_the_root_is_refused() {
        for id in [
            "",
            ".",
            "..",
            ".x",
            "a/b",
            "a b",
            "ä",
            "journal.jsonl",
            "stack_backup_x",
            "backup_set_20261124_032008.json",
            &"a".repeat(201),
        ] {
            assert!(matches!(valid_store(id), Err(StoreError::BadStoreId(_))), "{id}");
        }
        for id in ["db", "db-2", "A.b_c-9", "-x", "_"] {
            assert!(valid_store(id).is_ok(), "{id}");
        }
    }

    #[test]
    fn the_names_of_backup_sets_of_both_formats_are_known() {
        for name in ["backup_set_20261124_032008.json", "stack_backup_20261124_032008.json"] {
            assert!(is_set(name), "{name}");
        }
        for name in ["backup_set_x.json", "backup_set_20261124_032008", "backup_20261124_032008.json"] {
            assert!(!is_set(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_read_as_it_was_shown(store in "[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,40}", second in 0i64..4_000_000_000) {
            prop_assume!(valid_store(&store).is_ok());
            let name = Name::new(&store, Timestamp::from_second(second).expect("a time")).expect("a store");
            prop_assert_eq!(Name::parse(&name.to_string()), Some(name));
        }
    }
}
