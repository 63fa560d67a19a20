//! A database that does not wait for the disk.

use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a database that is set to acknowledge writes before they are on the disk.
    ///
    /// ## Why it matters
    ///
    /// With `fsync=off` or `full_page_writes=off`, a power failure or a killed virtual machine damages the data of
    /// PostgreSQL beyond repair. MySQL and MariaDB lose acknowledged writes if `innodb_flush_log_at_trx_commit` is
    /// not 1, and may be left with half-written pages without the doublewrite buffer.
    ///
    /// These settings are for tests with disposable data.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     command: postgres -c fsync=off
    ///     volumes: ["data:/var/lib/postgresql/data"]
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     command: postgres -c synchronous_commit=on
    ///     volumes: ["data:/var/lib/postgresql/data"]
    /// volumes:
    ///   data:
    /// ```
    "durability-switched-off", Warning, Project(check)
}

const SETTINGS: &[&str] = &[
    "fsync=off",
    "--fsync=off",
    "full_page_writes=off",
    "--full_page_writes=off",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb_flush_log_at_trx_commit=0",
    "--innodb_flush_log_at_trx_commit=2",
    "--innodb-doublewrite=0",
    "--innodb_doublewrite=0",
    "--skip-innodb-doublewrite",
    "--nojournal",
];

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store) in project.stores() {
        let Some(command) = &service.command else { continue };
        for word in command.flat() {
            if SETTINGS.contains(&word.to_ascii_lowercase().trim_start_matches("-c")) {
                let message = format!(
                    "with `{word}`, a power failure can lose or corrupt the data of {}",
                    store.program.name()
                );
                report.for_service(service, command.span, message).help(format!("Remove `{word}`."));
            }
        }
    }
}
