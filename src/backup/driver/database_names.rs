//! The names of databases that a restore uses, of PostgreSQL, MySQL and MariaDB.

use jiff::Timestamp;

/// A database that is being restored has a name that begins with this.
pub(super) const STAGING: &str = "safe_compose_new_";

/// PostgreSQL cuts longer names off, in bytes. MySQL and MariaDB accept one character more.
const LONGEST: usize = 63;

pub(super) fn staging(number: usize) -> String {
    format!("{STAGING}{number}")
}

pub(super) fn is_staging(name: &str) -> bool {
    name.starts_with(STAGING)
}

/// The name of a database that a restore has replaced.
pub(super) fn replaced(name: &str, time: Timestamp) -> String {
    let suffix = format!("_before_restore_{}", time.strftime("%Y%m%d_%H%M%S"));
    let mut end = name.len().min(LONGEST - suffix.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit() {
        let time: Timestamp = "2026-08-01T10:00:00Z".parse().expect("a time");
        assert_eq!(replaced("app", time), "app_before_restore_20260801_100000");
        let long = "ä".repeat(31);
        let replaced = replaced(&long, time);
        assert!(
            replaced.len() <= LONGEST && replaced.ends_with("_before_restore_20260801_100000"),
            "{replaced}"
        );
        assert!(is_staging(&staging(3)) && !is_staging("app"));
    }
}
