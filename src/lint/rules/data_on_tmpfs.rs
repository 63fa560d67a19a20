//! Data in memory.

use crate::inventory::known::Keeps;
use crate::lint::finding::LintSeverity;
use crate::lint::project::{LintMountSource, LintProject, LintVolume};
use crate::lint::rule::{RuleReport, rule};
use crate::lint::yaml::YamlScalar;

rule! {
    /// Finds data that is kept in memory.
    ///
    /// ## Why it matters
    ///
    /// A tmpfs is empty after every stop and restart. It can be a `tmpfs:` entry, a mount of that type, or a volume
    /// with the driver option `type: tmpfs`.
    ///
    /// If that is intended, for example in a test, mark the service: `x-safe-compose: { services: { db: { disposable:
    /// true } } }`.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     tmpfs: /var/lib/postgresql/data
    /// ```
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: mongo:8
    ///     volumes:
    ///       - data:/data/db
    /// volumes:
    ///   data:
    ///     driver_opts: { type: tmpfs, device: tmpfs }
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// x-safe-compose:
    ///   services: { db: { disposable: true } }
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     tmpfs: /var/lib/postgresql/data
    /// ```
    "data-on-tmpfs", Error, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store, mount) in project.mounted_stores() {
        let in_memory = match &mount.source {
            LintMountSource::Tmpfs => true,
            LintMountSource::Named(key) => project.volume(key.as_str()).is_some_and(is_tmpfs),
            LintMountSource::Anonymous
            | LintMountSource::Bind(_)
            | LintMountSource::Unknown(_)
            | LintMountSource::Other => false,
        };
        if !in_memory {
            continue;
        }
        let severity = match store.program.keeps {
            Keeps::Records if store.certain => LintSeverity::Error,
            Keeps::Records | Keeps::Files | Keeps::State => LintSeverity::Warning,
            Keeps::Cache => LintSeverity::Info,
        };
        let message = format!(
            "{} keeps its data in memory, so the next stop or restart deletes it",
            store.program.name()
        );
        report.for_service(service, mount.span, message).severity(severity).help(
            "Use a named volume, or mark the data as disposable: `x-safe-compose: { services: { … { disposable: true } } }`.",
        );
    }
}

fn is_tmpfs(volume: &LintVolume) -> bool {
    volume.option("type").map(YamlScalar::as_str) == Some("tmpfs")
}
