//! The names of databases that a restore uses, of PostgreSQL, MySQL and MariaDB.

use jiff::{SignedDuration, Timestamp};

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

/// What the name of a database that a restore has replaced contains.
const REPLACED: &str = "_before_restore_";

/// Whether a restore put the database aside. Another one leaves it alone, unless it is asked for by its name.
pub(super) fn is_replaced(name: &str) -> bool {
    let time = name.rsplit_once(REPLACED).map(|(_, time)| time);
    time.is_some_and(|time| {
        time.len() == 15 && time.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
    })
}

/// A name for a database that a restore replaces, which no other database has.
pub(super) fn replaced(name: &str, time: Timestamp, is_taken: impl Fn(&str) -> bool) -> String {
    let mut time = time;
    loop {
        let free = replaced_at(name, time);
        if !is_taken(&free) {
            return free;
        }
        time += SignedDuration::from_secs(1);
    }
}

fn replaced_at(name: &str, time: Timestamp) -> String {
    let suffix = format!("{REPLACED}{}", time.strftime("%Y%m%d_%H%M%S"));
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
        let free = |name: &str| replaced(name, time, |_| false);
        assert_eq!(free("app"), "app_before_restore_20260801_100000");
        let long = free(&"ä".repeat(31));
        assert!(long.len() <= LONGEST && long.ends_with("_before_restore_20260801_100000"), "{long}");
        assert!(is_staging(&staging(3)) && !is_staging("app"));
    }

    #[test]
    fn two_databases_never_get_one_name() {
        let time: Timestamp = "2026-08-01T10:00:59Z".parse().expect("a time");
        let mut taken: Vec<String> = Vec::new();
        for hour in 10..13 {
            // What is put aside twice is cut off at the same place.
            let name = format!("postgres_before_restore_20260801_{hour}0000");
            let free = replaced(&name, time, |name| taken.iter().any(|one| one == name));
            assert!(free.len() <= LONGEST && is_replaced(&free) && !taken.contains(&free), "{free}");
            taken.push(free);
        }
        assert!(!is_replaced("app") && !is_replaced("notes_before_restore_of_the_house"));
    }
}
