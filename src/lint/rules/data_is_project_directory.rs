//! A database in the middle of the project's files.

use std::path::PathBuf;

use crate::lint::project::{Project, Source, host_path};
use crate::lint::rule::{Report, mounted, rule};

rule! {
    /// Finds a store whose data directory is the project's directory, or one above it.
    ///
    /// ## Why it matters
    ///
    /// The server changes owner and mode of everything in its data directory, refuses one that is not empty, and
    /// `git clean` or a fresh checkout deletes the data.
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
    "data-is-project-directory", Warning, check
}

fn check(project: &Project, report: &mut Report) {
    let whole = |path: PathBuf| path.canonicalize().unwrap_or(path);
    let directory = whole(project.directory.clone());
    for (service, store, mount) in mounted(project) {
        let Source::Bind(source) = &mount.source else { continue };
        let Some(path) = host_path(project.files.base(source.span.file), source) else { continue };
        if directory.starts_with(whole(path)) {
            let message =
                format!("{} would keep its data among the files of the project", store.program.name());
            report.of(service, mount.span, message).help("Give it a directory of its own: `./data`.");
        }
    }
}
