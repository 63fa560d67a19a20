//! A volume that is not mounted where the data is.

use crate::inventory::known::Keeps;
use crate::lint::finding::LintSeverity;
use crate::lint::project::{ImageVersion, LintProject, MountCoverage};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a volume that is mounted next to the data instead of at its path.
    ///
    /// ## Why it matters
    ///
    /// The volume stays empty, and the data is in the container, where nobody misses it before the first `down`.
    /// There are four common causes:
    ///
    /// - The path is mistyped.
    /// - The volume is mounted below the data path, such as `/data/db/mongo` for MongoDB, and holds a part of the data or
    ///   nothing.
    /// - The volume is mounted above the data path, but the image declares a `VOLUME` of its own, which hides it:
    ///   `/var/lib/postgresql` up to PostgreSQL 17, `/data` for MongoDB.
    /// - PostgreSQL 18 moved its data to `/var/lib/postgresql/18/docker` and expects the volume at
    ///   `/var/lib/postgresql` (docker-library/postgres#1259).
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes:
    ///       - data:/var/lib/postgresql
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:18
    ///     volumes:
    ///       - data:/var/lib/postgresql/data
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: mongo:7
    ///     volumes:
    ///       - data:/data/db/mongo
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ```yaml
    /// services:
    ///   vectors:
    ///     image: qdrant/qdrant:v1.16.0
    ///     volumes:
    ///       - vectors:/qdrant/data
    /// volumes:
    ///   vectors:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:18
    ///     volumes:
    ///       - data:/var/lib/postgresql
    /// volumes:
    ///   data:
    /// ```
    "data-path-wrong", Error, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store) in project.stores() {
        let (at, consequence) = match store.coverage {
            MountCoverage::Shadowed(at) => (at, "a volume of the image hides this mount and holds the data"),
            MountCoverage::Near(at) => (at, "the data is not in this mount"),
            MountCoverage::Below(at) => (at, "only a part of the data is in this mount"),
            MountCoverage::Mounted(_) | MountCoverage::Nothing | MountCoverage::Unknown => continue,
        };
        let Some(mount) = service.mounts.get(at) else { continue };
        let certain = match store.coverage {
            MountCoverage::Shadowed(_) => store.certain,
            MountCoverage::Near(_) => store.certain && !service.unknown_environment,
            MountCoverage::Below(_) => {
                store.certain && !service.unknown_environment && !store.has_parts_mounted(service)
            }
            MountCoverage::Mounted(_) | MountCoverage::Nothing | MountCoverage::Unknown => false,
        };
        let severity = match store.program.keeps {
            Keeps::Records if certain => LintSeverity::Error,
            Keeps::Records | Keeps::Files | Keeps::State | Keeps::Cache => LintSeverity::Warning,
        };
        let message = format!(
            "{} keeps its data in `{}`, but this is mounted at `{}`: {consequence}",
            store.program.name(),
            store.paths.first().map_or("", String::as_str),
            mount.target.as_str(),
        );
        report
            .for_service(service, mount.span, message)
            .severity(severity)
            .help(format!("Mount it at `{}`. Copy existing data there first.", store.path()));
    }
    newest_postgres(project, report);
}

/// `postgres` without a version is 18 or later since September 2025.
fn newest_postgres(project: &LintProject, report: &mut RuleReport) {
    for (service, store, mount) in project.mounted_stores() {
        if store.program.name() == "postgres"
            && store.version == ImageVersion::Newest
            && service.image.as_ref().is_some_and(|image| image.as_str().starts_with("postgres"))
            && store.paths.len() > 1
            && mount.path() == Some("/var/lib/postgresql/data")
        {
            let message =
                "the latest PostgreSQL keeps its data in `/var/lib/postgresql/18/docker`, not in this mount";
            report.for_service(service, mount.span, message).severity(LintSeverity::Warning).help(
                "Name the version in the tag of the image. From 18 on, mount the volume at `/var/lib/postgresql`.",
            );
        }
    }
}
