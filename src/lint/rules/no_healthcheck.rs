//! Nobody asks whether the store works.

use crate::inventory::known::Keeps;
use crate::lint::project::Project;
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds a database without a healthcheck.
    ///
    /// ## Why it matters
    ///
    /// Without one, other services begin to write while the database still recovers, and a backup or an update cannot
    /// tell a server that is up from one that answers. (Some images bring their own check, which a Compose file does
    /// not show.)
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
    "no-healthcheck", Info, check
}

fn check(project: &Project, report: &mut Report) {
    if project.partial {
        return;
    }
    for (service, store) in project.stores() {
        if store.program.keeps != Keeps::Records || store.program.port.is_none() || service.is_checked() {
            continue;
        }
        let message =
            format!("nothing tells whether {} works: there is no healthcheck", store.program.name());
        report
            .of(service, service.name.span, message)
            .help("Add a `healthcheck:` that asks the server itself.");
    }
}
