//! The names of the files of databases in a backup.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// The directory of a database in a backup: unique, and readable for usual names.
pub(super) fn directory(database: &str) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');
    format!("databases/{}", percent_encode(database.as_bytes(), ESCAPED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_readable_and_stays_inside() {
        assert_eq!(directory("my-app_2"), "databases/my-app_2");
        assert_eq!(directory("my-app/../x"), "databases/my-app%2F%2E%2E%2Fx");
    }
}
