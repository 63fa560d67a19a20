//! A data directory that is the project directory.

use std::path::PathBuf;

use crate::lint::project::{LintMountSource, LintProject, host_path};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a data directory that is the project directory or one of its parents.
    ///
    /// ## Why it matters
    ///
    /// The server changes the owner and mode of the files in its data directory, or refuses to start because the
    /// directory is not empty. `git clean` or a fresh checkout deletes the data.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes: [".:/var/lib/postgresql/data"]
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes: ["./data:/var/lib/postgresql/data"]
    /// ```
    "data-is-project-directory", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    let resolved = |path: PathBuf| path.canonicalize().unwrap_or(path);
    let directory = resolved(project.directory.clone());
    for (service, store, mount) in project.mounted_stores() {
        let LintMountSource::Bind(source) = &mount.source else { continue };
        let Some(path) = host_path(project.files.base(source.span.file), source) else { continue };
        if directory.starts_with(resolved(path)) {
            let message =
                format!("{} would keep its data among the files of the project", store.program.name());
            report
                .for_service(service, mount.span, message)
                .help("Mount a separate directory, such as `./data`.");
        }
    }
}
