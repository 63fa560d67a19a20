//! Speed for safety.

use crate::lint::project::Project;
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds a database that is told not to wait for the disk.
    ///
    /// ## Why it matters
    ///
    /// With `fsync=off` or `full_page_writes=off` PostgreSQL's data is damaged for good by a power cut or a killed
    /// virtual machine; MySQL and MariaDB lose what they acknowledged with `innodb_flush_log_at_trx_commit` other than
    /// 1 and may tear pages without the doublewrite buffer. Fit for tests on data that may be lost.
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
    "durability-switched-off", Warning, check
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

fn check(project: &Project, report: &mut Report) {
    for (service, store) in project.stores() {
        let Some(command) = &service.command else { continue };
        for word in command.flat() {
            if SETTINGS.contains(&word.to_ascii_lowercase().trim_start_matches("-c")) {
                let message = format!(
                    "`{word}` lets {} acknowledge writes that a power cut destroys",
                    store.program.name()
                );
                report.of(service, command.span, message).help(format!("Take `{word}` away."));
            }
        }
    }
}
