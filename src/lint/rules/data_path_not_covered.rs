//! A database without a mount for its data.

use crate::inventory::known::Keeps;
use crate::lint::finding::LintSeverity;
use crate::lint::project::{LintProject, LintService, MountCoverage};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a database with no volume where it keeps its data.
    ///
    /// ## Why it matters
    ///
    /// Without a mount, the data is in the container itself, or in an anonymous volume that belongs to it. `down`,
    /// `rm`, a new image or a changed setting remove the container, and the next `up` starts empty.
    ///
    /// Where an image keeps its data is known from its documentation. Settings that move the data (`PGDATA`,
    /// `--datadir`, …) are followed, also in an `env_file`. Mounts that a service takes over with `volumes_from` count.
    ///
    /// The severity depends on the program: a cache such as Redis is an info unless it is set to write to disk
    /// (`--appendonly yes`); applications, monitoring and message brokers are a warning. If the data may be lost,
    /// mark the service: `x-safe-compose: { services: { db: { disposable: true } } }`.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes:
    ///       - data:/var/lib/postgresql/data
    /// volumes:
    ///   data:
    /// ```
    "data-path-not-covered", Error, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    if project.partial {
        return;
    }
    for (service, store) in project.stores() {
        let MountCoverage::Nothing = store.coverage else { continue };
        let name = store.program.name();
        let (severity, consequence) = match store.program.keeps {
            Keeps::Records if store.certain => {
                (LintSeverity::Error, "its data is deleted with the container")
            }
            Keeps::Cache if writes_to_disk(service) => (
                LintSeverity::Error,
                "it is set to write to disk, and what it writes is deleted with the container",
            ),
            Keeps::Cache => (
                LintSeverity::Info,
                "what it stores is deleted with the container, which is fine for a cache only",
            ),
            Keeps::Records | Keeps::Files | Keeps::State => {
                (LintSeverity::Warning, "what it stores is deleted with the container")
            }
        };
        let message =
            format!("{name} keeps its data in `{}`, where nothing is mounted: {consequence}", store.path());
        report.for_service(service, service.span(), message).severity(severity).help(format!(
            "Mount a named volume: `- {}_data:{}`.",
            service.name.as_str(),
            store.path()
        ));
    }
}

fn writes_to_disk(service: &LintService) -> bool {
    let Some(command) = &service.command else { return false };
    command.value("--appendonly").is_some_and(|value| value == "yes")
        || command.value("--save").is_some_and(|value| !value.is_empty() && value != "\"\"")
}
