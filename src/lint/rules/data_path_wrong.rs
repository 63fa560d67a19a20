//! A mount that was meant for the data, beside the place where the data is.

use crate::inventory::known::Keeps;
use crate::lint::finding::Severity;
use crate::lint::project::{Cover, Project, Version};
use crate::lint::rule::{Report, mounted, rule};

rule! {
    /// Finds a volume that is mounted beside the place where the program keeps its data.
    ///
    /// ## Why it matters
    ///
    /// The volume stays empty, the data lies in the container, and nobody notices until the first `down`. Three ways
    /// lead there: a mistyped path; a mount above a path where the image declares a `VOLUME` of its own, which hides it
    /// (`/var/lib/postgresql` up to PostgreSQL 17, `/data` for MongoDB); and PostgreSQL 18, which moved its data to
    /// `/var/lib/postgresql/18/docker` and wants the mount at `/var/lib/postgresql`
    /// (docker-library/postgres#1259).
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
    "data-path-wrong", Error, check
}

fn check(project: &Project, report: &mut Report) {
    for (service, store) in project.stores() {
        let (at, how) = match store.cover {
            Cover::Shadowed(at) => (at, "the image's own volume hides it, and the data goes there"),
            Cover::Near(at) => (at, "the data is not in this mount"),
            Cover::Below(at) => (at, "only a part of the data is in this mount"),
            Cover::Mounted(_) | Cover::Nothing | Cover::Unknown => continue,
        };
        let Some(mount) = service.mounts.get(at) else { continue };
        let certain = match store.cover {
            Cover::Shadowed(_) => store.sure,
            Cover::Near(_) => store.sure && !service.env_file,
            Cover::Below(_) | Cover::Mounted(_) | Cover::Nothing | Cover::Unknown => false,
        };
        let severity = match store.program.keeps {
            Keeps::Records if certain => Severity::Error,
            Keeps::Records | Keeps::Files | Keeps::State | Keeps::Cache => Severity::Warning,
        };
        let message = format!(
            "{} keeps its data at `{}`, and this is mounted at `{}`: {how}",
            store.program.name(),
            store.paths.first().map_or("", String::as_str),
            mount.target.as_str(),
        );
        report.of(service, mount.span, message).severity(severity).help(format!(
            "Mount it at `{}`. Data that is there already has to be copied first.",
            store.path()
        ));
    }
    newest_postgres(project, report);
}

/// `postgres` without a version is 18 or later since September 2025.
fn newest_postgres(project: &Project, report: &mut Report) {
    for (service, store, mount) in mounted(project) {
        if store.program.name() == "postgres"
            && store.version == Version::Newest
            && service.image.as_ref().is_some_and(|image| image.as_str().starts_with("postgres"))
            && store.paths.len() > 1
            && mount.path() == Some("/var/lib/postgresql/data")
        {
            let message =
                "the newest PostgreSQL keeps its data at `/var/lib/postgresql/18/docker`, not in this mount";
            report.of(service, mount.span, message).severity(Severity::Warning).help(
                "Say which version you mean in the image's tag; from 18 on, mount at `/var/lib/postgresql`.",
            );
        }
    }
}
