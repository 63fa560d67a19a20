//! Data that cannot be written.

use crate::lint::project::Project;
use crate::lint::rule::{Report, mounted, rule};

rule! {
    /// Finds a store whose data is mounted read-only.
    ///
    /// ## Why it matters
    ///
    /// The server cannot write: most refuse to start, some start and answer as if they were empty.
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
    "data-read-only", Warning, check
}

fn check(project: &Project, report: &mut Report) {
    for (service, store, mount) in mounted(project) {
        if mount.read_only {
            let message = format!("{} cannot write its data: the mount is read-only", store.program.name());
            report.of(service, mount.span, message).help("Take `ro` or `read_only` away from this mount.");
        }
    }
}
