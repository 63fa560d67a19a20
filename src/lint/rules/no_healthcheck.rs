//! A database without a healthcheck.

use crate::inventory::known::Keeps;
use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a database without a healthcheck.
    ///
    /// ## Why it matters
    ///
    /// Without a healthcheck, other services start to write while the database is still recovering, and a backup or
    /// an update cannot tell whether the server is ready. Some images have a healthcheck of their own, which a
    /// Compose file does not show.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
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
    ///     healthcheck:
    ///       test: ["CMD", "pg_isready", "-U", "postgres"]
    ///     volumes: ["data:/var/lib/postgresql/data"]
    /// volumes:
    ///   data:
    /// ```
    "no-healthcheck", Info, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    if project.partial {
        return;
    }
    for (service, store) in project.stores() {
        if store.program.keeps != Keeps::Records || store.program.port.is_none() || service.has_healthcheck()
        {
            continue;
        }
        let message =
            format!("{} has no healthcheck, so nothing shows whether it is ready", store.program.name());
        report
            .for_service(service, service.name.span, message)
            .help("Add a `healthcheck:` that queries the server.");
    }
}
