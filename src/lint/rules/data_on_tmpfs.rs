//! Data in memory.

use crate::inventory::known::Keeps;
use crate::lint::finding::Severity;
use crate::lint::project::{Project, Source, Volume};
use crate::lint::rule::{Report, mounted, rule};
use crate::lint::source::Text;

rule! {
    /// Finds data that is kept in memory.
    ///
    /// ## Why it matters
    ///
    /// A tmpfs is emptied at every stop and restart, whether it is a `tmpfs:` entry, a mount of that type, or a volume
    /// with the driver option `type: tmpfs`. For a test that is meant, say so:
    /// `x-safe-compose: { services: { db: { disposable: true } } }`.
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
    "data-on-tmpfs", Error, check
}

fn check(project: &Project, report: &mut Report) {
    for (service, store, mount) in mounted(project) {
        let in_memory = match &mount.source {
            Source::Tmpfs => true,
            Source::Named(key) => project.volume(key.as_str()).is_some_and(is_tmpfs),
            Source::Anonymous | Source::Bind(_) | Source::Unknown(_) | Source::Other => false,
        };
        if !in_memory {
            continue;
        }
        let severity = match store.program.keeps {
            Keeps::Records if store.sure => Severity::Error,
            Keeps::Records | Keeps::Files | Keeps::State => Severity::Warning,
            Keeps::Cache => Severity::Info,
        };
        let message = format!(
            "{} keeps its data in memory: it is gone at the next stop or restart",
            store.program.name()
        );
        report.of(service, mount.span, message).severity(severity).help(
            "Mount a named volume, or say that the data may be lost: `x-safe-compose: { services: { … { disposable: true } } }`.",
        );
    }
}

fn is_tmpfs(volume: &Volume) -> bool {
    volume.option("type").map(Text::as_str) == Some("tmpfs")
}
