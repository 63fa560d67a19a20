//! A data directory that is mounted read-only.

use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a data directory that is mounted read-only.
    ///
    /// ## Why it matters
    ///
    /// The server cannot write its data. Most servers refuse to start; some start and behave as if they were empty.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: mariadb:11
    ///     volumes:
    ///       - ./data:/var/lib/mysql:ro
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: mariadb:11
    ///     volumes:
    ///       - ./data:/var/lib/mysql
    /// ```
    "data-read-only", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store, mount) in project.mounted_stores() {
        if mount.read_only {
            let message =
                format!("{} cannot write its data, because the mount is read-only", store.program.name());
            report
                .for_service(service, mount.span, message)
                .help("Remove `ro` or `read_only` from this mount.");
        }
    }
}
