//! A program that keeps data, and nothing mounted where it does.

use crate::inventory::known::Keeps;
use crate::lint::finding::Severity;
use crate::lint::project::{Cover, Project, Service};
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds a database with no mount where it keeps its data.
    ///
    /// ## Why it matters
    ///
    /// What a program writes outside of a mount lies in its container, or in an anonymous volume that belongs to it.
    /// `docker compose down`, `rm`, a new image or a changed setting remove the container, and the next `up` starts
    /// empty. Where an image keeps its data is known from its documentation; a setting in the file that moves the data
    /// (`PGDATA`, `--datadir`, …) is followed.
    ///
    /// A cache such as Redis is only mentioned, unless it is told to write to disk (`--appendonly yes`); of
    /// applications, monitoring and brokers it is a warning. A store that may be lost says so:
    /// `x-safe-compose: { services: { db: { disposable: true } } }`.
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
    "data-path-not-covered", Error, check
}

fn check(project: &Project, report: &mut Report) {
    if project.partial {
        return;
    }
    for (service, store) in project.stores() {
        let Cover::Nothing = store.cover else { continue };
        if service.node.get("volumes_from").is_some() {
            continue;
        }
        let name = store.program.name();
        let (severity, fate) = match store.program.keeps {
            Keeps::Records if store.sure => (Severity::Error, "its data is lost with its container"),
            Keeps::Cache if writes_to_disk(service) => (
                Severity::Error,
                "it is told to write to disk, and what it writes is lost with its container",
            ),
            Keeps::Cache => {
                (Severity::Info, "what it keeps is lost with its container, which suits a cache only")
            }
            Keeps::Records | Keeps::Files | Keeps::State => {
                (Severity::Warning, "what it keeps is lost with its container")
            }
        };
        let message =
            format!("{name} keeps its data at `{}` and nothing is mounted there: {fate}", store.path());
        report.of(service, service.place(), message).severity(severity).help(format!(
            "Mount a named volume there: `- {}_data:{}`.",
            service.name.as_str(),
            store.path()
        ));
    }
}

fn writes_to_disk(service: &Service) -> bool {
    let Some(command) = &service.command else { return false };
    command.value("--appendonly").is_some_and(|value| value == "yes")
        || command.value("--save").is_some_and(|value| !value.is_empty() && value != "\"\"")
}
