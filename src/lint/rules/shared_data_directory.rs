//! Two servers, one directory.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::inventory::known::Keeps;
use crate::lint::finding::Severity;
use crate::lint::project::{Mount, Project, Service, Source, Store, host_path};
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
#[derive(PartialEq, Eq, Hash)]
enum Files {
    Volume(String, Option<String>),
    Path(PathBuf),
}

/// How many services on the same files are compared with each.
const MOST: usize = 64;

fn check(project: &Project, report: &mut Report) {
    let mut known: HashMap<Files, Vec<(&Service, &Store, &Mount)>> = HashMap::new();
    for (service, store, mount) in mounted(project) {
        if !matches!(store.program.keeps, Keeps::Records | Keeps::Cache) {
            continue;
        }
        let Some(files) = files(project, mount) else { continue };
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
        let before = known.entry(files).or_default();
        let other = before.iter().take(MOST).copied().find(|(other, other_store, other_mount)| {
            std::ptr::eq(other_store.program, store.program)
                // A mount above the data may hold several directories, told apart by settings that are not compared.
                && other_mount.path() == mount.path()
                && service.may_run_beside(other)
        });
        before.push((service, store, mount));
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
