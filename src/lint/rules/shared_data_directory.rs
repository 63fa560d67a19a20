//! Two servers, one directory.

use std::path::PathBuf;

use crate::inventory::known::Keeps;
use crate::lint::finding::Severity;
use crate::lint::project::{Mount, Project, Source, host_path};
use crate::lint::rule::{Report, mounted, rule};

rule! {
    /// Finds two servers, or two replicas of one, that write to the same data directory.
    ///
    /// ## Why it matters
    ///
    /// A database owns its files. A second server on the same directory overwrites what the first wrote; locks that
    /// should keep it out do not reach across containers. Profiles that are never on together are told apart.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes: ["data:/var/lib/postgresql/data"]
    ///   replica:
    ///     image: postgres:17
    ///     volumes: ["data:/var/lib/postgresql/data"]
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ```yaml
    /// services:
    ///   vectors:
    ///     image: qdrant/qdrant:v1.16.0
    ///     deploy: { replicas: 3 }
    ///     volumes: ["vectors:/qdrant/storage"]
    /// volumes:
    ///   vectors:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes: ["one:/var/lib/postgresql/data"]
    ///   replica:
    ///     image: postgres:17
    ///     volumes: ["two:/var/lib/postgresql/data"]
    /// volumes:
    ///   one:
    ///   two:
    /// ```
    "shared-data-directory", Error, check
}

/// What two mounts have in common when they are of the same files.
#[derive(PartialEq, Eq)]
enum Files {
    Volume(String, Option<String>),
    Path(PathBuf),
}

fn check(project: &Project, report: &mut Report) {
    let stores: Vec<_> = mounted(project)
        .filter(|(_, store, _)| store.program.keeps == Keeps::Records || store.program.keeps == Keeps::Cache)
        .filter_map(|(service, store, mount)| Some((service, store, mount, files(project, mount)?)))
        .collect();
    for (at, (service, store, mount, own)) in stores.iter().enumerate() {
        let severity = if store.program.keeps == Keeps::Records && store.sure {
            Severity::Error
        } else {
            Severity::Warning
        };
        if let Some((count, span)) = service.replicas
            && count > 1
        {
            let message = format!(
                "{count} replicas of {} write to the same data directory and destroy it",
                store.program.name()
            );
            report.of(service, span, message).severity(severity).help(
                "Run one replica, or make a service with a volume of its own for each member of a cluster.",
            );
        }
        let other = stores[..at].iter().find(|(other, other_store, other_mount, files)| {
            files == own
                && std::ptr::eq(other_store.program, store.program)
                && same_place(other_mount, mount)
                && service.may_run_beside(other)
        });
        if let Some((other, ..)) = other {
            let message = format!(
                "`{}` and `{}` write to the same data directory and destroy each other's data",
                other.name.as_str(),
                service.name.as_str(),
            );
            report.of(service, mount.span, message).severity(severity).help("Give each its own volume.");
        }
    }
}

/// A mount above the data may hold several directories, told apart by settings that are not compared.
fn same_place(one: &Mount, other: &Mount) -> bool {
    one.path() == other.path()
}

fn files(project: &Project, mount: &Mount) -> Option<Files> {
    match &mount.source {
        Source::Named(key) => {
            let name = project
                .volume(key.as_str())
                .and_then(|volume| volume.name.as_ref())
                .map_or_else(|| format!("key {}", key.as_str()), |name| name.as_str().to_owned());
            Some(Files::Volume(name, mount.subpath.as_deref().map(str::to_owned)))
        }
        Source::Bind(path) => host_path(project.files.base(path.span.file), path).map(Files::Path),
        Source::Anonymous | Source::Tmpfs | Source::Unknown(_) | Source::Other => None,
    }
}
