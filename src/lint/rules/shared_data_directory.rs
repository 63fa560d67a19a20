//! One data directory for several servers.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::inventory::known::Keeps;
use crate::lint::finding::LintSeverity;
use crate::lint::project::{LintMount, LintMountSource, LintProject, LintService, LintStore, host_path};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds two servers, or two replicas of one, with the same data directory.
    ///
    /// ## Why it matters
    ///
    /// A database expects that nobody else writes its files. A second server on the same directory overwrites the
    /// data of the first. Lock files do not prevent it, because they do not work across containers. Services whose
    /// profiles are never active together are not reported.
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
    "shared-data-directory", Error, Project(check)
}

/// The files that are mounted.
#[derive(PartialEq, Eq, Hash)]
enum MountedFiles {
    Volume(String, Option<String>),
    Path(PathBuf),
}

/// The most services on the same files that each is compared with.
const MAX_COMPARED: usize = 64;

fn check(project: &LintProject, report: &mut RuleReport) {
    let mut known: HashMap<MountedFiles, Vec<(&LintService, &LintStore, &LintMount)>> = HashMap::new();
    for (service, store, mount) in project.mounted_stores() {
        if !matches!(store.program.keeps, Keeps::Records | Keeps::Cache) {
            continue;
        }
        let Some(files) = files(project, mount) else { continue };
        let severity = if store.program.keeps == Keeps::Records && store.certain {
            LintSeverity::Error
        } else {
            LintSeverity::Warning
        };
        if let Some((count, span)) = service.replicas
            && count > 1
        {
            let message = format!(
                "{count} replicas of {} write to the same data directory and corrupt it",
                store.program.name()
            );
            report.for_service(service, span, message).severity(severity).help(
                "Run one replica. For a cluster, define a service with its own volume for each member.",
            );
        }
        let before = known.entry(files).or_default();
        let other = before.iter().take(MAX_COMPARED).copied().find(|(other, other_store, other_mount)| {
            std::ptr::eq(other_store.program, store.program)
                // A mount above the data may hold several data directories, which settings tell apart.
                && other_mount.path() == mount.path()
                && service.may_run_beside(other)
        });
        before.push((service, store, mount));
        if let Some((other, ..)) = other {
            let message = format!(
                "`{}` and `{}` write to the same data directory and corrupt each other's data",
                other.name.as_str(),
                service.name.as_str(),
            );
            report
                .for_service(service, mount.span, message)
                .severity(severity)
                .help("Give each service its own volume.");
        }
    }
}

fn files(project: &LintProject, mount: &LintMount) -> Option<MountedFiles> {
    match &mount.source {
        LintMountSource::Named(key) => {
            let name = project
                .volume(key.as_str())
                .and_then(|volume| volume.name.as_ref())
                .map_or_else(|| format!("key {}", key.as_str()), |name| name.as_str().to_owned());
            Some(MountedFiles::Volume(name, mount.subpath.as_deref().map(str::to_owned)))
        }
        LintMountSource::Bind(path) => {
            host_path(project.files.base(path.span.file), path).map(MountedFiles::Path)
        }
        LintMountSource::Anonymous
        | LintMountSource::Tmpfs
        | LintMountSource::Unknown(_)
        | LintMountSource::Other => None,
    }
}
